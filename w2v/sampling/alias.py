"""Walker's alias table: a draw from any discrete distribution with one look-up."""

from functools import cached_property

import numpy

from w2v.backend import Array, array_module

_HALF, _LOW = numpy.uint64(32), numpy.uint64(2**32 - 1)


class AliasTable:
    """Equal columns, each split between a word and its alias.

    weights: (V,) finite, not negative, not all 0; ValueError is raised for others. `threshold`
    (V,) float64 is the share of column i that belongs to word i; the rest belongs to `alias[i]`.
    """

    def __init__(self, weights: numpy.ndarray):
        weights = numpy.asarray(weights, numpy.float64)
        total = weights.sum() if weights.size else 0.0
        if not (weights.ndim == 1 and 0 < total < numpy.inf and weights.min() >= 0):
            raise ValueError("sampling weights must be finite, non-negative and not all zero")
        self.threshold, self.alias = _split_columns(weights / total * len(weights))

    def __len__(self) -> int:
        return len(self.threshold)

    def to(self, xp) -> "AliasTable":
        """The same table with its arrays in NumPy or CuPy (`xp`)."""
        moved = object.__new__(AliasTable)
        moved.threshold, moved.alias = xp.asarray(self.threshold), xp.asarray(self.alias)
        return moved

    def draw(self, generator, shape: tuple[int, ...]) -> Array:
        """Independent words of the given shape; `generator` is of the library of the arrays."""
        place = generator.random(shape) * len(self)  # column and place in it, from one number
        column = place.astype(self.alias.dtype)
        own = place - column < self.threshold[column]
        return array_module(column).where(own, column, self.alias[column])

    @cached_property
    def columns(self) -> Array:
        """(V, 2) uint32: the threshold in units of 2^-32, and the alias; 8 bytes a word.

        Integers throughout, so that every device draws the same word from the same bits, and small
        enough for a core's second-level cache, where word2vec.c's table of 10^8 entries is not.
        """
        xp = array_module(self.threshold)
        threshold = xp.minimum(xp.rint(self.threshold * 2.0**32), 2.0**32 - 1)
        return xp.stack([threshold, self.alias], axis=1).astype("uint32")

    def from_bits(self, random_bits: Array) -> Array:
        """The words for uint64 random bits of any shape, int32 of the same shape.

        The low half chooses the column (multiplied by V and shifted, which favours no column by
        more than V / 2^32), the high half one of its words.
        """
        column = ((random_bits & _LOW) * numpy.uint64(len(self)) >> _HALF).astype("int64")
        threshold, alias = self.columns[column, 0], self.columns[column, 1]
        takes_own = (random_bits >> _HALF) < threshold
        return array_module(column).where(takes_own, column, alias).astype("int32")

    def probabilities(self) -> numpy.ndarray:
        """What the integer columns draw, (V,) float64 that sum to 1."""
        own = self.columns[:, 0] / 2.0**32
        chance = own.copy()
        numpy.add.at(chance, self.columns[:, 1].astype("int64"), 1 - own)
        return chance / len(self)


def _split_columns(weights: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Fill the columns that are too low (weight < 1) from those that are too high, in one sweep.

    Low columns are filled in order by the first high column that still has a surplus; a high
    column that is cut below 1 by its last gift is filled by the next high one. Running sums of
    deficits and surpluses say who fills whom, so that no loop over words is needed (after
    Huebschle-Schneider and Sanders, "Parallel Weighted Random Sampling", 2022, section 4.2).
    """
    threshold = numpy.ones(len(weights))
    alias = numpy.arange(len(weights))
    is_high = weights >= 1
    is_high[weights.argmax()] = True  # where rounding has put even the highest below 1
    low, high = numpy.flatnonzero(~is_high), numpy.flatnonzero(is_high)
    threshold[low] = weights[low]
    deficit, surplus = numpy.cumsum(1 - weights[low]), numpy.cumsum(weights[high] - 1)
    asked_before = numpy.concatenate([[0.0], deficit[:-1]])[: len(low)]
    giver = numpy.searchsorted(surplus, asked_before, side="left")
    alias[low] = high[numpy.minimum(giver, len(high) - 1)]
    # The first low column whose request exceeds what high column j has cuts j below 1.
    cutter = numpy.searchsorted(deficit, surplus, side="right")[:-1]
    cut = numpy.flatnonzero(cutter < len(low))
    threshold[high[cut]] = 1 - (deficit[cutter[cut]] - surplus[cut])
    alias[high[cut]] = high[cut + 1]
    return numpy.clip(threshold, 0, 1), alias
