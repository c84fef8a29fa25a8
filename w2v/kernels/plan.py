"""What does not change during a run of the fused engine, in the form that the kernels read.

`Plan.build` turns a vocabulary's counts and the options of a run into thresholds and tables;
`kernels.reference`, `kernels.cpu` and the GPU's kernel take the same plan and so make the same
random choices.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy

from w2v.config import LEARNING_RATE, TrainConfig
from w2v.kernels.weights import ROW
from w2v.sampling.alias import AliasTable
from w2v.sampling.subsampling import keep_probability

PIECE = 1024
"""Places of the stream from one anchor of spans to the next."""

KEEP, SPAN, NEGATIVE = 0, 1, 2
"""Lanes of `rng.bits` at a place of the stream.

KEEP, at every word: the high half decides whether it is kept, the low half its window.
SPAN, at the first centre word of a span: whether its loss is measured.
NEGATIVE + n, there too: the n-th shared negative.
"""

SPAN_SHAPE = {"skipgram": (16, 16), "cbow": (32, 32)}
"""Centre words and shared negatives of a span, for windows and negatives of ordinary size.

Measured by scripts/bench/spans.py: CBOW, which has one score with a negative for each centre word,
loses a point of analogies to gensim with 16 of them.
"""

MOST_WEIGHT = 100.0
"""What a shared negative may stand for in a span, in pairs; at 255 training diverges."""

MOST_SHARED = 64

DAMPING = 8.0
"""Copies of a word's row in flight at once up to which their updates are added undamped."""

MEASURED_SPANS = 2**12
"""Spans whose loss is measured in a pass over the corpus, at most and about."""


class Schedule(NamedTuple):
    """How a kernel trains a text: the shape of its spans, and how many it trains at once."""

    centers: int
    shared: int
    workers: int

    @classmethod
    def usual(cls, config: TrainConfig, workers: int = 1) -> "Schedule":
        """Spans as `span_shape` has them."""
        options = config.model, config.window, config.negative, config.fixed_window
        return cls(*span_shape(*options), workers)


@dataclasses.dataclass(frozen=True)
class Plan:
    """A run's constants: V words, spans of `centers` centre words that share `shared` negatives.

    model: "skipgram" or "cbow". window: words on each side, shrunk at random for each centre word
    as in word2vec.c, to `least_window` at most, which is `window` itself for fixed ones. negative:
    negatives per pair, whose number the shared ones are weighted to.
    keep: (V,) uint32, a word stays if the high half of its random bits is at most this.
    noise: the table that negatives are drawn from. lr_start, lr_end: learning rate at place 0 and
    at place `length` of the run, linear in between. damping_in, damping_out: (V,) float32 factors
    on what is written back to W_in and W_out. loss_every: the loss of one span in this many is
    measured. watched: ids of the most frequent words, which diverge first. workers: spans trained
    at the same time, which the damping is for.
    """

    model: str
    window: int
    least_window: int
    negative: int
    centers: int
    shared: int
    keep: Any
    noise: AliasTable
    lr_start: float
    lr_end: float
    length: int
    damping_in: Any
    damping_out: Any
    loss_every: int
    watched: Any
    workers: int

    def __post_init__(self) -> None:
        if self.model not in ("skipgram", "cbow"):
            raise ValueError(f"model must be skipgram or cbow, not {self.model!r}")
        for name in ("window", "negative", "centers", "shared", "length", "loss_every", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    def learning_rate(self, position: int) -> float:
        """The rate at a position of the run: linear from lr_start to lr_end, constant after."""
        done = min(position / self.length, 1.0)
        return self.lr_start + (self.lr_end - self.lr_start) * done

    @classmethod
    def build(
        cls,
        counts: numpy.ndarray,
        config: TrainConfig,
        length: int,
        schedule: Schedule | None = None,
        damping: float = DAMPING,
    ) -> "Plan":
        """The plan for a vocabulary with these counts, (V,), and the options of a run.

        length: places of the stream (words and end-of-sentence marks) over all epochs. schedule:
        without it, spans as `span_shape` has them, one at a time. Raises ValueError for values that
        cannot be used.
        """
        schedule = schedule or Schedule.usual(config)
        counts = numpy.asarray(counts, dtype=numpy.float64)
        chance = keep_probability(counts, config.sample_of(counts.sum()))
        noise = AliasTable((counts / counts.max()) ** config.ns_exponent)
        copies_in, copies_out = copies_per_span(counts * chance, noise, config, schedule)
        spans = counts.sum() / schedule.centers
        return cls(
            model=config.model,
            window=config.window,
            least_window=config.window if config.fixed_window else 1,
            negative=config.negative,
            centers=schedule.centers,
            shared=schedule.shared,
            keep=numpy.maximum(numpy.floor(chance * 2.0**32) - 1, 0).astype(numpy.uint32),
            noise=noise,
            lr_start=LEARNING_RATE[config.model] if config.lr is None else config.lr,
            lr_end=config.min_lr,
            length=length,
            damping_in=damping_factor(copies_in * schedule.workers, damping),
            damping_out=damping_factor(copies_out * schedule.workers, damping),
            loss_every=int(numpy.clip(spans / MEASURED_SPANS, 1, 256)),
            watched=numpy.argsort(-counts, kind="stable")[:1024],
            workers=schedule.workers,
        )


def span_shape(
    model: str, window: int, negative: int, fixed_window: bool = False
) -> tuple[int, int]:
    """Centre words and shared negatives that suit a window and a number of negatives.

    The pairs of a span all push its shared negatives from the same old weights. Where that would be
    too many at once, more negatives are shared, then fewer centre words.
    """
    centers, shared = SPAN_SHAPE.get(model, (1, 1))  # not a model: Plan refuses it
    pairs = 1 if model == "cbow" else 2 * window if fixed_window else window + 1  # on average
    while centers * pairs * negative / shared > MOST_WEIGHT and shared < MOST_SHARED:
        shared += ROW
    while centers * pairs * negative / shared > MOST_WEIGHT and centers > 1:
        centers //= 2
    return centers, shared


def copies_per_span(
    kept: numpy.ndarray, noise: AliasTable, config: TrainConfig, schedule: Schedule
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """How often each word is expected among a span's context rows and among its output rows.

    kept: (V,) occurrences that are left after subsampling. Returns two (V,) float64.
    """
    share = kept / kept.sum()
    rows = schedule.centers + 2 * config.window
    return rows * share, schedule.centers * share + schedule.shared * noise.probabilities()


def damping_factor(copies: numpy.ndarray, limit: float) -> numpy.ndarray:
    """What a word's updates are multiplied with, given how many are in flight: (V,) float32.

    Spans that are trained at the same time do not see one another's updates. Those of a frequent
    word all push the same way, and their sum overshoots: from some hundred copies on, the weights
    grow without bound. min(1, limit / copies) keeps the sum of those in flight at that of `limit`.
    """
    return numpy.minimum(1.0, limit / numpy.maximum(copies, 1e-30)).astype(numpy.float32)
