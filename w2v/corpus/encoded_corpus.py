"""The encoded corpus in a file.

The ids come first, so that the file can be mapped into memory as it is, and the header last, so
that a file that was cut off has none:

    ids (N,) int32 | counts (V,) int64 | words, JSON | header, JSON | its length, int64 | MAGIC

All numbers are little-endian. Nothing of it is believed when it is read: the header holds checksums
of the ids, of the vocabulary and of itself, and what it says has to be possible. (Words are not
counted again, which would take longer than all the rest: the counts have to add up.)
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar, get_origin

import numpy

from w2v.checksums import checksum
from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import CorpusError, W2VError
from w2v.files import open_regular, replacing

VERSION = 2
MAGIC = b"w2v-ids\n"
SENTENCE_END = -1
"""The id at the end of each sentence."""
ID = numpy.dtype("<i4")
_COUNT = numpy.dtype("<i8")
_LENGTH = 8  # bytes of the header's length
CHECKED = 1 << 24  # ids that are checked at a time, by code that holds up no other thread
COPIED = 1 << 20  # bytes that are copied at a time


@dataclass(frozen=True)
class EncodedCorpus:
    """A text as ids, in a file that is mapped into memory.

    ids: (N,) int32, places in the vocabulary, and SENTENCE_END after each sentence, never twice in
    a row and not at the beginning. Any range of it is valid work. read_words, read_distinct: words
    of the text before the rare ones were left out, and how many different ones; 0 if unknown.
    """

    ids: numpy.ndarray
    vocabulary: Vocabulary
    read_words: int = 0
    read_distinct: int = 0

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
    ctime_ns: int
    inode: int
    sha256: str


@dataclass(frozen=True)
class Header:
    """What an encoded corpus says of itself.

    sources: empty for a text that is not a file. ids: N. words: V. pruned: words that occurred up
    to this often were dropped while reading. read_words, read_distinct: as in `EncodedCorpus`.
    words_bytes: length of the JSON list. The checksums
    are of the ids, and of the counts and words.
    """

    options: dict[str, Any]
    sources: list[Source]
    ids: int
    words: int
    pruned: int
    read_words: int = 0
    read_distinct: int = 0
    words_bytes: int = 0
    ids_checksum: int = 0
    vocabulary_checksum: int = 0
    version: int = VERSION


Part = TypeVar("Part", Header, Source)


def finish_file(file: IO[bytes], vocabulary: Vocabulary, header: Header) -> None:
    """Write what follows the ids that `file` holds; fills in words_bytes and the checksums."""
    words = json.dumps(vocabulary.words).encode()
    body = vocabulary.counts.astype(_COUNT).tobytes() + words
    file.write(body)
    file.flush()
    header = dataclasses.replace(
        header,
        words_bytes=len(words),
        ids_checksum=_check_ids(_map_ids(file, header.ids), header.words),
        vocabulary_checksum=checksum(body),
    )
    _write_header(file, header)


def write(text: EncodedCorpus, path: Path) -> None:
    """Write a text that is no file's, whole or not at all. Raises OutputError."""
    with replacing(path) as file:
        for start in range(0, len(text.ids), CHECKED):
            file.write(text.ids[start : start + CHECKED].astype(ID).data)
        header = Header({}, [], len(text.ids), len(text.vocabulary), 0)
        finish_file(file, text.vocabulary, header)


def copy_with_sources(
    old: IO[bytes], new: IO[bytes], header: Header, sources: list[Source]
) -> None:
    """Copy an encoded corpus, with this header, to a file that says that its sources are these."""
    old.seek(0)
    shutil.copyfileobj(old, new, COPIED)
    new.truncate(new.seek(_body_size(header)))
    _write_header(new, dataclasses.replace(header, sources=sources))


def _write_header(file: IO[bytes], header: Header) -> None:
    content = dataclasses.asdict(header)
    text = json.dumps(content | {"checksum": checksum(json.dumps(content).encode())}).encode()
    file.write(text + len(text).to_bytes(_LENGTH, "little") + MAGIC)


def _body_size(header: Header) -> int:
    """Bytes before the header."""
    return header.ids * ID.itemsize + header.words * _COUNT.itemsize + header.words_bytes


def is_encoded(path: str | Path) -> bool:
    """Whether a file ends as an encoded corpus does."""
    try:
        with open_regular(path) as file:
            file.seek(-len(MAGIC), os.SEEK_END)
            return file.read() == MAGIC
    except OSError:
        return False


@contextmanager
def opened(path: str | Path, follow_links: bool = True) -> Iterator[tuple[IO[bytes], Header]]:
    """An encoded corpus and its header: what is read of it in the block is of one file.

    Whatever goes wrong in the block is a CorpusError that says that the file is damaged.
    """
    try:
        with open_regular(path, follow_links) as file:
            yield file, _read_header(file)
    except (W2VError, MemoryError):
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or error
        raise CorpusError(
            f"{path} is not an encoded corpus, or is damaged ({reason}): make it anew with "
            "w2v encode"
        ) from error


def read_header(path: str | Path) -> Header:
    """The header. Raises CorpusError if the file is cut off, damaged or of another version."""
    with opened(path) as (_, header):
        return header


def _read_header(file: IO[bytes]) -> Header:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - len(MAGIC) - _LENGTH, 0))
    length = int.from_bytes(file.read(_LENGTH), "little")
    start = size - len(MAGIC) - _LENGTH - length
    if file.read() != MAGIC or start < 0:
        raise ValueError("it has no header")
    file.seek(start)
    content = json.loads(file.read(length))
    if content["version"] != VERSION:
        raise ValueError(f"it is of version {content['version']}, not {VERSION}")
    if content.pop("checksum") != checksum(json.dumps(content).encode()):
        raise ValueError("its header is not what was written")
    header = _checked(Header(**content))
    if start != _body_size(header):
        raise ValueError("its length is not what its header says")
    sources = [_checked(Source(**source)) for source in content["sources"]]
    return dataclasses.replace(header, sources=sources)


def _checked(part: Part) -> Part:
    """The same. Raises ValueError unless each field holds its type, and no number is below zero."""
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if type(value) is not (get_origin(field.type) or field.type):
            raise ValueError(f"its header has {value!r:.40} for {field.name}")
        if field.type is int and value < 0:
            raise ValueError(f"its header has {value!r:.40} for {field.name}")
    return part


def load(path: str | Path) -> EncodedCorpus:
    """Map an encoded corpus into memory.

    Raises CorpusError if it is cut off, damaged or of another version: all of it is checked, since
    a kernel takes the ids for places in its weights.
    """
    with opened(path) as (file, header):
        return load_opened(file, header)


def load_opened(file: IO[bytes], header: Header) -> EncodedCorpus:
    """The same for a file that is open. Raises ValueError and others: call it in `opened`."""
    ids = _map_ids(file, header.ids)
    with ThreadPoolExecutor(1) as pool:  # the two take equally long
        found = pool.submit(_check_ids, ids, header.words)
        vocabulary = _read_vocabulary(file, header)
    if found.result() != header.ids_checksum:
        raise ValueError("its ids are not those that were written")
    return EncodedCorpus(ids, vocabulary, header.read_words, header.read_distinct)


def map_written(
    file: IO[bytes], path: Path | None, vocabulary: Vocabulary, header: Header
) -> EncodedCorpus:
    """The corpus that was just written to `file`, which gets the name `path`, and is not read."""
    ids = _map_ids(file, header.ids)
    ids.filename = path and str(path)  # type: ignore[attr-defined]
    return EncodedCorpus(ids, vocabulary, header.read_words, header.read_distinct)


def _map_ids(file: IO[bytes], length: int) -> numpy.ndarray:
    return numpy.memmap(file, ID, "r", shape=(length,))


def _check_ids(ids: numpy.ndarray, words: int) -> int:
    """The checksum of the ids. Raises ValueError for one that is not a place in the vocabulary."""
    import pyarrow
    import pyarrow.compute

    if ids[0] == SENTENCE_END or ids[-1] != SENTENCE_END:
        raise ValueError("its ids are not sentences")
    total = 0
    for start in range(0, len(ids), CHECKED):
        part = pyarrow.py_buffer(ids[start : start + CHECKED])
        array = pyarrow.Array.from_buffers(pyarrow.int32(), part.size // ID.itemsize, [None, part])
        smallest, largest = pyarrow.compute.min_max(array).as_py().values()  # in one pass
        if smallest < SENTENCE_END or largest >= words:
            raise ValueError("an id is out of range")
        total = checksum(part, total)
    return total


def _read_vocabulary(file: IO[bytes], header: Header) -> Vocabulary:
    file.seek(header.ids * ID.itemsize)
    body = file.read(header.words * _COUNT.itemsize + header.words_bytes)
    if checksum(body) != header.vocabulary_checksum:
        raise ValueError("its vocabulary is not the one that was written")
    counts = numpy.frombuffer(body, _COUNT, header.words)
    words = json.loads(body[counts.nbytes :])
    if not isinstance(words, list) or len(words) != header.words:
        raise ValueError("its vocabulary is not what its header says")
    "".join(words).encode()  # raises an error unless all are strings, and can be written
    if len({"", *words}) != len(words) + 1:
        raise ValueError("a word is empty or is there twice")
    _check_counts(counts, header.ids)
    return Vocabulary(words, counts)


def _check_counts(counts: numpy.ndarray, ids: int) -> None:
    """Raise ValueError unless the counts leave an id for the end of each sentence, and no more.

    counts: (V,). ids: N, of words and ends; every sentence has a word.
    """
    if counts.min() < 1 or counts.max() > ids or not counts.sum() < ids <= 2 * counts.sum():
        raise ValueError("its counts are not those of its ids")
