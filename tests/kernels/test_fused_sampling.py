"""Random bits, the alias table and subsampling."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v import rng
from w2v.config import TrainConfig
from w2v.kernels.plan import Plan, Schedule, copies_per_span
from w2v.sampling.alias import AliasTable
from w2v.sampling.subsampling import keep_probability


def splitmix64(state):
    """Steele et al. 2014, in Python's own integers."""
    word = 2**64 - 1
    x = state & word
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & word
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & word
    return x ^ (x >> 31)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**50), st.integers(0, 200))
def test_bits_are_splitmix64(seed, position, lane):
    key = splitmix64(seed + 0x9E3779B97F4A7C15)
    counter = key + position * 0x9E3779B97F4A7C15 + lane * 0xD1B54A32D192ED03
    assert int(rng.bits(seed, position, lane)) == splitmix64(counter)
    assert int(rng.bits(seed, np.array([position]), lane)[0]) == splitmix64(counter)


def test_numba_draws_the_same_bits():
    mix = numba.njit(rng.mix)
    values = rng.bits(3, np.arange(100))
    assert [int(mix(value)) for value in values] == rng.mix(values).tolist()


def test_bits_are_even():
    draws = rng.bits(1, np.arange(100_000))
    ones = [(draws >> np.uint64(bit) & np.uint64(1)).mean() for bit in range(64)]
    assert np.abs(np.array(ones) - 0.5).max() < 0.01


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200).filter(any))
def test_alias_table_holds_the_distribution(weights):
    table = AliasTable(np.array(weights))
    np.testing.assert_allclose(
        table.probabilities(), np.array(weights) / np.sum(weights), atol=1e-8
    )


def test_alias_table_draws_the_distribution():
    weights = np.array([1.0, 5, 2, 0.1, 0])
    drawn = AliasTable(weights).from_bits(rng.bits(1, np.arange(200_000)))
    share = np.bincount(drawn, minlength=5) / len(drawn)
    np.testing.assert_allclose(share, weights / weights.sum(), atol=0.005)


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_unusable_sampling_weights_are_refused(weights):
    with pytest.raises(ValueError, match="finite, non-negative"):
        AliasTable(np.array(weights))


def test_keep_probability_is_word2vec_c_s():
    keep = keep_probability(np.array([9900, 100]), 1e-2)
    assert keep[0] == pytest.approx((np.sqrt(0.99 / 0.01) + 1) * 0.01 / 0.99)
    assert keep[1] == 1.0
    assert keep_probability(np.array([3, 1]), 0).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="sample"):
        keep_probability(np.array([1]), -1.0)


def test_few_workers_are_not_damped_and_many_are():
    counts = 1e6 / np.arange(1, 50_001)
    config = TrainConfig(model="skipgram", sample=1e-4)
    few, many = (
        Plan.build(counts, config, 10**8, Schedule.usual(config, workers)) for workers in (2, 5000)
    )
    assert few.damping_in.min() == few.damping_out.min() == 1.0
    assert many.damping_in[0] < 0.2
    assert many.damping_in[-1] == 1.0


def test_copies_per_span_add_up_to_its_rows():
    noise = AliasTable(np.array([3.0, 2, 1]))
    inside, outside = copies_per_span(
        np.array([6.0, 3, 1]), noise, TrainConfig(model="skipgram", window=5), Schedule(16, 8, 1)
    )
    assert inside.sum() == pytest.approx(26)
    assert outside.sum() == pytest.approx(24)
