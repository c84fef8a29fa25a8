"""Which encoded corpus belongs to which sources and options, and whether it still fits them."""

import dataclasses
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from w2v.config import TextConfig
from w2v.corpus import encoded_corpus
from w2v.corpus.cleaning import Cleaning
from w2v.corpus.encoded_corpus import EncodedCorpus, Source
from w2v.corpus.sources import Note
from w2v.encodings import check_encoding
from w2v.errors import CorpusError, OutputError
from w2v.files import replacing
from w2v.locks import hold, is_held, locked

TICK = 0.02
"""Seconds between two times that a file system can tell apart, at most and in most of them."""

LEFTOVER = re.compile(r"\..+-[0-9a-f]{24}\.ids\.[a-z0-9_]{8}")
"""A name under which an encoded corpus is written, before it gets its own."""


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

    It fits if the options are the same, and the files by name, size, times and inode; where only
    times or inodes differ, the hash decides.
    """
    if not os.path.lexists(path):
        return None
    try:
        now = [stamp(file) for file in files]
        with encoded_corpus.opened(path, follow_links=False) as (file, header):
            if header.options != options or not _are_same(header.sources, now):
                return None
            corpus = encoded_corpus.load_opened(file, header)
            if _touched(header.sources, now):  # else the hash has to decide next time as well
                sources = as_read(now, [source.sha256 for source in header.sources])
                with suppress(OutputError), writing(path) as new:
                    encoded_corpus.copy_with_sources(file, new, header, sources)
            return corpus
    except (CorpusError, OSError) as error:
        note(f"{path}: {_reason(error)}: encoded anew")
        return None


def _reason(error: Exception) -> object:
    """What is wrong, without the advice that an error gives a user."""
    cause = error.__cause__ or error
    return getattr(cause, "strerror", None) or cause


def _are_same(old: Sequence[Source], now: Sequence[Source]) -> bool:
    """Whether the files hold what they held; hashes those that may have been written to."""
    if [(source.path, source.size) for source in old] != [(s.path, s.size) for s in now]:
        return False
    return all(source.sha256 == file_hash(source.path) for source in _touched(old, now))


def _touched(old: Sequence[Source], now: Sequence[Source]) -> list[Source]:
    """The old sources of which something differs now."""
    return [
        was
        for was, is_ in zip(old, now, strict=True)
        if dataclasses.replace(is_, sha256=was.sha256) != was
    ]


def stamp(file: str, sha256: str = "") -> Source:
    """A file as it is now, without reading it."""
    state = os.stat(file)
    path = os.path.abspath(file)
    return Source(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, sha256)


def as_read(before: Sequence[Source], hashes: Sequence[str]) -> list[Source]:
    """The sources with their hashes, or without where a file changed while it was read."""
    _await_tick(before)
    return [
        dataclasses.replace(old, sha256=sha256 if stamp(old.path) == old else "")
        for old, sha256 in zip(before, hashes, strict=True)
    ]


def _await_tick(sources: Iterable[Source]) -> None:
    """Wait until a change to the files would show in their times, if they are new."""
    age = time.time() - max((source.ctime_ns for source in sources), default=0) / 1e9
    if 0 <= age < TICK:
        time.sleep(TICK - age)


def file_hash(path: str) -> str:
    """SHA-256 of a file's bytes, as they are on disk."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets the name `path` in the cache when the block ends well.

    Its folder is made, and what killed runs have left in it is removed. A link of that name is
    replaced, and what it leads to is not touched. Raises OutputError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    with ExitStack() as locks, ExitStack() as files:
        with locked(path.parent):
            _remove_leftovers(path.parent)
            file = files.enter_context(replacing(path, follow_links=False))
            locks.enter_context(hold(file))
        yield file


def _remove_leftovers(folder: Path) -> None:
    """Remove files that no living run is writing."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if LEFTOVER.fullmatch(name) and not is_held(folder / name):
                os.unlink(folder / name)
