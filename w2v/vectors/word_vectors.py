"""`WordVectors`: words and their vectors."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy

from w2v.backend import Array, to_cpu
from w2v.errors import ModelFileError
from w2v.vectors.packed_words import PackedWords, repeated
from w2v.vectors.queries import Queries


class WordVectors(Queries):
    """V words and their vectors.

    words: V distinct words. matrix: (V, H), kept as float32 on the CPU; one that is mapped from a
    file stays mapped. counts: (V,) how often each word occurs in the text, and training: the
    options that the vectors were trained with, where they are known. Raises ValueError if these do
    not fit each other.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: Array,
        counts: Array | None = None,
        training: dict[str, Any] | None = None,
    ):
        matrix = to_cpu(matrix)
        if matrix.ndim != 2 or len(words) != len(matrix):
            raise ValueError(f"{len(words)} words do not fit vectors of shape {matrix.shape}")
        if counts is not None and numpy.shape(counts) != (len(words),):
            raise ValueError(f"{len(words)} words do not fit counts of shape {numpy.shape(counts)}")
        self.words: Sequence[str] = words if isinstance(words, PackedWords) else list(words)
        self.matrix = numpy.ascontiguousarray(matrix, numpy.float32)
        self.counts = None if counts is None else numpy.asarray(counts, numpy.int64)
        self.training = training

    @cached_property
    def index(self) -> dict[str, int]:  # type: ignore[override]
        """The row of each word. Raises ModelFileError if a file has a word twice."""
        index = dict(zip(self.words, range(len(self.words)), strict=True))
        if isinstance(self.words, PackedWords) and len(index) < len(self.words):
            first, second = repeated(self.words)
            raise ModelFileError(
                f"{self.words.name} is damaged: the word {self.words[first]!r} stands in rows "
                f"{first:,} and {second:,}"
            )
        return index

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, word: str | list[str]) -> numpy.ndarray:
        if isinstance(word, list):
            return self.matrix[[self.row(one) for one in word]]
        return self.get_vector(word)

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, dim {self.matrix.shape[1]}>"
