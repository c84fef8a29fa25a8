"""One update of a kernel is the sum of the layers' gradients, whatever the span looks like."""

import numpy as np
import pytest
from fused_cases import plan_for, random_stream, small_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v.backend import scatter_add
from w2v.corpus import SENTENCE_END
from w2v.kernels.cpu.kernel import CpuKernel
from w2v.kernels.reference import ReferenceKernel, spans
from w2v.layers import NegativeSamplingLoss

CPU, REFERENCE = CpuKernel(), ReferenceKernel()


def update_by_layers(span, weights, plan):
    """One span's update by the layers engine's loss, given the same words, in float64.

    The sum over pairs, not their mean. For CBOW each context word gets the whole gradient of the
    mean, as in word2vec.c and gensim.
    """
    W_in, W_out = weights
    rows, columns = np.nonzero(span.pairs)  # of each pair: context word, centre word
    if plan.model == "skipgram":
        h, target, example = W_in[span.contexts[rows]], span.centers[columns], np.arange(len(rows))
    else:
        with_context, example = np.unique(columns, return_inverse=True)
        h = np.stack([W_in[span.contexts[span.pairs[:, b]]].mean(axis=0) for b in with_context])
        target = span.centers[with_context]
    negatives = np.tile(span.negatives, (len(target), 1))
    shares = (negatives != target[:, None]) * (plan.negative / plan.shared)
    layer = NegativeSamplingLoss(W_out, np.arange(len(W_out)), sample_size=plan.shared)
    layer.forward(h, target, negatives, np.column_stack([np.ones(len(target)), shares]))
    d_h = layer.backward(len(target))
    rate = plan.learning_rate(span.position)
    scatter_add(W_in, span.contexts[rows], -rate * d_h[example])
    W_out -= rate * layer.grads[0]


def assert_same_update(new, expected, old):
    """Updates agree to rtol 1e-5, and to 1e-5 of the largest; weights are rounded to float32."""
    for after, wanted, before in zip(new, expected, old, strict=True):
        update = wanted - before
        rounding = np.spacing(np.float32(np.abs(before).max()))
        atol = 1e-5 * np.abs(update).max() + rounding
        np.testing.assert_allclose(after - before, update, rtol=1e-5, atol=atol)


cases = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["skipgram", "cbow"]),
        "dim": st.sampled_from([1, 7, 100, 300]),
        "window": st.integers(1, 10),
        "negative": st.integers(1, 20),
        "centers": st.sampled_from([1, 5, 8, 16, 32, 64]),
        "shared": st.sampled_from([1, 5, 8, 16, 32]),
        "words": st.integers(2, 60),
        "length": st.integers(2, 90),
        "sentence": st.sampled_from([None, 4, 15]),
        "sample": st.sampled_from([0.0, 0.05]),
        "seed": st.integers(0, 2**32),
    }
)


@settings(max_examples=150, deadline=None)
@given(cases)
def test_one_span_equals_the_layers(case):
    ids = random_stream(case["length"], case["words"], case["seed"], case["sentence"])
    if not (ids != SENTENCE_END).any():
        return
    options = {name: case[name] for name in ("model", "window", "negative", "centers", "shared")}
    plan = plan_for(ids, case["words"], sample=case["sample"], lr=0.5, damping=1e9, **options)
    first = next(spans(ids, 0, len(ids), plan, case["seed"], 0), None)
    if first is None:  # subsampling left nothing
        return
    old = small_weights(case["words"], case["dim"], case["seed"])
    exact = tuple(array.astype(np.float64) for array in old)
    before = tuple(array.copy() for array in exact)
    by_reference = tuple(array.copy() for array in exact)
    stop = first.position + 1  # only the span whose first word is here
    if first.pairs.any():
        update_by_layers(first, exact, plan)
    wanted = REFERENCE.train(ids, 0, stop, by_reference, plan, case["seed"], 0)
    done = CPU.train(ids, 0, stop, old, plan, case["seed"], 0)
    assert_same_update(by_reference, exact, before)
    assert_same_update(old, exact, before)
    assert done[:2] == wanted[:2]
    assert done.measured == wanted.measured
    assert done.loss == pytest.approx(wanted.loss, rel=1e-4)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_repeated_words_and_a_negative_that_is_a_target(model):
    """With three words, every span repeats contexts, negatives and targets."""
    ids = random_stream(16, 3, 1)
    plan = plan_for(ids, 3, model=model, damping=1e9)
    span = next(spans(ids, 0, len(ids), plan, 4, 0))
    assert len(set(span.negatives)) < len(span.negatives)
    assert set(span.negatives) & set(span.centers)
    old = small_weights(3, 7, 2)
    exact = tuple(array.astype(np.float64) for array in old)
    before = tuple(array.copy() for array in exact)
    update_by_layers(span, exact, plan)
    CPU.train(ids, 0, len(ids), old, plan, 4, 0)
    assert_same_update(old, exact, before)
