"""`WordVectors`: words and their vectors."""

from collections.abc import Sequence
from functools import cached_property

import numpy

from w2v.backend import Array, to_cpu
from w2v.vectors.queries import Queries


class WordVectors(Queries):
    """V words and their vectors.

    words: V distinct words. matrix: (V, H), kept as float32 on the CPU. Raises ValueError if the
    two do not fit each other.
    """

    def __init__(self, words: Sequence[str], matrix: Array):
        matrix = to_cpu(matrix)
        if matrix.ndim != 2 or len(words) != len(matrix):
            raise ValueError(f"{len(words)} words do not fit vectors of shape {matrix.shape}")
        self.words = list(words)
        self.matrix = numpy.ascontiguousarray(matrix, numpy.float32)

    @cached_property
    def index(self) -> dict[str, int]:  # type: ignore[override]
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, word: str) -> numpy.ndarray:
        return self.matrix[self.row(word)]

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, dim {self.matrix.shape[1]}>"
