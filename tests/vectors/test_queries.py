"""Questions to word vectors: equal to gensim's on the same vectors, one by one and in batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import w2v
from w2v import WordVectors, config
from w2v.errors import ConfigError, UnknownWordError
from w2v.vectors.search.neighbours import Sizes, best_columns, nearest_rows

V, H = 2000, 24


@pytest.fixture(scope="module")
def vectors():
    """Vectors that lie in clusters, as words do, of lengths that differ."""
    draw = np.random.default_rng(7)
    centers = draw.standard_normal((40, H))
    matrix = centers[draw.integers(0, 40, V)] + 0.7 * draw.standard_normal((V, H))
    matrix *= draw.uniform(0.1, 5, (V, 1))
    return WordVectors([f"w{i}" for i in range(V)], matrix)


@pytest.fixture(scope="module")
def gensim_vectors(vectors):
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(H)
    keyed.add_vectors(vectors.words, vectors.matrix)
    return keyed


def assert_equal_answers(found, expected):
    """Scores equal to 1e-5, and the order too wherever neighbouring scores differ by more."""
    assert len(found) == len(expected)
    for (word, score), (_, other) in zip(found, expected, strict=True):
        assert score == pytest.approx(other, abs=1e-5) and isinstance(score, float), word
    scores = [score for _, score in expected]
    for place, (word, score) in enumerate(expected[:-1]):
        around = scores[max(0, place - 1) : place] + scores[place + 1 : place + 2]
        if all(abs(score - other) > 1e-5 for other in around):
            assert found[place][0] == word


QUERIES = [
    {"positive": "w3"},
    {"positive": ["w3"], "topn": 1},
    {"positive": ["w3", "w5", "w70"], "topn": 50},
    {"positive": ["w3", "w5"], "negative": ["w9"]},
    {"positive": ["w3"], "negative": "w9"},
    {"negative": ["w3", "w8"]},
    {"positive": [("w3", 2.5), "w5"], "negative": [("w9", -0.5), "w10"]},
    {"positive": [("w3", 1.0)], "negative": [("w9", 1.0)]},  # the weight decides, not the list
    {"positive": ["w3", "w3"]},
    {"positive": ["w3", "w1500"], "restrict_vocab": 1000, "topn": 20},
    {"positive": ["w3", "w1500"], "clip_start": 500, "clip_end": 900, "topn": 20},
    {"positive": ["w3"], "topn": 3000},
    {"positive": ["w3"], "topn": 0},
    {"positive": ["w3"], "topn": -1},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_most_similar_equals_gensims(vectors, gensim_vectors, query):
    expected = gensim_vectors.most_similar(**query)
    assert_equal_answers(vectors.most_similar(**query), expected)


def test_vectors_are_queries_as_in_gensim(vectors, gensim_vectors):
    query = np.random.default_rng(1).standard_normal(H).astype("f")
    for arguments in ([query], [[query, "w5", (query, 0.3)]], [query, ["w7"]]):
        expected = gensim_vectors.most_similar(*arguments)
        assert_equal_answers(vectors.most_similar(*arguments), expected)
    expected = gensim_vectors.similar_by_vector(query, topn=4, restrict_vocab=500)
    assert_equal_answers(vectors.similar_by_vector(query, 4, 500), expected)
    expected = gensim_vectors.similar_by_word("w5", topn=4)
    assert_equal_answers(vectors.similar_by_word("w5", 4), expected)


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`")  # by gensim itself
@pytest.mark.parametrize(
    "query",
    [
        {"positive": "w3"},
        {"positive": ["w3", "w5"], "negative": ["w9"]},
        {"positive": ["w3", "w5"], "negative": ["w9", "w10", "w11"], "topn": 100},
        {"positive": ["w3"], "negative": "w9", "topn": 0},
    ],
    ids=str,
)
def test_cosmul_equals_gensims(vectors, gensim_vectors, query):
    expected = gensim_vectors.most_similar_cosmul(**query)
    found = vectors.most_similar_cosmul(**query)
    for (_, score), (_, other) in zip(found, expected, strict=True):
        assert score == pytest.approx(other, rel=1e-4)
    assert [word for word, _ in found] == [word for word, _ in expected]


def test_cosmul_can_be_restricted(vectors):
    found = vectors.most_similar_cosmul(["w3", "w1500"], ["w9"], topn=2000, restrict_vocab=50)
    assert {word for word, _ in found} == {f"w{i}" for i in range(50)} - {"w3", "w9"}


def test_words_with_words_equal_gensims(vectors, gensim_vectors):
    assert vectors.similarity("w3", "w5") == pytest.approx(
        float(gensim_vectors.similarity("w3", "w5")), abs=1e-6
    )
    sets = ["w3", "w5", "nobody"], ["w7", "w8"]
    assert vectors.n_similarity(*sets) == pytest.approx(
        float(gensim_vectors.n_similarity(*sets)), abs=1e-6
    )
    draw = np.random.default_rng(2)
    for _ in range(20):
        words = [f"w{i}" for i in draw.choice(V, 5, replace=False)]
        assert vectors.doesnt_match([*words, "nobody"]) == gensim_vectors.doesnt_match(words)
        assert vectors.rank(*words[:2]) == gensim_vectors.rank(*words[:2])
        expected = gensim_vectors.rank_by_centrality(words)
        found = vectors.rank_by_centrality(words)
        assert [word for _, word in found] == [word for _, word in expected]
    assert vectors.rank("w3", vectors.similar("w3", 7)[6][0]) == 7
    assert vectors.rank("w3", "w3") == 1


def test_gensims_names_for_words_and_vectors(vectors, gensim_vectors):
    assert vectors.index_to_key == gensim_vectors.index_to_key
    assert vectors.key_to_index == gensim_vectors.key_to_index
    assert (vectors.vectors == gensim_vectors.vectors).all()
    assert vectors.vector_size == gensim_vectors.vector_size == H
    for norm in (False, True):
        found, expected = (side.get_vector("w3", norm=norm) for side in (vectors, gensim_vectors))
        assert found == pytest.approx(expected, abs=1e-6)


def test_short_forms_are_most_similar(vectors):
    assert vectors.similar("w3", 4) == vectors.most_similar("w3", topn=4)
    assert vectors.analogy("w3", "w4", "w5") == vectors.most_similar(["w4", "w5"], "w3", topn=5)


def test_unusable_questions_are_refused(vectors):
    unknown = [
        lambda: vectors.most_similar("w33333"),
        lambda: vectors.most_similar("w3", "w33333"),
        lambda: vectors.most_similar_cosmul("w3", "w33333"),
        lambda: vectors.similarity("w3", "w33333"),
        lambda: vectors.rank("w3", "w33333"),
        lambda: vectors.doesnt_match(["w33333", "w44444"]),
        lambda: vectors.n_similarity(["w3"], ["w33333"]),
        lambda: vectors.neighbours(["w3", "w33333"]),
    ]
    for question in unknown:
        with pytest.raises(UnknownWordError, match="'w33333' is not in the vocabulary; did you"):
            question()
    for question, message in [
        (lambda: vectors.most_similar(), "nothing is asked"),
        (lambda: vectors.most_similar_cosmul(negative=["w3"]), "needs a positive word"),
        (lambda: vectors.doesnt_match([]), "no words are given"),
        (lambda: vectors.n_similarity(["w3"], []), "no words are given"),
        (lambda: vectors.most_similar(np.ones(3)), "vector of 3 numbers does not fit .* dim 24"),
        (lambda: vectors.most_similar([np.ones((2, 2))]), "vector of 2 x 2 numbers"),
        (lambda: vectors.most_similar(np.full(H, np.nan)), "holds NaN"),
        (lambda: vectors.similar_by_vector(np.full(H, np.inf)), "holds NaN, infinite"),
    ]:
        with pytest.raises(ConfigError, match=message):
            question()


def test_a_vector_of_zeros_is_near_to_nothing():
    vectors = WordVectors(["zero", "a", "b"], np.array([[0, 0], [1, 0], [-1, 0.0]]))
    assert vectors.similar("zero") == [("a", 0.0), ("b", 0.0)]
    assert vectors.most_similar("a") == [("zero", 0.0), ("b", -1.0)]
    assert vectors.most_similar(["a"], ["a"]) == [("zero", 0.0), ("b", 0.0)]


@pytest.mark.parametrize(
    "name",
    [
        "test_most_similar",
        "test_most_similar_vector",
        "test_most_similar_parameter_types",
        "test_most_similar_cosmul_parameter_types",
        "test_most_similar_topn",
        "test_most_similar_raises_keyerror",
        "test_most_similar_restrict_vocab",
        "test_most_similar_with_vector_input",
        "test_similar_by_word",
        "test_similar_by_vector",
        "test_similarity",
        "test_rank",
        "test_add_single",
        "test_add_multiple",
        "test_set_item",
    ],
)
def test_gensims_own_tests_pass(name):
    """Those of its test_keyedvectors.py whose methods are here, on its vectors, read by w2v."""
    from gensim.test.test_keyedvectors import TestKeyedVectors
    from gensim.test.utils import datapath

    case = TestKeyedVectors(name)
    case.vectors = w2v.load(datapath("euclidean_vectors.bin"))
    getattr(case, name)()


# Neighbours of many words


def test_neighbours_are_those_of_one_question_after_the_other(vectors):
    found = list(vectors.neighbours(topn=7, threads=2))
    assert [word for word, _ in found] == vectors.words
    for word, near in found[::50]:
        assert_equal_answers(near, vectors.most_similar(word, topn=7))


def test_neighbours_are_the_same_in_many_batches_and_blocks(vectors):
    found = list(nearest_rows(vectors.matrix, range(V), 7, None, 2, Sizes(100, 333)))
    assert [row for row, *_ in found] == list(range(V))
    for row, near, scores in found[::50]:
        named = [(vectors.words[i], float(score)) for i, score in zip(near, scores, strict=True)]
        assert_equal_answers(named, vectors.most_similar(vectors.words[row], topn=7))


def test_neighbours_of_some_words_among_some(vectors):
    words = ["w1500", "w3", "w3"]
    found = list(vectors.neighbours(words, topn=20, restrict_vocab=100))
    assert [word for word, _ in found] == words
    for word, near in found:
        assert_equal_answers(near, vectors.most_similar(word, topn=20, restrict_vocab=100))
    assert list(vectors.neighbours([])) == []


@pytest.mark.parametrize("gpu", [False, True])
def test_fewer_words_than_are_asked_for(gpu, cupy):
    config.GPU = gpu
    vectors = WordVectors(["a", "b", "c"], np.eye(3))
    assert list(vectors.neighbours(topn=9)) == [
        ("a", [("b", 0.0), ("c", 0.0)]),
        ("b", [("a", 0.0), ("c", 0.0)]),
        ("c", [("a", 0.0), ("b", 0.0)]),
    ]
    assert list(vectors.neighbours(["b"], topn=0)) == [("b", [])]


def by_full_sort(scores, topn):
    """The columns of the highest scores of each row, ties by rising column, and these scores."""
    columns = np.argsort(-scores, axis=1, kind="stable")[:, :topn]
    return columns, np.take_along_axis(scores, columns, axis=1)


@settings(deadline=None)  # the first example may compile
@given(st.integers(1, 300), st.integers(1, 30), st.integers(1, 100), st.integers(0, 5))
def test_the_compiled_selection_equals_a_full_sort(width, topn, block, seed):
    from w2v.vectors.search.top_k import keep_best, sorted_best

    scores = np.random.default_rng(seed).integers(-3, 4, (3, width)).astype("f")  # many ties
    best, rows = np.full((3, topn), -np.inf, "f"), np.full((3, topn), -1)
    for start in range(0, width, block):
        keep_best(np.ascontiguousarray(scores[:, start : start + block]), start, best, rows)
    best, rows = sorted_best(best, rows)
    expected, expected_scores = by_full_sort(scores, topn)
    kept = expected.shape[1]
    assert (rows[:, :kept] == expected).all() and (rows[:, kept:] == -1).all()
    assert (best[:, :kept] == expected_scores).all()


@given(st.integers(1, 2000), st.integers(1, 10), st.integers(0, 5))
def test_the_selection_by_chunks_equals_a_full_sort(width, topn, seed):
    scores = np.random.default_rng(seed).integers(-3, 4, (3, width)).astype("f")
    best, columns = best_columns(scores, topn)
    expected, expected_scores = by_full_sort(scores, topn)
    assert (columns == expected).all() and (best == expected_scores).all()


# On a GPU


def near_in_batches(side):
    """The three nearest of every row, found for 100 rows at a time."""
    sizes = Sizes(gpu_scores=100 * V)
    for _, near, scores in nearest_rows(side.matrix, range(V), 3, sizes=sizes):
        yield from zip(near, scores, strict=True)


def test_questions_on_the_gpu_side_give_the_same_answers(vectors, cupy, monkeypatch):
    copy = WordVectors(vectors.words, vectors.matrix)
    questions = [
        lambda side: side.most_similar(["w3", "w5"], ["w9"]),
        lambda side: side.most_similar_cosmul(["w3", "w5"], ["w9"]),
        lambda side: [("", side.rank("w3", "w5"))],
        lambda side: [pair for _, near in side.neighbours(topn=3) for pair in near],
        near_in_batches,
    ]
    for question in questions:
        config.GPU = True
        found = question(copy)
        config.GPU = False
        for (_, score), (_, expected) in zip(found, question(vectors), strict=True):
            assert score == pytest.approx(expected, rel=1e-4, abs=1e-5)
    config.GPU = True
    monkeypatch.setattr("w2v.vectors.queries.to_gpu", None)  # the matrix is moved only once
    copy.similar("w9")
