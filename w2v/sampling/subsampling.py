"""Subsampling of frequent words: how often each is kept."""

import numpy as np


def keep_probability(counts: np.ndarray, sample: float) -> np.ndarray:
    """Chance of keeping each word when frequent words are subsampled.

    counts: (V,) occurrences. sample: threshold as a share of the corpus, e.g. 1e-4; with 0 every
    word is kept. Returns (V,) float64 in (0, 1]. Raises ValueError for sample < 0.
    Source: Mikolov et al. 2013b, as implemented in word2vec.c (not eq. 5).

    >>> keep_probability(np.array([9900, 100]), 1e-2).round(3)
    array([0.111, 1.   ])
    """
    if not sample >= 0:
        raise ValueError(f"sample must not be negative: {sample}")
    counts = np.asarray(counts, dtype=np.float64)
    if sample == 0:
        return np.ones(len(counts))
    share = np.maximum(counts, 1) / max(counts.sum(), 1)
    return np.minimum(1.0, (np.sqrt(share / sample) + 1) * sample / share)
