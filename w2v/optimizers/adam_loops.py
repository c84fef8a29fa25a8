"""Adam's steps on single rows of a table, on a CPU, compiled with Numba.

Importing this module imports Numba, so `CatchUpAdam` does it only when it needs the loops.
They do not check ids: call `backend.check_ids` first.
"""

from typing import Any

import numpy

from w2v.numba_setup import numba
from w2v.optimizers.constants import TINY

TERMS = 6
"""Terms of the series in `catch_up`."""

_steps: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz"},
}


@numba.njit(**_steps)
def catch_up(W, m, v, last, ids, now, rates, shapes, beta1, beta2, epsilon):
    """Move rows as dense Adam would have from step last[id] to `now`, with gradients of zero.

    W and its moments m, v: (V, H). last: (V,) steps. ids: (n,), the same more than once or not.
    rates: the corrected learning rate of each step up to `now`. shapes: (L, TERMS), see
    `catch_up.step_shapes`. epsilon: in W's type.
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
