"""One skip-gram span: each context word predicts the centre word."""

import numpy

from w2v.kernels.cpu.jit import EXACT, MERGED
from w2v.kernels.cpu.llvm import LANES
from w2v.kernels.cpu.loss import score_gradients, span_loss
from w2v.kernels.cpu.products import Band, Soon, add_product, set_product
from w2v.kernels.cpu.span import rows_of_next_span
from w2v.kernels.cpu.tiles import Matrix, Rows
from w2v.kernels.cpu.vectors import copy_vector, count_equal, mark_inside, scale_vector
from w2v.numba_setup import numba


@numba.njit(**MERGED)
def train_skipgram(span, words, W_in, W_out, span_range, measure, settings):
    """One skip-gram span on gathered rows. Returns (pairs, loss); loss only if asked to measure."""
    shared, window, targets = settings.shared, settings.window, span.targets
    width, columns = W_in.shape[1], span.scores.shape[1]
    rows, ids = span_range.rows, words.ids[span_range.row_start :]
    ahead = span_range.start - span_range.row_start  # context rows before the first centre word
    contexts_soon, negatives_soon, targets_soon = rows_of_next_span(
        words, W_in, W_out, span_range, settings
    )
    pairs = _count_pairs(span, words, span_range, settings)
    for i in range(rows):
        for offset in range(0, width, LANES):
            copy_vector(W_in, ids[i] * width + offset, span.inputs, i * width + offset)
    set_product(span.scores, 0, rows, span.inputs, span.columns, settings.dim, contexts_soon)
    loss = span_loss(span, rows) if measure else 0.0
    score_gradients(span, rows * columns)
    outputs, centers = span.output_ids, span_range.centers
    add_product(
        Rows(W_in, width, ids, 0, span.rate_in), rows, Matrix(span.scores, 0, columns, 1),
        span.outputs, Band(shared, targets, -ahead - window, -ahead + window, centers),
        negatives_soon,
    )  # fmt: skip
    add_product(
        Rows(W_out, width, outputs, 0, span.rate_out), shared, Matrix(span.scores, 0, 1, columns),
        span.inputs, Band(rows, rows, 0, 0, 0), targets_soon,
    )  # fmt: skip
    add_product(
        Rows(W_out, width, outputs, targets, span.rate_out), centers,
        Matrix(span.scores, targets, 1, columns), span.inputs,
        Band(0, 0, ahead - window, ahead + window, rows), Soon(W_out, words.ids, 0, 0),
    )  # fmt: skip
    return pairs, loss


@numba.njit(**MERGED)
def _count_pairs(span, words, span_range, settings):
    """Mark the pairs of a skip-gram span in `weight`; returns how many they are.

    A context row's weight on each shared negative is its number of pairs times K / S, without
    those pairs whose centre word is that negative.
    """
    weight, shared, targets = span.weight, settings.shared, span.targets
    columns, rows = weight.shape[1], span_range.rows
    first, row_start = span_range.start, span_range.row_start
    for q in range(columns - targets):
        inside = q < span_range.centers
        span.start[q] = words.start[first + q] - row_start if inside else 0
        span.stop[q] = words.stop[first + q] - row_start if inside else 0
    total = 0
    for i in range(rows):
        row, own = i * columns, i - (first - row_start)
        pairs = 0
        for q in range(0, columns - targets, LANES):
            pairs += mark_inside(i, own - q, span.start, span.stop, q, weight, row + targets + q)
        for n in range(0, targets, LANES):
            scale_vector(numpy.float32(pairs), span.negative_weight, n, weight, row + n)
        total += pairs
    for n in range(shared):
        for block in range(targets, columns, LANES):
            if count_equal(span.output_ids, block, span.output_ids[n]) > 0:
                _leave_out(span, n, block, rows, settings)
    return total


@numba.njit(**EXACT)
def _leave_out(span, n, block, rows, settings):
    """Take the pairs whose centre word is the n-th negative out of that negative's weight."""
    for q in range(block, block + LANES):
        if span.output_ids[n] == span.output_ids[q]:
            for i in range(rows):
                span.weight[i, n] -= settings.ratio * span.weight[i, q]
