"""How answers are shown: shared by the commands that ask."""

import json
from typing import Any

import click

Answers = list[tuple[str, float]]
"""Words and their scores, best first."""


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
