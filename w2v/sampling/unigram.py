"""The negative sampler: words in proportion to counts^0.75."""

import math

import numpy

from w2v import rng
from w2v.backend import Array, active_module, array_module, to_cpu
from w2v.errors import VocabularyError
from w2v.sampling.alias import AliasTable

REDRAWS = 16
"""Rounds of redrawing after which a row is finished by Gumbel top-k, which cannot stall."""

DRAWN_AHEAD = 1 << 20
"""Negatives that a GPU draws at a time: the ten operations of a draw are then shared by many."""

GUMBEL_CELLS = 4_000_000
"""Size of the largest (rows, V) array that the Gumbel step makes at a time: 32 MB."""


class UnigramSampler:
    """Draws negative samples from the unigram distribution raised to a power.

    corpus: (N,) word ids, from which the counts are taken. power: 0.75 in word2vec.
    sample_size: K, negatives for each target. Source: Deep Learning from Scratch 2, section 4.2.

    On the CPU a row of negatives holds K distinct words without the target, in rising order and in
    the distribution of the sets that `np.random.choice(V, K, replace=False, p=p_without_target)`
    draws. On a GPU the K words are drawn independently and may hit the target, as in the book, for
    speed.

    On the CPU each call has random numbers of its own, which depend on the seed and on `calls`, the
    number of the call, alone: a training that goes on sets it to the number of batches before.
    """

    def __init__(
        self,
        corpus: Array,
        power: float,
        sample_size: int,
        seed: int | None = None,
        *,
        redraws: int = REDRAWS,
        gumbel_cells: int = GUMBEL_CELLS,
    ):
        counts = numpy.bincount(to_cpu(corpus))
        relative = counts / counts.max()  # at most 1, so that no power overflows
        weights = numpy.where(counts > 0, relative**power, 0.0)
        self.sample_size = sample_size
        self.redraws, self.gumbel_cells = redraws, gumbel_cells
        self.vocab_size = len(counts)
        self.word_p = weights / weights.sum()  # (V,)
        xp = active_module()
        self.table = AliasTable(self.word_p).to(xp)
        self.calls = 0
        seed = rng.known_seed(seed)
        self._streams = rng.Streams(seed, "negatives")
        self.generator = rng.generator(seed, "negatives", xp)
        self._ahead = self.table.alias[:0]  # drawn on a GPU, and not yet handed out

    def get_negative_sample(self, target: Array) -> Array:
        """Negatives for each target. target: ids of any shape. Returns target.shape + (K,) ids.

        Raises VocabularyError on the CPU if the vocabulary has too few words for K distinct ones.
        """
        if array_module(self.table.alias) is not numpy:
            return self._independent((*target.shape, self.sample_size))
        self.calls += 1
        self.generator = self._streams.at(self.calls)
        target = numpy.asarray(target)
        rows = self._distinct(target.reshape(-1, 1))
        return rows.reshape(*target.shape, self.sample_size)

    def _independent(self, shape: tuple[int, ...]) -> Array:
        """Words drawn with replacement, of the given shape."""
        count = math.prod(shape)
        if count > len(self._ahead):
            self._ahead = self.table.draw(self.generator, (max(count, DRAWN_AHEAD),))
        drawn, self._ahead = self._ahead[:count], self._ahead[count:]
        return drawn.reshape(shape)

    def _distinct(self, target: numpy.ndarray) -> numpy.ndarray:
        """(n, 1) targets -> (n, K) distinct negatives, by successive sampling.

        Keeping what is drawn and redrawing only the slots that repeat a word or hit the target
        is the same as drawing words one by one without replacement.
        """
        self._check_enough_words(target)
        negatives = self.table.draw(self.generator, (len(target), self.sample_size))
        negatives.sort(axis=1)
        open_rows, redraw = numpy.arange(len(target)), self._unusable(negatives, target)
        for _ in range(self.redraws):
            unfinished = redraw.any(axis=1)
            open_rows, redraw = open_rows[unfinished], redraw[unfinished]
            if len(open_rows) == 0:
                return negatives
            rows = negatives[open_rows]
            rows[redraw] = self.table.draw(self.generator, (int(redraw.sum()),))
            rows.sort(axis=1)
            negatives[open_rows] = rows
            redraw = self._unusable(rows, target[open_rows])
        self._finish(negatives, target, open_rows, redraw)
        return negatives

    @staticmethod
    def _unusable(rows: numpy.ndarray, target: numpy.ndarray) -> numpy.ndarray:
        """Which slots of sorted rows (n, K) hit the target (n, 1) or repeat the slot before."""
        redraw = rows == target
        redraw[:, 1:] |= rows[:, 1:] == rows[:, :-1]
        return redraw

    def _finish(
        self,
        negatives: numpy.ndarray,
        target: numpy.ndarray,
        open_rows: numpy.ndarray,
        redraw: numpy.ndarray,
    ) -> None:
        """Complete the open rows with the words of the largest log p + Gumbel noise.

        The top k of these keys are a draw of k words without replacement (Kool et al. 2019,
        "Stochastic Beams"). What a row has accepted stays: its keys are made infinite.
        """
        with numpy.errstate(divide="ignore"):
            log_p = numpy.log(self.word_p)
        step = max(1, self.gumbel_cells // self.vocab_size)
        for start in range(0, len(open_rows), step):
            rows, again = open_rows[start : start + step], redraw[start : start + step]
            keys = log_p + self.generator.gumbel(size=(len(rows), self.vocab_size))
            line, slot = numpy.nonzero(~again)
            keys[line, negatives[rows][line, slot]] = numpy.inf
            numpy.put_along_axis(keys, target[rows], -numpy.inf, axis=1)
            top = numpy.argpartition(keys, -self.sample_size, axis=1)
            negatives[rows] = numpy.sort(top[:, -self.sample_size :], axis=1)

    def _check_enough_words(self, target: numpy.ndarray) -> None:
        drawable = self.word_p > 0
        others = int(drawable.sum())
        if others <= self.sample_size and drawable[target].any():
            others -= 1
        if others < self.sample_size:
            raise VocabularyError(
                f"a vocabulary of {self.vocab_size} words has only {others} beside the target, "
                f"too few for {self.sample_size} distinct negatives: lower --negative "
                "(sample_size) or use a longer text"
            )
