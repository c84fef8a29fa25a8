"""Which encoded corpus belongs to which sources and options, and whether it still fits them."""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from w2v.config import TextConfig
from w2v.corpus import encoded_corpus
from w2v.corpus.cleaning import Cleaning
from w2v.corpus.encoded_corpus import EncodedCorpus, Source
from w2v.corpus.sources import Note
from w2v.corpus.utf8 import check_encoding
from w2v.errors import CorpusError, OutputError


def cache_folder() -> Path:
    """`W2V_CACHE_DIR`, or a folder in the user's cache (`XDG_CACHE_HOME`)."""
    if folder := os.environ.get("W2V_CACHE_DIR"):
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("w2v"), "corpora")


def text_options(config: TextConfig) -> dict[str, Any]:
    """The options that decide what the ids of a text are. Raises ConfigError."""
    options = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(TextConfig)
        if field.metadata["decides_ids"]
    }
    return options | {
        "posts": config.split if config.dataset == "20newsgroups" else None,
        "encoding": check_encoding(config.encoding),
        "stop_words": Cleaning.of(config).stop_words_key,  # not the name of their file
        "tokenizer": Cleaning.tokenizer_key(config.tokenizer),
    }


def place_for(sources: Sequence[str | Path], options: dict[str, Any]) -> Path:
    """Where the encoded corpus of these sources and options is kept.

    The version is not part of it, so that a new version takes the place of the old.
    """
    paths = [os.path.abspath(source) for source in sources]
    key = hashlib.sha256(json.dumps([paths, options], sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^\w.-]", "_", Path(paths[0]).name)[:40]
    return cache_folder() / f"{stem}-{key[:24]}.ids"


def look_up(
    path: Path, files: Sequence[str], options: dict[str, Any], note: Note
) -> EncodedCorpus | None:
    """The encoded corpus at `path` if it is whole and fits, else None.

    note: is told of one that is damaged or of another version.

    It fits if the options are the same, and the files by name, size and modification time; where
    only a time differs, the hash decides.
    """
    try:
        header = encoded_corpus.read_header(path)
        now = [stamp(file) for file in files]
        if header.options != options or not _are_same(header.sources, now):
            return None
        corpus = encoded_corpus.load(path)
    except (CorpusError, OSError) as error:
        if path.exists():
            note(f"{path}: {error.__cause__ or error}: encoded anew")
        return None
    renewed = [
        dataclasses.replace(new, sha256=old.sha256)
        for new, old in zip(now, header.sources, strict=True)
    ]
    if renewed != header.sources:
        with suppress(CorpusError, OutputError):  # then the hash has to decide next time as well
            encoded_corpus.replace_sources(path, renewed)
    return corpus


def _are_same(old: Sequence[Source], now: Sequence[Source]) -> bool:
    """Whether the files hold what they held; hashes those whose time alone differs."""
    if [(source.path, source.size) for source in old] != [(s.path, s.size) for s in now]:
        return False
    touched = [was for was, is_ in zip(old, now, strict=True) if was.mtime_ns != is_.mtime_ns]
    return all(source.sha256 == file_hash(source.path) for source in touched)


def stamp(file: str, sha256: str = "") -> Source:
    """A file as it is now, without reading it."""
    state = os.stat(file)
    return Source(os.path.abspath(file), state.st_size, state.st_mtime_ns, sha256)


def file_hash(path: str) -> str:
    """SHA-256 of a file's bytes, as they are on disk."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
