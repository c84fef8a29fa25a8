"""The fused kernel on the CPU: spans of the encoded corpus, trained with Numba.

`kernels.reference` says what it computes; here is the same in an order that suits the machine. Per
span: gather the rows of the context words and of the output words (shared negatives, then
targets), three small products in registers (`kernels.tile`), and one write to each row. The rows of
the next span are prefetched meanwhile. CBOW has the means of the windows in place of the context
rows; as windows are intervals, the means and the gradients of their words are running sums.

Called by `kernels.load("cpu")`.
"""

import ctypes
import functools
import itertools
import pathlib
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy

from w2v import rng
from w2v.corpus import SENTENCE_END
from w2v.kernels.contract import Result, Schedule, check_arguments, check_growth
from w2v.kernels.cpu.llvm import (
    LANES,
    MAX_VECTORS,
    ROW_COUNTS,
    add_scaled,
    add_sums,
    copy_vector,
    count_equal,
    dot,
    float_from_bits,
    gather_block,
    mark_change,
    mark_inside,
    prefetch,
    scale_vector,
    share_unless,
    sum_rows,
    tile_add,
    tile_set,
    window_mean,
)
from w2v.kernels.plan import KEEP, NEGATIVE, PIECE, SPAN, Plan, span_shape
from w2v.kernels.weights import ROW
from w2v.numba_setup import numba

CHUNK = 16 * PIECE
"""Places of the stream that a thread takes at a time."""

_exact: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_contract: dict[str, Any] = {**_exact, "fastmath": {"contract", "nsz", "arcp"}}
_inlined = {**_exact, "forceinline": True}
# Numba makes machine code of every function and again of all that call it. Those called once are
# put into their caller before that, which halves the time that the first run waits.
_merged = {**_exact, "inline": "always"}
_inlined_contract = {**_contract, "forceinline": True}
_mix = numba.njit(**_exact)(rng.mix)
_LANE_STEP, _POSITION_STEP = rng.LANE_STEP, rng.POSITION_STEP
_ROW_COUNTS = numpy.array(
    [(ROW_COUNTS[vectors] + [0] * 6)[:6] for vectors in range(1, MAX_VECTORS + 1)]
)
_HALF, _LOW = numpy.uint64(32), numpy.uint64(2**32 - 1)


class Settings(NamedTuple):
    """A plan's numbers and tables, as Numba takes them."""

    window: int
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
    reach: numpy.ndarray  # the window, shrunk
    first: numpy.ndarray  # of the context, as index into these arrays
    last: numpy.ndarray  # one past the end of the context
    noise: numpy.ndarray  # (spans, S): the shared negatives


class Span(NamedTuple):
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
    share: numpy.ndarray  # (S rounded up,): K / S, and 0 behind
    begin: numpy.ndarray  # (B,): first context row of each centre word
    end: numpy.ndarray  # (B,): one past its last
    own: numpy.ndarray  # (B,): CBOW's scores with the target, then their gradients
    own_weight: numpy.ndarray  # (B,): 1, or 0 where there is no context
    output_ids: numpy.ndarray  # (S + B, each rounded up)
    rate_in: numpy.ndarray  # (R,): learning rate, damped
    rate_out: numpy.ndarray  # as output_ids
    targets: int  # column of the first target


class Part(NamedTuple):
    """Where a span lies in `Words`."""

    number: int  # of the span in its piece
    first: int  # centre word
    centers: int  # how many
    row_0: int  # the first context row
    rows: int  # context rows
    end: int  # of the piece's centre words
    reach_end: int  # of all words


def round_up(number: int) -> int:
    """The next multiple of the vector's length."""
    return -(-number // LANES) * LANES


def make_scratch(plan: Plan, width: int) -> tuple[Words, Span]:
    """Buffers for one thread. width: floats in a padded row."""
    room = PIECE + 2 * plan.window
    spans = -(-PIECE // plan.centers) + 1  # the last is never trained, only prefetched
    rows = plan.centers + 2 * plan.window
    targets = round_up(plan.shared)
    centers = round_up(plan.centers)
    columns = targets + (centers if plan.model == "skipgram" else 0)
    label = _aligned(rows, columns)
    label[:, targets:] = 1
    share = numpy.zeros(targets, numpy.float32)
    share[: plan.shared] = plan.negative / plan.shared
    words = Words(
        ids=numpy.zeros(room, numpy.int32),
        place=numpy.zeros(room, numpy.int64),
        reach=numpy.zeros(room, numpy.int32),
        first=numpy.zeros(room, numpy.int32),
        last=numpy.zeros(room, numpy.int32),
        noise=numpy.zeros((spans, plan.shared), numpy.int32),
    )
    return words, Span(
        inputs=_aligned(rows, width),
        outputs=_aligned(columns, width),
        columns=_aligned(width, columns),
        sums=_aligned(rows + 1, width),
        hidden=_aligned(plan.centers, width),
        gradient=_aligned(rows, width),
        changes=_aligned(rows + 1, width),
        scores=_aligned(rows, columns),
        weight=_aligned(rows, columns),
        label=label,
        share=share,
        begin=numpy.zeros(centers, numpy.int32),
        end=numpy.zeros(centers, numpy.int32),
        own=numpy.zeros(centers, numpy.float32),
        own_weight=numpy.zeros(centers, numpy.float32),
        output_ids=numpy.zeros(targets + centers, numpy.int32),
        rate_in=numpy.zeros(rows, numpy.float32),
        rate_out=numpy.zeros(targets + centers, numpy.float32),
        targets=targets,
    )


def _aligned(rows: int, columns: int) -> numpy.ndarray:
    buffer = numpy.zeros(rows * columns + ROW, dtype=numpy.float32)
    skip = (-buffer.ctypes.data % (4 * ROW)) // 4
    return buffer[skip : skip + rows * columns].reshape(rows, columns)


# The random choices


@numba.njit(**_inlined)
def _bits(key, place, lane):
    return _mix(key + numpy.uint64(place) * _POSITION_STEP + numpy.uint64(lane) * _LANE_STEP)


@numba.njit(**_inlined)
def _add_word(ids, at, n, sentence, words, settings, key, shift):
    """Write the word at place `at` as the n-th; returns n + 1 if it is kept, else n."""
    word = ids[at]
    random = _bits(key, at + shift, KEEP)
    words.ids[n] = word
    words.place[n] = at
    words.first[n] = sentence
    words.reach[n] = 1 + numpy.int32(((random & _LOW) * numpy.uint64(settings.window)) >> _HALF)
    return n + numpy.int64((random >> _HALF) <= numpy.uint64(settings.keep[word]))


@numba.njit(**_inlined)
def _read_before(ids, piece, words, settings, key, shift):
    """Fill in up to `window` kept words before the piece, of its sentence; returns their start.

    They end at index `window`, where the piece's own words begin.
    """
    n, at = settings.window, piece - 1
    while n > 0 and at >= 0 and ids[at] != SENTENCE_END:
        n -= _add_word(ids, at, n - 1, 0, words, settings, key, shift) - (n - 1)
        at -= 1
    return n


@numba.njit(**_merged)
def _read_piece(ids, piece, words, settings, key, shift):
    """Fill `words` with the piece at place `piece` and the windows' reach beyond it.

    Returns the indices of its first word, of the end of the piece and of the end of the reach.
    """
    window = settings.window
    begin = _read_before(ids, piece, words, settings, key, shift)
    n = window
    sentence = begin
    for i in range(begin, window):
        words.first[i] = begin
    for at in range(piece, min(piece + PIECE, len(ids))):
        if ids[at] == SENTENCE_END:
            sentence = n
        else:
            n = _add_word(ids, at, n, sentence, words, settings, key, shift)
    end = n
    at = piece + PIECE
    while n < end + window and at < len(ids) and ids[at] != SENTENCE_END:
        n = _add_word(ids, at, n, sentence, words, settings, key, shift)
        at += 1
    _limit_contexts(words, begin, n)
    return window, end, n


@numba.njit(**_merged)
def _limit_contexts(words, begin, end):
    """Turn each word's sentence start and window into the first and the end of its context."""
    sentence_end = end
    for i in range(end - 1, begin - 1, -1):
        if i + 1 < end and words.first[i + 1] > i:  # the next word begins a sentence
            sentence_end = i + 1
        words.last[i] = min(sentence_end, i + words.reach[i] + 1)
    for i in range(begin, end):
        words.first[i] = max(words.first[i], i - words.reach[i])


@numba.njit(**_merged)
def _draw_negatives(words, first, end, settings, key, shift):
    """Draw the shared negatives of all spans of a piece."""
    noise = settings.noise
    size = numpy.uint64(len(noise))
    for span in range((end - first + settings.centers - 1) // settings.centers):
        place = words.place[first + span * settings.centers] + shift
        for n in range(settings.shared):
            random = _bits(key, place, NEGATIVE + n)
            column = numpy.int64(((random & _LOW) * size) >> _HALF)
            own = (random >> _HALF) < numpy.uint64(noise[column, 0])
            words.noise[span, n] = column if own else noise[column, 1]


# Products of matrices


class Soon(NamedTuple):
    """Rows that the next span needs: of `weights`, those of ids[begin:end]."""

    weights: numpy.ndarray
    ids: numpy.ndarray
    begin: int
    end: int


@numba.njit(**_exact)
def _prefetch_part(soon, done, after, height):
    """Ask for the part of `soon` that falls to the rows done..after of a product's `height`.

    A core waits when it asks for more lines at once than it can have under way (16, say).
    """
    width, count = soon.weights.shape[1], soon.end - soon.begin
    for n in range(soon.begin + count * done // height, soon.begin + count * after // height):
        for offset in range(0, width, ROW):
            prefetch(soon.weights, soon.ids[n] * width + offset)


@numba.njit(**_inlined)
def _share(left):
    """Vectors of the next tile when `left` are cut evenly into tiles of at most MAX_VECTORS."""
    tiles = (left + MAX_VECTORS - 1) // MAX_VECTORS
    return (left + tiles - 1) // tiles


@numba.njit(**_inlined)
def _tile_rows(left, vectors):
    """The most rows, of those that a tile of `vectors` may have, that are not more than `left`."""
    for rows in _ROW_COUNTS[_share(vectors) - 1]:
        if 0 < rows <= left:
            return rows
    return 1


@numba.njit(**_inlined)
def _band_range(row, rows, offset, low, high, limit):
    """Where the band lies for a tile's rows: the k of row i are i + low to i + high, inclusive."""
    begin = min(max(row + low, 0), limit)
    end = max(min(row + rows + high, limit), begin)
    return offset + begin, offset + end


@numba.njit(**_exact)
def _multiply_set(c, c_first, height, a, a_row, b, full, soon):
    """c[c_first:][:height] = a @ b, with `full` columns of a, whose rows are a_row apart."""
    c_row, b_row = c.shape[1], b.shape[1]
    vectors = b_row // LANES
    row = 0
    while row < height:
        rows = _tile_rows(height - row, vectors)
        vector = 0
        while vector < vectors:
            width = _share(vectors - vector)
            tile_set(rows, width, c, (c_first + row) * c_row + vector * LANES, c_row,
                     a, row * a_row, a_row, 1, b, vector * LANES, b_row,
                     0, full, full, full)  # fmt: skip
            vector += width
        _prefetch_part(soon, row, row + rows, height)
        row += rows


@numba.njit(**_exact)
def _multiply_add(c, c_rows, c_first, height, rate, a, a_first, a_row, a_step, b,
                  full, offset, low, high, limit, soon):  # fmt: skip
    """c[c_rows[c_first + i]] += rate[c_first + i] * (a @ b)[i] for i < height.

    a's element (i, k) is at a_first + i * a_row + k * a_step. Row i of `a` is zero but for
    k < full and in its band: k = offset + (i + low to i + high), cut to offset and offset + limit.
    """
    c_row, b_row = c.shape[1], b.shape[1]
    vectors = b_row // LANES
    row = 0
    while row < height:
        rows = _tile_rows(height - row, vectors)
        begin, end = _band_range(row, rows, offset, low, high, limit)
        vector = 0
        while vector < vectors and (full > 0 or end > begin):
            width = _share(vectors - vector)
            tile_add(rows, width, c, c_rows, c_first + row, vector * LANES, c_row, rate,
                     a, a_first + row * a_row, a_row, a_step, b, vector * LANES, b_row,
                     0, full, begin, end)  # fmt: skip
            vector += width
        _prefetch_part(soon, row, row + rows, height)
        row += rows


# One span


@numba.njit(**_contract)
def _sigmoid(x):
    """1 / (1 + exp(-x)) to float32's accuracy, in operations that LLVM vectorizes.

    exp(y) = 2^n * exp(r) with |r| <= log(2) / 2; the polynomial is Cephes' expf.
    """
    y = min(max(-x, numpy.float32(-87.0)), numpy.float32(87.0))
    n = numpy.floor(y * numpy.float32(1.4426950408889634) + numpy.float32(0.5))
    r = (y - n * numpy.float32(0.693359375)) + n * numpy.float32(2.12194440e-4)
    p = numpy.float32(1.9875691500e-4) * r + numpy.float32(1.3981999507e-3)
    p = p * r + numpy.float32(8.3334519073e-3)
    p = p * r + numpy.float32(4.1665795894e-2)
    p = p * r + numpy.float32(1.6666665459e-1)
    p = p * r + numpy.float32(5.0000001201e-1)
    p = (p * r) * r + r + numpy.float32(1)
    return numpy.float32(1) / (numpy.float32(1) + p * float_from_bits((numpy.int32(n) + 127) << 23))


@numba.njit(**_inlined_contract)
def _score_gradients(span, size):
    """Turn scores into their gradients, weight * (label - sigmoid(score)): the first `size`."""
    scores, weight, label = span.scores.reshape(-1), span.weight.reshape(-1), span.label.reshape(-1)
    for n in range(size):
        scores[n] = weight[n] * (label[n] - _sigmoid(scores[n]))


@numba.njit(**_exact)
def _loss(span, rows):
    """Sum of the pairs' losses, -log sigmoid(score) or -log sigmoid(-score), in float64."""
    total = 0.0
    for row in range(rows):
        for column in range(span.scores.shape[1]):
            if span.weight[row, column] != 0:
                x = numpy.float64(span.scores[row, column])
                if span.label[row, column] != 0:
                    x = -x
                softplus = max(x, 0.0) + numpy.log1p(numpy.exp(-abs(x)))
                total += span.weight[row, column] * softplus
    return total


@numba.njit(**_merged)
def _count_pairs(span, words, part, settings):
    """Mark the pairs of a skip-gram span in `weight`; returns how many they are.

    A context row's weight on each shared negative is its number of pairs times K / S, without
    those pairs whose centre word is that negative.
    """
    weight, shared, targets = span.weight, settings.shared, span.targets
    first, rows, row_0, columns = part.first, part.rows, part.row_0, weight.shape[1]
    for q in range(columns - targets):
        inside = q < part.centers
        span.begin[q] = words.first[first + q] - row_0 if inside else 0
        span.end[q] = words.last[first + q] - row_0 if inside else 0
    total = 0
    for i in range(rows):
        row, own = i * columns, i - (first - row_0)
        pairs = 0
        for q in range(0, columns - targets, LANES):
            pairs += mark_inside(i, own - q, span.begin, span.end, q, weight, row + targets + q)
        for n in range(0, targets, LANES):
            scale_vector(numpy.float32(pairs), span.share, n, weight, row + n)
        total += pairs
    for n in range(shared):
        for block in range(targets, columns, LANES):
            if count_equal(span.output_ids, block, span.output_ids[n]) > 0:
                _leave_out(span, n, block, rows, settings)
    return total


@numba.njit(**_exact)
def _leave_out(span, n, block, rows, settings):
    """Take the pairs whose centre word is the n-th negative out of that negative's weight."""
    for q in range(block, block + LANES):
        if span.output_ids[n] == span.output_ids[q]:
            for i in range(rows):
                span.weight[i, n] -= settings.ratio * span.weight[i, q]


@numba.njit(**_merged)
def _average_windows(span, words, W_in, part):
    """Set `hidden` to the means of the centre words' contexts; returns how many have one.

    A window is an interval of context rows without the centre word, so that its sum is the
    difference of two running sums, less that word's row.
    """
    total, width = 0, W_in.shape[1]
    sum_rows(W_in, words.ids, part.row_0, part.rows, width, span.sums)
    for q in range(part.centers):
        center = part.first + q
        span.begin[q] = words.first[center] - part.row_0
        span.end[q] = words.last[center] - part.row_0
        others = span.end[q] - span.begin[q] - 1
        total += others > 0
        span.own_weight[q] = numpy.float32(others > 0)
        factor = numpy.float32(1) / numpy.float32(max(others, 1))
        window_mean(span.sums, span.begin[q], span.end[q], factor, W_in, words.ids[center] * width,
                    span.hidden, q * width, width)  # fmt: skip
    return total


@numba.njit(**_merged)
def _weigh_negatives(span, part):
    """Set `weight`: K / S for each mean and negative, 0 if that is the centre word."""
    columns, ids = span.weight.shape[1], span.output_ids
    for q in range(part.centers):
        for n in range(0, columns, LANES):
            share_unless(span.own_weight[q], span.share, n, ids, ids[span.targets + q],
                         span.weight, q * columns + n)  # fmt: skip


@numba.njit(**_merged)
def _gather(span, words, W_out, part, rate, settings):
    """Copy the span's output columns out of W_out, and note the rate of each row."""
    shared, ids = settings.shared, span.output_ids
    width, columns = span.columns.shape
    for n in range(shared):
        ids[n] = words.noise[part.number, n]
    for q in range(part.centers):
        ids[span.targets + q] = words.ids[part.first + q]
    ids[span.targets + part.centers :] = 0  # not a word of another run, which V may not reach
    for n in range(len(ids)):
        span.rate_out[n] = rate * settings.damping_out[ids[n]]
    for i in range(part.rows):
        span.rate_in[i] = rate * settings.damping_in[words.ids[part.row_0 + i]]
    for block in range(0, columns, LANES):
        for offset in range(0, width, LANES):
            gather_block(W_out, ids, block, offset, width, span.outputs, span.columns, columns)


@numba.njit(**_merged)
def _next_rows(words, W_in, W_out, part, settings):
    """What the next span needs: its new context rows, its negatives and its targets."""
    following = part.first + settings.centers
    contexts = following + settings.window
    contexts_end = max(contexts, min(contexts + settings.centers, part.reach_end))
    targets_end = max(following, min(following + settings.centers, part.end))
    return (
        Soon(W_in, words.ids, contexts, contexts_end),
        Soon(W_out, words.noise[part.number + 1], 0, settings.shared),
        Soon(W_out, words.ids, following, targets_end),
    )


@numba.njit(**_merged)
def _train_skipgram(span, words, W_in, W_out, part, measure, settings):
    """One skip-gram span on gathered rows. Returns (pairs, loss); loss only if asked to measure."""
    shared, window, targets = settings.shared, settings.window, span.targets
    width, columns = W_in.shape[1], span.scores.shape[1]
    rows, ids = part.rows, words.ids[part.row_0 :]
    ahead = part.first - part.row_0  # context rows before the first centre word
    contexts_soon, negatives_soon, targets_soon = _next_rows(words, W_in, W_out, part, settings)
    pairs = _count_pairs(span, words, part, settings)
    for i in range(rows):
        for offset in range(0, width, LANES):
            copy_vector(W_in, ids[i] * width + offset, span.inputs, i * width + offset)
    _multiply_set(span.scores, 0, rows, span.inputs, width, span.columns, settings.dim,
                  contexts_soon)  # fmt: skip
    loss = _loss(span, rows) if measure else 0.0
    _score_gradients(span, rows * columns)
    _multiply_add(W_in, ids, 0, rows, span.rate_in, span.scores, 0, columns, 1,
                  span.outputs, shared, targets, -ahead - window, -ahead + window,
                  part.centers, negatives_soon)  # fmt: skip
    _multiply_add(W_out, span.output_ids, 0, shared, span.rate_out, span.scores, 0, 1, columns,
                  span.inputs, rows, rows, 0, 0, 0, targets_soon)  # fmt: skip
    _multiply_add(W_out, span.output_ids, targets, part.centers, span.rate_out, span.scores,
                  targets, 1, columns, span.inputs, 0, 0, ahead - window, ahead + window,
                  rows, Soon(W_out, words.ids, 0, 0))  # fmt: skip
    return pairs, loss


@numba.njit(**_merged)
def _train_cbow(span, words, W_in, W_out, part, measure, settings):
    """One CBOW span on gathered rows. Returns (centres trained, loss), as `_train_skipgram`."""
    shared, window, columns = settings.shared, settings.window, span.scores.shape[1]
    width, count = W_in.shape[1], part.centers
    contexts_soon, negatives_soon, targets_soon = _next_rows(words, W_in, W_out, part, settings)
    trained = _average_windows(span, words, W_in, part)
    _weigh_negatives(span, part)
    _multiply_set(span.scores, 0, count, span.hidden, width, span.columns, settings.dim,
                  contexts_soon)  # fmt: skip
    _score_targets(span, W_out, count)
    loss = _loss(span, count) + _target_loss(span, count) if measure else 0.0
    _score_gradients(span, count * columns)
    _target_gradients(span, count)
    _multiply_set(span.gradient, window, count, span.scores, columns, span.outputs, shared,
                  negatives_soon)  # fmt: skip
    _add_target_gradients(span, W_out, window, count)
    _multiply_add(W_out, span.output_ids, 0, shared, span.rate_out, span.scores, 0, 1, columns,
                  span.hidden, count, count, 0, 0, 0, targets_soon)  # fmt: skip
    _update_targets(span, W_out, count)
    _update_contexts(span, words, W_in, part, window)
    return trained, loss


@numba.njit(**_merged)
def _score_targets(span, W_out, count):
    """CBOW's scores of each mean with its centre word."""
    width = span.hidden.shape[1]
    for q in range(count):
        word = span.output_ids[span.targets + q]
        span.own[q] = dot(span.hidden, q * width, W_out, word * width, width)


@numba.njit(**_inlined_contract)
def _target_gradients(span, count):
    """`_score_gradients` for CBOW's targets."""
    for q in range(count):
        span.own[q] = span.own_weight[q] * (numpy.float32(1) - _sigmoid(span.own[q]))


@numba.njit(**_exact)
def _target_loss(span, count):
    """`_loss` for CBOW's targets."""
    total = 0.0
    for q in range(count):
        x = -numpy.float64(span.own[q])
        total += span.own_weight[q] * (max(x, 0.0) + numpy.log1p(numpy.exp(-abs(x))))
    return total


@numba.njit(**_merged)
def _add_target_gradients(span, W_out, window, count):
    """Add the targets' part to the means' gradients, before any row of W_out is changed."""
    width = span.hidden.shape[1]
    for q in range(count):
        word = span.output_ids[span.targets + q]
        add_scaled(span.gradient, (window + q) * width, span.own[q], W_out, word * width, width)


@numba.njit(**_merged)
def _update_targets(span, W_out, count):
    """Add the targets' gradients to their rows, one after the other as words may repeat."""
    width = span.hidden.shape[1]
    for q in range(count):
        n = span.targets + q
        rate = span.rate_out[n] * span.own[q]
        add_scaled(W_out, span.output_ids[n] * width, rate, span.hidden, q * width, width)


@numba.njit(**_merged)
def _update_contexts(span, words, W_in, part, window):
    """Add to each context word the gradients of the means that it is part of.

    They are whole, not divided by the size of the window: see `kernels.reference.cbow_step`. A
    word's sum of them grows where a window begins and shrinks where one ends.
    """
    width = W_in.shape[1]
    span.gradient[window + part.centers :] = 0
    for q in range(part.centers):
        mark_change(span.changes, span.begin[q], span.end[q], span.gradient, (window + q) * width,
                    width)  # fmt: skip
    behind = window - (part.first - part.row_0)  # rows of `gradient` before the first context row
    add_sums(W_in, words.ids, part.row_0, part.rows, span.rate_in, span.changes, span.gradient,
             behind, width)  # fmt: skip
    span.changes[part.rows] = 0


# The corpus


@numba.njit(**_merged)
def _train_piece(train_span, ids, piece, start, stop, W_in, W_out, words, span, settings, key,
                 shift):  # fmt: skip
    """Train the spans of one piece whose first word lies in start..stop; returns the sums."""
    first, end, reach_end = _read_piece(ids, piece, words, settings, key, shift)
    _draw_negatives(words, first, end, settings, key, shift)
    pairs, measured, loss = 0, 0, 0.0
    for number in range((end - first + settings.centers - 1) // settings.centers):
        center = first + number * settings.centers
        place = words.place[center]
        if place < start or place >= stop:
            continue
        count = min(settings.centers, end - center)
        row_0, row_end = words.first[center], words.last[center]
        for i in range(center + 1, center + count):
            row_0, row_end = min(row_0, words.first[i]), max(row_end, words.last[i])
        done = min((place + shift) / settings.length, 1.0)
        rate = numpy.float32(settings.lr_start + (settings.lr_end - settings.lr_start) * done)
        measure = _bits(key, place + shift, SPAN) % numpy.uint64(settings.loss_every) == 0
        part = Part(number, center, count, row_0, row_end - row_0, end, reach_end)
        _gather(span, words, W_out, part, rate, settings)
        new, new_loss = train_span(span, words, W_in, W_out, part, measure, settings)
        pairs += new
        if measure:
            measured += new
            loss += new_loss
    return pairs, measured, loss


def _sources_version() -> int:
    """A number, not 0, that changes with the source of what is compiled."""
    modules = ("w2v.kernels.cpu.kernel", "w2v.kernels.cpu.llvm", "w2v.kernels.plan", "w2v.rng")
    files = [sys.modules[name].__file__ for name in modules]
    return zlib.crc32(b"".join(pathlib.Path(file).read_bytes() for file in files if file)) or 1


@functools.cache
def _compile_train_range(cbow: bool) -> Any:
    """`train_range` for one of the models as a Numba function, kept on disk.

    Numba makes it anew when this file changes or a closed-over value: `version` stands for the
    other files.
    """
    version = _sources_version()

    @numba.njit(cache=True, **_exact)
    def train_range(ids, start, stop, words, span, W_in, W_out, settings, key, shift):
        """Train the spans whose first word lies in start..stop; returns the fields of a Result."""
        assert version  # named here, it is part of Numba's key
        total, pairs, measured, loss = 0, 0, 0, 0.0
        for at in range(start, stop):
            total += ids[at] != SENTENCE_END
        for piece in range(start // PIECE * PIECE, stop, PIECE):
            if cbow:  # known when this is compiled: the other model is left out
                new_pairs, new_measured, new_loss = _train_piece(
                    _train_cbow, ids, piece, start, stop, W_in, W_out, words, span, settings,
                    key, shift)  # fmt: skip
            else:
                new_pairs, new_measured, new_loss = _train_piece(
                    _train_skipgram, ids, piece, start, stop, W_in, W_out, words, span, settings,
                    key, shift)  # fmt: skip
            pairs += new_pairs
            measured += new_measured
            loss += new_loss
        return total, pairs, loss, measured

    return train_range


class CpuKernel:
    """The kernel on `threads` threads, which share the weights and do not wait for one another.

    With one thread the result depends on nothing but the arguments, and is the same whatever the
    blocks a corpus is trained in.
    """

    block = 1 << 22
    """Places of the stream in one call: about a second."""

    def __init__(self, threads: int = 1):
        self.threads = threads
        self._scratch: dict[Any, list[tuple[Words, Span]]] = {}

    def schedule(self, model: str, dim: int, window: int, negative: int, length: int) -> Schedule:
        """Spans as `plan.span_shape` has them, on as many threads as find work at the same time."""
        centers, shared = span_shape(model, window, negative)
        return Schedule(centers, shared, min(self.threads, -(-length // CHUNK)))

    def place(
        self, weights: tuple[numpy.ndarray, numpy.ndarray], length: int
    ) -> tuple[numpy.ndarray, numpy.ndarray]:
        """The weights where this kernel wants them: as they are."""
        return weights

    def train(
        self,
        ids: numpy.ndarray,
        start: int,
        stop: int,
        weights: tuple[numpy.ndarray, numpy.ndarray],
        plan: Plan,
        seed: int,
        first_position: int,
    ) -> Result:
        """Train the words at places start..stop of the stream `ids`, changing `weights` in place.

        ids: (n,) int32, words and SENTENCE_END; words outside start..stop are read as context.
        weights: W_in and W_out, (V, H) float32 as `plan.padded` makes them. first_position: place
        of `start` in the run, which counts over all epochs. Trained are the spans whose first word
        lies in start..stop. Raises ValueError for arrays of another form, DivergenceError when
        weights have grown without bound.
        """
        check_arguments(ids, start, stop, weights)
        stream = _plain(ids)
        W_in, W_out = (_whole_rows(array) for array in weights)
        settings = _settings(plan, weights[0].shape[1])
        arguments = W_in, W_out, settings, rng.seed_key(seed), first_position - start
        first_chunk = start // CHUNK * CHUNK
        chunks = iter(range(first_chunk, stop, CHUNK))

        train_range = _compile_train_range(plan.model == "cbow")

        def work(scratch: tuple[Words, Span]) -> list[Result]:
            return [
                Result(
                    *train_range(
                        stream, max(start, at), min(stop, at + CHUNK), *scratch, *arguments
                    )
                )
                for at in chunks
            ]

        scratch = self._scratch_for(plan, W_in.shape[1])
        if self.threads == 1:
            done = work(scratch[0])
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                done = list(itertools.chain.from_iterable(pool.map(work, scratch)))
        result = Result(*(sum(column) for column in zip(Result(0, 0, 0.0, 0), *done, strict=True)))
        check_growth(weights, plan, result)
        return result

    def _scratch_for(self, plan: Plan, width: int) -> list[tuple[Words, Span]]:
        """Buffers for each thread, made once for a shape of span."""
        shape = plan.model, plan.window, plan.centers, plan.shared, plan.negative, width
        if shape not in self._scratch:
            self._scratch[shape] = [make_scratch(plan, width) for _ in range(self.threads)]
        return self._scratch[shape]


def _settings(plan: Plan, dim: int) -> Settings:
    return Settings(
        window=plan.window,
        centers=plan.centers,
        shared=plan.shared,
        ratio=numpy.float32(plan.negative / plan.shared),
        keep=plan.keep,
        noise=plan.noise.columns,
        damping_in=plan.damping_in,
        damping_out=plan.damping_out,
        lr_start=float(plan.lr_start),
        lr_end=float(plan.lr_end),
        length=plan.length,
        loss_every=plan.loss_every,
        dim=dim,
    )


def _plain(ids: numpy.ndarray) -> numpy.ndarray:
    """`ids` as an array that Numba has compiled for: not read-only, as a memory map may be.

    It is the same memory and is only read. To Numba, a read-only array is another type, for which
    it would compile once more.
    """
    if not ids.flags.c_contiguous:
        raise ValueError("ids must be contiguous")
    if len(ids) == 0:
        return numpy.zeros(0, numpy.int32)
    pointer = ctypes.cast(ids.ctypes.data, ctypes.POINTER(ctypes.c_int32))
    return numpy.ctypeslib.as_array(pointer, shape=ids.shape)


def _whole_rows(weights: numpy.ndarray) -> numpy.ndarray:
    """The padded rows, (V, H rounded up), of which `weights` is a view."""
    step = weights.strides[0]
    aligned = step % (4 * ROW) == 0 and weights.ctypes.data % (4 * ROW) == 0
    if weights.dtype != numpy.float32 or weights.strides[1] != 4 or not aligned:
        raise ValueError("weights must be float32 in padded rows, as plan.padded makes them")
    return numpy.lib.stride_tricks.as_strided(weights, (len(weights), step // 4), (step, 4))
