"""Subsampling of frequent words: how often each is kept."""

import numpy


def keep_probability(counts: numpy.ndarray, sample: float) -> numpy.ndarray:
    """Chance of keeping each word when frequent words are subsampled.

    counts: (V,) occurrences. sample: threshold as a share of the corpus, e.g. 1e-4; with 0 every
    word is kept. Returns (V,) float64 in (0, 1]. Raises ValueError for sample < 0.
    Source: Mikolov et al. 2013b, as implemented in word2vec.c (not eq. 5).

    >>> keep_probability(numpy.array([9900, 100]), 1e-2).round(3)
    array([0.111, 1.   ])
    """
    if not sample >= 0:
        raise ValueError(f"sample must not be negative: {sample}")
    counts = numpy.asarray(counts, dtype=numpy.float64)
    if sample == 0:
        return numpy.ones(len(counts))
    share = numpy.maximum(counts, 1) / max(counts.sum(), 1)
    return numpy.minimum(1.0, (numpy.sqrt(share / sample) + 1) * sample / share)
