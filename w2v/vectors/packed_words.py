"""Words as bytes: how files keep millions of them, and the list that is read only where asked.

W words are a blob of their UTF-8, one after the other, and W + 1 offsets into it: word i is
`blob[offsets[i]:offsets[i + 1]]`. Neither takes a parser, and both can be mapped into memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy

from w2v.errors import ModelFileError

Packed = tuple[numpy.ndarray, numpy.ndarray]
"""The blob and the offsets of words."""

_DECODED = 1 << 16  # words that are decoded at a time while going through all


class PackedWords(Sequence[str]):
    """A read-only list of words over their bytes; equal to any list of the same words.

    blob: (B,) uint8. offsets: (W + 1,) int64. name: the file, for errors. Raises ModelFileError if
    the offsets do not fit the blob, or later, for a word that is not valid UTF-8.
    """

    def __init__(self, blob: numpy.ndarray, offsets: numpy.ndarray, name: str):
        fits = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(blob)
        if not fits or (numpy.diff(offsets) < 0).any():
            raise ModelFileError(f"{name} is damaged: the offsets of its words do not fit them")
        self.blob, self.offsets, self.name = blob, offsets, name

    def first(self, count: int) -> "PackedWords":
        """The first `count` words."""
        offsets = self.offsets[: count + 1]
        return PackedWords(self.blob[: offsets[-1]], offsets, self.name)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        row = range(len(self))[row]  # counts from the end, and raises IndexError
        try:
            return self.blob[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()
        except UnicodeDecodeError as error:
            raise self._damaged() from error

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _DECODED):
            yield from self._decode(start, min(start + _DECODED, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | PackedWords):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<PackedWords: {len(self)} words of {self.name}>"

    def _decode(self, start: int, stop: int) -> list[str]:
        try:
            return unpack(self.blob, self.offsets[start : stop + 1])
        except ValueError as error:
            raise self._damaged() from error

    def _damaged(self) -> ModelFileError:
        return ModelFileError(f"{self.name} is damaged: a word is not valid UTF-8")


def pack(words: Iterable[str]) -> Packed:
    """The blob (B,) uint8 and the offsets (W + 1,) int64 of words.

    Raises UnicodeEncodeError for a word that UTF-8 cannot hold (half of a surrogate pair).
    """
    import pyarrow

    if isinstance(words, PackedWords):
        return words.blob, words.offsets
    array = pyarrow.array(list(words), pyarrow.large_string())
    _, offsets, blob = array.buffers()
    return (
        numpy.frombuffer(blob or b"", numpy.uint8),
        numpy.frombuffer(offsets or bytes(8), numpy.int64)[: len(array) + 1],
    )


def unpack(blob: numpy.ndarray, offsets: numpy.ndarray) -> list[str]:
    """The words of `pack`. Raises ValueError unless each is valid UTF-8."""
    array = arrow_strings(blob, offsets)
    array.validate(full=True)
    return array.to_numpy(zero_copy_only=False).tolist()


def arrow_strings(blob: numpy.ndarray, offsets: numpy.ndarray):
    """The words as a pyarrow LargeStringArray over the same memory."""
    import pyarrow

    return pyarrow.LargeStringArray.from_buffers(
        len(offsets) - 1,
        pyarrow.py_buffer(numpy.ascontiguousarray(offsets)),
        pyarrow.py_buffer(numpy.ascontiguousarray(blob)),
    )


def repeated(words: Iterable[str]) -> tuple[int, int]:
    """The rows of the first word that occurs again, and of its second occurrence."""
    seen: dict[str, int] = {}
    for row, word in enumerate(words):
        first = seen.setdefault(word, row)
        if first != row:
            return first, row
    raise ValueError("all words differ")
