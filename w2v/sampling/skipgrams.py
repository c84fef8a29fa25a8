"""Labelled pairs of words: those that stand near each other, and drawn ones."""

from collections.abc import Iterator, Sequence

import numpy

from w2v import np, rng
from w2v.backend import Array
from w2v.corpus import SENTENCE_END
from w2v.errors import CorpusError
from w2v.sampling.alias import AliasTable

LONGEST = 50_000
"""Words of a sentence whose pairs are made at once; a longer one is cut, to spare memory."""


def skipgrams(
    sequence: Sequence[int] | numpy.ndarray,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    *,
    seed: int | None = None,
    noise: AliasTable | None = None,
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Pairs of a word and one at most window_size away (label 1), or any word (label 0).

    sequence: (T,) ids from 1 to vocabulary_size - 1; 0 stands for a word that is in no pair.
    negative_samples: pairs of label 0 for each of label 1; their first words are those of the
    others in a random order, their second ones are drawn from 1 to vocabulary_size - 1, evenly or
    as `noise` says (its word 0 being id 1), and may have been seen there. Returns couples (n, 2)
    int32 and labels (n,) int32. Source: `keras.preprocessing.sequence.skipgrams`; there is no
    sampling table, and the generator is NumPy's.

    >>> skipgrams([3, 1, 2], 4, window_size=1, negative_samples=0, shuffle=False)[0].tolist()
    [[3, 1], [1, 3], [1, 2], [2, 1]]
    """
    words = numpy.asarray(sequence, numpy.int32)
    places = numpy.arange(len(words))[:, None] + _offsets(window_size)
    target, column = numpy.nonzero((places >= 0) & (places < len(words)))
    positives = numpy.stack([words[target], words[places[target, column]]], axis=1)
    if not words.all():
        positives = positives[positives.all(axis=1)]
    draw = rng.generator(seed, "pairs")
    count = int(len(positives) * negative_samples)
    negatives = numpy.empty((count, 2), numpy.int32)
    negatives[:, 0] = numpy.resize(draw.permutation(positives[:, 0]), count)
    if noise is None:
        negatives[:, 1] = draw.integers(1, vocabulary_size, count)
    else:
        negatives[:, 1] = noise.draw(draw, (count,)) + 1
    couples = numpy.concatenate([positives, negatives])
    labels = (numpy.arange(len(couples)) < len(positives)).astype(numpy.int32)
    if shuffle:
        order = draw.permutation(len(couples))
        return couples[order], labels[order]
    return couples, labels


def _offsets(window: int) -> numpy.ndarray:
    return numpy.array([i for i in range(-window, window + 1) if i != 0], numpy.int64)


class PairBatches:
    """The labelled pairs of a text, some sentences at a time, in the order of the text.

    ids: (N,) words and SENTENCE_END after each sentence. counts: (V,) of the words; negatives are
    drawn in proportion to counts ** power, evenly for 0. The pairs of a sentence depend on the seed
    and its place alone: they are the same in each epoch, as if they had been kept.
    """

    def __init__(
        self,
        ids: numpy.ndarray,
        counts: numpy.ndarray,
        *,
        window: int,
        negative: int,
        power: float,
        batch_size: int,
        seed: int,
        longest: int = LONGEST,
    ):
        """batch_size: sentences. longest: words after which a sentence is cut.

        Raises CorpusError if no sentence has two words.
        """
        self.ids = ids
        self.window = window
        self.negative = negative
        self.batch_size = batch_size
        self.seed = seed
        self.vocabulary_size = len(counts) + 1  # Keras's, where 0 is not a word
        self.noise = AliasTable(numpy.power(counts / counts.max(), power)) if power else None
        self.starts, self.stops = _sentences(ids, longest)
        if len(self.starts) == 0:
            raise CorpusError(
                "no word has another beside it: put more than one word on a line, or lower "
                "--min-count"
            )

    def __len__(self) -> int:
        return -(-len(self.starts) // self.batch_size)

    @property
    def words(self) -> int:
        """How many words are in sentences with pairs."""
        return int((self.stops - self.starts).sum())

    @property
    def pairs(self) -> int:
        """How many pairs, of both labels, all batches hold."""
        lengths = self.stops - self.starts
        near = sum(numpy.maximum(lengths - d, 0).sum() for d in range(1, self.window + 1))
        return int(2 * near) * (1 + self.negative)

    def of_epoch(
        self, epoch: int, first: int = 0
    ) -> Iterator[tuple[tuple[Array, Array, Array], int]]:
        """For each batch target, context and label (n,) of its pairs, and how many words it has.

        first: batches that are left out. They are the same in each epoch.
        """
        for start in range(first * self.batch_size, len(self.starts), self.batch_size):
            starts = self.starts[start : start + self.batch_size]
            stops = self.stops[start : start + self.batch_size]
            parts = [self._pairs(*place) for place in zip(starts, stops, strict=True)]
            couples = numpy.concatenate([couples for couples, _ in parts])
            labels = numpy.concatenate([labels for _, labels in parts])
            target, context = numpy.ascontiguousarray(couples.T)
            batch = np.asarray(target), np.asarray(context), np.asarray(labels)
            yield batch, int((stops - starts).sum())

    def _pairs(self, start: int, stop: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """The pairs of a sentence, not shuffled, since an update takes them all; ids from 0."""
        couples, labels = skipgrams(
            self.ids[start:stop] + numpy.int32(1),
            self.vocabulary_size,
            self.window,
            self.negative,
            shuffle=False,
            seed=int(rng.bits(self.seed, int(start))),
            noise=self.noise,
        )
        return couples - numpy.int32(1), labels


def _sentences(ids: numpy.ndarray, longest: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Where sentences of two words or more start and stop; those above `longest` are cut.

    >>> ids = numpy.array([5, 6, -1, 7, -1, 5, 6, 7, 8, 9, -1])
    >>> [place.tolist() for place in _sentences(ids, longest=3)]  # 5 6 | 5 6 7 | 8 9
    [[0, 5, 8], [2, 8, 10]]
    """
    stops = numpy.flatnonzero(ids == SENTENCE_END)
    starts = numpy.concatenate([[0], stops + 1])[: len(stops)]
    pieces = -(-(stops - starts) // longest)
    number = numpy.arange(pieces.sum()) - numpy.repeat(numpy.cumsum(pieces) - pieces, pieces)
    starts = numpy.repeat(starts, pieces) + number * longest
    stops = numpy.minimum(numpy.repeat(stops, pieces), starts + longest)
    kept = stops - starts > 1
    return starts[kept], stops[kept]
