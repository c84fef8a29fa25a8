"""Questions from stdin, and how answers are shown: shared by the commands that ask."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import click

Answers = list[tuple[str, float]]
"""Words and their scores, best first."""


def stdin_lines() -> Iterator[tuple[int, str]]:
    """The lines of stdin that are not empty, with their numbers; bytes that are not UTF-8 become
    replacement characters, which no word of a vocabulary holds by chance.
    """
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(sys.stdin, 1):
        if line.strip():
            yield number, line.strip()


def scored(found: Answers) -> list[dict[str, Any]]:
    """Words and scores as JSON takes them."""
    return [{"word": word, "score": score} for word, score in found]


def print_json(content: Any, indent: int | None = 2) -> None:
    """JSON on stdout; on one line with indent=None."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=indent))


def print_table(found: Answers) -> None:
    """A line for each word, with its score."""
    width = max((len(word) for word, _ in found), default=0)
    for word, score in found:
        click.echo(f"  {word:<{width}}  {score:.4f}")
