"""What word vectors are asked: the base of `WordVectors`, under the names of gensim's KeyedVectors.

Scores are gensim's: a word counts at length 1, a score is a cosine. A question is one product of
the matrix with a vector, on the GPU where `config.GPU` is set, and a partial sort.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal

import numpy

from w2v import config
from w2v.backend import Array, array_module, to_cpu, to_gpu
from w2v.errors import ConfigError, UnknownWordError
from w2v.vectors.arguments import (
    Items,
    Weighted,
    check_shape,
    to_items,
    to_numbers,
    to_word,
    to_words,
    whole_number,
)
from w2v.vectors.cosine import COSMUL_EPSILON, check_finite, cosine, row_lengths, unit_rows

Scored = tuple[str, float]
"""A word and its score."""

UNICODE_FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")


class Queries:
    """Questions to V words and their vectors, of size H."""

    _words: Sequence[str]
    _matrix: numpy.ndarray
    words: list[str]
    matrix: numpy.ndarray
    index: dict[str, int]

    # Words, rows and vectors

    def row(self, word: str) -> int:
        """A word's row. Raises UnknownWordError, which names up to five close spellings, and
        ConfigError for what is not a word.
        """
        try:
            return self.index[to_word(word)]
        except KeyError:
            raise self.unknown(word) from None

    def unknown(self, word: str) -> UnknownWordError:
        """The error for a word that is not in the vocabulary, with up to five close spellings, or
        with the Unicode form in which it is there.
        """
        for form in UNICODE_FORMS:
            if unicodedata.normalize(form, word) in self.index:
                return UnknownWordError(word, [unicodedata.normalize(form, word)], form)
        return UnknownWordError(word, close_spellings(word, self._words))

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self.index

    def get_vector(self, word: str, norm: bool = False) -> numpy.ndarray:
        """(H,) a word's vector, at length 1 with `norm`.

        Raises UnknownWordError, and ModelFileError if it holds NaN or infinity.
        """
        vector = self._matrix[self.row(word)]
        if norm:
            return unit_rows(vector[None])[0]
        check_finite(vector)
        return vector

    @property
    def index_to_key(self) -> list[str]:
        """gensim's name for the words."""
        return self.words

    @property
    def key_to_index(self) -> dict[str, int]:
        """gensim's name for the row of each word."""
        return self.index

    @property
    def vectors(self) -> numpy.ndarray:
        """gensim's name for the matrix, (V, H)."""
        return self.matrix

    @vectors.setter
    def vectors(self, matrix: Array) -> None:
        self.matrix = matrix

    @property
    def vector_size(self) -> int:
        """H, the size of a vector."""
        return self._matrix.shape[1]

    # The nearest words

    def most_similar(
        self,
        positive: Items = None,
        negative: Items = None,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Scored]:
        """The words nearest to the sum of `positive` minus that of `negative`, without these words.

        positive, negative: a word or a vector, or a list of them; one of both may be empty. Words
        count at length 1, vectors as they are; (word, weight) counts with that weight, whichever
        list it is in. clip_start, clip_end: the rows that may answer; restrict_vocab: only the
        first so many. Best first, ties in the order of the words. Raises UnknownWordError,
        ConfigError for an empty query, a vector of another size or with NaN, and for what is
        neither a word nor a vector. (topn=None gives the array of all cosines, as in gensim.)

        Source: 3CosAdd, Levy and Goldberg 2014, as gensim 4 implements it.
        """
        items = [*to_items(positive, 1.0), *to_items(negative, -1.0)]
        rows = [self.row(item) for item, _ in items if isinstance(item, str)]
        query = self._combine(items)
        if restricted := _restricted(restrict_vocab):
            clip_start, clip_end = 0, restricted
        start, stop = self._range(clip_start, clip_end)
        if topn is not None and whole_number("topn", topn) < 1:
            return []
        return self._best(self.cosines(query, start, stop), start, rows, topn)

    def most_similar_cosmul(
        self,
        positive: Items = None,
        negative: Items = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Scored]:
        """The words that are near to each of `positive` and far from each of `negative`.

        The score is the product of the cosines, moved to 0..1, divided by that of the negative
        ones. Words and vectors count at length 1. Raises UnknownWordError, ConfigError as
        `most_similar`, and without a positive word.

        Source: 3CosMul, Levy and Goldberg 2014, equation 4, as gensim 4 implements it (where
        restrict_vocab has no effect).
        """
        sides = [[item for item, _ in to_items(side, 1.0)] for side in (positive, negative)]
        rows = [self.row(item) for side in sides for item in side if isinstance(item, str)]
        if not sides[0]:
            raise ConfigError("3CosMul needs a positive word")
        start, stop = self._range(0, _restricted(restrict_vocab))
        if topn is not None and whole_number("topn", topn) < 1:
            return []
        above, below = (
            [(1 + self.cosines(self._vector(item), start, stop)) / 2 for item in side]
            for side in sides
        )
        scores = numpy.prod(above, axis=0)
        if below:
            scores = scores / (numpy.prod(below, axis=0) + COSMUL_EPSILON)
        else:
            scores = scores / (1 + COSMUL_EPSILON)
        return self._best(scores, start, rows, topn)

    def similar(self, word: str, topn: int = 5) -> list[Scored]:
        """The words nearest to a word, best first: `most_similar` of one word."""
        return self.most_similar(word, topn=topn)

    def similar_by_word(
        self, word: str, topn: int = 10, restrict_vocab: int | None = None
    ) -> list[Scored]:
        """gensim's name for `most_similar` of one word."""
        return self.most_similar(word, topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: numpy.ndarray, topn: int = 10, restrict_vocab: int | None = None
    ) -> list[Scored]:
        """gensim's name for `most_similar` of one vector, (H,)."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def neighbours(
        self,
        words: Sequence[str] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
        threads: int | None = None,
    ) -> Iterator[tuple[str, list[Scored]]]:
        """Each word (all of them without `words`) with the words nearest to it, best first.

        The same as `most_similar` of one word after the other, in batches and much faster.
        restrict_vocab: only the first so many words may answer. threads: all cores if unset.
        Raises UnknownWordError before the first answer.
        """
        from w2v.vectors.search.neighbours import nearest_rows

        topn = max(0, whole_number("topn", topn))
        _, stop = self._range(0, _restricted(restrict_vocab))
        threads = None if threads is None else whole_number("threads", threads, least=1)
        asked = (
            range(len(self._words))
            if words is None
            else [self.row(word) for word in to_words(words)]
        )
        found = nearest_rows(self._matrix, asked, topn, stop, threads)
        names = self._words
        return (
            (names[row], [(names[near], float(score)) for near, score in zip(*kept, strict=True)])
            for row, *kept in found
        )

    # Analogies

    def analogy(self, a: str, b: str, c: str, topn: int = 5) -> list[Scored]:
        """a is to b as c is to ...: the words nearest to b - a + c, without these three.

        The three count at length 1 (3CosAdd, Levy and Goldberg 2014). Raises UnknownWordError.
        """
        for word in (a, b, c):  # an unknown one is named in the order of the question
            self.row(word)
        return self.most_similar([b, c], [a], topn=topn)

    def analogy_score(self, a: str, b: str, c: str, answer: str) -> float:
        """How near a given answer is to b - a + c, by cosine. Raises UnknownWordError."""
        query = self._combine([(b, 1.0), (a, -1.0), (c, 1.0)])
        return cosine(query, self._matrix[self.row(answer)])

    # Words with words

    def similarity(self, w1: str, w2: str) -> float:
        """The cosine of two words. Raises UnknownWordError."""
        return cosine(self._matrix[self.row(w1)], self._matrix[self.row(w2)])

    def n_similarity(self, ws1: Iterable[str], ws2: Iterable[str]) -> float:
        """The cosine of the means of two sets of words, each word at its own length.

        Unknown words do not count, as in gensim. Raises ConfigError for a set that is empty, and
        UnknownWordError for one in which no word is known.
        """
        first, second = (self._matrix[self._known(words)].mean(axis=0) for words in (ws1, ws2))
        return cosine(first, second)

    def _known(self, words: str | Iterable[str]) -> list[int]:
        """The rows of the words that are known, at least one."""
        words = to_words(words)
        if not words:
            raise ConfigError("no words are given: name at least one")
        known = [self.index[word] for word in words if word in self]
        if not known:
            raise self.unknown(words[0])
        return known

    def doesnt_match(self, words: Iterable[str]) -> str:
        """The word that is farthest from the mean of all. Unknown words do not count.

        Raises as `rank_by_centrality`.
        """
        return self.rank_by_centrality(words)[-1][1]

    def rank_by_centrality(self, words: Iterable[str]) -> list[tuple[float, str]]:
        """The words with their cosines to the mean of all (at length 1), nearest first.

        Unknown words do not count, as in gensim. Raises ConfigError without words, and
        UnknownWordError where none is known.
        """
        rows = self._known(words)
        units = unit_rows(self._matrix[rows])
        scores = units @ unit_rows(units.mean(axis=0)[None])[0]
        known = [self._words[row] for row in rows]
        return sorted(zip(scores.tolist(), known, strict=True), reverse=True)

    def rank(self, key1: str, key2: str) -> int:
        """How many words are nearer to key1 than key2 is, plus one. Raises UnknownWordError."""
        own, other = self.row(key1), self.row(key2)
        scores = self.cosines(self.get_vector(key1))
        scores[own] = -numpy.inf if own != other else scores[own]
        return int((scores > scores[other]).sum()) + 1

    # The arithmetic

    def cosines(self, query: numpy.ndarray, start: int = 0, stop: int | None = None) -> Array:
        """The cosine of the words start..stop with a vector, (H,), as a NumPy array."""
        matrix, lengths = self._on_gpu if config.GPU else (self._matrix, self._lengths)
        start, stop = self._range(start, stop)
        unit = array_module(matrix).asarray(unit_rows(self._vector(query)[None])[0])
        return to_cpu(matrix[start:stop] @ unit / lengths[start:stop])

    @cached_property
    def _lengths(self) -> numpy.ndarray:
        """(V,) the length of each vector, and 1 for a vector of zeros."""
        return row_lengths(self._matrix).astype(self._matrix.dtype)

    @cached_property
    def _on_gpu(self) -> tuple[Array, Array]:
        return to_gpu(self._matrix), to_gpu(self._lengths)

    def _range(self, start: int | None, stop: int | None) -> tuple[int, int]:
        """The rows start..stop, in 0..V. Raises ConfigError for other numbers than 0, 1, 2 ..."""
        size = len(self._words)
        start = 0 if start is None else whole_number("clip_start", start, least=0)
        stop = size if stop is None else whole_number("clip_end", stop, least=0)
        return min(start, size), min(stop, size)

    def _vector(self, item: str | numpy.ndarray) -> numpy.ndarray:
        """(H,) a word's vector at length 1, or the vector itself."""
        if isinstance(item, str):
            return self.get_vector(item, norm=True)
        vector = to_numbers(item)
        check_shape(vector, self.vector_size)
        return vector

    def _combine(self, items: Weighted) -> numpy.ndarray:
        if not items:
            raise ConfigError("nothing is asked: name a word, positive or negative")
        with numpy.errstate(over="ignore", invalid="ignore"):  # refused by `cosines`
            weights = numpy.array([weight for _, weight in items], numpy.float32)
            return weights @ numpy.stack([self._vector(item) for item, _ in items])

    def _best(
        self, scores: numpy.ndarray, first: int, exclude: list[int], topn: int | None
    ) -> list[Scored]:
        """The words with the highest scores; ties in the order of the words.

        scores: of the rows from `first` on, changed here. exclude: rows that are not answers.
        topn=None gives `scores` as they are, as gensim does.
        """
        if topn is None:
            return scores  # type: ignore[return-value]
        outside = {row - first for row in exclude if 0 <= row - first < len(scores)}
        scores[list(outside)] = -numpy.inf
        topn = max(0, min(topn, len(scores) - len(outside)))
        if topn == 0:
            return []
        worst = numpy.partition(scores, len(scores) - topn)[len(scores) - topn]
        rows = numpy.flatnonzero(scores >= worst)  # all that tie with the last one, in order
        rows = rows[numpy.argsort(-scores[rows], kind="stable")][:topn]
        return [(self._words[first + row], float(scores[row])) for row in rows.tolist()]


def _restricted(words: int | None) -> int | None:
    """The number of words that may answer; None, as 0 means, for all."""
    return None if words is None else whole_number("restrict_vocab", words, least=0) or None


def close_spellings(word: str, words: Iterable[str], limit: int = 5) -> list[str]:
    """Up to `limit` of the words that are spelled like `word`, best first."""
    from rapidfuzz import process
    from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

    near = process.extract(
        word, words, scorer=JaroWinkler.normalized_similarity, limit=100, score_cutoff=0.7
    )
    scored = [(DamerauLevenshtein.normalized_distance(word, other), other) for other, *_ in near]
    return [other for distance, other in sorted(scored) if distance <= 0.5][:limit]
