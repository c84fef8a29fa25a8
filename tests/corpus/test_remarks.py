"""What is said of a text: words that were left out, and scripts without spaces."""

import json

import pytest
from corpus_cases import write

from w2v.config import TextConfig
from w2v.corpus import cache
from w2v.corpus.encoding import encode_files
from w2v.corpus.remarks import is_without_spaces
from w2v.corpus.sizes import Sizes
from w2v.errors import CorpusError

FUSED = ["--dim", 4, "--epochs", 1, "--threads", 1]


def test_words_left_out_are_counted_in_training_encoding_and_the_cache(w2v, tmp_path):
    path = write(tmp_path / "a.txt", "a b c d\n" * 6 + "e f a\n" * 2)
    line = "read 30 words (6 distinct), kept 26 (4), left out 4 (2) by --min-count 5\n"
    for command in (["encode", path], ["encode", path], ["train", path, *FUSED]):
        code, _, err = w2v(*command)
        assert code == 0 and line in err
    [kept] = cache.cache_folder().iterdir()
    about = json.loads(w2v("info", kept, "--json")[1])
    assert (about["words read"], about["words"], about["words left out"]) == (30, 26, 4)
    assert (about["vocabulary read"], about["vocabulary"]) == (6, 4)
    err = w2v("train", path, *FUSED, "--max-vocab", 2)[2]
    assert "kept 14 (2), left out 16 (4) by --min-count 5 and --max-vocab 2\n" in err
    assert "left out" not in w2v("train", path, *FUSED, "--min-count", 1)[2]


def test_words_that_were_pruned_count_as_read(tmp_path):
    path = write(tmp_path / "a.txt", "\n".join(f"the rare{i} cat" for i in range(3000)))
    sizes = Sizes(block=1000, kept_words=500, merged=2)
    config = TextConfig(min_count=1, max_vocab=2)
    text = encode_files([path], config, sizes=sizes)
    assert (text.read_words, text.read_distinct, text.words) == (9000, 3002, 6000)


UNSEGMENTED = {
    "chinese": "今天天气很好我们去公园",
    "japanese": "私は東京で寿司を食べた",
    "thai": "สวัสดีชาวโลก",
}


@pytest.mark.parametrize("script", UNSEGMENTED)
def test_text_without_spaces_is_told_how_to_be_cut(w2v, refused, tmp_path, script):
    path = write(tmp_path / "a.txt", (UNSEGMENTED[script] + "\n") * 2)
    line = refused("train", path, *FUSED)
    assert "without spaces" in line and "--tokenizer python:MODULE:FUNCTION" in line
    write(path, f"{UNSEGMENTED[script]} {UNSEGMENTED[script][2:]}\n" * 9)
    code, _, err = w2v("train", path, *FUSED)
    assert code == 0 and "whole sentences are taken for words" in err


def test_words_of_other_scripts_may_be_long():
    assert not is_without_spaces(["Donaudampfschiff", "안녕하세요", "今天"])
    assert not is_without_spaces([])


def test_rare_words_alone_are_told_apart_from_text_without_spaces(tmp_path):
    with pytest.raises(CorpusError, match="no word occurs 5 times"):
        encode_files([write(tmp_path / "a.txt", "a b c")], TextConfig())
