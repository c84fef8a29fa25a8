"""The update rules on a GPU: a fused kernel for each table, and no wait for the host.

Called by the rules of `optimizers.rules`. A sparse gradient is added up in a table of its own,
which is zero between updates: finding the distinct ids, as on a CPU, would make the host wait for
the device. `training.gpu_step` puts a rule's code and its arrays into a kernel of its own.
"""

from typing import Any

from w2v.backend import Array, array_module, scatter_add
from w2v.layers import RowGradient
from w2v.optimizers.constants import EPSILON


class GpuRule:
    """One rule. `code` updates one value, in statements of CUDA C++ that are Python as well.

    moments: names of the arrays that the rule keeps, which are zero at first. numbers: names of
    what it is given at each update. In `code`, `g` is the gradient, `w` the parameter and `T` their
    type. moves_all: whether rows without a gradient move too.
    """

    def __init__(self, name: str, code: str, moments: str, numbers: str, moves_all: bool = False):
        self.name, self.code, self.moves_all = name, code, moves_all
        self.moments, self.numbers = moments.split(), numbers.split()
        self._kernel: Any = None
        self._state: list[list[Array]] = []
        self._sums: list[Array] = []

    def state(self, params: list[Array]) -> list[list[Array]]:
        """The moments of each parameter, in the order of `self.moments`."""
        if not self._state:
            zeros_like = array_module(params[0]).zeros_like
            self._state = [[zeros_like(param) for _ in self.moments] for param in params]
        return self._state

    def sums(self, params: list[Array]) -> list[Array]:
        """A table for each parameter to add up its gradient in, zero between updates."""
        if not self._sums:
            self._sums = [array_module(param).zeros_like(param) for param in params]
        return self._sums

    def update(self, params: list[Array], grads: list[Array | RowGradient], *numbers: float):
        """Move each parameter, in place. numbers: in the order of `self.numbers`."""
        if self._kernel is None:
            inputs = ", ".join(f"T {name}" for name in ["g", *self.numbers])
            outputs = ", ".join(f"T {name}" for name in [*self.moments, "w"])
            make = array_module(params[0]).ElementwiseKernel
            self._kernel = make(inputs, outputs, self.code, f"w2v_{self.name}")
        for place, (param, grad) in enumerate(zip(params, grads, strict=True)):
            moments = self.state(params)[place]
            if isinstance(grad, RowGradient):
                self._add_up(param, grad, self.sums(params)[place], moments, numbers)
            else:
                self._kernel(grad, *numbers, *moments, param)

    def _add_up(
        self, param: Array, grad: RowGradient, total: Array, moments: list[Array], numbers: Any
    ) -> None:
        """Update by a sparse gradient, whose sum is made in `total`."""
        scatter_add(total, grad.ids, grad.rows)
        if self.moves_all:
            self._kernel(total, *numbers, *moments, param)
            total.fill(0)
        else:
            self._move_rows(grad.ids, total, numbers, [*moments, param])

    def _move_rows(self, ids: Array, total: Array, numbers: Any, arrays: list[Array]) -> None:
        """Update the rows of `ids` alone. A row that is named twice gets the same values twice."""
        rows = [array[ids] for array in arrays]
        self._kernel(total[ids], *numbers, *rows)
        for array, new in zip(arrays, rows, strict=True):
            array[ids] = new
        total[ids] = 0


_ADAM = f"""
    m += (1 - beta1) * (g - m);
    v += (1 - beta2) * (g * g - v);
    w -= lr * m / (sqrt(v) + T({EPSILON}))
"""


def sgd() -> GpuRule:
    """W <- W - lr * grad."""
    return GpuRule("sgd", "w -= lr * g", "", "lr")


def momentum() -> GpuRule:
    """v <- momentum * v - lr * grad; W <- W + v."""
    return GpuRule("momentum", "v *= momentum; v -= lr * g; w += v", "v", "lr momentum", True)


def adagrad() -> GpuRule:
    """h <- h + grad^2; W <- W - lr * grad / sqrt(h)."""
    return GpuRule("adagrad", f"h += g * g; w -= lr * g / (sqrt(h) + T({EPSILON}))", "h", "lr")


def adam() -> GpuRule:
    """The book's Adam: every row moves. lr: corrected for the number of the step."""
    return GpuRule("adam", _ADAM, "m v", "lr beta1 beta2", True)


def lazy_adam() -> GpuRule:
    """Adam on the rows of the batch alone."""
    return GpuRule("adam", _ADAM, "m v", "lr beta1 beta2")
