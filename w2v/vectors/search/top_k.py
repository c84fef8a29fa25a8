"""Keeping the best of many scores, compiled: the selection of a search in batches.

Called by `search.neighbours` on blocks of scores that are still in the cache. A row's scores are
compared with the worst score that it keeps, about sixteen in one instruction. After the first few
blocks hardly any is better, so that the selection costs a small part of the time of the matrix
product; `numpy.argpartition` would cost many times as much.
"""

import numpy

from w2v.numba_setup import numba

CHUNK = 64
"""Scores that are compared before anything else is decided."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def keep_best(scores, start, best, rows):
    """Merge a block of scores into the best so far, in place.

    scores: (Q, C) float32, those of the candidates start..start + C. best: (Q, K) float32, a heap
    with the worst at its root; -inf where nothing is kept yet. rows: (Q, K) int64, the candidates
    of `best`. Blocks come in rising order, so that a score equal to the worst comes too late.
    A score of -inf or NaN is never kept. `sorted_best` sorts the result.
    """
    for query in range(len(scores)):
        row, kept, kept_rows = scores[query], best[query], rows[query]
        for place in range(0, len(row), CHUNK):
            stop = min(place + CHUNK, len(row))
            better = numpy.int32(1)
            if stop - place == CHUNK:  # of a length known to the compiler: whole vectors
                chunk = row[place : place + CHUNK]
                better = numpy.int32(0)
                for i in range(CHUNK):
                    better += numpy.int32(chunk[i] > kept[0])
            if better == 0:
                continue
            for i in range(place, stop):
                if row[i] > kept[0]:
                    _replace_worst(kept, kept_rows, row[i], start + i)


@numba.njit(nogil=True, error_model="numpy")
def _replace_worst(kept, rows, score, row):
    """Put a score in place of the root of a heap. Of equal scores the later row is the worse."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= len(kept):
            break
        other = child + 1
        if other < len(kept) and (
            kept[other] < kept[child] or (kept[other] == kept[child] and rows[other] > rows[child])
        ):
            child = other
        if kept[child] >= score:  # an equal one has an earlier row, and is the better
            break
        kept[place], rows[place] = kept[child], rows[child]
        place = child
    kept[place], rows[place] = score, row


def sorted_best(best: numpy.ndarray, rows: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """What `keep_best` has kept, best first; ties by rising row. best, rows: (Q, K)."""
    order = numpy.lexsort((rows, -best))
    return numpy.take_along_axis(best, order, axis=1), numpy.take_along_axis(rows, order, axis=1)
