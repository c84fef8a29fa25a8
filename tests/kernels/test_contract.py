"""What every kernel promises (`kernels.contract.Kernel`), one suite for all that keep it.

The GPU's kernel runs here on the CPU, behind a stand-in for CuPy, and on a device where there is
one.
"""

import dataclasses
import itertools
from typing import get_type_hints

import numpy as np
import pytest
from fused_cases import plan_for, random_stream, small_weights

from w2v import kernels
from w2v.backend import to_cpu
from w2v.corpus import SENTENCE_END
from w2v.errors import DivergenceError
from w2v.kernels.contract import Kernel, Result, check_growth
from w2v.kernels.plan import Schedule
from w2v.kernels.reference import ReferenceKernel

MODELS = pytest.mark.parametrize("model", ["skipgram", "cbow"])
DIM = 7  # odd; few shapes, as the GPU's kernel is compiled for each


class Trainee:
    """A kernel with weights of NumPy around it."""

    def __init__(self, kernel: Kernel, tolerance: float = 0.0):
        """tolerance: on a GPU, threads add to a row in an order of their own."""
        self.kernel, self.tolerance = kernel, tolerance

    def train(self, ids, weights, plan, *, cuts=(), seed=7, position=0):
        """Train ids from cut to cut; returns the weights after it, and the Results."""
        placed = self.kernel.place(weights, len(ids))
        cuts = cuts or (0, len(ids))
        results = [
            self.kernel.train(ids, start, stop, placed, plan, seed, position + start)
            for start, stop in itertools.pairwise(cuts)
        ]
        return [to_cpu(array).copy() for array in placed], results


@pytest.fixture(
    params=["reference", "cpu", "cuda", pytest.param("cuda on a device", marks=pytest.mark.gpu)]
)
def trainee(request):
    if request.param == "cuda":
        request.getfixturevalue("cupy")  # the stand-in
    device = request.param.split()[0]
    return Trainee(kernels.load(device), tolerance=5e-6 if device == "cuda" else 0.0)


def in_float64(ids, plan, weights, **options):
    """What the specification makes of it."""
    exact = tuple(array.astype(np.float64) for array in weights)
    return Trainee(ReferenceKernel()).train(ids, exact, plan, **options)


def assert_same(found, wanted):
    (arrays, results), (expected, theirs) = found, wanted
    for result, other in zip(results, theirs, strict=True):
        assert result[:2] == other[:2] and result.measured == other.measured
        assert result.loss == pytest.approx(other.loss, rel=1e-4)
    for array, right in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(array, right, rtol=1e-5, atol=5e-6)


def test_a_kernel_has_all_that_the_contract_names(trainee):
    names = {name for name in vars(Kernel) if not name.startswith("_")} | set(
        get_type_hints(Kernel)
    )
    for name in names:
        assert hasattr(trainee.kernel, name), name
    schedule = trainee.kernel.schedule("cbow", DIM, 5, 5, 10_000)
    assert isinstance(schedule, Schedule) and min(schedule) >= 1
    assert trainee.kernel.block > 0


def test_another_device_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="no kernel for 'tpu': take cpu, cuda or reference"):
        kernels.load("tpu")


@MODELS
@pytest.mark.parametrize("words, sentence", [(2, 3), (40, 12), (300, None)])
def test_a_corpus_equals_the_reference(trainee, model, words, sentence):
    ids = random_stream(3000, words, 5, sentence)
    plan, weights = plan_for(ids, words, model=model, sample=0.02), small_weights(words, DIM, 5)
    wanted = in_float64(ids, plan, weights)
    assert_same(trainee.train(ids, weights, plan), wanted)


@MODELS
def test_fixed_windows_hold_all_their_words(trainee, model):
    ids, window = random_stream(3000, 40, 5, 12), 5
    plan = plan_for(ids, 40, model=model, window=window, fixed_window=True)
    found = trainee.train(ids, small_weights(40, DIM, 5), plan)
    assert_same(found, in_float64(ids, plan, small_weights(40, DIM, 5)))
    pairs = [
        sum(
            1
            for other in range(max(0, place - window), min(len(ids), place + window + 1))
            if other != place and (ids[min(place, other) : max(place, other) + 1] >= 0).all()
        )
        for place in range(len(ids))
    ]
    wanted = sum(pairs) if model == "skipgram" else np.count_nonzero(pairs)
    assert found[1][0].pairs == wanted


@MODELS
def test_same_weights_whatever_the_blocks(trainee, model):
    ids = random_stream(5000, 50, 3, sentence=40)
    plan = plan_for(ids, 50, model=model, sample=0.01)
    whole, [total] = trainee.train(ids, small_weights(50, DIM, 1), plan)
    cuts = [0, 1, 700, 1024, 1025, 2900, 4096, 5000]
    parts, done = trainee.train(ids, small_weights(50, DIM, 1), plan, cuts=cuts)
    assert sum(result.words for result in done) == total.words == (ids != SENTENCE_END).sum()
    assert sum(result.pairs for result in done) == total.pairs
    assert sum(result.loss for result in done) == pytest.approx(total.loss)
    for array, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(array, other, rtol=0, atol=trainee.tolerance)


@MODELS
def test_a_range_within_a_stream(trainee, model):
    ids = random_stream(4000, 60, 2, 25)
    plan, weights = plan_for(ids, 60, model=model, sample=0.01), small_weights(60, DIM, 3)
    wanted = in_float64(ids, plan, weights, cuts=(1500, 2700))
    assert_same(trainee.train(ids, weights, plan, cuts=(1500, 2700)), wanted)


def test_another_position_makes_other_choices(trainee):
    ids = random_stream(2000, 50, 3)
    plan = plan_for(ids, 50, sample=0.01)
    first, _ = trainee.train(ids, small_weights(50, DIM, 1), plan)
    second, _ = trainee.train(ids, small_weights(50, DIM, 1), plan, position=2000)
    assert not np.array_equal(first[1], second[1])


@MODELS
def test_sentences_of_one_word_train_nothing(trainee, model):
    ids = np.array([0, -1, 1, -1, -1, 1, -1], np.int32)
    weights = small_weights(2, DIM, 1)
    before = [array.copy() for array in weights]
    after, [result] = trainee.train(ids, weights, plan_for(ids, 2, model=model))
    assert result[:3] == (3, 0, 0.0)
    for array, old in zip(after, before, strict=True):
        np.testing.assert_array_equal(array, old)


@MODELS
def test_sentences_of_one_word_and_of_all_words(trainee, model):
    ids = random_stream(2600, 30, 1, 2)
    ids[1000:2300] = ids[1000:2300].clip(0)
    plan, weights = plan_for(ids, 30, model=model), small_weights(30, DIM, 1)
    wanted = in_float64(ids, plan, weights)
    assert_same(trainee.train(ids, weights, plan), wanted)


def test_a_memory_mapped_stream_is_trained_as_an_array(trainee, tmp_path):
    ids = random_stream(2000, 50, 3, sentence=40)
    ids.tofile(tmp_path / "ids")
    mapped = np.memmap(tmp_path / "ids", dtype=np.int32, mode="r")
    plan = plan_for(ids, 50)
    from_array, _ = trainee.train(ids, small_weights(50, DIM, 1), plan)
    from_map, _ = trainee.train(mapped, small_weights(50, DIM, 1), plan)
    np.testing.assert_allclose(from_array[0], from_map[0], rtol=0, atol=trainee.tolerance)


def test_nothing_to_train_is_not_an_error(trainee):
    plan = plan_for(np.array([0, 1], np.int32), 2)
    ids = np.zeros(0, np.int32)
    assert trainee.train(ids, small_weights(2, DIM, 1), plan)[1] == [Result(0, 0, 0.0, 0)]


def test_divergence_is_an_error_that_says_what_to_lower(trainee):
    ids = random_stream(3000, 5, 1)
    with pytest.raises(DivergenceError, match="lower the learning rate"):
        trainee.train(ids, small_weights(5, DIM, 1), plan_for(ids, 5, lr=1e4))


def test_damping_scales_what_is_written_back(trainee):
    ids = random_stream(10, 30, 1)
    plan = plan_for(ids, 30, damping=1e9)
    half = np.full(30, 0.5, np.float32)
    damped = dataclasses.replace(plan, damping_in=half, damping_out=half)
    old = small_weights(30, DIM, 1)
    full_step, _ = trainee.train(ids, small_weights(30, DIM, 1), plan)
    half_step, _ = trainee.train(ids, small_weights(30, DIM, 1), damped)
    for array, full, part in zip(old, full_step, half_step, strict=True):
        np.testing.assert_allclose(part - array, (full - array) / 2, atol=1e-6)
        assert abs(full - array).max() > 1e-4


def test_damped_rows_equal_the_reference(trainee):
    ids = random_stream(1500, 40, 2, 25)
    plan, weights = plan_for(ids, 40, damping=0.5), small_weights(40, DIM, 3)
    assert plan.damping_in.min() < 0.5 and plan.damping_out.min() < 0.5
    wanted = in_float64(ids, plan, weights)
    assert_same(trainee.train(ids, weights, plan), wanted)


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda ids: (ids.astype(np.int64), 0, 4), "one row of int32"),
        (lambda ids: (ids.reshape(2, 2), 0, 2), "one row of int32"),
        (lambda ids: (ids, 0, 5), r"no words 0\.\.5 in a stream of 4"),
        (lambda ids: (ids, 3, 2), r"no words 3\.\.2"),
        (lambda ids: (ids, -1, 2), r"no words -1\.\.2"),
    ],
)
def test_other_streams_and_ranges_are_refused(trainee, spoil, message):
    ids = np.array([0, 1, 0, 1], np.int32)
    plan = plan_for(ids, 2)
    placed = trainee.kernel.place(small_weights(2, DIM, 1), 4)
    stream, start, stop = spoil(ids)
    with pytest.raises(ValueError, match=message):
        trainee.kernel.train(stream, start, stop, placed, plan, 1, 0)


def test_tables_of_different_shapes_are_refused(trainee):
    ids = np.array([0, 1, 0, 1], np.int32)
    one, other = (trainee.kernel.place(small_weights(n, DIM, 1), 4) for n in (2, 3))
    with pytest.raises(ValueError, match="the same two dimensions"):
        trainee.kernel.train(ids, 0, 4, (one[0], other[1]), plan_for(ids, 2), 1, 0)


@pytest.mark.parametrize("table", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, -2e3])
def test_a_weight_out_of_range_is_noticed_in_either_table(table, value):
    """Python's max(1.0, nan) is 1.0, so that the tables have to be looked at one by one."""
    plan = plan_for(np.array([0, 1], np.int32), 2)
    weights = small_weights(2, DIM, 1)
    check_growth(weights, plan, Result(2, 2, 1.0, 2))
    weights[table][1, 3] = value
    with pytest.raises(DivergenceError, match="lower the learning rate"):
        check_growth(weights, plan, Result(2, 2, 1.0, 2))
