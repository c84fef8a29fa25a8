"""The fused kernel's specification: the same spans, choices and updates, in plain array code.

Slow, and short enough to check by eye. Every other kernel is tested against it. Arrays carry their
backend, and weights their precision: float64 weights are trained in float64.
"""

from typing import Any, NamedTuple

import numpy

from w2v import rng
from w2v.backend import array_module, scatter_add
from w2v.corpus import SENTENCE_END
from w2v.kernels.contract import Result, check_arguments, check_growth
from w2v.kernels.plan import KEEP, NEGATIVE, PIECE, SPAN, Plan, Schedule, span_shape


class SpanWords(NamedTuple):
    """What a span trains, by word ids; R context rows, B centre words, S negatives."""

    position: int  # of the first centre word in the run
    contexts: Any  # (R,)
    centers: Any  # (B,)
    negatives: Any  # (S,)
    pairs: Any  # (R, B) of 0 and 1: row r is in the window of centre word b


class ReferenceKernel:
    """The kernel contract in NumPy or CuPy, one span after the other."""

    block = 1 << 16

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
        """Spans as `plan.span_shape` has them, or of a shape, one at a time."""
        return Schedule(*(shape or span_shape(model, window, negative, fixed_window)), workers=1)

    def place(self, weights: tuple[Any, Any], length: int) -> tuple[Any, Any]:
        """The weights as they are."""
        return weights

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
        """Train the spans whose first word lies at places start..stop of the stream `ids`.

        As `contract.Kernel.train`; `ids` may also be a CuPy array, and weights any floats.
        """
        check_arguments(ids, start, stop, weights)
        pairs, loss, measured = 0, 0.0, 0
        for span in spans(ids, start, stop, plan, seed, first_position - start):
            with numpy.errstate(over="ignore", invalid="ignore"):  # check_growth reports it
                span_pairs, span_loss = train_span(span, weights, plan)
            pairs += span_pairs
            if int(rng.bits(seed, span.position, SPAN)) % plan.loss_every == 0:
                measured += span_pairs
                loss += span_loss
        words = int((ids[start:stop] != SENTENCE_END).sum())
        result = Result(words, pairs, loss, measured)
        check_growth(weights, plan, result)
        return result


def spans(ids: Any, start: int, stop: int, plan: Plan, seed: int, shift: int):
    """The spans whose first centre word lies in start..stop; place + shift is the position."""
    xp = array_module(ids)
    for piece in range(start // PIECE * PIECE, stop, PIECE):
        words = kept_words(ids, piece, plan, seed, shift)
        own = numpy.flatnonzero((words.places >= piece) & (words.places < piece + PIECE))
        for n in range(0, len(own), plan.centers):
            group = own[n : n + plan.centers]
            if start <= words.places[group[0]] < stop:
                position = int(words.places[group[0]]) + shift
                rows_start, rows_stop = max(group[0] - plan.window, 0), group[-1] + plan.window + 1
                rows = numpy.arange(rows_start, min(rows_stop, len(words.places)))
                distance = abs(rows[:, None] - group)  # (R, B)
                same_sentence = words.sentences[rows][:, None] == words.sentences[group]
                in_window = (distance >= 1) & (distance <= words.windows[group]) & same_sentence
                lanes = NEGATIVE + xp.arange(plan.shared)
                yield SpanWords(
                    position=position,
                    contexts=ids[words.places[rows]],
                    centers=ids[words.places[group]],
                    negatives=plan.noise.from_bits(rng.bits(seed, position, lanes)),
                    pairs=xp.asarray(in_window),
                )


class KeptWords(NamedTuple):
    """The kept words in and around a piece, in order; (n,) each, NumPy."""

    places: Any  # in the stream
    sentences: Any  # a number for each sentence
    windows: Any  # shrunk at random, or fixed


def kept_words(ids: Any, piece: int, plan: Plan, seed: int, shift: int) -> KeptWords:
    """The kept words of the piece at place `piece`, and `window` more on either side of it."""
    stop = min(piece + PIECE, len(ids))
    before, after = piece, stop
    inside = kept_places(ids, piece, stop, plan, seed, shift)
    left = right = inside[:0]
    while len(left) < plan.window and before > 0:
        before, block_end = max(before - PIECE, 0), before
        left = numpy.concatenate([kept_places(ids, before, block_end, plan, seed, shift), left])
    while len(right) < plan.window and after < len(ids):
        block_start, after = after, min(after + PIECE, len(ids))
        right = numpy.concatenate([right, kept_places(ids, block_start, after, plan, seed, shift)])
    places = numpy.concatenate([left[-plan.window :], inside, right[: plan.window]])
    ends = _host(ids[before:after] == SENTENCE_END).cumsum()
    low = rng.bits(seed, places + shift, KEEP) & numpy.uint64(2**32 - 1)
    sizes = numpy.uint64(plan.window - plan.least_window + 1)
    windows = plan.least_window + (low * sizes >> numpy.uint64(32)).astype(numpy.int64)
    return KeptWords(places, ends[places - before], windows)


def kept_places(
    ids: Any, start: int, stop: int, plan: Plan, seed: int, shift: int
) -> numpy.ndarray:
    """Places of the words in start..stop that subsampling leaves."""
    places = numpy.arange(start, stop)
    words = _host(ids[start:stop])
    draw = rng.bits(seed, places + shift, KEEP) >> numpy.uint64(32)
    return places[(words != SENTENCE_END) & (draw <= _host(plan.keep)[words])]


def _host(array: Any) -> numpy.ndarray:
    return array if isinstance(array, numpy.ndarray) else array.get()


def train_span(span: SpanWords, weights: tuple[Any, Any], plan: Plan) -> tuple[int, float]:
    """One update of the weights; returns the span's pairs and their loss."""
    step = skipgram_step if plan.model == "skipgram" else cbow_step
    W_in, W_out = weights
    xp = array_module(W_in)
    outputs = xp.concatenate([span.negatives, span.centers])
    d_contexts, d_outputs, pairs, loss = step(span, W_in[span.contexts], W_out[outputs], plan)
    rate = W_in.dtype.type(plan.learning_rate(span.position))
    scatter_add(W_in, span.contexts, -rate * plan.damping_in[span.contexts][:, None] * d_contexts)
    scatter_add(W_out, outputs, -rate * plan.damping_out[outputs][:, None] * d_outputs)
    return pairs, loss


def skipgram_step(span: SpanWords, contexts: Any, outputs: Any, plan: Plan):
    """Gradients of a skip-gram span: each context word predicts the centre word.

    contexts: (R, H). outputs: (S + B, H). Returns the gradients of both, the number of pairs and
    their loss.
    """
    xp = array_module(contexts)
    pairs = span.pairs.astype(contexts.dtype)  # (R, B)
    negative = negative_weights(span, pairs, plan)  # (R, S)
    weight = xp.concatenate([negative, pairs], axis=1)
    d_scores, loss = score_gradients(contexts @ outputs.T, weight, plan.shared)
    return d_scores @ outputs, d_scores.T @ contexts, int(span.pairs.sum()), loss


def cbow_step(span: SpanWords, contexts: Any, outputs: Any, plan: Plan):
    """Gradients of a CBOW span: the mean of its context words predicts the centre word.

    As `skipgram_step`; and as in word2vec.c and gensim, each context word gets the whole gradient
    of the mean, where calculus would divide it by the number of context words.
    """
    xp = array_module(contexts)
    pairs = span.pairs.T.astype(contexts.dtype)  # (B, R)
    size = pairs.sum(axis=1, keepdims=True)  # (B, 1)
    hidden = pairs / xp.maximum(size, 1) @ contexts  # (B, H)
    target = xp.diag((size[:, 0] > 0).astype(contexts.dtype))  # (B, B)
    weight = xp.concatenate([negative_weights(span, target, plan), target], axis=1)
    d_scores, loss = score_gradients(hidden @ outputs.T, weight, plan.shared)
    return pairs.T @ (d_scores @ outputs), d_scores.T @ hidden, int((size > 0).sum()), loss


def negative_weights(span: SpanWords, pairs: Any, plan: Plan) -> Any:
    """How many negatives each score with a shared one stands for, (rows, S).

    pairs: (rows, B). A pair is to have K negatives and S are shared, so each counts K / S, but for
    those that are the centre word of the pair.
    """
    differs = span.centers[:, None] != span.negatives  # (B, S)
    return pairs @ differs.astype(pairs.dtype) * (plan.negative / plan.shared)


def score_gradients(scores: Any, weight: Any, negatives: int) -> tuple[Any, float]:
    """Gradient of the loss by each score, and the loss: weighted logistic regression.

    scores, weight: (rows, S + B), of which the first `negatives` columns have label 0.
    """
    xp = array_module(scores)
    label = (xp.arange(scores.shape[1]) >= negatives).astype(scores.dtype)
    loss = weight * xp.logaddexp(0, scores * (1 - 2 * label)).astype(xp.float64)
    chance = xp.exp(-xp.logaddexp(0, -scores))  # the sigmoid, without overflow
    return weight * (chance - label), float(loss.sum())
