"""Update rules: the book's, and two Adams that move only the rows of the batch.

`update(params, grads)` changes the parameters in place. A gradient is an array, as in the book,
or a RowGradient, which the rules read as an array whose other rows are zero: SGD, Momentum,
AdaGrad and Adam give the same result for both. Source: Deep Learning from Scratch 2,
`common/optimizer.py`.
"""

from typing import Any

import numpy

from w2v.backend import Array, array_module
from w2v.layers import RowGradient
from w2v.optimizers import gpu_updates

BLOCK_VALUES = 100_000
"""Values that Adam updates at a time on a CPU: four float32 arrays of it stay in the L2 cache."""

RENEWAL = 256
"""Updates after which Adam's moments are brought to their true scale, and tiny ones to 0."""

EPSILON = 1e-7
"""What the book adds to a root, and Keras too."""

TINY = 1e-25
"""A moment below this moves no float32 weight: a step is at most lr * 1e-25 / 1e-7."""

Gradient = Array | RowGradient


def rows_of(grad: Gradient) -> tuple[Any, Array]:
    """Which rows a gradient touches, as an index, and their values."""
    if isinstance(grad, RowGradient):
        grad = grad.summed()
        return grad.ids, grad.rows
    return slice(None), grad


def _are_on_gpu(params: list[Array]) -> bool:
    return array_module(*params) is not numpy


def zeros_like(params: list[Array]) -> list[Array]:
    return [array_module(param).zeros_like(param) for param in params]


class SGD:
    """W <- W - lr * grad."""

    def __init__(self, lr: float = 0.01):
        self.lr = lr
        self.on_gpu = gpu_updates.sgd()

    def update(self, params: list[Array], grads: list[Gradient]) -> None:
        """Move each parameter against its gradient, in place."""
        if _are_on_gpu(params):
            self.on_gpu.update(params, grads, self.lr)
            return
        for param, grad in zip(params, grads, strict=True):
            ids, rows = rows_of(grad)
            param[ids] -= self.lr * rows


class Momentum:
    """v <- momentum * v - lr * grad; W <- W + v."""

    def __init__(self, lr: float = 0.01, momentum: float = 0.9):
        self.lr = lr
        self.momentum = momentum
        self.v: list[Array] | None = None
        self.on_gpu = gpu_updates.momentum()

    def update(self, params: list[Array], grads: list[Gradient]) -> None:
        """Move each parameter by its velocity, in place."""
        if _are_on_gpu(params):
            self.on_gpu.update(params, grads, self.lr, self.momentum)
            return
        if self.v is None:
            self.v = zeros_like(params)
        for param, grad, v in zip(params, grads, self.v, strict=True):
            ids, rows = rows_of(grad)
            v *= self.momentum
            v[ids] -= self.lr * rows
            param += v


class AdaGrad:
    """h <- h + grad^2; W <- W - lr * grad / sqrt(h). Source: Duchi et al. 2011."""

    def __init__(self, lr: float = 0.01):
        self.lr = lr
        self.h: list[Array] | None = None
        self.on_gpu = gpu_updates.adagrad()

    def update(self, params: list[Array], grads: list[Gradient]) -> None:
        """Move each parameter by its scaled gradient, in place."""
        if _are_on_gpu(params):
            self.on_gpu.update(params, grads, self.lr)
            return
        if self.h is None:
            self.h = zeros_like(params)
        for param, grad, h in zip(params, grads, self.h, strict=True):
            ids, rows = rows_of(grad)
            h[ids] += rows * rows
            param[ids] -= self.lr * rows / (array_module(param).sqrt(h[ids]) + 1e-7)


class Adam:
    """Adam as the book writes it: every row moves at every step, by its decaying moments.

    The decay of the moments since the last renewal is kept aside as one factor, so that a step
    only reads them where the gradient is zero: `m` and `v` are the book's divided by
    beta ** (iter % RENEWAL). Source: Kingma and Ba 2015, in the form of section 2's last paragraph.
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m: list[Array] | None = None
        self.v: list[Array] | None = None
        self.on_gpu = gpu_updates.adam()

    def update(self, params: list[Array], grads: list[Gradient]) -> None:
        """Move each parameter by its corrected moments, in place."""
        self.iter += 1
        corrected = (1 - self.beta2**self.iter) ** 0.5 / (1 - self.beta1**self.iter)
        if _are_on_gpu(params):
            self.on_gpu.update(params, grads, self.lr * corrected, self.beta1, self.beta2)
            return
        if self.m is None or self.v is None:
            self.m, self.v = zeros_like(params), zeros_like(params)
        for param, grad, m, v in zip(params, grads, self.m, self.v, strict=True):
            ids, rows = rows_of(grad)
            self._move(param, m, v, ids, rows, self.lr * corrected)

    def _move(self, param: Array, m: Array, v: Array, ids: Any, rows: Array, lr: float) -> None:
        age = self.iter % RENEWAL
        if age == 0:
            for moment, beta in ((m, self.beta1), (v, self.beta2)):
                moment *= beta**RENEWAL
                moment[abs(moment) < TINY] = 0  # before it becomes a denormal number, which is slow
        scale_m, scale_v = self.beta1**age, self.beta2**age
        m[ids] += (1 - self.beta1) / scale_m * rows
        v[ids] += (1 - self.beta2) / scale_v * (rows * rows)
        # lr * (scale_m * m) / (sqrt(scale_v * v) + 1e-7), with the factors drawn together
        root = scale_v**0.5
        block = max(1, BLOCK_VALUES * len(param) // param.size)
        for start in range(0, len(param), block):
            part = slice(start, start + block)
            step = numpy.sqrt(v[part])
            step += 1e-7 / root
            numpy.divide(m[part], step, out=step)
            step *= lr * scale_m / root
            param[part] -= step


class LazyAdam(Adam):
    """Adam on the rows of the batch alone: its cost does not grow with the vocabulary.

    It differs from Adam in that a row that is not in the batch stands still: its moments do not
    decay and do not move it further. A rare word then keeps the momentum of the last time it
    occurred, and takes larger steps.
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999):
        super().__init__(lr, beta1, beta2)
        self.on_gpu = gpu_updates.lazy_adam()

    def _move(self, param: Array, m: Array, v: Array, ids: Any, rows: Array, lr: float) -> None:
        m_rows = self.beta1 * m[ids] + (1 - self.beta1) * rows
        v_rows = self.beta2 * v[ids] + (1 - self.beta2) * (rows * rows)
        m[ids], v[ids] = m_rows, v_rows
        param[ids] -= lr * m_rows / (numpy.sqrt(v_rows) + 1e-7)


OPTIMIZERS: dict[str, type] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adagrad": AdaGrad,
    "adam": Adam,
    "lazy-adam": LazyAdam,
}
"""The rules by the names that `--optimizer` takes."""
