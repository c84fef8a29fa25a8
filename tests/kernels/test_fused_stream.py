"""What a range of the stream trains: blocks, sentence ends, positions, odd corpora, divergence."""

import numpy as np
import pytest
from fused_cases import plan_for, random_stream, small_weights

from w2v.corpus import SENTENCE_END
from w2v.kernels.cpu.kernel import CHUNK, CpuKernel
from w2v.kernels.reference import ReferenceKernel, spans
from w2v.kernels.weights import initial_weights, padded

KERNELS = pytest.mark.parametrize(
    "kernel", [ReferenceKernel(), CpuKernel()], ids=["reference", "cpu"]
)
MODELS = pytest.mark.parametrize("model", ["skipgram", "cbow"])


def copies(weights):
    """Equal weights in padded rows of their own."""
    new = tuple(padded(*array.shape) for array in weights)
    for copy, array in zip(new, weights, strict=True):
        copy[:] = array
    return new


@MODELS
def test_one_thread_gives_the_same_bits_every_time(model):
    ids = random_stream(3 * CHUNK, 500, 3, sentence=100)
    plan = plan_for(ids, 500, model=model, sample=0.01)
    runs = []
    for _ in range(2):
        weights = initial_weights(500, 30, 1)
        CpuKernel(1).train(ids, 0, len(ids), weights, plan, 9, 0)
        runs.append(weights[0].tobytes())
    assert runs[0] == runs[1]


def test_two_threads_train_every_pair_once():
    ids = random_stream(5 * CHUNK, 500, 3, sentence=100)
    plan = plan_for(ids, 500, sample=0.01)
    one = CpuKernel(1).train(ids, 0, len(ids), initial_weights(500, 10, 1), plan, 9, 0)
    two = CpuKernel(2).train(ids, 0, len(ids), initial_weights(500, 10, 1), plan, 9, 0)
    assert two[:2] == one[:2]
    assert two.measured == one.measured
    assert two.loss == pytest.approx(one.loss, rel=0.1)


def test_windows_cross_pieces_but_never_a_sentence_end():
    ids = np.arange(3000, dtype=np.int32)
    ids[1500] = SENTENCE_END
    plan = plan_for(ids, 3000, window=3)
    neighbours = set()
    for span in spans(ids, 0, len(ids), plan, 1, 0):
        rows, columns = np.nonzero(span.pairs)
        contexts, centers = span.contexts[rows].tolist(), span.centers[columns].tolist()
        neighbours |= set(zip(contexts, centers, strict=True))
    assert (1023, 1024) in neighbours
    assert (1024, 1023) in neighbours
    assert not any((a < 1500) != (b < 1500) for a, b in neighbours)
    assert max(abs(a - b) for a, b in neighbours) == 3


@pytest.mark.parametrize("sentence", [None, 20])
@MODELS
def test_long_sentences_and_two_words(model, sentence):
    """30,000 words in one sentence or in short ones; a vocabulary of 2 stays finite."""
    ids = random_stream(30_000, 2, 1, sentence)
    plan = plan_for(ids, 2, model=model, length=5 * len(ids))
    weights = initial_weights(2, 10, 1)
    for epoch in range(5):
        result = CpuKernel().train(ids, 0, len(ids), weights, plan, 1, epoch * len(ids))
    assert result.words == (ids != SENTENCE_END).sum()
    assert np.isfinite(weights[0]).all()


def test_a_kernel_forgets_the_words_of_the_run_before():
    """A last, short span after a run with more words must not read rows that are not there."""
    kernel = CpuKernel()
    many, few = random_stream(64, 5000, 1), random_stream(5, 3, 1)
    kernel.train(many, 0, 64, small_weights(5000, 3, 1), plan_for(many, 5000), 1, 0)
    weights, fresh = small_weights(3, 3, 1), small_weights(3, 3, 1)
    kernel.train(few, 0, 5, weights, plan_for(few, 3), 1, 0)
    CpuKernel().train(few, 0, 5, fresh, plan_for(few, 3), 1, 0)
    np.testing.assert_array_equal(weights[0], fresh[0])


def test_weights_in_unpadded_rows_are_refused():
    ids = np.zeros(4, np.int32)
    bare = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="padded"):
        CpuKernel().train(ids, 0, 4, (bare, bare), plan_for(ids, 2), 1, 0)


def test_the_learning_rate_falls_linearly_and_then_stays():
    ids = random_stream(1000, 30, 1)
    plan = plan_for(ids, 30, lr=0.5, min_lr=0.1)
    rates = [plan.learning_rate(position) for position in (0, 500, 1000, 5000)]
    assert rates == pytest.approx([0.5, 0.3, 0.1, 0.1])
