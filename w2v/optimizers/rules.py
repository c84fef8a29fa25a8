"""Update rules: the book's, and an Adam that moves only the rows of the batch.

`update(params, grads)` changes the parameters in place. A gradient is an array, as in the book,
or a RowGradient, which the rules read as an array whose other rows are zero: SGD, Momentum,
AdaGrad and Adam give the same result for both. Source: Deep Learning from Scratch 2,
`common/optimizer.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from w2v.backend import Array, array_module
from w2v.config import ADAM_RATE
from w2v.layers import RowGradient
from w2v.optimizers import gpu_updates
from w2v.optimizers.constants import EPSILON, TINY
from w2v.optimizers.gpu_updates import GpuRule

BLOCK_VALUES = 100_000
"""Values that Adam updates at a time on a CPU: four float32 arrays of it stay in the L2 cache."""

RENEWAL = 256
"""Updates after which Adam's moments are brought to their true scale, and tiny ones to 0."""

Gradient = Array | RowGradient


class Rule:
    """What the update rules share. A rule of its own has `on_gpu`, `numbers` and `update_one`.

    lr: learning rate. `state` holds, for each parameter, the arrays that the rule keeps of it;
    `iter` counts the updates.
    """

    on_gpu: GpuRule

    def __init__(self, lr: float):
        self.lr = lr
        self.iter = 0
        self.state: list[list[Array]] = []

    def update(self, params: list[Array], grads: list[Gradient]) -> None:
        """Move each parameter by its gradient, in place."""
        self.iter += 1
        if array_module(*params) is not numpy:
            self.on_gpu.update(params, grads, *self.numbers())
            return
        self.make_state(params)
        for param, grad, state in zip(params, grads, self.state, strict=True):
            self.update_one(param, *_rows_of(grad), *state)

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        """Move one parameter on a CPU. ids: an index of the rows that have a gradient, `rows`."""
        raise NotImplementedError

    def numbers(self) -> tuple[float, ...]:
        """What the rule on a GPU is given at this update, in the order of `on_gpu.numbers`."""
        return (self.lr,)

    def settle(self, params: list[Array], ids: Sequence[Array] | None = None) -> None:
        """Bring rows up to date before they are read. Nothing to do but for CatchUpAdam."""

    def settled(self, params: list[Array], place: int) -> Array:
        """One of the parameters as it is when settled: itself, or a copy.

        Nothing is changed, so that looking at a training does not change what it becomes.
        """
        return params[place]

    @property
    def kept(self) -> list[str]:
        """Names of the arrays that are kept of a parameter."""
        return self.on_gpu.moments

    def arrays(self, params: list[Array]) -> list[list[Array]]:
        """For each parameter the arrays that are kept of it, in the order of `kept`."""
        if array_module(*params) is not numpy:
            return self.on_gpu.state(params)
        self.make_state(params)
        return self.state

    def make_state(self, params: list[Array]) -> None:
        """Make the arrays that are kept, zeros, unless there are any."""
        if not self.state:
            kept = self.on_gpu.moments
            self.state = [[numpy.zeros_like(param) for _ in kept] for param in params]


def _rows_of(grad: Gradient) -> tuple[Any, Array]:
    """Which rows a gradient touches, as an index, and their values."""
    if isinstance(grad, RowGradient):
        grad = grad.summed()
        return grad.ids, grad.rows
    return slice(None), grad


class SGD(Rule):
    """W <- W - lr * grad."""

    def __init__(self, lr: float = 0.01):
        super().__init__(lr)
        self.on_gpu = gpu_updates.sgd()

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        param[ids] -= self.lr * rows


class Momentum(Rule):
    """v <- momentum * v - lr * grad; W <- W + v."""

    def __init__(self, lr: float = 0.01, momentum: float = 0.9):
        super().__init__(lr)
        self.momentum = momentum
        self.on_gpu = gpu_updates.momentum()

    def numbers(self) -> tuple[float, ...]:
        return self.lr, self.momentum

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        (v,) = state
        v *= self.momentum
        v[ids] -= self.lr * rows
        param += v


class AdaGrad(Rule):
    """h <- h + grad^2; W <- W - lr * grad / sqrt(h). Source: Duchi et al. 2011."""

    def __init__(self, lr: float = 0.01):
        super().__init__(lr)
        self.on_gpu = gpu_updates.adagrad()

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        (h,) = state
        h[ids] += rows * rows
        param[ids] -= self.lr * rows / (numpy.sqrt(h[ids]) + EPSILON)


class AdamRule(Rule):
    """What the Adams share: two betas, two moments m and v, and the corrected learning rate."""

    def __init__(self, lr: float, beta1: float, beta2: float):
        super().__init__(lr)
        self.beta1 = beta1
        self.beta2 = beta2

    def numbers(self) -> tuple[float, ...]:
        return self.corrected_rate(), self.beta1, self.beta2

    def corrected_rate(self) -> float:
        """The learning rate with the correction for moments that began with zeros."""
        return self.lr * ((1 - self.beta2**self.iter) ** 0.5 / (1 - self.beta1**self.iter))


class Adam(AdamRule):
    """Adam as the book writes it: every row moves at every step, by its decaying moments.

    The decay of the moments since the last renewal is kept aside as one factor, so that a step
    only reads them where the gradient is zero: `m` and `v` are the book's divided by
    beta ** (iter % renewal). block_values: values that are updated at a time.
    Source: Kingma and Ba 2015, in the form of section 2's last paragraph.
    """

    def __init__(
        self,
        lr: float = ADAM_RATE,
        beta1: float = 0.9,
        beta2: float = 0.999,
        *,
        renewal: int = RENEWAL,
        block_values: int = BLOCK_VALUES,
    ):
        super().__init__(lr, beta1, beta2)
        self.renewal = renewal
        self.block_values = block_values
        self.on_gpu = gpu_updates.adam()

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        m, v = state
        age = self.iter % self.renewal
        if age == 0:
            self._renew(m, self.beta1)
            self._renew(v, self.beta2)
        scale_m, scale_v = self.beta1**age, self.beta2**age
        m[ids] += (1 - self.beta1) / scale_m * rows
        v[ids] += (1 - self.beta2) / scale_v * (rows * rows)
        # lr * (scale_m * m) / (sqrt(scale_v * v) + EPSILON), with the factors multiplied first
        root = scale_v**0.5
        factor = self.corrected_rate() * scale_m / root
        block = max(1, self.block_values * len(param) // param.size)
        for start in range(0, len(param), block):
            part = slice(start, start + block)
            step = numpy.sqrt(v[part])
            step += EPSILON / root
            numpy.divide(m[part], step, out=step)
            step *= factor
            param[part] -= step

    def _renew(self, moment: Array, beta: float) -> None:
        moment *= beta**self.renewal
        moment[abs(moment) < TINY] = 0


class LazyAdam(AdamRule):
    """Adam on the rows of the batch alone: its cost does not grow with the vocabulary.

    It differs from Adam in that a row that is not in the batch does not change: its moments do not
    decay and do not move it further. A rare word then keeps the momentum of the last time it
    occurred, and takes larger steps.
    """

    def __init__(self, lr: float = ADAM_RATE, beta1: float = 0.9, beta2: float = 0.999):
        super().__init__(lr, beta1, beta2)
        self.on_gpu = gpu_updates.lazy_adam()

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        m, v = state
        m_rows = self.beta1 * m[ids] + (1 - self.beta1) * rows
        v_rows = self.beta2 * v[ids] + (1 - self.beta2) * (rows * rows)
        m[ids], v[ids] = m_rows, v_rows
        param[ids] -= self.corrected_rate() * m_rows / (numpy.sqrt(v_rows) + EPSILON)


OPTIMIZERS: dict[str, Callable[..., Rule]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adagrad": AdaGrad,
    "adam": Adam,
    "lazy-adam": LazyAdam,
}
"""The rules by the names that `--optimizer` takes."""
