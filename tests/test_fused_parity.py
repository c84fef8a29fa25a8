"""The kernels add up the gradients of word2vec's pairs, whatever the span looks like."""

import numpy as np
import pytest
from fused_cases import plan_for, random_stream, small_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v.kernels.cpu import CpuKernel
from w2v.kernels.plan import END
from w2v.kernels.reference import ReferenceKernel, spans

CPU, REFERENCE = CpuKernel(), ReferenceKernel()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def pair_gradient(h, positive, negatives, share, gradients):
    """Add one example's gradients; returns that of h. `negatives` are shared: each counts `share`.

    h: (H,). positive: id. gradients: (V, H) of W_out. Straight from Mikolov et al. 2013b, eq. 4.
    """
    W_out, d_out = gradients
    d_h = np.zeros_like(h)
    for word, label, weight in [(positive, 1, 1.0)] + [
        (word, 0, share) for word in negatives if word != positive
    ]:
        error = weight * (sigmoid(W_out[word] @ h) - label)
        d_h += error * W_out[word]
        d_out[word] += error * h
    return d_h


def update_pair_by_pair(span, weights, plan):
    """One span's update as a loop over pairs in float64: what word2vec.c does, from old weights."""
    W_in, W_out = weights
    d_in, d_out = np.zeros_like(W_in), np.zeros_like(W_out)
    share = plan.negative / plan.shared
    for column, center in enumerate(span.centers):
        context = span.contexts[span.pairs[:, column]]
        if plan.model == "cbow" and len(context):
            d_h = pair_gradient(
                W_in[context].mean(axis=0), center, span.negatives, share, (W_out, d_out)
            )
            for word in context:
                d_in[word] += d_h
        elif plan.model == "skipgram":
            for word in context:
                d_in[word] += pair_gradient(
                    W_in[word], center, span.negatives, share, (W_out, d_out)
                )
    rate = plan.lr_start + (plan.lr_end - plan.lr_start) * min(span.position / plan.length, 1)
    W_in -= rate * d_in
    W_out -= rate * d_out


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
        "centers": st.sampled_from([1, 5, 8, 16, 32]),
        "shared": st.sampled_from([1, 5, 8, 16, 32]),
        "words": st.integers(2, 60),
        "length": st.integers(2, 60),
        "sentence": st.sampled_from([None, 4, 15]),
        "sample": st.sampled_from([0.0, 0.05]),
        "seed": st.integers(0, 2**32),
    }
)


@settings(max_examples=150, deadline=None)
@given(cases)
def test_one_span_equals_the_pairs(case):
    ids = random_stream(case["length"], case["words"], case["seed"], case["sentence"])
    if not (ids != END).any():
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
    update_pair_by_pair(first, exact, plan)
    wanted = REFERENCE.train(ids, 0, stop, by_reference, plan, case["seed"], 0)
    done = CPU.train(ids, 0, stop, old, plan, case["seed"], 0)
    assert_same_update(by_reference, exact, before)
    assert_same_update(old, exact, before)
    assert done[:2] == wanted[:2]
    assert done.measured == wanted.measured
    assert done.loss == pytest.approx(wanted.loss, rel=1e-4)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize(("words", "sentence"), [(2, 3), (40, 12), (300, None)])
def test_a_corpus_equals_the_reference(model, words, sentence):
    ids = random_stream(3000, words, 5, sentence)
    plan = plan_for(ids, words, model=model, sample=0.02)
    old = small_weights(words, 24, 5)
    before = tuple(array.astype(np.float64) for array in old)
    exact = tuple(array.copy() for array in before)
    done = CPU.train(ids, 0, len(ids), old, plan, 7, 0)
    wanted = REFERENCE.train(ids, 0, len(ids), exact, plan, 7, 0)
    assert done[:2] == wanted[:2]
    assert done.loss == pytest.approx(wanted.loss, rel=1e-4)
    for array, expected in zip(old, exact, strict=True):
        np.testing.assert_allclose(array, expected, atol=1e-4)


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
    update_pair_by_pair(span, exact, plan)
    CPU.train(ids, 0, len(ids), old, plan, 4, 0)
    assert_same_update(old, exact, before)
