"""Where a figure would lie in 95 % of the samples of as many questions or pairs."""

import math
from collections.abc import Callable

import numpy

from w2v import rng

DRAWS = 2_000
"""Samples of a bootstrap. An interval holds 95 % of them."""

Interval = tuple[float, float]


def binomial(asked: int, share: float) -> Interval:
    """Where the share of right answers lies, of `asked` answers that are right or wrong."""
    draws = rng.generator(1, "bootstrap").binomial(asked, share, DRAWS)
    return middle(draws / asked)


def bootstrap(ratings: numpy.ndarray, cosines: numpy.ndarray, rank: Callable | None) -> Interval:
    """Where the coefficient lies in 95 % of the samples of as many pairs, drawn with replacement.

    rank: turns the numbers of each sample into ranks for Spearman's coefficient. Source: the
    percentile interval of Efron and Tibshirani 1993, chapter 13.
    """
    count = len(ratings)
    draw = rng.generator(1, "bootstrap")
    share = max(1, min(DRAWS, (1 << 20) // count))
    coefficients = []
    for _ in range(0, DRAWS, share):
        sample = draw.integers(0, count, (share, count))
        x, y = (values.astype(numpy.float64)[sample] for values in (ratings, cosines))
        if rank is not None:
            x, y = rank(x, axis=1), rank(y, axis=1)
        x -= x.mean(axis=1, keepdims=True)
        y -= y.mean(axis=1, keepdims=True)
        coefficients.append((x * y).sum(1) / numpy.sqrt((x * x).sum(1) * (y * y).sum(1)))
    return middle(numpy.concatenate(coefficients)[:DRAWS])


def middle(values: numpy.ndarray) -> Interval:
    values = values[numpy.isfinite(values)]
    if len(values) == 0:
        return math.nan, math.nan
    low, high = numpy.percentile(values, [2.5, 97.5])
    return float(low), float(high)
