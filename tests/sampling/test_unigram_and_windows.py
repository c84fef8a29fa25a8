"""Exact distributions of the sampler and the alias table; contexts as in the book."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from w2v import rng
from w2v.backend import load_cupy, to_cpu, to_gpu
from w2v.errors import CorpusError, VocabularyError
from w2v.sampling import ContextWindows, UnigramSampler, create_contexts_target
from w2v.sampling.alias import AliasTable

ORDINARY = [40, 25, 12, 9, 5, 4, 3, 2]
SKEWED = [10**6, 1, 1, 1, 1, 1]


def corpus_of(counts):
    return np.repeat(np.arange(len(counts)), counts)


def sampler_of(counts, sample_size, power=0.75, seed=1, **limits):
    return UnigramSampler(corpus_of(counts), power, sample_size, seed, **limits)


def set_probabilities(p, size):
    """The chance of each set of words when words are drawn one by one without replacement."""
    chances = {}
    for order in itertools.permutations(np.flatnonzero(p), size):
        chance, left = 1.0, 1.0
        for word in order:
            chance *= p[word] / left
            left -= p[word]
        chances[frozenset(order)] = chances.get(frozenset(order), 0) + chance
    return chances


def check_sets(rows, counts, target, size, power=0.75):
    """Chi-square test of drawn rows against the exact probabilities of their sets."""
    p = np.array(counts, float) ** power
    p[target] = 0
    exact = set_probabilities(p / p.sum(), size)
    drawn = dict.fromkeys(exact, 0)
    for row in rows.tolist():
        drawn[frozenset(row)] += 1
    expected = np.array([exact[words] * len(rows) for words in exact])
    seen = np.array([drawn[words] for words in exact])
    common = expected >= 5  # rarer sets are one class, as the test's approximation wants
    if not common.all():
        expected = np.append(expected[common], expected[~common].sum())
        seen = np.append(seen[common], seen[~common].sum())
    assert chisquare(seen, expected * seen.sum() / expected.sum()).pvalue > 1e-4


@pytest.mark.parametrize("counts", [ORDINARY, SKEWED], ids=["ordinary", "skewed"])
@pytest.mark.parametrize("target", [0, 3])
@pytest.mark.parametrize("size", [2, 3])
def test_negatives_have_the_exact_distribution(counts, target, size):
    sampler = sampler_of(counts, size)
    rows = sampler.get_negative_sample(np.full(60_000, target))
    check_sets(rows, counts, target, size)


@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("counts", [ORDINARY, [1000, 100, 10, 1, 1]], ids=["ordinary", "steep"])
def test_rows_that_gumbel_finishes_have_the_exact_distribution(rounds, counts):
    """With few rounds of redrawing, half-finished rows are completed around what they hold."""
    sampler = sampler_of(counts, 3, redraws=rounds, gumbel_cells=1000)
    rows = sampler.get_negative_sample(np.full(60_000, 2))
    check_sets(rows, counts, 2, 3)


def test_the_reference_of_these_tests_is_numpys_choice():
    p = np.array(ORDINARY, float) ** 0.75
    p[2] = 0
    draw = np.random.default_rng(0)
    legacy = np.random.RandomState(draw.integers(2**31))
    rows = [legacy.choice(len(p), 2, replace=False, p=p / p.sum()) for _ in range(20_000)]
    check_sets(np.array(rows), ORDINARY, 2, 2)


def test_negatives_are_distinct_and_never_the_target():
    sampler = sampler_of([9, 8, 7, 1, 1, 1, 1], 6)
    target = np.arange(7).repeat(50)
    rows = sampler.get_negative_sample(target)
    assert rows.shape == (350, 6)
    for row, hit in zip(rows.tolist(), target.tolist(), strict=True):
        assert sorted({*row, hit}) == list(range(7))


def test_targets_of_any_shape():
    sampler = sampler_of(ORDINARY, 4)
    assert sampler.get_negative_sample(np.array([[1, 2, 3], [4, 5, 6]])).shape == (2, 3, 4)
    assert sampler.get_negative_sample(np.array(2)).shape == (4,)


def test_word_probabilities_are_the_worked_example_of_the_book():
    sampler = sampler_of([70, 29, 1], 1)
    assert sampler.word_p == pytest.approx([0.64196878, 0.33150408, 0.02652714])
    assert sampler.vocab_size == 3


def test_words_that_do_not_occur_are_never_drawn():
    sampler = UnigramSampler(np.array([0, 0, 2, 3, 3]), 0.0, 2, seed=0)
    assert not (sampler.get_negative_sample(np.zeros(100, int)) == 1).any()


def test_same_seed_same_negatives():
    target = np.arange(8)
    one, two, other = (sampler_of(ORDINARY, 3, seed=seed) for seed in (5, 5, 6))
    rows = one.get_negative_sample(target)
    assert (rows == two.get_negative_sample(target)).all()
    assert (rows != other.get_negative_sample(target)).any()


def test_without_a_seed_numpys_global_seed_decides():
    rows = []
    for _ in range(2):
        np.random.seed(3)
        rows.append(sampler_of(ORDINARY, 3, seed=None).get_negative_sample(np.arange(8)))
    assert (rows[0] == rows[1]).all()


def test_each_purpose_has_a_stream_of_its_own():
    one, same, other = (rng.generator(1, name).random(4) for name in ("a", "a", "b"))
    assert (one == same).all() and (one != other).all()


def test_no_power_overflows():
    sampler = sampler_of(ORDINARY, 1, power=1000)
    assert sampler.word_p == pytest.approx([1, 0, 0, 0, 0, 0, 0, 0])
    assert sampler_of(ORDINARY, 1, power=0).word_p == pytest.approx(np.full(8, 1 / 8))


def test_too_small_a_vocabulary_is_an_error_when_drawing():
    sampler = sampler_of([3, 2, 1], 3)
    with pytest.raises(VocabularyError, match=r"only 2 beside the target.*lower --negative"):
        sampler.get_negative_sample(np.array([0]))
    sampler = sampler_of([3, 2, 1], 2)
    assert sampler.get_negative_sample(np.array([0])).tolist() == [[1, 2]]


def test_on_a_gpu_words_are_drawn_with_replacement(cupy):
    sampler = sampler_of(ORDINARY, 5)
    rows = to_cpu(sampler.get_negative_sample(to_gpu(np.zeros(20_000, int))))
    assert rows.shape == (20_000, 5)
    seen = np.bincount(rows.ravel(), minlength=8)
    assert chisquare(seen, sampler.word_p * rows.size).pvalue > 1e-4
    assert any(len(set(row)) < 5 for row in rows.tolist())


@pytest.mark.gpu
def test_on_a_real_gpu_words_are_drawn_with_replacement(monkeypatch):
    cupy = load_cupy()
    monkeypatch.setattr("w2v.config.GPU", True)
    sampler = sampler_of(ORDINARY, 5)
    rows = to_cpu(sampler.get_negative_sample(cupy.zeros(20_000, int)))
    seen = np.bincount(rows.ravel(), minlength=8)
    assert chisquare(seen, sampler.word_p * rows.size).pvalue > 1e-4


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=30).filter(any))
def test_the_columns_of_an_alias_table_add_up_to_the_probabilities(weights):
    table = AliasTable(np.array(weights))
    shares = table.threshold.copy()
    np.add.at(shares, table.alias, 1 - table.threshold)
    assert shares / len(weights) == pytest.approx(np.array(weights) / sum(weights), abs=1e-12)


def test_an_alias_table_draws_the_distribution():
    p = np.array([0.5, 0.0, 0.3, 0.15, 0.05])
    words = AliasTable(p).draw(np.random.default_rng(0), (1000, 50))
    seen = np.bincount(words.ravel(), minlength=5)
    assert seen[1] == 0
    assert chisquare(seen[p > 0], p[p > 0] * words.size).pvalue > 1e-4


def test_contexts_and_targets_as_in_the_book():
    contexts, target = create_contexts_target(np.array([0, 1, 2, 3, 4, 1, 5, 6]), 1)
    assert target.tolist() == [1, 2, 3, 4, 1, 5]
    assert contexts.tolist() == [[0, 2], [1, 3], [2, 4], [3, 1], [4, 5], [1, 6]]
    contexts, target = create_contexts_target([0, 1, 2, 3, 4], 2)
    assert contexts.tolist() == [[0, 1, 3, 4]] and target.tolist() == [2]


@given(st.lists(st.integers(0, 9), min_size=7, max_size=40), st.integers(1, 3))
def test_windows_that_are_looked_up_equal_those_that_are_made(corpus, window):
    corpus = np.array(corpus, "int32")
    contexts, target = create_contexts_target(corpus, window)
    windows = ContextWindows(corpus, window)
    places = np.random.default_rng(0).permutation(len(target))
    assert len(windows) == len(target) == len(corpus) - 2 * window
    assert (windows[places] == contexts[places]).all()
    assert (windows.target == target).all()
    assert (windows[1:3] == contexts[1:3]).all()


def test_a_corpus_shorter_than_the_window_is_refused():
    with pytest.raises(CorpusError, match="needs at least 11"):
        create_contexts_target(np.arange(10), 5)
