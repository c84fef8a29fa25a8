"""Sentences that a caller hands over, of every kind that gives words or does not."""

from collections import deque

import numpy as np
import pyarrow
import pytest
from corpus_cases import stream_of

import w2v as package
from w2v.config import TextConfig
from w2v.corpus.encoding import encode_sentences
from w2v.errors import ConfigError, CorpusError

ALL = TextConfig(min_count=1)
WORDS = ["new york", "b", "c"]
STREAM = ["new york", "b", "c", None] * 2
SMALL = {
    "engine": "layers",
    "dim": 4,
    "negative": 2,
    "min_count": 1,
    "epochs": 1,
    "window": 1,
    "batch_size": 2,
}


class Series:
    """What pandas has in common with NumPy: `tolist`."""

    def tolist(self):
        return list(WORDS)


SENTENCES = {
    "list": lambda: list(WORDS),
    "tuple": lambda: tuple(WORDS),
    "deque": lambda: deque(WORDS),
    "generator": lambda: (word for word in WORDS),
    "map": lambda: map(str, WORDS),
    "iterator": lambda: iter(WORDS),
    "numpy": lambda: np.array(WORDS),
    "numpy objects": lambda: np.array(WORDS, object),
    "numpy words": lambda: [np.str_(word) for word in WORDS],
    "arrow": lambda: pyarrow.array(WORDS),
    "arrow scalar": lambda: pyarrow.array([WORDS])[0],
    "pandas": Series,
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_whatever_gives_words_is_a_sentence(kind):
    make = SENTENCES[kind]
    assert stream_of(encode_sentences([make(), make()], ALL)) == STREAM
    assert stream_of(encode_sentences((make() for _ in range(2)), ALL)) == STREAM


@pytest.mark.parametrize(
    "corpus",
    [
        lambda: pyarrow.chunked_array([[WORDS, WORDS]]),
        lambda: np.array([WORDS, WORDS]),
        lambda: np.array([np.array(WORDS), np.array(WORDS)], object),
        lambda: map(iter, [WORDS, WORDS]),
    ],
)
def test_whatever_gives_sentences_is_a_corpus(corpus):
    assert package.train(corpus(), **SMALL).words == ["new york", "b", "c", "<eos>"]


@pytest.mark.parametrize(
    "sentence, says",
    [
        (None, "sentence 2 is None"),
        (float("nan"), "sentence 2 is nan (float)"),
        (7, "sentence 2 is 7 (int)"),
        (np.int64(7), "sentence 2 is 7 (int)"),
        (object(), "of type object, does not give a list of words: TypeError"),
        (b"a b", "sentence 2 is b'a b', and sentences are lists of words"),
        ("a b", "sentence 2 is a string, 'a b', and sentences are lists of words, not strings"),
        (np.array("a b"), "sentence 2 is a string"),
        ({"a": 1}, "sentence 2 is {'a': 1} (dict)"),
        (["a", None], "sentence 2 is a list whose element 2 is None, and words are strings"),
        (["a", float("nan")], "element 2 is nan (float)"),
        (["a", 12], "element 2 is 12 (int), and words are strings: leave it out, or make it one"),
        (np.array([1, 2]), "element 1 is 1 (int)"),
        (["a", b"b"], "element 2 is b'b', and words are strings: decode it"),
        (["a", ["b"]], "element 2 is ['b'] (list)"),
        ((1 / 0 for _ in "a"), "does not give a list of words: ZeroDivisionError"),
    ],
)
def test_what_is_not_a_sentence_is_named_by_its_number(sentence, says):
    with pytest.raises(CorpusError) as refused:
        encode_sentences([["a"], sentence], ALL)
    assert says in str(refused.value) and "sentence 2" in str(refused.value)


def test_a_flat_list_of_words_explains_itself():
    with pytest.raises(CorpusError, match=r"put a list of words into a list, \[words\]"):
        package.train(["king", "queen"], **SMALL)
    with pytest.raises(CorpusError, match=r"a list of pathlib\.Path"):
        package.train(["a.txt", "b.txt"], **SMALL)
    with pytest.raises(CorpusError, match="not text"):
        encode_sentences([["a", "\ud800"]], ALL)


@pytest.mark.parametrize(
    "corpus, says",
    [
        (SENTENCES["generator"], "call it, and pass what it returns"),
        ({"a": ["b"]}, "not dict"),
        (b"a b", "not bytes"),
        (3, "not int"),
        (pyarrow.table({"text": ["a b"]}), r"not a Table: pass one column, table\['text'\]"),
    ],
)
def test_what_is_not_a_corpus_says_what_is(corpus, says):
    with pytest.raises(ConfigError, match=says):
        package.train(corpus, **SMALL)


def test_a_text_in_place_of_its_path_is_told_apart():
    with pytest.raises(CorpusError, match="a text itself is passed as a list of sentences"):
        package.train("the cat sat on the mat\n" * 30, **SMALL)


def test_lines_are_split_where_a_tokenizer_is_named():
    lines = ["Don't  go\nnow", "go 7"]
    assert package.train(lines, tokenizer="whitespace", **SMALL).words[:3] == [
        "<eos>",
        "go",
        "Don't",
    ]
    words = package.train(lines, tokenizer="words", lowercase=True, **SMALL).words
    assert words == ["<eos>", "go", "don", "t", "now"]
    stream = encode_sentences([*lines, ["x y", "z"]], ALL, lines=True)
    assert stream_of(stream) == [
        "Don't",
        "go",
        None,
        "now",
        None,
        "go",
        "7",
        None,
        "x y",
        "z",
        None,
    ]


def test_a_line_end_among_the_words_is_not_a_word():
    assert stream_of(encode_sentences([["a", "\n", "b"]], ALL)) == ["a", "b", None]
