"""What the formats share: opening files, headers, words read and words about to be written."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy

from w2v.encodings import is_wide, likely_encodings, mark_of, wide_encoding
from w2v.errors import ModelFileError, OutputError
from w2v.files import open_regular, replacing
from w2v.text_files import Recoded
from w2v.unpacking import ENDINGS, Unpacked, UnpackingError, packed, packing
from w2v.vectors.formats.kinds import (
    HEAD,
    commas,
    convert_line,
    has_control,
    header_sizes,
    trailing_numbers,
)
from w2v.vectors.packed_words import Packed, arrow_strings, pack, unpack
from w2v.vectors.read_only import WordList
from w2v.vectors.word_vectors import WordVectors

PathName = str | Path


class Coding(NamedTuple):
    """How the bytes of words are read. errors: what to do with those that are not valid.

    "strict" raises; "replace" and "ignore" may make words alike, of which the first stays, as in
    gensim.
    """

    encoding: str = "utf-8"
    errors: str = "strict"


UTF_8 = Coding()

_LONGEST_HEADER = 100  # bytes
_LONGEST_ROW = 1 << 16  # bytes of a first line that are shown to be a row
_USUAL_RATIO = 16  # how many times as long as a packed file its vectors are, at the usual most
_CHECKED = 1 << 24  # numbers that are looked at together


@contextmanager
def opened(path: PathName) -> Iterator[IO[bytes]]:
    """A file of vectors to be read, unpacked if it is packed, under whatever name.

    Raises ModelFileError if there is none, if it is empty or not an ordinary file, or, while it is
    read, if what is packed is cut off or damaged.
    """
    try:
        # The size of other files, pipes for one, is not known before they are read.
        with open_regular(path, buffer=HEAD) as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise ModelFileError(f"{path} is cut off: it is empty, with 0 bytes")
            kind = packing(file.peek(HEAD))  # type: ignore[attr-defined]
            if kind is None and (named := packed_name(path)):
                raise ModelFileError(
                    f"{path} is cut off, damaged, or not packed: its name says {named}, and its "
                    f"first bytes do not; if it was unpacked, take the {Path(path).suffix} off"
                )
            yield io.BufferedReader(Unpacked(file, kind), HEAD) if kind else file
    except FileNotFoundError as error:
        raise ModelFileError(
            f"there is no model {path}: check the name, or train one with `w2v train`"
        ) from error
    except UnpackingError as error:
        raise ModelFileError(f"{path} {error}") from error
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from error


@contextmanager
def opened_text(path: PathName, encoding: str = "utf-8") -> Iterator[IO[bytes]]:
    """As `opened`, without a byte-order mark, and in an encoding that holds ASCII as it is.

    UTF-16 and UTF-32, as a byte-order mark or `encoding` says, become UTF-8. Raises ModelFileError
    for lines that end in CR alone.
    """
    with opened(path) as file:
        head = file.peek(HEAD)  # type: ignore[attr-defined]
        mark, marked = mark_of(head) or (b"", encoding)
        file.read(len(mark))
        if is_wide(marked):
            file = cast(IO[bytes], io.BufferedReader(Recoded(file, marked), HEAD))
        elif not mark and (wide := wide_encoding(head)):
            raise ModelFileError(
                f"{path} is text in {wide} without a byte-order mark: pass --encoding {wide}"
            )
        elif b"\r" in head and b"\n" not in head and len(head.split(b"\r", 2)) > 2:
            raise ModelFileError(
                f"{path}: its lines end in CR alone, as on old Macs: end them in LF, with "
                "`tr '\\r' '\\n' < OLD > NEW`"
            )
        try:
            yield file
        except UnicodeDecodeError as error:
            raise ModelFileError(f"{path} is damaged, or not {marked}: {error}") from error


@contextmanager
def written(path: PathName) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends well, packed as its name says.

    Raises OutputError.
    """
    with replacing(path) as file, packed(file, packed_name(path)) as writer:
        yield writer


def packed_name(path: PathName) -> str | None:
    """How a file's name says that it is packed: "gzip", "bzip2", "xz", "zstd", or None."""
    return ENDINGS.get(Path(path).suffix.lower())


def read_sizes(file: IO[bytes], path: PathName) -> tuple[int, int]:
    """V and H, from the first line of word2vec's files. Raises ModelFileError for another line."""
    line = file.readline(_LONGEST_HEADER)
    sizes = header_sizes(line)
    if sizes is None or not line.endswith(b"\n"):
        raise ModelFileError(_without_header(path, line + file.read(_LONGEST_ROW)))
    if sizes[1] < 1:
        raise ModelFileError(f"{path}, line 1: the header promises vectors of dim {sizes[1]}")
    return sizes


def _without_header(path: PathName, text: bytes) -> str:
    """What to say where the first line is not `V H`."""
    line, _, more = text.partition(b"\n")
    start = f"{path} is not a model, or has no header: line 1 is {shown(line)}, not two numbers, "
    fields = line.split()
    like_the_next = trailing_numbers(line) == trailing_numbers(more.partition(b"\n")[0])
    if len(fields) > 2 and all(map(bytes.isdigit, fields)) and not like_the_next:
        return (
            f"{start}how many words and the dim, but {len(fields)} numbers: take the others out of "
            "that line"
        )
    if trailing_numbers(line) > 1 and not has_control(text):
        options = "--from text --no-header"
        return f"{start}how many words and the dim: {convert_line(path, options)} reads it"
    return f"{start}how many words and the dim{commas(line)}"


def check_room(file: IO[bytes], path: PathName, rows: int, dim: int, least: int) -> None:
    """Raise ModelFileError unless the file can hold rows of `least` bytes: before memory is taken.

    rows, dim: as its header promises. A packed file that would have to be packed unusually well is
    unpacked once to see.
    """
    needed, room = rows * least, os.path.getsize(path)
    if isinstance(getattr(file, "raw", None), Unpacked):
        if needed <= _USUAL_RATIO * room:
            return
        room = _unpacked_size(path, needed)
    if needed > room:
        raise ModelFileError(
            f"{path}, line 1: the header promises {rows:,} words of dim {dim:,}, which take at "
            f"least {needed:,} bytes, and the file has room for {room:,}: it "
            "is cut off, or the header is wrong"
        )


def _unpacked_size(path: PathName, most: int) -> int:
    """How many bytes a packed file holds, or some number that is at least `most`."""
    size = 0
    with opened(path) as file:
        while size < most and (piece := file.read(HEAD)):
            size += len(piece)
    return size


def shown(text: bytes, most: int = 40) -> str:
    """Bytes from a file as they are shown in an error."""
    text = text.rstrip(b"\r\n")
    return repr(text[:most])[1:] + (" ..." if len(text) > most else "")


def reason(error: Exception, most: int = 200) -> str:
    """What a library says went wrong: its first line, since it may quote the file at length."""
    return str(error).partition("\n")[0][:most]


def vectors_of(
    path: PathName,
    words: list[numpy.ndarray],
    lengths: numpy.ndarray,
    matrix: numpy.ndarray,
    coding: Coding,
    place: Callable[[int], str],
) -> WordVectors:
    """The vectors that were read, once their words are known to be words, each of its own.

    words: pieces of their bytes, one after the other. lengths: (V,) bytes of each. place: what to
    call the place of a row. Raises ModelFileError.
    """
    blob = numpy.concatenate([*words, numpy.empty(0, numpy.uint8)])
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths)]).astype(numpy.int64)
    try:
        if coding.encoding != "utf-8":
            raise ValueError("the words are to be decoded one by one")
        names = unpack(blob, offsets)
    except ValueError:
        names = _decoded(path, blob, offsets, coding, place)
    vectors = WordVectors(WordList(names), matrix, copy=False)
    if vectors.repeated:
        first, second = vectors.repeated
        if coding.errors == "strict":
            raise ModelFileError(
                f"{path}, {place(second)}: the word {names[second]!r} is listed twice, first in "
                f"{place(first)}; w2v convert --encoding-errors replace keeps the first"
            )
        vectors = _first_of_each(vectors)
    return vectors


def _decoded(
    path: PathName,
    blob: numpy.ndarray,
    offsets: numpy.ndarray,
    coding: Coding,
    place: Callable[[int], str],
) -> list[str]:
    data, names = blob.tobytes(), []
    for row, (start, stop) in enumerate(pairwise(offsets.tolist())):
        word = data[start:stop]
        try:
            names.append(word.decode(*coding))
        except UnicodeDecodeError as error:
            name = "UTF-8" if coding.encoding == "utf-8" else coding.encoding
            raise ModelFileError(
                f"{path}, {place(row)}: the word {shown(word)} is not valid {name} (byte "
                f"0x{word[error.start]:02x}, {error.start} bytes into it): it may be "
                f"{likely_encodings(word)}; w2v convert --encoding NAME reads that, and "
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
