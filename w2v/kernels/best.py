"""Keeping the best of many scores, compiled: the selection of a search in batches.

Called by `w2v.vectors.neighbours` on blocks of scores that are still in the cache. A row's scores
are compared with the worst that it keeps, sixteen or so in one instruction; after the first few
blocks next to none is better, so that the selection costs a small part of the product before it,
where `numpy.argpartition` costs many times as much as that.
"""

import numpy as np

from w2v.kernels.compiler import numba

CHUNK = 64
"""Scores that are compared before anything else is decided."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def keep_best(scores, first, best, rows):
    """Merge a block of scores into the best so far, in place.

    scores: (Q, C) float32, those of the candidates first..first + C. best: (Q, K) float32, falling,
    -inf where nothing is kept yet. rows: (Q, K) int64, the candidates of `best`. Blocks come in
    rising order, so that of equal scores the earlier candidate stays before the later one.
    A score of -inf or NaN is never kept.
    """
    for query in range(len(scores)):
        row, kept, kept_rows = scores[query], best[query], rows[query]
        last = len(kept) - 1
        for start in range(0, len(row), CHUNK):
            stop = min(start + CHUNK, len(row))
            better = np.int32(1)
            if stop - start == CHUNK:  # of a length known to the compiler: whole vectors
                chunk = row[start : start + CHUNK]
                better = np.int32(0)
                for i in range(CHUNK):
                    better += np.int32(chunk[i] > kept[last])
            if better == 0:
                continue
            for i in range(start, stop):
                score = row[i]
                if score > kept[last]:
                    place = last
                    while place > 0 and kept[place - 1] < score:
                        kept[place] = kept[place - 1]
                        kept_rows[place] = kept_rows[place - 1]
                        place -= 1
                    kept[place] = score
                    kept_rows[place] = first + i
