"""The sigmoid and its cross entropy in one layer."""

from functools import cache
from types import ModuleType
from typing import Any

import numpy

from w2v.backend import Array, array_module


class SigmoidWithLoss:
    """Binary cross entropy of scores, summed over each example and averaged over the batch.

    Large scores do not overflow: only exp(-|x|) is computed, and the loss
    -t log y - (1 - t) log(1 - y) is written as max(x, 0) - t x + log(1 + exp(-|x|)).
    Source: Deep Learning from Scratch 2, section 4.2.5; the book adds 1e-7 inside the logarithm.
    """

    def __init__(self) -> None:
        self.params: list = []
        self.grads: list = []
        self.cache: tuple = ()

    def forward(self, x: Array, t: Array, weights: Array | None = None) -> Array:
        """x: scores (B,) or (B, ...), or one score. t: labels, 1 or 0, that broadcast to x.

        weights: how much each score counts, broadcast to x. Returns the mean loss, in float64.
        """
        xp = array_module(x)
        x = xp.asarray(x)
        t = xp.asarray(t)
        y, loss = _on_cpu(x, t) if xp is numpy else _on_gpu(xp, x, t)
        if weights is not None:
            loss = loss * weights
        batch_size = x.shape[0] if x.ndim else 1
        self.cache = y, t.astype(y.dtype, copy=False), weights, batch_size
        return loss.sum(dtype=float) / batch_size

    def backward(self, dout: float = 1.0) -> Array:
        """Returns the gradient of the mean loss, times dout, in the shape of the scores."""
        y, t, weights, batch_size = self.cache
        dx = (y - t) * (dout / batch_size)
        return dx if weights is None else (dx * weights).astype(y.dtype)


def _on_cpu(x: numpy.ndarray, t: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The sigmoid of the scores, and the loss of each."""
    shrunk = numpy.exp(-abs(x))
    y = numpy.where(x >= 0, 1, shrunk) / (1 + shrunk)
    t = t.astype(y.dtype, copy=False)
    return y, numpy.maximum(x, 0) - t * x + numpy.log1p(shrunk)


def _on_gpu(xp: ModuleType, x: Array, t: Array) -> tuple[Array, Array]:
    """The same in one operation."""
    if x.dtype.kind != "f":
        x = x.astype("float64")
    return _gpu_kernel(xp)(x, t.astype(x.dtype, copy=False))


@cache
def _gpu_kernel(xp: ModuleType) -> Any:
    code = """
        loss = exp(-fabs(x));
        y = ((x >= 0) + (x < 0) * loss) / (1 + loss);
        loss = (x + fabs(x)) / 2 - t * x + log1p(loss)
    """
    return xp.ElementwiseKernel("T x, T t", "T y, T loss", code, "w2v_sigmoid_with_loss")
