"""Cleaning: every step against plain Python, on every form of a text, and what is refused."""

import dataclasses
import gzip
import subprocess
import sys

import pytest
import regex
from corpus_cases import counts_of, same, stream_of, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v.config import TextConfig
from w2v.corpus.encoding import encode_files, encode_sentences
from w2v.corpus.sizes import USUAL, Sizes
from w2v.corpus.stop_words import ENGLISH
from w2v.errors import ConfigError, CorpusError

ALL = TextConfig(min_count=1, cache=False)

PATTERNS = {
    "whitespace": r"\S+",
    "words": r"\p{L}\p{M}*(?:\p{L}\p{M}*)*",
    "regex:[a-zA-Z]+": "[a-zA-Z]+",
    "regex:(a|e)b?|x*": "(?:a|e)b?|x*",
}


def by_hand(text, config, stop_words):
    """The sentences that are left: plain Python, one step after the other."""
    sentences = []
    for line in text.split("\n"):
        words = [
            found
            for word in line.split()
            for found in regex.findall(PATTERNS[config.tokenizer], word)
        ]
        if config.lowercase:
            words = [word.lower() for word in words]
        words = [word for word in words if word and len(word) >= config.min_length]
        words = [word for word in words if word not in stop_words]
        if words and len(words) >= config.min_sentence:
            sentences.append(words)
    return sentences


def cleaned(tmp_path, text, sizes=USUAL, **options):
    """The sentences of a text after cleaning, as one string."""
    config = dataclasses.replace(ALL, **options)
    path = write(tmp_path / "a.txt", text)
    stream = stream_of(encode_files([path], config, sizes=sizes))
    return " ".join("|" if word is None else word for word in stream)


PARTS = ["a", "b.", "Ab", "the", "don't", "x" * 9, "é3", "語", "ab-ΑΣ", "7", "_", "e\u0301a", " "]
GAPS = [" ", " ", "\n", "\n", "\t", "\u3000"]
TEXTS = st.lists(st.sampled_from(PARTS + GAPS)).map("".join)
CONFIGS = st.builds(
    TextConfig,
    tokenizer=st.sampled_from(list(PATTERNS)),
    lowercase=st.booleans(),
    min_length=st.integers(1, 3),
    stop_words=st.sampled_from([None, "stop.txt"]),
    min_sentence=st.integers(1, 4),
    min_count=st.just(1),
    cache=st.just(False),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS, CONFIGS, st.integers(1, 30), st.integers(1, 3))
def test_words_are_those_of_plain_python(tmp_path, text, config, block, threads):
    sizes = Sizes(block=block, merged=threads)
    write(tmp_path / "stop.txt", "the ab\nx\n")
    path = write(tmp_path / "a.txt", text)
    stop_words = {"the", "ab", "x"} if config.stop_words else set()
    sentences = by_hand(text, config, stop_words)
    if not sentences:
        with pytest.raises(CorpusError, match="no words"):
            encode_files([path], config)
        return
    corpus = encode_files([path], config, threads=threads, sizes=sizes)
    assert stream_of(corpus) == [word for line in sentences for word in [*line, None]]
    words = [word for line in sentences for word in line]
    ranked = sorted(dict.fromkeys(words), key=lambda word: -words.count(word))
    assert list(counts_of(corpus).items()) == [(word, words.count(word)) for word in ranked]


def test_sentences_that_are_lists_are_cleaned_alike():
    config = dataclasses.replace(
        ALL, tokenizer="words", lowercase=True, stop_words="english", min_sentence=2
    )
    sentences = [["The", "New York", "fire-fighter"], ["it", "burns"], [], ["Fire", "burns"]]
    expected = ["new", "york", "fire", "fighter", None, "fire", "burns", None]
    assert stream_of(encode_sentences(sentences, config, sizes=Sizes(batch=3))) == expected


# One option at a time


def test_words_are_runs_of_letters_of_any_script(tmp_path):
    text = "Don't e-mail naïve_2nd 서울에서, 東京タワー。 हिन्दी می‌خواهم ❤️ 👩‍💻 3.14 İ"
    expected = "Don t e mail naïve nd 서울에서 東京タワー हिन्दी می‌خواهم İ |"
    assert cleaned(tmp_path, text, tokenizer="words") == expected
    with_numbers = expected.replace(" nd", " 2nd").replace(" İ", " 3 14 İ")
    assert cleaned(tmp_path, text, tokenizer="words", keep_numbers=True) == with_numbers


def test_letters_from_a_to_z_alone_have_to_be_asked_for(tmp_path):
    text = "Don't naïve_2nd 서울 東京 x"
    assert cleaned(tmp_path, text, tokenizer="regex:[a-zA-Z]+") == "Don t na ve nd x |"


def test_a_pattern_with_groups_finds_all_that_it_matches(tmp_path):
    assert cleaned(tmp_path, "ab12 cd3 4", tokenizer=r"regex:([a-z])+(\d)?") == "ab1 cd3 |"


def test_a_text_is_brought_into_a_unicode_form(tmp_path):
    text = "cafe\u0301 caf\u00e9 \u1109\u1165\u110b\u116e\u11af \uff21\uff42c \ufb01n a\u00a8b\n"
    assert cleaned(tmp_path, text) == text.strip() + " |"
    assert (
        cleaned(tmp_path, text, normalize="nfc")
        == "café café 서울 \uff21\uff42c \ufb01n a\u00a8b |"
    )
    found = cleaned(tmp_path, text, normalize="nfkc", lowercase=True)
    assert found == "café café 서울 abc fin a \u0308b |"  # a space from within a word ends it
    (tmp_path / "stop.txt").write_text("cafe\u0301")
    options = {"normalize": "nfc", "stop_words": str(tmp_path / "stop.txt"), "tokenizer": "words"}
    assert cleaned(tmp_path, text, **options).startswith("서울 ")
    config = dataclasses.replace(ALL, normalize="nfc")
    stream = stream_of(encode_sentences([["new york", "cafe\u0301"]], config))
    assert stream[:2] == ["new york", "café"]


def test_length_is_counted_in_characters(tmp_path):
    assert cleaned(tmp_path, "a bc def 서울 서울역", min_length=3) == "def 서울역 |"


def test_the_english_stop_words_are_nltks_179(tmp_path):
    assert len(ENGLISH) == 179 and all(word == word.lower() for word in ENGLISH)
    assert {"i", "wouldn't", "ain", "should've", "ma", "y"} < ENGLISH
    assert not {"would", "could", "us", "also", "may"} & ENGLISH
    text = "The cat is on THE mat"
    assert cleaned(tmp_path, text, stop_words="english") == "The cat THE mat |"
    assert cleaned(tmp_path, text, stop_words="english", lowercase=True) == "cat mat |"


def test_stop_words_of_a_file_follow_the_lower_case(tmp_path):
    stop_words = str(write(tmp_path / "stop.txt", "\ufeffCat\n mat  "))
    text = "the cat CAT Cat mat"
    assert cleaned(tmp_path, text, stop_words=stop_words) == "the cat CAT |"
    assert cleaned(tmp_path, text, stop_words=stop_words, lowercase=True) == "the |"


def test_short_sentences_are_left_out_after_the_words(tmp_path):
    text = "the cat sat\nthe cat\na\n\nthe dog ran off"
    options = {"min_sentence": 2, "stop_words": str(write(tmp_path / "s", "the a"))}
    assert cleaned(tmp_path, text, **options) == "cat sat | dog ran off |"


def test_a_long_sentence_over_many_blocks_stays_whole(tmp_path):
    sizes = Sizes(block=10)
    text = "a b\n" + "one two three four five six seven eight nine ten\nc d e"
    assert cleaned(tmp_path, text, sizes, min_sentence=7) == (
        "one two three four five six seven eight nine ten |"
    )
    assert cleaned(tmp_path, text, sizes, min_sentence=3).endswith("ten | c d e |")


# Any form, the cache, what is refused

OPTIONS = [
    *("--tokenizer", "words", "--lowercase", "--min-length", 3),
    *("--stop-words", "english", "--min-sentence", 2, "--min-count", 1),
]


def test_a_file_its_compressed_copy_and_stdin_give_the_same(w2v, tmp_path, monkeypatch):
    text = "Some Words, and a line\nof them!\nthe one\nmore words of line 2\n" * 50
    config = dataclasses.replace(
        ALL, tokenizer="words", lowercase=True, min_length=3, stop_words="english", min_sentence=2
    )
    expected = encode_files([write(tmp_path / "a.txt", text)], config)
    assert expected.sentences == 100 and expected.vocabulary.words == ["words", "line"]
    packed = write(tmp_path / "a.gz", gzip.compress(text.encode()))
    assert same(encode_files([packed], config), expected)
    with open(tmp_path / "a.txt") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert same(encode_files(["-"], config), expected)
    code, out, _ = w2v("encode", tmp_path / "a.gz", *OPTIONS)
    assert code == 0 and "200 words in 100 sentences, 2 in the vocabulary" in out
    training = [*OPTIONS, "--dim", 4, "--threads", 1, "--epochs", 1]
    command = [sys.executable, "-m", "w2v", "train", "-", *map(str, training)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert "200 words in 100 sentences, 2 in the vocabulary" in done.stderr


def test_each_step_has_a_cache_of_its_own_and_a_changed_list_is_noticed(tmp_path):
    path = write(tmp_path / "a.txt", "the a1 bb\n1 the\nCC. dd ee\n" * 3)
    changes = [
        {},
        {"tokenizer": "words"},
        {"tokenizer": "words", "keep_numbers": True},
        {"tokenizer": "regex:[a-z]+"},
        {"min_length": 2},
        {"stop_words": str(tmp_path / "stop.txt")},
        {"stop_words": "english"},
        {"min_sentence": 3},
    ]
    results = []
    for stop_word in ("the", "bb"):
        write(tmp_path / "stop.txt", stop_word)
        for change in changes:
            config = TextConfig(min_count=1, **change)
            fresh = encode_files([path], dataclasses.replace(config, cache=False))
            assert same(encode_files([path], config), fresh)
            assert same(encode_files([path], config), fresh)
            results.append(tuple(stream_of(fresh)))
    assert len(set(results)) == len(changes)  # "english" and "the" leave out the same, "bb" not


@pytest.mark.parametrize(
    "options, message",
    [
        (["--tokenizer", "regex:[a-"], "--tokenizer regex:[a- is not a regular expression"),
        (
            ["--tokenizer", "word"],
            "--tokenizer is whitespace, words, regex:PATTERN or python:module:function, not 'word'",
        ),
        (["--keep-numbers"], "--keep-numbers has no meaning for --tokenizer whitespace"),
        (["--stop-words", "nowhere.txt"], "--stop-words: cannot read nowhere.txt: No such file"),
        (["--stop-words", "empty.txt"], "--stop-words empty.txt: there are no words in it"),
        (["--stop-words", "bad.txt"], "--stop-words: bad.txt, line 1: it is not UTF-8 text"),
        (["--stop-words", "."], "cannot read .: Is a directory"),
        (["--min-length", 0], "--min-length must be at least 1, not 0"),
        (["--min-sentence", 0], "--min-sentence must be at least 1, not 0"),
    ],
)
@pytest.mark.parametrize("command", ["train", "encode"])
def test_steps_that_cannot_be_taken_are_refused(refused, tmp_path, command, options, message):
    write(tmp_path / "text.txt", "some words")
    write(tmp_path / "empty.txt", " \n")
    write(tmp_path / "bad.txt", b"\xff")
    assert message in refused(command, "text.txt", *options, code=2)


def test_a_text_of_which_nothing_is_left_names_the_steps(tmp_path):
    with pytest.raises(CorpusError, match="no words are left after --min-length, --stop-words"):
        cleaned(tmp_path, "the a of", min_length=2, stop_words="english")
    with pytest.raises(ConfigError, match="not a regular expression"):
        encode_sentences([["a"]], dataclasses.replace(ALL, tokenizer="regex:("))
