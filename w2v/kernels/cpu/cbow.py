"""One CBOW span: the mean of its context words predicts the centre word.

As windows are intervals, the means and the gradients of their words are running sums.
"""

import numpy

from w2v.kernels.cpu.jit import EXACT, INLINED_CONTRACT, MERGED
from w2v.kernels.cpu.llvm import LANES
from w2v.kernels.cpu.loss import score_gradients, sigmoid, span_loss
from w2v.kernels.cpu.products import Band, add_product, set_product
from w2v.kernels.cpu.span import rows_of_next_span
from w2v.kernels.cpu.tiles import Matrix, Rows
from w2v.kernels.cpu.vectors import (
    add_scaled,
    add_sums,
    dot,
    mark_change,
    running_row_sums,
    scale_unless,
    window_mean,
)
from w2v.numba_setup import numba


@numba.njit(**MERGED)
def train_cbow(span, words, W_in, W_out, span_range, measure, settings):
    """One CBOW span on gathered rows. Returns (centres trained, loss), as `train_skipgram`."""
    shared, window, columns = settings.shared, settings.window, span.scores.shape[1]
    width, count = W_in.shape[1], span_range.centers
    contexts_soon, negatives_soon, targets_soon = rows_of_next_span(
        words, W_in, W_out, span_range, settings
    )
    trained = _average_windows(span, words, W_in, span_range)
    _weigh_negatives(span, span_range)
    set_product(span.scores, 0, count, span.hidden, span.columns, settings.dim, contexts_soon)
    _score_targets(span, W_out, count)
    loss = span_loss(span, count) + _target_loss(span, count) if measure else 0.0
    score_gradients(span, count * columns)
    _target_gradients(span, count)
    set_product(span.gradient, window, count, span.scores, span.outputs, shared, negatives_soon)
    _add_target_gradients(span, W_out, window, count)
    add_product(
        Rows(W_out, width, span.output_ids, 0, span.rate_out), shared,
        Matrix(span.scores, 0, 1, columns), span.hidden, Band(count, count, 0, 0, 0), targets_soon,
    )  # fmt: skip
    _update_targets(span, W_out, count)
    _update_contexts(span, words, W_in, span_range, window)
    return trained, loss


@numba.njit(**MERGED)
def _average_windows(span, words, W_in, span_range):
    """Set `hidden` to the means of the centre words' contexts; returns how many have one.

    A window is an interval of context rows without the centre word, so that its sum is the
    difference of two running sums, less that word's row.
    """
    total, width = 0, W_in.shape[1]
    running_row_sums(W_in, words.ids, span_range.row_start, span_range.rows, width, span.sums)
    for q in range(span_range.centers):
        center = span_range.start + q
        span.start[q] = words.start[center] - span_range.row_start
        span.stop[q] = words.stop[center] - span_range.row_start
        others = span.stop[q] - span.start[q] - 1
        total += others > 0
        span.own_weight[q] = numpy.float32(others > 0)
        factor = numpy.float32(1) / numpy.float32(max(others, 1))
        window_mean(span.sums, span.start[q], span.stop[q], factor, W_in, words.ids[center] * width,
                    span.hidden, q * width, width)  # fmt: skip
    return total


@numba.njit(**MERGED)
def _weigh_negatives(span, span_range):
    """Set `weight`: K / S for each mean and negative, 0 if that is the centre word."""
    columns, ids = span.weight.shape[1], span.output_ids
    for q in range(span_range.centers):
        for n in range(0, columns, LANES):
            scale_unless(span.own_weight[q], span.negative_weight, n, ids, ids[span.targets + q],
                         span.weight, q * columns + n)  # fmt: skip


@numba.njit(**MERGED)
def _score_targets(span, W_out, count):
    """CBOW's scores of each mean with its centre word."""
    width = span.hidden.shape[1]
    for q in range(count):
        word = span.output_ids[span.targets + q]
        span.own[q] = dot(span.hidden, q * width, W_out, word * width, width)


@numba.njit(**INLINED_CONTRACT)
def _target_gradients(span, count):
    """`score_gradients` for CBOW's targets."""
    for q in range(count):
        span.own[q] = span.own_weight[q] * (numpy.float32(1) - sigmoid(span.own[q]))


@numba.njit(**EXACT)
def _target_loss(span, count):
    """`span_loss` for CBOW's targets."""
    total = 0.0
    for q in range(count):
        x = -numpy.float64(span.own[q])
        total += span.own_weight[q] * (max(x, 0.0) + numpy.log1p(numpy.exp(-abs(x))))
    return total


@numba.njit(**MERGED)
def _add_target_gradients(span, W_out, window, count):
    """Add the targets' share to the means' gradients, before any row of W_out is changed."""
    width = span.hidden.shape[1]
    for q in range(count):
        word = span.output_ids[span.targets + q]
        add_scaled(span.gradient, (window + q) * width, span.own[q], W_out, word * width, width)


@numba.njit(**MERGED)
def _update_targets(span, W_out, count):
    """Add the targets' gradients to their rows, one after the other as words may repeat."""
    width = span.hidden.shape[1]
    for q in range(count):
        n = span.targets + q
        rate = span.rate_out[n] * span.own[q]
        add_scaled(W_out, span.output_ids[n] * width, rate, span.hidden, q * width, width)


@numba.njit(**MERGED)
def _update_contexts(span, words, W_in, span_range, window):
    """Add to each context word the gradients of the means that it is part of.

    They are whole, not divided by the size of the window: see `kernels.reference.cbow_step`. A
    word's sum of them grows where a window begins and shrinks where one ends.
    """
    width = W_in.shape[1]
    span.gradient[window + span_range.centers :] = 0
    for q in range(span_range.centers):
        mark_change(span.changes, span.start[q], span.stop[q], span.gradient, (window + q) * width,
                    width)  # fmt: skip
    row_start = span_range.row_start
    before = window - (span_range.start - row_start)  # rows of `gradient` before the contexts
    add_sums(W_in, words.ids, row_start, span_range.rows, span.rate_in, span.changes,
             span.gradient, before, width)  # fmt: skip
    span.changes[span_range.rows] = 0
