"""`w2v encode` and `w2v info`: a text as ids ahead of time, and what a file of ours is."""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import click

from w2v.cli.options import (
    config_option,
    config_options,
    debug_option,
    given_options,
    json_option,
    stronger_text,
    threads_option,
)
from w2v.cli.sections import Command
from w2v.config import TextConfig
from w2v.errors import ConfigError, GPUError, InputError, OutputError


@click.command(cls=Command, short_help="Encode a text ahead of training.")
@click.argument("corpus", nargs=-1, type=click.Path(allow_dash=True), metavar="[CORPUS]...")
@config_option
@config_options(TextConfig, without=("cache",))
@threads_option("Threads that split the text, at most; all cores if unset.")
@debug_option
@click.pass_context
def encode(
    context: click.Context, corpus: tuple[str, ...], threads: int | None, **values: Any
) -> None:
    """Encode CORPUS ahead of time: `w2v train` with the same options then starts at once.

    The result is kept in the user's cache, or in the folder W2V_CACHE_DIR, and used again while
    the text and the options are the same. `w2v info` shows what is in it.

    \b
      w2v encode corpus.txt --min-count 10
      w2v encode --dataset ptb
    """
    from w2v.training.run import encode_corpus

    options = given_options(context, values)
    corpus = stronger_text(context, corpus, options)
    config = TextConfig(**options)
    if "-" in corpus or (not corpus and config.dataset in (None, "demo")):
        raise ConfigError("stdin and the demo corpus are not kept: name a CORPUS that is a file")
    start = time.monotonic()
    text = encode_corpus(
        [Path(path) for path in corpus] or None,
        config,
        lambda line: click.echo(line, err=True),
        threads,
    )
    seconds = time.monotonic() - start
    path = getattr(text.ids, "filename", None)
    if path is None or not Path(path).exists():
        raise OutputError(
            "the text was encoded but not kept: name a CORPUS that is a file, and have "
            "W2V_CACHE_DIR name a folder that can be written"
        )
    click.echo(
        f"{path}: {text.words:,} words in {text.sentences:,} sentences, "
        f"{len(text.vocabulary):,} in the vocabulary; {seconds:.2f} s "
        f"({text.words / max(seconds, 1e-9):,.0f} words/s)"
    )


@click.command(short_help="Say what is in a file, or what this machine has.")
@click.argument("path", required=False)
@json_option
@debug_option
def info(path: str | None, as_json: bool) -> None:
    """Say what the file at PATH is, an encoded corpus or word vectors; without PATH, what this
    machine has: versions, processor cores and GPUs.

    The file is read; where it is damaged, this says where. What a .safetensors file knows of the
    vectors' training is shown.

    \b
      w2v info
      w2v info vectors.pkl
      w2v info vectors.pkl --json
    """
    about = _about_machine() if path is None else _about_file(path)
    if as_json:
        click.echo(json.dumps(about, ensure_ascii=False, indent=2))
        return
    options, sources = about.pop("options", {}), about.pop("sources", [])
    devices = about.pop("devices", [])
    for name, value in [*about.items(), *options.items()]:
        shown = f"{value:,}" if type(value) is int else value
        click.echo(f"{name.replace('_', ' '):<16} {shown}")
    for source in sources:
        click.echo(f"{'source':<16} {source['path']} ({source['size']:,} bytes)")
    for number, device in enumerate(devices):
        memory, free = device["memory"] / 1e9, device["free"] / 1e9
        click.echo(f"{f'GPU {number}':<16} {device['name']}, {memory:.1f} GB ({free:.1f} free)")


def _about_machine() -> dict[str, Any]:
    import platform
    from importlib.metadata import version

    from w2v.backend import about_gpu
    from w2v.parallel import cores

    about: dict[str, Any] = {"python": platform.python_version(), "cores": cores()}
    about |= {name: version(name) for name in ("w2v", "numpy", "numba")}
    try:
        return about | about_gpu()
    except GPUError as error:
        return about | {"gpu": str(error)}


def _about_file(path: str) -> dict[str, Any]:
    from w2v.corpus.encoded_corpus import is_encoded

    if Path(path).is_dir():
        return _about_vectors(path)  # of a run
    if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for
        raise InputError(f"{path} is not an ordinary file: name a file of vectors or encoded text")
    return _about_corpus(path) if is_encoded(path) else _about_vectors(path)


def _about_corpus(path: str) -> dict[str, Any]:
    from w2v.corpus.encoded_corpus import load_opened, opened

    with opened(path) as (file, header):
        corpus = load_opened(file, header)
    return {
        "kind": "encoded corpus",
        "version": header.version,
        "words": corpus.words,
        "sentences": corpus.sentences,
        "vocabulary": len(corpus.vocabulary),
        "words read": header.read_words,
        "vocabulary read": header.read_distinct,
        "words left out": header.read_words - corpus.words,
        "pruned": header.pruned,
        "options": header.options,
        "sources": [dataclasses.asdict(source) for source in header.sources],
    }


def _about_vectors(path: str) -> dict[str, Any]:
    from w2v.vectors import load
    from w2v.vectors.formats import find_format
    from w2v.vectors.formats.run_files import newest_of_run

    path = str(newest_of_run(path)) if Path(path).is_dir() else path
    vectors, format = load(path), find_format(path)
    about: dict[str, Any] = {
        "kind": "word vectors",
        "format": format and format.title,
        "vocabulary": len(vectors),
        "dim": vectors.matrix.shape[1],
    }
    if vectors.counts is not None:
        about["words"] = int(vectors.counts.sum())
    if vectors.training is not None:
        about["options"] = vectors.training
    return about
