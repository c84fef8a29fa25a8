"""word2vec's binary format (.bin), as word2vec.c, gensim and GoogleNews write it.

A line `V H`, then for each word its bytes, a space, and H float32, little-endian. word2vec.c writes
a newline after each vector, gensim none: a newline before a word is not part of it. A word ends at
its first space, so none can hold one.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from typing import IO

import numpy

from w2v.encodings import is_wide
from w2v.errors import ConfigError, ModelFileError, OutputError
from w2v.parallel import in_order
from w2v.vectors.formats.files import (
    UTF_8,
    Coding,
    PathName,
    check_room,
    find_words,
    opened,
    read_sizes,
    rows_at_once,
    shown,
    vectors_of,
    words_to_write,
    written,
)
from w2v.vectors.packed_words import Packed
from w2v.vectors.word_vectors import WordVectors

BLOCK = 1 << 22  # bytes that are read at a time
_AHEAD = 2  # blocks that are read before they are copied
NUMBERS = 1 << 22  # that are written at a time
_LONGEST_WORD = 1 << 10  # bytes of the first word, where it is looked at
_OF_TEXT = b" \t\r\n+-.0123456789eE"
_HUGE = numpy.float32(1e12).view(numpy.uint32)
"""Letters and a space, read as a number, are rarely smaller; the numbers of word vectors are."""
_LOOKED_AT = 1 << 26  # bytes in which words with spaces are looked for


def read_binary(
    path: PathName,
    limit: int | None = None,
    coding: Coding = UTF_8,
    *,
    block: int = BLOCK,
) -> WordVectors:
    """Read the first `limit` rows, or all, `block` bytes at a time.

    Raises ModelFileError, naming the byte, and ConfigError for an encoding without ASCII in it.
    """
    if is_wide(coding.encoding):
        raise ConfigError(f"--encoding {coding.encoding} is not one that a binary file can have")
    with opened(path) as file:
        promised, dim = read_sizes(file, path)
        rows = promised if limit is None else min(promised, limit)
        check_room(file, path, rows, dim, 1 + 4 * dim)
        reader = _Reader(file, path, rows, dim, rows == promised, block)
        try:
            vectors = reader.read(coding)
        except ModelFileError as error:
            _refuse_spaced_words(path, error)
            raise
    if reader.huge or any((piece < ord(" ")).any() for piece in reader.words):
        _refuse_spaced_words(path)
    return vectors


def _refuse_spaced_words(path: PathName, error: ModelFileError | None = None) -> None:
    """Raise ModelFileError if a word in a file that reads badly seems to hold a space.

    gensim writes such words, and cannot read them again: what follows the space is taken for the
    vector. There the numbers are odd, and those after the next space are not; the vector's last
    bytes then begin the next word. error: what reading the file ended in; without one, that next
    word has to look like it.
    """
    with opened(path) as file:
        _, dim = read_sizes(file, path)
        data = file.read(_LOOKED_AT)
    start, row, size = 0, 0, 4 * dim
    while (space := data.find(b" ", start)) >= 0 and (stop := space + 1 + size) <= len(data):
        vector = data[space + 1 : stop]
        more = re.match(rb"[^\x00-\x20\x7f]+ ", vector)
        next_word = data[stop : data.find(b" ", stop)]
        if more and not _plausible(vector) and (error is not None or _is_odd(next_word)):
            shifted = space + 1 + more.end()
            if _plausible(data[shifted : shifted + size]):
                word = data[start:space].lstrip(b"\n")
                raise ModelFileError(
                    f"{path}, byte {start:,}: word {row + 1:,}, {shown(word)}, seems to go on "
                    f"after a space with {shown(more[0].rstrip())}; word2vec's binary ends a word "
                    "at a space: write the vectors anew as text, or with _ in place of the spaces"
                ) from error
        start, row = stop, row + 1


def _is_odd(word: bytes) -> bool:
    """Whether a word holds what words do not: control characters, or bytes that are not UTF-8."""
    text = word.lstrip(b"\n").decode("utf-8", "replace")
    return "\ufffd" in text or any(letter < " " for letter in text)


def _plausible(vector: bytes) -> bool:
    """Whether bytes are float32 of a size that the numbers of word vectors have."""
    with numpy.errstate(invalid="ignore"):
        sizes = abs(numpy.frombuffer(vector[: len(vector) // 4 * 4], "<f4"))
        return bool(((sizes == 0) | ((sizes > 1e-12) & (sizes < 1e6))).all())


class _Reader:
    """Reads `rows` rows of an open file, block by block; if `whole`, then nothing may follow.

    One thread reads and finds the rows, another copies them: most of the time goes to memory that
    is touched for the first time, and several threads that do so get in one another's way.
    """

    def __init__(
        self, file: IO[bytes], path: PathName, rows: int, dim: int, whole: bool, block: int
    ):
        self.file, self.path, self.rows, self.dim, self.whole = file, path, rows, dim, whole
        self.block, self.huge = block, False
        self.matrix = numpy.empty((rows, dim), numpy.float32)
        self.words: list[numpy.ndarray] = []
        self.lengths, self.places = numpy.empty((2, rows), numpy.int64)

    def read(self, coding: Coding) -> WordVectors:
        with ThreadPoolExecutor(1) as pool:
            for bad in in_order(pool, self._tasks(), _AHEAD):
                if bad is not None:
                    raise ModelFileError(
                        f"{self.path}, {self._place(bad)}: the vector of word {bad + 1:,} holds "
                        "NaN or infinity: the file is damaged, or its header names another dim"
                    )
        return vectors_of(self.path, self.words, self.lengths, self.matrix, coding, self._place)

    def _place(self, row: int) -> str:
        return f"byte {self.places[row]:,}"

    def _tasks(self) -> Iterator[Callable[[], int | None]]:
        """Read the file; each task fills rows, and gives the first that is not finite."""
        from w2v.vectors.formats.scanning import scan_binary  # imports Numba

        size = max(self.block, 16 * self.dim if self.rows else 0)
        # as many as tasks are under way, one that is being filled and one before it
        blocks = cycle([numpy.empty(size, numpy.uint8) for _ in range(_AHEAD + 2)])
        scratch = numpy.empty(size, numpy.uint8)
        base, row, rest = self.file.tell(), 0, scratch[:0]  # base: the block's place in the file
        while row < self.rows:
            block = next(blocks)
            block[: len(rest)] = rest
            read = self.file.readinto(block.data[len(rest) :])  # type: ignore[attr-defined]
            filled = len(rest) + read
            if row == 0:
                self._refuse_text(block[: min(filled, _LONGEST_WORD + 4 * self.dim)].tobytes())
            used, after, taken = scan_binary(
                block, filled, base, self.dim, row, self.rows, scratch, self.lengths, self.places
            )
            if after == row and (read == 0 or filled == size):
                self._refuse_end(base + filled, row, read == 0)
            self.words.append(scratch[:taken].copy())
            yield partial(self._fill, block, base, row, after)
            base, row, rest = base + used, after, block[used:filled]
        if self.whole:
            self._refuse_more(rest.tobytes(), base)

    def _fill(self, block: numpy.ndarray, base: int, start: int, stop: int) -> int | None:
        from w2v.vectors.formats.scanning import take_vectors

        rows = slice(start, stop)
        starts = self.places[rows] + self.lengths[rows] + (1 - base)
        bad, largest = take_vectors(block, starts, self.matrix[rows].view(numpy.uint32))
        self.huge = self.huge or largest >= _HUGE
        return None if bad < 0 else start + bad

    def _refuse_text(self, head: bytes) -> None:
        """Raise ModelFileError if what should be the first vector is digits, points and spaces."""
        vector = head.partition(b" ")[2][: 4 * self.dim]
        if len(vector) >= 8 and not vector[:1024].translate(None, _OF_TEXT):
            raise ModelFileError(
                f"{self.path}, line 2: the numbers are written as text, not binary: give the file "
                "a name that ends in .txt or .vec, or convert it with --from text"
            )

    def _refuse_end(self, end: int, row: int, at_end: bool) -> None:
        if at_end:
            raise ModelFileError(
                f"{self.path}, byte {end:,}: the file ends in word {row + 1:,} of "
                f"{self.rows:,}: it is cut off, or its header is wrong"
            )
        raise ModelFileError(
            f"{self.path}: word {row + 1:,} does not end before byte {end:,}: the file is no "
            "word2vec binary, or its header names another dim"
        )

    def _refuse_more(self, rest: bytes, place: int) -> None:
        while True:
            if more := rest.lstrip(b"\n"):
                raise ModelFileError(
                    f"{self.path}, byte {place + len(rest) - len(more):,}: more follows after the "
                    f"{self.rows:,} words of dim {self.dim:,} that the header promises"
                )
            place += len(rest)
            rest = self.file.read(self.block)
            if not rest:
                return


def check_words(path: PathName, words: Packed) -> None:
    """Raise OutputError if a word has no place in this format: one with a space or a newline."""
    unfit = find_words(words, r"[ \n]")
    if unfit:
        raise OutputError(
            f"cannot write {path}: the word {unfit[0]!r} holds a space or a newline, at which "
            "word2vec's binary format ends a word; choose a name that ends in .safetensors"
        )


def write_binary(vectors: WordVectors, path: PathName, *, numbers: int = NUMBERS) -> None:
    """Write the bytes that gensim writes, `numbers` at a time. Raises OutputError."""
    from w2v.vectors.formats.scanning import join_binary  # imports Numba

    blob, offsets = packed = words_to_write(vectors, path)
    check_words(path, packed)
    step = rows_at_once(vectors, numbers)
    with written(path) as file:
        file.write(b"%d %d\n" % vectors.matrix.shape)
        for start in range(0, len(vectors), step):
            rows = vectors.matrix[start : start + step].view(numpy.uint8)
            names = offsets[start + len(rows)] - offsets[start]
            block = numpy.empty(rows.size + len(rows) + names, numpy.uint8)
            join_binary(blob, offsets, start, rows, block)
            file.write(block.data)
