"""Adam that moves only the rows that are used, each by all that it has missed."""

import math
from collections.abc import Sequence
from typing import Any

import numpy

from w2v.backend import Array, check_ids
from w2v.config import ADAM_RATE
from w2v.optimizers import gpu_updates
from w2v.optimizers.constants import EPSILON
from w2v.optimizers.rules import AdamRule


class CatchUpAdam(AdamRule):
    """Adam that moves only the rows that are used, each by all that it has missed.

    Where Adam moves every row at every step, here a row keeps its values until `settle` asks for
    it; then it takes at once the steps that its decaying moments would have made. The result is
    Adam's up to rounding. Rows have to be settled before they are read: those of a batch before its
    forward pass, all of them at the end. For NumPy's tables only; `lr` must not change after the
    first step. Keras 2 has the same rule; where a batch repeats a row, Keras 3 adds up the squares
    of its gradients and does not square their sum.

    With s = sqrt(v) + e after a row's last step (e = 1e-7), its k-th missed step is

        rate_k m beta1^k / (sqrt(v beta2^k) + e) = m / s * rate_k a^k / (1 + q d_k)

    with a = beta1 / sqrt(beta2), d_k = beta2^(-k/2) - 1 and q = e / s <= 1. The sum over the missed
    steps of the series 1 - q d_k + (q d_k)^2 - ... has sums over k as its coefficients, which are
    the same for a whole row. a^k is negligible before d_k is large: with the usual betas, what
    TERMS terms leave out is 1e-11 of the movement. ValueError is raised for betas where it is too
    much.
    """

    def __init__(self, lr: float = ADAM_RATE, beta1: float = 0.9, beta2: float = 0.999):
        super().__init__(lr, beta1, beta2)
        self.on_gpu = gpu_updates.adam()
        self.shapes = step_shapes(beta1, beta2)
        self._rates = numpy.zeros(1)

    def make_state(self, params: list[Array]) -> None:
        """m, v, and each row's last step."""
        if not self.state:
            super().make_state(params)
            for moments in self.state:
                moments.append(numpy.zeros(len(moments[0]), numpy.int64))

    def settle(self, params: list[Array], ids: Sequence[Array] | None = None) -> None:
        """Bring rows up to date, in place. ids: (n,) for each parameter; all rows if not given.

        Raises IndexError for an id that is not a row.
        """
        self.make_state(params)
        for place, (param, state) in enumerate(zip(params, self.state, strict=True)):
            rows = numpy.arange(len(param)) if ids is None else ids[place]
            self._settle_one(param, rows, state, self.iter)

    def settled(self, params: list[Array], place: int) -> Array:
        """A copy of one of the parameters, settled, by copies of what is kept of it."""
        self.make_state(params)
        copy = params[place].copy()
        state = [array.copy() for array in self.state[place]]
        self._settle_one(copy, numpy.arange(len(copy)), state, self.iter)
        return copy

    @property
    def kept(self) -> list[str]:
        """Names of the arrays that are kept of a parameter."""
        return [*super().kept, "last"]

    def update_one(self, param: Array, ids: Any, rows: Array, *state: Array) -> None:
        """Move the rows that the gradient names; the others count as not used."""
        from w2v.optimizers.adam_loops import adam_step

        if isinstance(ids, slice):
            ids = numpy.arange(len(param))
        self._settle_one(param, ids, state, self.iter - 1)
        numbers = (self._rates_to(self.iter)[self.iter], self.beta1, self.beta2, EPSILON)
        adam_step(param, *state, ids, rows, self.iter, *map(param.dtype.type, numbers))

    def _settle_one(self, param: Array, ids: Array, state: Sequence[Array], step: int) -> None:
        """Bring rows of one parameter to where they are after `step` updates."""
        from w2v.optimizers.adam_loops import catch_up

        check_ids(ids, param)
        constants = self.beta1, self.beta2, param.dtype.type(EPSILON)
        catch_up(param, *state, ids, step, self._rates_to(step), self.shapes, *constants)

    def _rates_to(self, step: int) -> numpy.ndarray:
        """The corrected learning rates by step, up to this one and some more."""
        if step >= len(self._rates):
            steps = numpy.arange(1, 2 * step + 1000)
            rates = numpy.sqrt(1 - self.beta2**steps) / (1 - self.beta1**steps)
            self._rates = numpy.append(0.0, self.lr * rates)
        return self._rates


def step_shapes(beta1: float, beta2: float) -> numpy.ndarray:
    """(L, TERMS): a^k (-d_k)^j of CatchUpAdam's missed steps k = 1, 2, ... L.

    L is where a^k has become too small for a float64 sum. Raises ValueError if the series of TERMS
    terms leaves out more than 1e-8 of the movement.
    """
    from w2v.optimizers.adam_loops import TERMS

    ratio = beta1 / beta2**0.5
    if not 0 < ratio < 0.99:
        raise ValueError(f"beta1 = {beta1} is too near the square root of beta2 = {beta2}")
    k = numpy.arange(1, 1 + math.ceil(math.log(1e-17) / math.log(ratio)))
    growth = beta2 ** (-k / 2) - 1
    shapes = ratio ** k[:, None] * (-growth[:, None]) ** numpy.arange(TERMS)
    left_out = (ratio**k * growth**TERMS).sum() / (ratio**k).sum()
    if not left_out < 1e-8:
        raise ValueError(f"beta1 = {beta1}, beta2 = {beta2} cannot be caught up: use Adam")
    return shapes
