"""Walker's alias table: draws from any discrete distribution with one random number each."""

import numpy

from w2v.backend import Array, array_module


class AliasTable:
    """Equal columns, each split between a word and its alias.

    probabilities: (V,) weights, not negative, not all 0. `threshold` (V,) float64 is the share of
    column i that belongs to word i; the rest belongs to `alias[i]` (V,).
    """

    def __init__(self, probabilities: numpy.ndarray):
        weights = numpy.asarray(probabilities, numpy.float64)
        self.threshold, self.alias = _split_columns(weights / weights.sum() * len(weights))

    def to(self, xp) -> "AliasTable":
        """The same table with its arrays in NumPy or CuPy (`xp`)."""
        moved = object.__new__(AliasTable)
        moved.threshold, moved.alias = xp.asarray(self.threshold), xp.asarray(self.alias)
        return moved

    def draw(self, generator, shape: tuple[int, ...]) -> Array:
        """Independent words of the given shape; `generator` is of the library of the arrays."""
        size = len(self.threshold)
        place = generator.random(shape) * size  # column and place in it, from one number
        column = place.astype(self.alias.dtype)
        own = place - column < self.threshold[column]
        return array_module(column).where(own, column, self.alias[column])


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
