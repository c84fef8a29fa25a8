"""Rows of numbers as text, read and written by all cores: word2vec's text and the projector's TSV.

Each number is written with the fewest digits that give the same float32 again, and read as the
float32 nearest to what is written, so that both ways are exact.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO

import numpy

from w2v.errors import ModelFileError
from w2v.parallel import cores, in_order
from w2v.vectors.formats.files import PathName, shown

BLOCK = 1 << 23  # bytes that are read together
_LONGEST_LINE = 1 << 30
NUMBERS = 1 << 19  # that are written together


@dataclass
class Rows:
    """Rows that were read: (n, H) float32, their words' bytes, and the (n,) bytes of each word."""

    matrix: numpy.ndarray
    words: list[numpy.ndarray]
    lengths: numpy.ndarray


class TextRows:
    """Reads rows of `dim` numbers from a file that is open at the beginning of line `line`.

    A row is a word, a separator and the numbers between separators, or only the numbers.
    promised: how many rows there are, if that is known. most: read no more than these, and look at
    nothing after them; without it, only blank lines may follow the rows. block: how many bytes
    are read together. Raises ModelFileError, naming the line.
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
        separator: str = " ",
        has_word: bool = True,
        block: int = BLOCK,
    ):
        self.file, self.path, self.dim, self.block = file, path, dim, block
        self.line, self.has_word, self.separator = line, has_word, separator.encode()
        self.whole = most is None or (promised is not None and promised <= most)
        self.rows = promised if most is None or promised is None else min(promised, most)
        self.most = most if self.rows is None else self.rows

    def read(self) -> Rows:
        """The rows, as the constructor was told."""
        matrix = [numpy.empty((self.rows or 0, self.dim), numpy.float32)]
        words, lengths, done = [], [numpy.empty(0, numpy.int64)], 0
        numbered = self.has_word
        with ThreadPoolExecutor(cores()) as pool:
            for part in self._in_order(pool):
                rows = len(part.matrix)
                if self.rows is None:
                    matrix.append(part.matrix)
                else:
                    matrix[0][done : done + rows] = part.matrix
                words.append(part.words)
                lengths.append(part.lengths)
                done, numbered = done + rows, numbered and part.numbered
        if self.rows is not None and done < self.rows:
            self._refuse(
                self.line + done,
                f"the file ends here, after {done:,} words of {self.rows:,} promised: it is cut "
                "off, or its header is wrong",
            )
        if done and numbered and self.rows is not None:  # a header has named the dim
            self._refuse(
                self.line,
                f"there are more numbers than the dim of {self.dim:,}, in this and every line: the "
                "header names the wrong dim",
            )
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

    def _tasks(self) -> Iterator[Callable[[], "_Parsed"]]:
        line = self.line
        for block, lines in whole_lines(self.file, self.path, line, self.block):
            left = lines if self.most is None else max(0, self.line + self.most - line)
            yield partial(self._scan, block, line, min(left, lines))
            line += lines
            if not self.whole and left <= lines:
                return

    def _scan(self, block: bytes, line: int, rows: int) -> "_Parsed":
        """The first `rows` rows of a block of whole lines that begins at `line`."""
        from w2v.vectors.formats import scanning  # imports Numba

        text = numpy.frombuffer(block, numpy.uint8)
        matrix = numpy.empty((rows, self.dim), numpy.float32)
        words, lengths = numpy.empty(len(text), numpy.uint8), numpy.empty(rows, numpy.int64)
        spans = numpy.empty((rows, 2), numpy.int64)
        hard, numbered = numpy.empty((2, rows), numpy.uint8)
        how, done, used, taken, *where = scanning.scan_text(
            text, self.separator[0], self.has_word, matrix, words, lengths, spans, hard, numbered
        )
        for row in numpy.flatnonzero(hard[:done]):
            fields = block[slice(*spans[row])].split(self.separator)[-self.dim :]
            matrix[row] = _careful(fields)
            if not numpy.isfinite(matrix[row]).all():
                self._refuse(line + int(row), "a number is too large for float32")
        if how == scanning.TOO_FEW:
            self._refuse_count(block[used:], line + done, where[0])
        if how == scanning.NO_NUMBER:
            self._refuse_number(block, line + done, slice(*where))
        return _Parsed(
            matrix[:done],
            words[:taken].copy(),
            lengths[:done],
            bool(numbered[:done].all()),
            line,
            block[used:],
        )

    def _refuse(self, line: int, problem: str) -> None:
        raise ModelFileError(f"{self.path}, line {line:,}: {problem}")

    def _refuse_count(self, text: bytes, line: int, found: int) -> None:
        refuse_binary(text, self.path, line)
        amount = "more" if found > self.dim else f"{found:,}"
        self._refuse(line, f"a vector of {amount} numbers, where the dim is {self.dim:,}")

    def _refuse_number(self, text: bytes, line: int, field: slice) -> None:
        refuse_binary(text, self.path, line)
        number = text[field]
        try:
            float(number)  # not by our rules, so it is not finite, or 1_000
            problem = f"{shown(number)} is not a finite number"
        except ValueError:
            problem = f"{shown(number)} is not a number"
        self._refuse(line, problem)


@dataclass
class _Parsed:
    """What a block gave. numbered: whether all its words end in a number. rest: what it left."""

    matrix: numpy.ndarray
    words: numpy.ndarray
    lengths: numpy.ndarray
    numbered: bool
    line: int
    rest: bytes


def whole_lines(
    file: IO[bytes], path: PathName, line: int, size: int
) -> Iterator[tuple[bytes, int]]:
    """A file in blocks that end in a newline, and how many lines each has; it begins at `line`.

    size: how many bytes are read together. Raises ModelFileError, naming the line, if the last one
    does not, for it may be cut off.
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
        if sum(map(len, begun)) > _LONGEST_LINE:
            raise ModelFileError(f"{path}, line {line:,} does not end: the file is not text")
    if any(begun):
        refuse_binary(b"".join(begun), path, line)
        raise ModelFileError(
            f"{path}, line {line:,}: the file ends within the line: it is cut off; if nothing is "
            "missing, end the line"
        )


def refuse_binary(text: bytes, path: PathName, line: int) -> None:
    """Raise ModelFileError if what should be text has more control characters than text has."""
    head = text[:4096]
    control = sum(byte < 0x20 and byte not in b"\t\n\v\f\r" for byte in head)
    if control > len(head) // 50:
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
