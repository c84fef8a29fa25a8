"""Rows of numbers as text, read and written by all cores: word2vec's text and the projector's TSV.

Each number is written with the fewest digits that give the same float32 again, and read as the
float32 nearest to what is written, so that both ways are exact.
"""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO

import numpy

from w2v.errors import ModelFileError, W2VWarning
from w2v.parallel import cores, in_order
from w2v.vectors.formats.files import PathName, shown
from w2v.vectors.formats.kinds import commas, has_control, trailing_numbers

BLOCK = 1 << 23  # bytes that are read together
_LONGEST_WORD = 1 << 20  # bytes
_LONGEST_NUMBER = 1 << 7
_GUESSED_WRONG = 0.1  # of the words end in a number, where the dim was guessed
NUMBERS = 1 << 19  # that are written together


@dataclass
class Rows:
    """Rows that were read: (n, H) float32, their words' bytes, and the (n,) bytes of each word."""

    matrix: numpy.ndarray
    words: list[numpy.ndarray]
    lengths: numpy.ndarray


class TextRows:
    """Reads rows of `dim` numbers from a file that is open at the beginning of line `line`.

    A row is a word and the numbers, or only the numbers, with spaces or tabs between them.
    guessed: whether the dim is what most lines have, and no more is known of it. promised: how many
    rows there are, if that is known. most: read no more than these, and look at nothing after them;
    without it, only blank lines may follow the rows. block: how many bytes are read together.
    Raises ModelFileError, naming the line.
    """

    def __init__(
        self,
        file: IO[bytes],
        path: PathName,
        dim: int,
        *,
        line: int,
        promised: int | None,
        most: int | None = None,
        has_word: bool = True,
        guessed: bool = False,
        block: int = BLOCK,
    ):
        self.file, self.path, self.dim, self.block = file, path, dim, block
        self.line, self.has_word, self.guessed = line, has_word, guessed
        self.whole = most is None or (promised is not None and promised <= most)
        self.rows = promised if most is None or promised is None else min(promised, most)
        self.most = most if self.rows is None else self.rows

    def read(self) -> Rows:
        """The rows, as the constructor was told."""
        matrix = [numpy.empty((self.rows or 0, self.dim), numpy.float32)]
        words, lengths, done = [], [numpy.empty(0, numpy.int64)], 0
        numbered: list[int] = []
        with ThreadPoolExecutor(cores()) as pool:
            for part in self._in_order(pool):
                rows = len(part.matrix)
                if self.rows is None:
                    matrix.append(part.matrix)
                else:
                    matrix[0][done : done + rows] = part.matrix
                words.append(part.words)
                lengths.append(part.lengths)
                done += rows
                numbered += part.numbered
        if self.rows is not None and done < self.rows:
            self._refuse(
                self.line + done,
                f"the file ends here, after {done:,} words of {self.rows:,} promised: it is cut "
                "off, or its header is wrong",
            )
        if numbered:
            self._doubt(numbered[0], len(numbered), done)
        all_rows = matrix[0] if len(matrix) == 1 else numpy.concatenate(matrix)
        return Rows(all_rows, words, numpy.concatenate(lengths))

    def _in_order(self, pool: ThreadPoolExecutor) -> Iterator["_Parsed"]:
        """The parts of the file, of which nothing is left that should not be."""
        done, blank = 0, 0  # blank: the first line that is
        for part in in_order(pool, self._tasks(), cores()):
            if blank and len(part.matrix):
                self._refuse(blank, "the line is empty, and words follow it")
            yield part
            done += len(part.matrix)
            if done == self.most and not self.whole:
                return
            if part.rest.strip():
                line = part.line + len(part.matrix)
                if done != self.most:
                    self._refuse(line, "the line is empty, and words follow it")
                line += part.rest[: len(part.rest) - len(part.rest.lstrip())].count(b"\n")
                self._refuse(line, f"more follows after the {done:,} words that were promised")
            if part.rest:
                blank = blank or part.line + len(part.matrix)

    def _doubt(self, line: int, count: int, done: int) -> None:
        """Warn of words that end in a number; where these are many, the dim is wrong.

        line: the first of them. count: how many, of the `done` words.
        """
        where = f"{count:,} of {done:,} words end in a number, the first in line {line:,}"
        if self.guessed and count > _GUESSED_WRONG * done:
            self._refuse(
                line,
                f"{where}: the dim was guessed to be {self.dim:,}, as most lines have so many "
                "numbers: name it with --dim",
            )
        if 2 * count > done:
            self._refuse(
                line,
                f"there are more numbers than the dim of {self.dim:,}, and {where}: the dim is "
                "named wrongly",
            )
        warnings.warn(
            f"{self.path}: {where}: those lines have more numbers than the dim of {self.dim:,}",
            W2VWarning,
            stacklevel=2,
        )

    def _tasks(self) -> Iterator[Callable[[], "_Parsed"]]:
        line = self.line
        longest = _LONGEST_WORD + _LONGEST_NUMBER * self.dim
        for block, lines in whole_lines(self.file, self.path, line, self.block, longest):
            left = lines if self.most is None else max(0, self.line + self.most - line)
            yield partial(self._scan, block, line, min(left, lines))
            line += lines
            if not self.whole and left <= lines:
                return

    def _scan(self, block: bytes, line: int, rows: int) -> "_Parsed":
        """The first `rows` rows of a block of whole lines that begins at `line`."""
        from w2v.vectors.formats import scanning  # imports Numba

        text = numpy.frombuffer(block, numpy.uint8)
        # A row takes two bytes a number, so that short lines do not make room for long vectors.
        rows = min(rows, len(block) // (2 * self.dim) + 1)
        matrix = numpy.empty((rows, self.dim), numpy.float32)
        words, lengths = numpy.empty(len(text), numpy.uint8), numpy.empty(rows, numpy.int64)
        spans = numpy.empty((rows, 2), numpy.int64)
        hard, doubts = numpy.empty((2, rows), numpy.uint8)
        how, done, used, taken, *where = scanning.scan_text(
            text, self.has_word, matrix, words, lengths, spans, hard, doubts
        )
        for row in numpy.flatnonzero(hard[:done]):
            fields = block[slice(*spans[row])].split()[-self.dim :]
            matrix[row] = _careful(fields)
            if not numpy.isfinite(matrix[row]).all():
                self._refuse(line + int(row), "a number is too large for float32")
        if how == scanning.TOO_FEW:
            self._refuse_count(block[used:], line + done, where[0])
        if how == scanning.NO_NUMBER:
            self._refuse_number(block[used:], line + done, block[slice(*where)])
        for row in numpy.flatnonzero(doubts[:done] == scanning.TWO_ROWS):
            self._refuse(
                line + int(row), "it holds the vectors of two words: end a line between them"
            )
        numbered = numpy.flatnonzero(doubts[:done] == scanning.NUMBERED)
        return _Parsed(
            matrix[:done],
            words[:taken].copy(),
            lengths[:done],
            (line + numbered).tolist(),
            line,
            block[used:],
        )

    def _refuse(self, line: int, problem: str) -> None:
        raise ModelFileError(f"{self.path}, line {line:,}: {problem}")

    def _refuse_count(self, text: bytes, line: int, found: int) -> None:
        refuse_binary(text, self.path, line)
        text = text.partition(b"\n")[0]
        fewer = trailing_numbers(text) if self.has_word else len(text.split())
        amount = "more" if found > self.dim else f"{fewer:,}"
        self._refuse(line, f"a vector of {amount} numbers, where {self._known()}{commas(text)}")

    def _refuse_number(self, text: bytes, line: int, field: bytes) -> None:
        refuse_binary(text, self.path, line)
        text = text.partition(b"\n")[0]
        number = field.lower().lstrip(b"+-")
        finite = not number.startswith((b"nan", b"inf"))
        problem = f"{shown(field)} is not a {'' if finite else 'finite '}number{commas(text)}"
        if follow := trailing_numbers(text):
            problem += f": the line ends in {follow:,} numbers, where {self._known()}"
        self._refuse(line, problem)

    def _known(self) -> str:
        """What is known of the dim."""
        return f"most lines have {self.dim:,}" if self.guessed else f"the dim is {self.dim:,}"


@dataclass
class _Parsed:
    """What a block gave. numbered: lines whose words end in a number. rest: what it left."""

    matrix: numpy.ndarray
    words: numpy.ndarray
    lengths: numpy.ndarray
    numbered: list[int]
    line: int
    rest: bytes


def whole_lines(
    file: IO[bytes], path: PathName, line: int, size: int, longest: int
) -> Iterator[tuple[bytes, int]]:
    """A file in blocks that end in a newline, and how many lines each has; it begins at `line`.

    size: how many bytes are read together. longest: of what is still a line. Raises ModelFileError,
    naming the line, for a longer one, and if the last one does not end, for it may be cut off.
    """
    begun: list[bytes] = []  # of a line whose end is not read yet
    while piece := file.read(size):
        stop = piece.rfind(b"\n") + 1
        if stop:
            block = b"".join([*begun, piece[:stop]])
            lines = block.count(b"\n")
            yield block, lines
            line += lines
            begun = []
        begun.append(piece[stop:])
        if sum(map(len, begun)) > longest:
            raise ModelFileError(
                f"{path}, line {line:,} does not end within {longest:,} bytes: the file is not text"
            )
    if any(begun):
        refuse_binary(b"".join(begun), path, line)
        raise ModelFileError(
            f"{path}, line {line:,}: the file ends within the line: it is cut off; if nothing is "
            "missing, end the line"
        )


def refuse_binary(text: bytes, path: PathName, line: int) -> None:
    """Raise ModelFileError if what should be text has more control characters than text has."""
    if has_control(text):
        raise ModelFileError(
            f"{path}, line {line:,}: it holds bytes that are not text: word2vec's binary has a "
            "name that ends in .bin, or is converted with --from binary"
        )


def _careful(fields: list[bytes]) -> numpy.ndarray:
    """Numbers that are written as the scan admits them, each as the nearest float32."""
    import pyarrow

    return pyarrow.array(fields, pyarrow.string()).cast(pyarrow.float32()).to_numpy()


def row_lines(
    matrix: numpy.ndarray, words=None, separator: str = " ", *, numbers: int = NUMBERS
) -> Iterator[bytes]:
    """The lines of rows: their words, if given as a pyarrow array, and their numbers.

    numbers: how many of them become text at a time.
    """
    step = max(1, numbers // matrix.shape[1])
    tasks = (
        partial(
            _lines,
            matrix[start : start + step],
            None if words is None else words[start : start + step],
            separator,
        )
        for start in range(0, len(matrix), step)
    )
    with ThreadPoolExecutor(cores()) as pool:
        yield from in_order(pool, tasks, cores())


def _lines(matrix: numpy.ndarray, words, separator: str) -> bytes:
    import pyarrow
    from pyarrow import compute

    numbers = pyarrow.array(matrix.ravel()).cast(pyarrow.large_string())
    separator = pyarrow.scalar(separator, pyarrow.large_string())
    lines = compute.binary_join(_lists(numbers, matrix.shape[1]), separator)
    if words is not None:
        lines = compute.binary_join_element_wise(words, lines, separator)
    text = compute.binary_join(_lists(lines, len(lines)), pyarrow.scalar("\n", lines.type))
    return text[0].as_buffer().to_pybytes() + b"\n"


def _lists(items, size: int):
    """A pyarrow array cut into lists of `size`."""
    import pyarrow

    ends = numpy.arange(0, len(items) + 1, size, dtype=numpy.int32)
    return pyarrow.ListArray.from_arrays(ends, items)
