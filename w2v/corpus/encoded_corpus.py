"""The encoded corpus in a file.

The ids come first, so that the file can be mapped into memory as it is, and the header last, so
that a file that was cut off has none:

    ids (N,) int32 | counts (V,) int64 | words, JSON | header, JSON | its length, int64 | MAGIC

All numbers are little-endian.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy

from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import CorpusError
from w2v.files import replacing

VERSION = 1
MAGIC = b"w2v-ids\n"
SENTENCE_END = -1
"""The id at the end of each sentence."""
ID = numpy.dtype("<i4")
_COUNT = numpy.dtype("<i8")
_LENGTH = 8  # bytes of the header's length
COPIED = 1 << 20  # bytes that are copied or checked at a time


@dataclass(frozen=True)
class EncodedCorpus:
    """A text as ids, in a file that is mapped into memory.

    ids: (N,) int32, places in the vocabulary, and SENTENCE_END after each sentence, never twice in
    a row and not at the beginning. Any range of it is valid work.
    """

    ids: numpy.ndarray
    vocabulary: Vocabulary

    @property
    def words(self) -> int:
        """How many words the text has, without the marks."""
        return int(self.vocabulary.counts.sum())

    @property
    def sentences(self) -> int:
        """How many sentences the text has."""
        return len(self.ids) - self.words


@dataclass(frozen=True)
class Source:
    """A file as it was when it was read. sha256: "" if it changed meanwhile."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Header:
    """What an encoded corpus says of itself.

    sources: empty for a text that is not a file. ids: N. words: V. pruned: words that occurred up
    to this often were dropped while reading. words_bytes: length of the JSON list.
    """

    options: dict[str, Any]
    sources: list[Source]
    ids: int
    words: int
    pruned: int
    words_bytes: int = 0
    version: int = VERSION


def finish_file(file: IO[bytes], vocabulary: Vocabulary, header: Header) -> None:
    """Write what follows the ids that `file` holds; the header's words_bytes are filled in."""
    words = json.dumps(vocabulary.words).encode()
    file.write(vocabulary.counts.astype(_COUNT).tobytes())
    file.write(words)
    _write_header(file, dataclasses.replace(header, words_bytes=len(words)))


def replace_sources(path: Path, sources: list[Source]) -> None:
    """Note in an encoded corpus that its sources are now these."""
    header = read_header(path)
    with open(path, "rb") as old, replacing(path) as new:
        shutil.copyfileobj(old, new, COPIED)
        new.truncate(new.seek(_body_size(header)))
        _write_header(new, dataclasses.replace(header, sources=sources))


def _write_header(file: IO[bytes], header: Header) -> None:
    text = json.dumps(dataclasses.asdict(header)).encode()
    file.write(text + len(text).to_bytes(_LENGTH, "little") + MAGIC)


def _body_size(header: Header) -> int:
    """Bytes before the header."""
    return header.ids * ID.itemsize + header.words * _COUNT.itemsize + header.words_bytes


def is_encoded(path: str | Path) -> bool:
    """Whether a file ends as an encoded corpus does."""
    try:
        with open(path, "rb") as file:
            file.seek(-len(MAGIC), os.SEEK_END)
            return file.read() == MAGIC
    except OSError:
        return False


def read_header(path: str | Path) -> Header:
    """The header. Raises CorpusError if the file is cut off, damaged or of another version."""
    with _damage_reported(path), open(path, "rb") as file:
        return _read_header(file)


def _read_header(file: IO[bytes]) -> Header:
    size = file.seek(0, os.SEEK_END)
    file.seek(size - len(MAGIC) - _LENGTH)
    length = int.from_bytes(file.read(_LENGTH), "little")
    if file.read() != MAGIC:
        raise ValueError("it has no header")
    start = size - len(MAGIC) - _LENGTH - length
    file.seek(start)
    content = json.loads(file.read(length))
    if content["version"] != VERSION:
        raise ValueError(f"it is of version {content['version']}, not {VERSION}")
    content["sources"] = [Source(**source) for source in content["sources"]]
    header = Header(**content)
    if start != _body_size(header):
        raise ValueError("its length is not what its header says")
    return header


def load(path: str | Path) -> EncodedCorpus:
    """Map an encoded corpus into memory.

    Raises CorpusError if it is cut off, damaged or of another version: lengths and the range of the
    ids are checked, since a kernel takes them for places in its weights.
    """
    # All from one open file: another may take its name meanwhile.
    with _damage_reported(path), open(path, "rb") as file:
        header = _read_header(file)
        file.seek(0)
        _check_ids(file, header)
        counts = numpy.frombuffer(file.read(header.words * _COUNT.itemsize), _COUNT)
        words = json.loads(file.read(header.words_bytes))
        if not isinstance(words, list) or len(words) != header.words or counts.min() < 1:
            raise ValueError("its vocabulary is not what its header says")
        ids = _map_ids(file, header.ids)
    return EncodedCorpus(ids, Vocabulary(words, counts))


def map_written(file: IO[bytes], path: Path, vocabulary: Vocabulary, length: int) -> EncodedCorpus:
    """The corpus that was just written to `file`, which gets the name `path`, and is not read."""
    ids = _map_ids(file, length)
    ids.filename = str(path)  # type: ignore[attr-defined]
    return EncodedCorpus(ids, vocabulary)


def _map_ids(file: IO[bytes], length: int) -> numpy.ndarray:
    return numpy.memmap(file, ID, "r", shape=(length,))


def _check_ids(file: IO[bytes], header: Header) -> None:
    """Read the ids, and raise ValueError for one that is not a place in the vocabulary."""
    left = header.ids
    while left:
        ids = numpy.frombuffer(file.read(min(COPIED, left * ID.itemsize)), ID)
        if ids.min() < SENTENCE_END or ids.max() >= header.words:
            raise ValueError("an id is out of range")
        left -= len(ids)


@contextmanager
def _damage_reported(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{path} is not an encoded corpus, or is damaged ({error}): make it anew with "
            "w2v encode"
        ) from error
