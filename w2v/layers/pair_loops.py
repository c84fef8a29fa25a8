"""Dot products of pairs of rows and sums over pairs, on a CPU, compiled with Numba.

NumPy does the same by copying rows out and back several times; these loops read a row once.
Importing this module imports Numba, so `layers.pair_dot` does it only when it needs the loops. They
do not check ids: call `backend.check_ids` first.
"""

from typing import Any

import numpy

from w2v.numba_setup import numba

_sums: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}


@numba.njit(**_sums)
def pair_scores(A, B, a, b):
    """The dot products of A[a[p]] and B[b[p]] for each pair p. A, B: (V, H). a, b: (n,) ids."""
    scores = numpy.empty(len(a), A.dtype)
    for p in range(len(a)):
        row, other = A[a[p]], B[b[p]]
        total = A.dtype.type(0)
        for i in range(len(row)):
            total += row[i] * other[i]
        scores[p] = total
    return scores


@numba.njit(**_sums)
def pair_sums(B, a, b, weights, places):
    """For each different id in `a`, the sum of weights[p] * B[b[p]] over its pairs p.

    B: (V, H). a, b: (n,) ids. weights: (n,). places: (V,) int32, all of it -1 before and after.
    Returns the ids in order of first appearance, and their sums (u, H).
    """
    ids = numpy.empty(len(a), a.dtype)
    count = 0
    for p in range(len(a)):
        if places[a[p]] < 0:
            places[a[p]] = count
            ids[count] = a[p]
            count += 1
    sums = numpy.zeros((count, B.shape[1]), B.dtype)
    for p in range(len(a)):
        total, row, weight = sums[places[a[p]]], B[b[p]], weights[p]
        for i in range(len(row)):
            total[i] += weight * row[i]
    for k in range(count):
        places[ids[k]] = -1
    return ids[:count].copy(), sums
