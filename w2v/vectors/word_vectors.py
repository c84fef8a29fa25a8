"""`WordVectors`: words, their vectors, and the two questions of the book."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy

from w2v.backend import Array, to_cpu
from w2v.errors import ModelFileError, UnknownWordError
from w2v.vectors.packed_words import PackedWords, repeated

Scored = tuple[str, float]
"""A word and its cosine similarity."""


class WordVectors:
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
    def index(self) -> dict[str, int]:
        """The row of each word. Raises ModelFileError if a file has a word twice."""
        index = dict(zip(self.words, range(len(self.words)), strict=True))
        if isinstance(self.words, PackedWords) and len(index) < len(self.words):
            first, second = repeated(self.words)
            raise ModelFileError(
                f"{self.words.name} is damaged: the word {self.words[first]!r} stands in rows "
                f"{first:,} and {second:,}"
            )
        return index

    @cached_property
    def unit_rows(self) -> numpy.ndarray:
        """(V, H) the vectors at length 1; a vector of zeros stays one.

        Raises ModelFileError if a file that is mapped holds NaN or infinity.
        """
        with numpy.errstate(invalid="ignore"):
            rows = unit_rows(self.matrix)
        if isinstance(self.words, PackedWords) and not numpy.isfinite(rows.sum(dtype=float)):
            raise ModelFileError(f"{self.words.name} is damaged: a vector holds NaN or infinity")
        return rows

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> numpy.ndarray:
        return self.matrix[self.row(word)]

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, dim {self.matrix.shape[1]}>"

    def row(self, word: str) -> int:
        """A word's row. Raises UnknownWordError, which names up to five close spellings."""
        try:
            return self.index[word]
        except KeyError:
            raise UnknownWordError(word, close_spellings(word, self.words)) from None

    def similar(self, word: str, top: int = 5) -> list[Scored]:
        """The words nearest to a word by cosine, best first, without the word itself.

        Raises UnknownWordError.
        """
        row = self.row(word)
        return self.nearest(self.unit_rows[row], [row], top)

    def analogy(self, a: str, b: str, c: str, top: int = 5) -> list[Scored]:
        """a is to b as c is to ...: the words nearest to b - a + c, without these three.

        The three count at length 1 (3CosAdd, Levy and Goldberg 2014). Raises UnknownWordError.
        """
        rows = [self.row(word) for word in (a, b, c)]
        return self.nearest(self._analogy_query(*rows), rows, top)

    def analogy_score(self, a: str, b: str, c: str, answer: str) -> float:
        """How near a given answer is to b - a + c, by cosine. Raises UnknownWordError."""
        query = self._analogy_query(*[self.row(word) for word in (a, b, c)])
        return float(self.unit_rows[self.row(answer)] @ unit_rows(query[None])[0])

    def _analogy_query(self, a: int, b: int, c: int) -> numpy.ndarray:
        return self.unit_rows[b] - self.unit_rows[a] + self.unit_rows[c]

    def nearest(self, query: numpy.ndarray, exclude: Iterable[int], top: int) -> list[Scored]:
        """The words nearest to a vector by cosine, best first; ties in the order of the words.

        query: (H,). exclude: rows that are no answers. One matrix product and a partial sort.
        """
        scores = self.unit_rows @ unit_rows(query[None])[0]
        exclude = list(exclude)
        scores[exclude] = -numpy.inf
        top = max(0, min(top, len(self) - len(set(exclude))))
        if top == 0:
            return []
        worst = numpy.partition(scores, len(scores) - top)[len(scores) - top]
        rows = numpy.flatnonzero(scores >= worst)  # all that tie with the last one, in order
        rows = rows[numpy.argsort(-scores[rows], kind="stable")][:top]
        return [(self.words[row], float(scores[row])) for row in rows.tolist()]


def unit_rows(matrix: numpy.ndarray) -> numpy.ndarray:
    """Rows at length 1; a row of zeros stays one. matrix: (V, H)."""
    # in float64, where the square of no float32 leaves the range
    norms = numpy.sqrt(numpy.einsum("vh,vh->v", matrix, matrix, dtype=numpy.float64))
    return (matrix / numpy.where(norms > 0, norms, 1)[:, None]).astype(matrix.dtype)


def close_spellings(word: str, words: Iterable[str], limit: int = 5) -> list[str]:
    """Up to `limit` of the words that are spelled like `word`, best first."""
    from rapidfuzz import process
    from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

    near = process.extract(
        word, words, scorer=JaroWinkler.normalized_similarity, limit=100, score_cutoff=0.7
    )
    scored = [(DamerauLevenshtein.normalized_distance(word, other), other) for other, *_ in near]
    return [other for distance, other in sorted(scored) if distance <= 0.5][:limit]
