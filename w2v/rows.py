"""What the layers engine does with single rows of its tables on a CPU, compiled with Numba.

NumPy does the same by copying rows out and back several times; these loops read a row once.
Importing this module brings in Numba, so it is imported where it is used. The loops take ids as
they are: `check_ids` comes before them.
"""

from typing import Any

import numpy

from w2v.compiler import numba

TERMS = 6
"""Terms of the series in `catch_up`."""

TINY = 1e-25
"""A moment below this moves no float32 weight; it becomes 0 before it is a denormal number, which
is slow."""

_sums: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}
_steps: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz"},
}


def check_ids(ids: numpy.ndarray, table: numpy.ndarray) -> None:
    """Raise IndexError unless all ids are places in the table."""
    if len(ids) and (ids.min() < 0 or ids.max() >= len(table)):
        raise IndexError(f"an id is outside the {len(table)} rows of the table")


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


@numba.njit(**_steps)
def catch_up(W, m, v, last, ids, now, rates, shapes, beta1, beta2, epsilon):
    """Move rows as dense Adam would have from step last[id] to `now`, with gradients of zero.

    W and its moments m, v: (V, H). last: (V,) steps. ids: (n,), the same more than once or not.
    rates: the corrected learning rate of each step up to `now`. shapes: (L, TERMS), see
    `optimizers.step_shapes`. epsilon: in W's type.
    """
    one, nothing = W.dtype.type(1), W.dtype.type(0)
    tiny = W.dtype.type(TINY)
    sums = numpy.empty(TERMS)
    for k in range(len(ids)):
        row = ids[k]
        missed = now - last[row]
        if missed == 0:
            continue
        sums[:] = 0
        for step in range(min(missed, len(shapes))):
            rate = rates[last[row] + step + 1]
            for j in range(TERMS):
                sums[j] += rate * shapes[step, j]
        c0, c1, c2 = W.dtype.type(sums[0]), W.dtype.type(sums[1]), W.dtype.type(sums[2])
        c3, c4, c5 = W.dtype.type(sums[3]), W.dtype.type(sums[4]), W.dtype.type(sums[5])
        decay1, decay2 = W.dtype.type(beta1**missed), W.dtype.type(beta2**missed)
        w, m_row, v_row = W[row], m[row], v[row]
        for i in range(len(w)):
            inverse = one / (numpy.sqrt(v_row[i]) + epsilon)
            q = epsilon * inverse
            moved = c0 + q * (c1 + q * (c2 + q * (c3 + q * (c4 + q * c5))))
            w[i] -= m_row[i] * inverse * moved
            less1, less2 = m_row[i] * decay1, v_row[i] * decay2
            m_row[i] = less1 if abs(less1) > tiny else nothing
            v_row[i] = less2 if less2 > tiny else nothing
        last[row] = now


@numba.njit(**_steps)
def adam_step(W, m, v, last, ids, grads, now, rate, beta1, beta2, epsilon):
    """Adam's step number `now` on rows that have caught up with the step before.

    ids: (n,), each once. grads: (n, H). rate: the corrected learning rate. It, the betas and
    epsilon: in W's type. The rest is as in `catch_up`.
    """
    one = W.dtype.type(1)
    for k in range(len(ids)):
        w, m_row, v_row, g = W[ids[k]], m[ids[k]], v[ids[k]], grads[k]
        for i in range(len(w)):
            new_m = beta1 * m_row[i] + (one - beta1) * g[i]
            new_v = beta2 * v_row[i] + (one - beta2) * (g[i] * g[i])
            m_row[i], v_row[i] = new_m, new_v
            w[i] -= rate * new_m / (numpy.sqrt(new_v) + epsilon)
        last[ids[k]] = now
