"""`WordVectors` as an object of Python: looked up, listed, copied and changed, from any file."""

import copy
import inspect
import json
import pickle

import numpy as np
import pytest

import w2v as package
from w2v import WordVectors, config
from w2v.errors import ConfigError, UnknownWordError, W2VError

WORDS = ["king", "queen", "man", "woman", "new york"]
MATRIX = [[1, 2, 3], [1, 2, 2.5], [0, 2, 3], [0, 2, 2.5], [9, 1, 1]]
FILES = ["v.pkl", "v.txt", "v.vec.gz", "v.npz", "v.safetensors", "v.tsv"]


@pytest.fixture(params=["memory", *FILES])
def vectors(request):
    """The same words and vectors, made here and from files."""
    made = WordVectors(WORDS, np.array(MATRIX))
    if request.param == "memory":
        return made
    package.save(made, request.param)
    return package.load(request.param)


# Python's protocols


def test_the_words_are_a_list_from_every_file(vectors):
    for words in (vectors.words, vectors.index_to_key, vectors.keys(), list(vectors)):
        assert isinstance(words, list) and words == WORDS
        assert words + ["x"] == [*WORDS, "x"]  # noqa: RUF005
        assert words.copy() == words[:] == WORDS
        assert json.loads(json.dumps(words)) == WORDS
        assert all(type(word) is str for word in words)
    assert isinstance(vectors.key_to_index, dict)
    assert json.loads(json.dumps(vectors.key_to_index)) == {w: i for i, w in enumerate(WORDS)}
    assert sorted(vectors) == sorted(WORDS) and len(vectors) == 5


def test_one_word_or_several_are_looked_up(vectors):
    assert vectors["queen"].tolist() == MATRIX[1]
    for words in (
        ["king", "man"],
        ("king", "man"),
        np.array(["king", "man"]),
        np.array(["king", "man"], object),
        {"king": 1, "man": 2},
        (word for word in ["king", "man"]),
    ):
        assert vectors[words].tolist() == [MATRIX[0], MATRIX[2]]
    assert vectors["king", "king"].tolist() == [MATRIX[0], MATRIX[0]]
    assert vectors[np.str_("king")].tolist() == vectors[np.array("king")][0].tolist() == MATRIX[0]
    assert (vectors[vectors.index_to_key] == MATRIX).all()
    assert vectors[[]].shape == (0, 3)
    assert {word: row.tolist() for word, row in dict(vectors).items()} == dict(
        zip(WORDS, MATRIX, strict=True)
    )


def test_only_words_are_in_the_vocabulary(vectors):
    assert "king" in vectors and np.str_("king") in vectors
    for other in ("kong", 3, None, ["king"], b"king", np.ones(3)):
        assert other not in vectors


def test_they_are_an_array_of_their_vectors(vectors):
    assert np.asarray(vectors).tolist() == MATRIX
    assert np.asarray(vectors, np.float64).dtype == np.float64
    assert np.array(vectors).flags.writeable and not np.asarray(vectors).flags.writeable


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda vectors: pickle.loads(pickle.dumps(vectors))]
)
def test_copies_are_independent(vectors, duplicate):
    vectors.similar("king")
    other = duplicate(vectors)
    assert other.words == WORDS and (other.matrix == MATRIX).all() and type(other) is WordVectors
    other["king"] = [5, 5, 5]
    assert vectors["king"].tolist() == MATRIX[0] and other["king"].tolist() == [5, 5, 5]
    assert not other.matrix.flags.writeable


# What a user can change


def test_what_is_returned_is_read_only(vectors):
    before = vectors.similar("king")
    for array in (
        vectors["king"],
        vectors.get_vector("king"),
        vectors.matrix,
        vectors.vectors,
        np.asarray(vectors),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array *= 0
    for change in (
        lambda: vectors.words.append("x"),
        lambda: vectors.words.sort(),
        lambda: vectors.index_to_key.__setitem__(0, "x"),
        lambda: vectors.key_to_index.pop("king"),
        lambda: vectors.key_to_index.update(king=3),
    ):
        with pytest.raises(ConfigError, match="cannot be changed in place"):
            change()
    taken = vectors[["king", "queen"]]
    taken *= 0  # several are a copy
    assert vectors.similar("king") == before and vectors["king"].tolist() == MATRIX[0]


def test_the_callers_array_is_copied_unless_he_says_no():
    matrix, counts = np.array(MATRIX, np.float32), np.array([5, 4, 3, 2, 1])
    vectors = WordVectors(WORDS, matrix, counts)
    shared = WordVectors(WORDS, matrix, counts, copy=False)
    matrix *= 0
    counts *= 0
    assert vectors["king"].tolist() == MATRIX[0] and vectors.counts.tolist() == [5, 4, 3, 2, 1]
    assert np.shares_memory(shared.matrix, matrix) and matrix.flags.writeable
    assert not shared.matrix.flags.writeable and not vectors.counts.flags.writeable
    shared["king"] = [1, 1, 1]  # makes it a copy first
    assert not matrix.any()


@pytest.mark.parametrize("gpu", [False, True])
def test_changed_vectors_change_all_answers(vectors, gpu, cupy):
    config.GPU = gpu
    vectors.similar("king")
    vectors["king"] = [-9, 0, 0]
    expected = WordVectors(WORDS, [[-9, 0, 0], *MATRIX[1:]])
    for word in WORDS:
        assert vectors.similar(word) == expected.similar(word)
        assert vectors.similarity("king", word) == expected.similarity("king", word)
    vectors.matrix = MATRIX
    assert vectors.similar("king") == WordVectors(WORDS, MATRIX).similar("king")
    vectors.vectors = vectors.vectors * -1
    assert vectors["queen"].tolist() == [-1, -2, -2.5] and not vectors.matrix.flags.writeable
    assert vectors.similarity("king", "queen") == pytest.approx(0.99602, abs=1e-5)


def test_words_are_added(vectors):
    vectors.similar("king")
    vectors.add_vectors("boy", [0, 2, 2.9])
    assert vectors.similar("boy", 1)[0][0] == "man" and vectors.similar("man", 1)[0][0] == "boy"
    vectors.add_vectors(["king", "girl"], [[7, 7, 7], [0, 2, 2.4]])
    assert vectors["king"].tolist() == MATRIX[0]  # without replace, as in gensim
    vectors[["king", "girl", "prince"]] = [[7, 7, 7], [0, 2, 2], [1, 1, 1]]
    assert vectors["king"].tolist() == [7, 7, 7] and vectors["girl"].tolist() == [0, 2, 2]
    assert vectors.words == [*WORDS, "boy", "girl", "prince"] == list(vectors.key_to_index)
    package.save(vectors, "more.safetensors")
    assert package.load("more.safetensors")["prince"].tolist() == [1, 1, 1]


def test_added_words_have_no_counts_yet():
    vectors = WordVectors(["a"], [[1, 2]], counts=[7])
    vectors.add_vectors(["b", "c"], np.eye(2))
    assert vectors.counts.tolist() == [7, 0, 0]


# What is refused


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("abc", np.eye(3)), "given as a list, not as the string 'abc'"),
        (([1, 2], np.eye(2)), "words are strings .* not 1"),
        ((["a", None], np.eye(2)), "not None"),
        ((["a", "b"], [[1, 2], [3]]), "rows of numbers"),
        ((["a", "b"], [["x", "y"], ["z", "w"]]), "rows of numbers"),
        ((["a", "b"], None), "do not fit vectors of shape"),
        ((["a", "b"], np.eye(3)), "2 words do not fit vectors"),
        ((["a"], [[1]], [1, 2]), "1 words do not fit counts"),
        ((["a"], [[1]], ["x"]), "counts are whole numbers"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        WordVectors(*arguments)


def test_a_word_can_have_one_vector():
    for question in (
        lambda vectors: vectors["a"],
        lambda vectors: vectors.similar("b"),
        lambda vectors: "a" in vectors,
    ):
        with pytest.raises(ConfigError, match=r"'a' stands in rows 0 and 2: give each word one"):
            question(WordVectors(["a", "b", "a"], np.eye(3)))


@pytest.mark.parametrize(
    "words, rows, message",
    [
        ("king", [1, 2], "vectors of 1 x 2 numbers do not fit 1 words of dim 3"),
        (["x", "y"], [[1, 2, 3]], "do not fit 2 words"),
        ("king", [1, 2, np.nan], "NaN"),
        ("king", ["a", "b", "c"], "made of numbers"),
        (["x", "x"], np.ones((2, 3)), "a word is given twice"),
        (3, [1, 2, 3], "words are strings"),
    ],
)
def test_changes_that_do_not_fit_are_refused(vectors, words, rows, message):
    with pytest.raises(ConfigError, match=message):
        vectors[words] = rows
    assert vectors.words == WORDS and (vectors.matrix == MATRIX).all()


@pytest.mark.parametrize(
    "key", [0, np.int64(1), slice(0, 2), None, b"king", ..., 1.5, ["king", 3], [["king"]], [b"a"]]
)
def test_what_is_no_word_is_refused_with_what_is_taken(vectors, key):
    with pytest.raises(ConfigError, match="words are strings"):
        vectors[key]


PLAUSIBLE = [
    *(3, np.int64(3), 2.5, None, True, b"king", "", "kong", object, ..., 1j),
    *([], (), {}, set(), [3], [None], ["king", 3], ["king", None], [["king"]], [["king", 2.0]]),
    *(("king", 2.0), ("king", None), [("king", "2")], [("king", np.nan)], [("king", 1, 2)]),
    *({"king": 2.0}, {"king": None}, [("king", 1e39)], [b"king"], [[]], [[1, 2]], [1.0, 2.0]),
    *(np.array(["king"]), np.array("king"), np.array([]), np.ones(3), np.ones(2), np.eye(3)),
    *(np.ones((2, 2, 3)), np.array([None]), np.full(3, np.nan), np.ones(3, complex), np.float32(1)),
    *([np.ones(3), "king"], [("king", np.float32(0.5))], [(np.ones(3), 2)], [0.5, 0.5, 0.5]),
]


@pytest.mark.parametrize("given", PLAUSIBLE, ids=repr)
def test_any_argument_has_an_answer_or_an_error_that_says_what_is_taken(given):
    """Each argument of each question in turn, the others being what they should be."""
    vectors = WordVectors(WORDS, MATRIX)
    fine = {"w1": "king", "w2": "man", "ws1": ["king"], "ws2": ["man"], "words": ["king", "man"]}
    fine |= {"key1": "king", "key2": "man", "a": "king", "b": "man", "c": "queen"}
    fine |= {"answer": "woman", "word": "king", "vector": np.ones(3), "query": np.ones(3)}
    fine |= {"positive": "king", "negative": "man"}
    questions = (
        *("most_similar", "most_similar_cosmul", "similar", "similar_by_word", "similar_by_vector"),
        *("neighbours", "analogy", "analogy_score", "similarity", "n_similarity", "doesnt_match"),
        *("rank_by_centrality", "rank", "cosines", "get_vector", "__getitem__", "__contains__"),
    )
    for name in questions:
        question = getattr(vectors, name)
        parameters = inspect.signature(question).parameters
        for varied in set(parameters) - {"norm"}:
            others = {own: fine[own] for own in parameters if own in fine}
            try:
                answer = question(**others | {varied: given})
                if name == "neighbours":
                    list(answer)
            except W2VError as error:
                assert "\n" not in str(error) and len(str(error)) < 250


@pytest.mark.parametrize("number", [2.0, "2", [2], np.float32(2)])
def test_numbers_that_are_not_whole_are_refused(number):
    vectors = WordVectors(WORDS, MATRIX)
    for name in ("topn", "restrict_vocab", "clip_end"):
        with pytest.raises(ConfigError, match="is a whole number, not"):
            vectors.most_similar("king", **{name: number})
    for name in ("restrict_vocab", "clip_start", "clip_end"):
        with pytest.raises(ConfigError, match="is at least 0, not -1"):
            vectors.most_similar("king", **{name: -1})


def test_whole_numbers_of_any_kind_are_taken():
    vectors = WordVectors(WORDS, MATRIX)
    for kind in (int, np.int8, np.uint8, np.int64):
        assert len(vectors.most_similar("king", topn=kind(2))) == 2
        assert vectors.most_similar("king", topn=kind(0)) == []
        found = vectors.most_similar("king", restrict_vocab=kind(2))
        assert [word for word, _ in found] == ["queen"]
    assert len(vectors.most_similar("king", topn=10**30, restrict_vocab=10**30)) == 4
    assert vectors.most_similar("king", clip_start=3, clip_end=2) == []


def test_without_topn_the_cosines_of_all_words_are_given_as_in_gensim():
    vectors = WordVectors(WORDS, MATRIX)
    expected = [vectors.similarity("king", word) for word in WORDS]
    assert vectors.most_similar("king", topn=None) == pytest.approx(expected, abs=1e-6)
    assert vectors.most_similar("king", topn=None, clip_end=2).shape == (2,)


def test_weights_are_given_in_pairs_and_dictionaries():
    vectors = WordVectors(WORDS, MATRIX)
    expected = vectors.most_similar([("king", 2.0), ("man", -1.0)])
    for items in (
        [["king", 2], ["man", -1]],
        {"king": 2.0, "man": -1.0},
        [("king", np.float32(2)), (vectors.get_vector("man", norm=True), -1)],
    ):
        found = vectors.most_similar(items)
        assert found[0] == (expected[0][0], pytest.approx(expected[0][1]))
    assert vectors.most_similar(("king", 2.0)) == vectors.most_similar("king")
    assert vectors.most_similar(("king", "man")) == vectors.most_similar(["king", "man"])


# Unicode


@pytest.mark.parametrize("word", ["café", "서울", "が", "naïve Ω"])
def test_a_word_in_another_unicode_form_is_named(word):
    import unicodedata

    for own, other in (("NFC", "NFD"), ("NFD", "NFC")):
        kept = unicodedata.normalize(own, word)
        vectors = WordVectors([kept, "x"], np.eye(2))
        asked = unicodedata.normalize(other, word)
        with pytest.raises(UnknownWordError, match=f"in the Unicode form {own}") as error:
            vectors.similar(asked)
        assert error.value.suggestions == [kept] and error.value.form == own
        assert unicodedata.normalize(error.value.form, asked) in vectors
    assert pickle.loads(pickle.dumps(error.value)).form == "NFD"
