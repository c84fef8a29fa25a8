"""`w2v neighbours-of`: the nearest words of many words, in batches."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from w2v.cli.options import (
    debug_option,
    gpu_option,
    json_option,
    model_option,
    restrict_option,
    threads_option,
    top_option,
)
from w2v.cli.questions import as_asked, normalize_option
from w2v.errors import InputError
from w2v.text_files import numbered_lines

SHOWN = 5  # unknown words that are named


@click.command("neighbours-of", short_help="The words nearest to each of many.")
@click.argument("file", required=False, type=click.Path())
@click.option("--all", "everything", is_flag=True, help="Ask for every word of the vocabulary.")
@top_option
@restrict_option
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="Write to this file, when all is found, not to stdout.",
)
@threads_option("Threads; all cores if unset.")
@normalize_option
@model_option
@gpu_option
@json_option
@debug_option
def neighbours_of(
    file: str | None,
    everything: bool,
    top: int,
    restrict: int | None,
    output: str | None,
    threads: int | None,
    path: str,
    gpu: bool,
    as_json: bool,
) -> None:
    """The words nearest to each word of FILE (a word a line; - for stdin), or to --all words.

    A line is the word, one of its neighbours and their cosine, between tabs; with --json, a word
    with all its neighbours.

    \b
      w2v neighbours-of words.txt --top 10
      w2v neighbours-of --all -o neighbours.tsv
      echo king | w2v neighbours-of - --json
    """
    if everything == (file is not None):
        raise click.UsageError("name a FILE of words, or --all")
    from tqdm import tqdm

    from w2v.backend import device
    from w2v.files import check_outputs
    from w2v.vectors import load

    check_outputs([] if output is None else [output], inputs=[path])
    vectors = load(path)
    unknown: list[str] = []
    words: list[str] = vectors.words
    if file is not None:
        asked = read_words(file)
        words = [word for word in asked if word in vectors]
        unknown = [word for word in asked if word not in vectors]
        if not words:
            raise vectors.unknown(unknown[0])
    with device(gpu), _writing(output) as write:
        found = vectors.neighbours(words, top, restrict, threads)
        for word, near in tqdm(found, total=len(words), unit=" words", disable=None, leave=False):
            if as_json:
                content = [{"word": other, "score": score} for other, score in near]
                lines = json.dumps({"query": word, "similar": content}, ensure_ascii=False) + "\n"
            else:
                lines = "".join(f"{word}\t{other}\t{score:.4f}\n" for other, score in near)
            write(lines)
    if unknown:
        more = ", ..." if len(unknown) > SHOWN else ""
        click.echo(
            f"left out {len(unknown):,} of {len(asked):,} words, which are not in the vocabulary: "
            f"{', '.join(unknown[:SHOWN])}{more}",
            err=True,
        )


def read_words(path: str) -> list[str]:
    """The words of a file (or of stdin, for -), one a line. Raises InputError."""
    words = [as_asked(word) for _, word in numbered_lines(path, InputError)]
    if not words:
        raise InputError(f"there are no words in {path}: write one a line")
    return words


@contextmanager
def _writing(output: str | None) -> Iterator[Callable[[str], object]]:
    """What writes to a file, which takes its place when all is written, or to stdout."""
    if output is None:
        yield sys.stdout.write
        return
    from w2v.files import replacing

    with replacing(output) as file:
        yield lambda text: file.write(text.encode())
