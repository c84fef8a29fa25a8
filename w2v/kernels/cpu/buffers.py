"""What a thread works in: a plan's numbers, the words of a piece, and a span's matrices."""

from typing import NamedTuple

import numpy

from w2v.kernels.cpu.llvm import LANES
from w2v.kernels.plan import PIECE, Plan
from w2v.kernels.weights import padded


class Settings(NamedTuple):
    """A plan's numbers and tables, as Numba takes them."""

    window: int
    least_window: int
    centers: int
    shared: int
    ratio: numpy.float32  # negatives wanted per shared one
    keep: numpy.ndarray
    noise: numpy.ndarray
    damping_in: numpy.ndarray
    damping_out: numpy.ndarray
    lr_start: float
    lr_end: float
    length: int
    loss_every: int
    dim: int


class Words(NamedTuple):
    """The kept words of a piece and of the windows that reach out of it, in order."""

    ids: numpy.ndarray
    place: numpy.ndarray  # in the stream
    reach: numpy.ndarray  # the window, shrunk at random or fixed
    start: numpy.ndarray  # of the context, as index into these arrays
    stop: numpy.ndarray  # of the context
    noise: numpy.ndarray  # (spans, S): the shared negatives


class SpanBuffers(NamedTuple):
    """One span's matrices. R: context rows, C: output columns, H: padded dim, B: centre words.

    Columns are S negatives and, for skip-gram, B targets, each rounded up to whole vectors.
    """

    inputs: numpy.ndarray  # (R, H): skip-gram's context rows
    outputs: numpy.ndarray  # (C, H)
    columns: numpy.ndarray  # (H, C): outputs transposed
    sums: numpy.ndarray  # (R + 1, H): CBOW's running sums of context rows
    hidden: numpy.ndarray  # (B, H): its means
    gradient: numpy.ndarray  # (window + B + window, H): theirs, and zeros around them
    changes: numpy.ndarray  # (R + 1, H): their sum's, from one context row to the next
    scores: numpy.ndarray  # (R, C), then the gradients of the scores
    weight: numpy.ndarray  # (R, C): how many pairs a score stands for
    label: numpy.ndarray  # (R, C): 1 for targets
    negative_weight: numpy.ndarray  # (S rounded up,): K / S, and 0 after the S-th
    start: numpy.ndarray  # (B,): of each centre word's context rows
    stop: numpy.ndarray  # (B,): likewise
    own: numpy.ndarray  # (B,): CBOW's scores with the target, then their gradients
    own_weight: numpy.ndarray  # (B,): 1, or 0 where there is no context
    output_ids: numpy.ndarray  # (S + B, each rounded up)
    rate_in: numpy.ndarray  # (R,): learning rate, damped
    rate_out: numpy.ndarray  # as output_ids
    targets: int  # column of the first target


class SpanRange(NamedTuple):
    """Where a span lies in `Words`."""

    number: int  # of the span in its piece
    start: int  # the first centre word
    centers: int  # how many
    row_start: int  # the first context row
    rows: int  # context rows
    piece_stop: int  # of the piece's centre words
    reach_stop: int  # of all words


def round_up(number: int) -> int:
    """The next multiple of the vector's length."""
    return -(-number // LANES) * LANES


def make_scratch(plan: Plan, width: int) -> tuple[Words, SpanBuffers]:
    """Buffers for one thread. width: floats in a padded row."""
    room = PIECE + 2 * plan.window
    spans = -(-PIECE // plan.centers) + 1  # the last is never trained, only prefetched
    rows = plan.centers + 2 * plan.window
    targets = round_up(plan.shared)
    centers = round_up(plan.centers)
    columns = targets + (centers if plan.model == "skipgram" else 0)
    label = padded(rows, columns)
    label[:, targets:] = 1
    negative_weight = numpy.zeros(targets, numpy.float32)
    negative_weight[: plan.shared] = plan.negative / plan.shared
    words = Words(
        ids=numpy.zeros(room, numpy.int32),
        place=numpy.zeros(room, numpy.int64),
        reach=numpy.zeros(room, numpy.int32),
        start=numpy.zeros(room, numpy.int32),
        stop=numpy.zeros(room, numpy.int32),
        noise=numpy.zeros((spans, plan.shared), numpy.int32),
    )
    return words, SpanBuffers(
        inputs=padded(rows, width),
        outputs=padded(columns, width),
        columns=padded(width, columns),
        sums=padded(rows + 1, width),
        hidden=padded(plan.centers, width),
        gradient=padded(rows, width),
        changes=padded(rows + 1, width),
        scores=padded(rows, columns),
        weight=padded(rows, columns),
        label=label,
        negative_weight=negative_weight,
        start=numpy.zeros(centers, numpy.int32),
        stop=numpy.zeros(centers, numpy.int32),
        own=numpy.zeros(centers, numpy.float32),
        own_weight=numpy.zeros(centers, numpy.float32),
        output_ids=numpy.zeros(targets + centers, numpy.int32),
        rate_in=numpy.zeros(rows, numpy.float32),
        rate_out=numpy.zeros(targets + centers, numpy.float32),
        targets=targets,
    )
