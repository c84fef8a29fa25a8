"""`WordVectors`: words and their vectors."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy

from w2v.backend import Array, to_cpu
from w2v.errors import ConfigError, ModelFileError
from w2v.vectors.arguments import check_shape, to_numbers, to_words
from w2v.vectors.packed_words import PackedWords, repeated
from w2v.vectors.queries import Queries
from w2v.vectors.read_only import WordList, WordRows, locked


class WordVectors(Queries):
    """V words and their vectors, wherever they come from: from a file, a training or two lists.

    words: V distinct words. matrix: (V, H), kept as float32 on the CPU. counts: (V,) how often each
    word occurs in the text, and training: the options that the vectors were trained with, where
    they are known. copy=False keeps the arrays that are given, if they are of these types already:
    a mapped file stays mapped, and whoever changes them changes the answers. Raises ConfigError if
    words, matrix and counts do not fit each other.

    Iterating gives the words, `len` their number, `vectors["word"]` a vector, and
    `numpy.asarray(vectors)` the matrix. What these return is read-only; `vectors["word"] = vector`,
    `vectors.matrix = matrix` and `add_vectors` change the vectors, and all answers with them.
    """

    def __init__(
        self,
        words: Iterable[str],
        matrix: Array,
        counts: Array | None = None,
        training: dict[str, Any] | None = None,
        copy: bool = True,
    ):
        if isinstance(words, str):
            raise ConfigError(f"words are given as a list, not as the string {words!r}")
        if not isinstance(words, PackedWords | WordList):
            words = WordList(to_words(words))
        self._words = words
        self._matrix = self._fitting(matrix, copy)
        self.counts = None if counts is None else self._fitting_counts(counts, copy)
        self.training = training

    def _fitting(self, matrix: Array, copy: bool) -> numpy.ndarray:
        """The matrix, read-only, once it is known to have a row for each word."""
        try:
            matrix = numpy.asarray(to_cpu(matrix))
            if matrix.ndim == 2 and len(self._words) == len(matrix):
                fitting = numpy.array(matrix, numpy.float32, order="C", copy=copy or None)
                return _sealed(fitting) if copy else locked(fitting)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"vectors are rows of numbers: {error}") from error
        raise ConfigError(f"{len(self._words)} words do not fit vectors of shape {matrix.shape}")

    def _fitting_counts(self, counts: Array, copy: bool) -> numpy.ndarray:
        if numpy.shape(counts) != (len(self._words),):
            raise ConfigError(
                f"{len(self._words)} words do not fit counts of shape {numpy.shape(counts)}"
            )
        try:
            return locked(numpy.array(counts, numpy.int64, copy=copy or None))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"counts are whole numbers: {error}") from error

    # Words and rows

    @cached_property
    def words(self) -> WordList:  # type: ignore[override]
        """The words, in the order of the rows: a list that cannot be changed."""
        return self._words if isinstance(self._words, WordList) else WordList(self.index)

    @cached_property
    def index(self) -> WordRows:  # type: ignore[override]
        """The row of each word. Raises ConfigError, or ModelFileError, if a word stands twice."""
        if (rows := self.repeated) is None:
            return self._rows
        first, second = rows
        place = f"the word {self._words[first]!r} stands in rows {first:,} and {second:,}"
        if isinstance(self._words, PackedWords):
            raise ModelFileError(f"{self._words.name} is damaged: {place}")
        raise ConfigError(f"{place}: give each word one vector")

    @cached_property
    def repeated(self) -> tuple[int, int] | None:
        """The rows of the first word that stands twice; None as it should be."""
        return repeated(self._words) if len(self._rows) < len(self._words) else None

    @cached_property
    def _rows(self) -> WordRows:
        return WordRows(zip(self._words, range(len(self._words)), strict=True))

    def keys(self) -> WordList:
        """The words, so that `dict(vectors)` is each word with its vector."""
        return self.words

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    # Vectors

    @property
    def matrix(self) -> numpy.ndarray:
        """(V, H) float32 the vectors, read-only; another matrix of V rows can take their place."""
        return self._matrix

    @matrix.setter
    def matrix(self, matrix: Array) -> None:
        self._matrix = self._fitting(to_numbers(matrix), copy=True)
        self._forget()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> numpy.ndarray:
        return numpy.array(self._matrix, dtype, copy=copy)

    def __getitem__(self, words: str | Iterable[str]) -> numpy.ndarray:
        """(H,) the vector of a word, read-only, or (n, H) those of a list, array or tuple of words.

        Raises UnknownWordError, and ConfigError for what is not a word.
        """
        if isinstance(words, str) or not hasattr(words, "__iter__"):
            return self.get_vector(words)  # type: ignore[arg-type]
        rows = [self.row(word) for word in to_words(words)]
        return self._matrix[numpy.array(rows, numpy.int64)]

    def __setitem__(self, words: str | Iterable[str], vectors: Array) -> None:
        """Give words, known or new, these vectors: as `add_vectors` with replace=True."""
        self.add_vectors(words, vectors, replace=True)

    def add_vectors(
        self, words: str | Iterable[str], vectors: Array, replace: bool = False
    ) -> None:
        """Add words after those that are there, with their vectors; counts of theirs are 0.

        words: a word and its vector (H,), or n words and (n, H). replace: words that are there take
        the new vectors; without it they keep theirs, as in gensim. A mapped file is read into
        memory. Raises ConfigError.
        """
        rows = to_numbers(vectors)
        rows = rows[None] if isinstance(words, str) else rows
        words = to_words(words)
        check_shape(rows, len(words), self.vector_size)
        if len(set(words)) < len(words):
            raise ConfigError("a word is given twice: give each word one vector")
        is_known = numpy.array([word in self.index for word in words], bool)
        if replace and is_known.any():
            self._replace(
                [self.index[word] for word in words if word in self.index], rows[is_known]
            )
        if not is_known.all():
            fresh = [word for word in words if word not in self.index]
            self._append(fresh, rows[~is_known])
        self._forget()

    def _replace(self, places: list[int], rows: numpy.ndarray) -> None:
        if not self._matrix.flags.owndata:  # another's, or a file's
            self._matrix = self._matrix.copy()
        self._matrix.flags.writeable = True
        self._matrix[places] = rows
        self._matrix.flags.writeable = False

    def _append(self, words: list[str], rows: numpy.ndarray) -> None:
        self._words = WordList([*self._words, *words])
        self._matrix = _sealed(numpy.concatenate([self._matrix, rows]))
        if self.counts is not None:
            more = numpy.zeros(len(words), numpy.int64)
            self.counts = locked(numpy.concatenate([self.counts, more]))
        for name in ("words", "index", "repeated", "_rows"):
            self.__dict__.pop(name, None)

    def _forget(self) -> None:
        """Drop what was computed from the vectors that were there before."""
        for name in ("_lengths", "_on_gpu"):
            self.__dict__.pop(name, None)

    def __reduce__(self) -> tuple:
        return type(self), (self.words, self._matrix, self.counts, self.training, False)

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, dim {self.vector_size}>"


def _sealed(array: numpy.ndarray) -> numpy.ndarray:
    """The array itself, which nobody else has, made read-only."""
    array.flags.writeable = False
    return array
