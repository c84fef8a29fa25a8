"""The sigmoid, the gradients of scores, and the loss of a span's pairs."""

import numpy

from w2v.kernels.cpu.jit import CONTRACT, EXACT, INLINED_CONTRACT
from w2v.kernels.cpu.vectors import float_from_bits
from w2v.numba_setup import numba


@numba.njit(**CONTRACT)
def sigmoid(x):
    """1 / (1 + exp(-x)) to float32's accuracy, in operations that LLVM vectorizes.

    exp(y) = 2^n * exp(r) with |r| <= log(2) / 2; the polynomial is Cephes' expf.
    """
    y = min(max(-x, numpy.float32(-87.0)), numpy.float32(87.0))
    n = numpy.floor(y * numpy.float32(1.4426950408889634) + numpy.float32(0.5))
    r = (y - n * numpy.float32(0.693359375)) + n * numpy.float32(2.12194440e-4)
    p = numpy.float32(1.9875691500e-4) * r + numpy.float32(1.3981999507e-3)
    p = p * r + numpy.float32(8.3334519073e-3)
    p = p * r + numpy.float32(4.1665795894e-2)
    p = p * r + numpy.float32(1.6666665459e-1)
    p = p * r + numpy.float32(5.0000001201e-1)
    p = (p * r) * r + r + numpy.float32(1)
    return numpy.float32(1) / (numpy.float32(1) + p * float_from_bits((numpy.int32(n) + 127) << 23))


@numba.njit(**INLINED_CONTRACT)
def score_gradients(span, size):
    """Turn scores into their gradients, weight * (label - sigmoid(score)): the first `size`."""
    scores, weight, label = span.scores.reshape(-1), span.weight.reshape(-1), span.label.reshape(-1)
    for n in range(size):
        scores[n] = weight[n] * (label[n] - sigmoid(scores[n]))


@numba.njit(**EXACT)
def span_loss(span, rows):
    """Sum of the pairs' losses, -log sigmoid(score) or -log sigmoid(-score), in float64."""
    total = 0.0
    for row in range(rows):
        for column in range(span.scores.shape[1]):
            if span.weight[row, column] != 0:
                x = numpy.float64(span.scores[row, column])
                if span.label[row, column] != 0:
                    x = -x
                softplus = max(x, 0.0) + numpy.log1p(numpy.exp(-abs(x)))
                total += span.weight[row, column] * softplus
    return total
