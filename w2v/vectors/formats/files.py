"""What the formats share: opening files, headers, words read and words about to be written."""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

import numpy

from w2v.errors import ModelFileError, OutputError
from w2v.files import replacing
from w2v.vectors.packed_words import Packed, arrow_strings, pack, unpack
from w2v.vectors.read_only import WordList
from w2v.vectors.word_vectors import WordVectors

PathName = str | Path

_LONGEST_HEADER = 100  # bytes
_INFLATION = 1032  # the most that a byte of deflate unpacks to
_CHECKED = 1 << 24  # numbers that are looked at together


@contextmanager
def opened(path: PathName) -> Iterator[IO[bytes]]:
    """A file of vectors to be read, unpacked if its name ends in .gz.

    Raises ModelFileError if there is none, if it is empty, or, while it is read, if what is packed
    is cut off or damaged.
    """
    try:
        with open(path, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):  # its size is not known before it is read
                raise ModelFileError(f"{path} is not an ordinary file: put the vectors into one")
            if about.st_size == 0:
                raise ModelFileError(f"{path} is cut off: it is empty, with 0 bytes")
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_packed(path) else file
    except FileNotFoundError as error:
        raise ModelFileError(
            f"there is no model {path}: train one with `w2v train`, or name one with --model"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ModelFileError(f"{path} is cut off, damaged, or not packed: {error}") from error
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from error


@contextmanager
def written(path: PathName) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends well, packed if that ends in .gz.

    Raises OutputError.
    """
    with replacing(path) as file:
        if not is_packed(path):
            yield file
            return
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            yield cast(IO[bytes], packed)


def is_packed(path: PathName) -> bool:
    """Whether a file's name says that gzip has packed it."""
    return str(path).lower().endswith(".gz")


def most_bytes(path: PathName) -> int:
    """How many bytes a file holds, unpacked: where it is packed, what it holds at the very most."""
    return os.path.getsize(path) * (_INFLATION if is_packed(path) else 1)


def read_sizes(file: IO[bytes], path: PathName) -> tuple[int, int]:
    """V and H, from the first line of word2vec's files. Raises ModelFileError for another line."""
    line = file.readline(_LONGEST_HEADER)
    sizes = header_sizes(line)
    if sizes is None or not line.endswith(b"\n"):
        raise ModelFileError(
            f"{path} is not a model, or has no header: line 1 is {shown(line)}, not two numbers, "
            "how many words and the dim; text without a header (GloVe's) takes w2v convert "
            "--no-header"
        )
    if sizes[1] < 1:
        raise ModelFileError(f"{path}, line 1: the header promises vectors of dim {sizes[1]}")
    return sizes


def header_sizes(line: bytes) -> tuple[int, int] | None:
    """The two numbers of a header, None for any other line."""
    match = re.fullmatch(rb"[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})\s*", line)
    return (int(match[1]), int(match[2])) if match else None


def check_room(path: PathName, rows: int, dim: int, least: int) -> None:
    """Raise ModelFileError unless the file can hold rows of `least` bytes: before memory is taken.

    rows, dim: as its header promises.
    """
    most = most_bytes(path)
    if rows * least > most:
        raise ModelFileError(
            f"{path}, line 1: the header promises {rows:,} words of dim {dim:,}, which take at "
            f"least {rows * least:,} bytes, and the file has room for {most:,}: it "
            "is cut off, or the header is wrong"
        )


def shown(text: bytes, most: int = 40) -> str:
    """Bytes from a file as they are shown in an error."""
    text = text.rstrip(b"\r\n")
    return repr(text[:most])[1:] + (" ..." if len(text) > most else "")


def vectors_of(
    path: PathName,
    words: list[numpy.ndarray],
    lengths: numpy.ndarray,
    matrix: numpy.ndarray,
    encoding_errors: str,
    place: Callable[[int], str],
) -> WordVectors:
    """The vectors that were read, once their words are known to be words, each of its own.

    words: pieces of their bytes, one after the other. lengths: (V,) bytes of each. place: what to
    call the place of a row. encoding_errors: what to do with bytes that are not valid UTF-8:
    "strict" raises; "replace" and "ignore" may make words alike, of which the first stays, as in
    gensim. Raises ModelFileError.
    """
    blob = numpy.concatenate([*words, numpy.empty(0, numpy.uint8)])
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths)]).astype(numpy.int64)
    try:
        names = unpack(blob, offsets)
    except ValueError:
        names = _repaired(path, blob, offsets, encoding_errors, place)
    vectors = WordVectors(WordList(names), matrix, copy=False)
    if vectors.repeated:
        first, second = vectors.repeated
        if encoding_errors == "strict":
            raise ModelFileError(
                f"{path}, {place(second)}: the word {names[second]!r} is listed twice, first in "
                f"{place(first)}; w2v convert --encoding-errors replace keeps the first"
            )
        vectors = _first_of_each(vectors)
    return vectors


def _repaired(
    path: PathName,
    blob: numpy.ndarray,
    offsets: numpy.ndarray,
    encoding_errors: str,
    place: Callable[[int], str],
) -> list[str]:
    data, names = blob.tobytes(), []
    for row, (start, stop) in enumerate(pairwise(offsets.tolist())):
        word = data[start:stop]
        try:
            names.append(word.decode("utf-8", encoding_errors))
        except UnicodeDecodeError as error:
            raise ModelFileError(
                f"{path}, {place(row)}: the word {shown(word)} is not valid UTF-8 (byte "
                f"0x{word[error.start]:02x}, {error.start} bytes into it); w2v convert "
                "--encoding-errors replace (or ignore) reads it all the same"
            ) from None
    return names


def _first_of_each(vectors: WordVectors) -> WordVectors:
    rows: dict[str, int] = {}
    for row, word in enumerate(vectors.words):
        rows.setdefault(word, row)
    return WordVectors(list(rows), vectors.matrix[list(rows.values())], copy=False)


def words_to_write(vectors: WordVectors, path: PathName) -> Packed:
    """The packed words of vectors that can be written: finite numbers, words of their own in UTF-8.

    Raises OutputError.
    """
    if vectors.matrix.shape[1] == 0:
        raise OutputError(f"cannot write {path}: the vectors are of dim 0")
    for start in range(0, len(vectors), rows_at_once(vectors)):
        rows = vectors.matrix[start : start + rows_at_once(vectors)]
        if not numpy.isfinite(rows).all():
            row = start + int(numpy.flatnonzero(~numpy.isfinite(rows).all(axis=1))[0])
            raise OutputError(
                f"cannot write {path}: the vector of {vectors.words[row]!r} holds NaN or infinity; "
                "the file that it comes from is damaged, or its training diverged"
            )
    if vectors.repeated:
        first, second = vectors.repeated
        raise OutputError(
            f"cannot write {path}: the word {vectors.words[first]!r} stands in rows {first} and "
            f"{second}; each word can have one vector"
        )
    try:
        return pack(vectors.words)
    except UnicodeEncodeError as error:
        raise OutputError(f"cannot write {path}: a word does not fit UTF-8: {error}") from error


def rows_at_once(vectors: WordVectors, numbers: int = _CHECKED) -> int:
    """How many rows have about so many numbers."""
    return max(1, numbers // max(1, vectors.matrix.shape[1]))


def find_words(packed: Packed, pattern: str) -> list[str]:
    """The words in which a regular expression (RE2) matches."""
    from pyarrow import compute

    words = arrow_strings(*packed)
    return words.filter(compute.match_substring_regex(words, pattern)).to_pylist()
