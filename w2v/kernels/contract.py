"""What a fused kernel is: the `Kernel` protocol, kept whole by `reference`, `cpu` and `cuda`.

Every random choice and the learning rate are functions of the seed and the position, so that
ranges, threads and devices agree.
"""

from typing import Any, NamedTuple, Protocol

import numpy

from w2v.backend import array_module
from w2v.errors import DivergenceError
from w2v.kernels.plan import Plan, Schedule

EXPLODED = 1e3
"""A weight beyond this has left any sensible training: they end up below 10."""


class Result(NamedTuple):
    """What a call of a kernel's `train` did. Mean loss per pair: loss / measured.

    words: in the range, before subsampling. pairs: trained; for CBOW, centre words with a context.
    loss: sum over the `measured` pairs, in float64.
    """

    words: int
    pairs: int
    loss: float
    measured: int


class Kernel(Protocol):
    """Trains spans of an encoded corpus on one device."""

    block: int
    """Places of the stream in one call of `train`: about a second, or less."""

    def schedule(
        self,
        model: str,
        dim: int,
        window: int,
        negative: int,
        length: int,
        shape: tuple[int, int] | None = None,
        fixed_window: bool = False,
    ) -> Schedule:
        """How this kernel would train a stream of `length` places.

        shape: centre words and shared negatives of a span, in place of those that it would choose.
        fixed_window: windows are not shrunk at random, so that there are twice as many pairs.
        """

    def place(self, weights: tuple[Any, Any], length: int) -> tuple[Any, Any]:
        """The weights, (V, H) float32 as `weights.padded` makes them, where this kernel wants them.

        length: of the stream that they will be trained on. Raises GPUError for a device without
        room for them.
        """

    def train(
        self,
        ids: Any,
        start: int,
        stop: int,
        weights: tuple[Any, Any],
        plan: Plan,
        seed: int,
        first_position: int,
    ) -> Result:
        """Train the words at places start..stop of the stream `ids`, changing `weights` in place.

        ids: (n,) int32, words and SENTENCE_END; words outside start..stop are read as context.
        weights: from `place`. first_position: place of `start` in the run, which counts over all
        epochs. Trained are the spans whose first word lies in start..stop. Raises ValueError for
        arrays of another form, DivergenceError when weights have grown without bound.
        """


def check_arguments(ids: Any, start: int, stop: int, weights: tuple[Any, Any]) -> None:
    """Raise ValueError unless `ids` is an int32 stream that holds start..stop, for these weights.

    The ids themselves are not looked at: encoding has seen to it that they are below V.
    """
    if ids.ndim != 1 or ids.dtype != numpy.int32:
        raise ValueError(f"ids must be one row of int32, not {ids.ndim} dimensions of {ids.dtype}")
    if not 0 <= start <= stop <= len(ids):
        raise ValueError(f"no words {start}..{stop} in a stream of {len(ids)}")
    if weights[0].ndim != 2 or weights[0].shape != weights[1].shape:
        raise ValueError("W_in and W_out must have the same two dimensions")


def check_growth(weights: tuple[Any, Any], plan: Plan, result: Result) -> None:
    """Raise DivergenceError if the loss or the weights of the most frequent words exploded.

    Frequent words diverge first, so looking at `plan.watched` costs next to nothing and is enough.
    """
    xp = array_module(weights[0])
    watched = xp.asarray(plan.watched)
    peaks = [float(xp.abs(array[watched]).max()) for array in weights]
    # Each by itself: Python's max(1.0, nan) is 1.0.
    if not (numpy.isfinite(result.loss) and all(peak < EXPLODED for peak in peaks)):
        raise DivergenceError(
            "training has diverged: a weight or the loss is not a number or beyond "
            f"{EXPLODED:g}; lower the learning rate (--lr), --threads, --window or --negative"
        )
