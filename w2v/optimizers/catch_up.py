"""Adam that moves only the rows that are used, each by all that it has missed."""

import math
from collections.abc import Sequence

import numpy

from w2v.backend import Array, check_ids
from w2v.optimizers.rules import EPSILON, Gradient, rows_of, zeros_like


class CatchUpAdam:
    """Adam that moves only the rows that are used, each by all that it has missed.

    Where Adam moves every row at every step, here a row stands still until `settle` asks for it;
    then it takes at once the steps that its decaying moments would have made. What comes out is
    Adam's up to rounding. Rows have to be settled before they are read: those of a batch before its
    forward pass, all of them at the end. For tables of NumPy; `lr` stays what it was made with.
    Keras 2 has the same rule; where a batch repeats a row, Keras 3 adds up the squares of its
    gradients and does not square their sum.

    With s = sqrt(v) + e after a row's last step (e = 1e-7), its k-th missed step is

        rate_k m beta1^k / (sqrt(v beta2^k) + e) = m / s * rate_k a^k / (1 + q d_k)

    with a = beta1 / sqrt(beta2), d_k = beta2^(-k/2) - 1 and q = e / s <= 1. The sum over the missed
    steps of the series 1 - q d_k + (q d_k)^2 - ... has sums over k as its coefficients, which are
    the same for a whole row. a^k is gone before d_k is large: with the usual betas, what TERMS
    terms leave out is 1e-11 of the movement. ValueError is raised for betas where it is too much.
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.shapes = step_shapes(beta1, beta2)
        self._rates = numpy.zeros(1)
        self._state: list[tuple[Array, Array, Array]] = []  # m, v, and each row's last step

    def settle(self, params: list[Array], ids: Sequence[Array] | None = None) -> None:
        """Bring rows up to date, in place. ids: (n,) for each parameter; all rows if not given.

        Raises IndexError for an id that is no row.
        """
        from w2v.optimizers.adam_loops import catch_up

        rates = self._rates_of(params)
        for place, (param, state) in enumerate(zip(params, self._state, strict=True)):
            rows = numpy.arange(len(param)) if ids is None else ids[place]
            check_ids(rows, param)
            epsilon = param.dtype.type(EPSILON)
            betas = self.beta1, self.beta2
            catch_up(param, *state, rows, self.iter, rates, self.shapes, *betas, epsilon)

    def update(self, params: list[Array], grads: list[Gradient]) -> None:
        """Move the rows that the gradients name, in place; the others are taken as not used."""
        from w2v.optimizers.adam_loops import adam_step

        parts = [rows_of(grad) for grad in grads]
        ids = [
            numpy.arange(len(param)) if isinstance(rows, slice) else rows
            for param, (rows, _) in zip(params, parts, strict=True)
        ]
        self.settle(params, ids)
        self.iter += 1
        rate = self._rates_of(params)[self.iter]
        for param, state, rows, (_, grad) in zip(params, self._state, ids, parts, strict=True):
            numbers = map(param.dtype.type, (rate, self.beta1, self.beta2, EPSILON))
            adam_step(param, *state, rows, grad, self.iter, *numbers)

    def _rates_of(self, params: list[Array]) -> numpy.ndarray:
        """The corrected learning rates by step, up to this one; makes the state at first."""
        if not self._state:
            moments = zip(zeros_like(params), zeros_like(params), strict=True)
            self._state = [(m, v, numpy.zeros(len(m), numpy.int64)) for m, v in moments]
        if self.iter >= len(self._rates):
            steps = numpy.arange(1, 2 * self.iter + 1000)
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
        raise ValueError(f"beta1 = {beta1} is too near to the root of beta2 = {beta2}")
    k = numpy.arange(1, 1 + math.ceil(math.log(1e-17) / math.log(ratio)))
    growth = beta2 ** (-k / 2) - 1
    shapes = ratio ** k[:, None] * (-growth[:, None]) ** numpy.arange(TERMS)
    left_out = (ratio**k * growth**TERMS).sum() / (ratio**k).sum()
    if not left_out < 1e-8:
        raise ValueError(f"beta1 = {beta1}, beta2 = {beta2} cannot be caught up: use Adam")
    return shapes
