"""`--tokenizer python:module:function`: examples for Korean and Japanese, and who may name one."""

import re
import sys
from pathlib import Path

import pytest
from corpus_cases import stream_of, write

import w2v as package
from w2v.config import TextConfig
from w2v.corpus import cache
from w2v.corpus.encoding import encode_files, encode_sentences
from w2v.corpus.sizes import Sizes
from w2v.errors import ConfigError, CorpusError

GUIDE = Path(package.__file__).with_name("GUIDE.md").read_text()
KOREAN, JAPANESE = (
    block
    for block in re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    if "kiwipiepy" in block or "janome" in block
)
SMALL = ["--engine", "layers", "--min-count", 1, "--dim", 4, "--negative", 2, "--window", 1]
SMALL += ["--batch-size", 2]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of this name into the current folder; forgotten after the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(name, source):
        monkeypatch.setitem(sys.modules, name, None)  # taken away again after the test
        del sys.modules[name]
        write(tmp_path / f"{name}.py", source)
        return f"python:{name}:words"

    return make


def vocabulary(tokenizer, text, tmp_path):
    config = TextConfig(tokenizer=tokenizer, min_count=1)
    return encode_files([write(tmp_path / "text.txt", text)], config).vocabulary.words


def test_korean_is_cut_into_its_words(w2v, module, tmp_path):
    pytest.importorskip("kiwipiepy")
    tokenizer = module("korean_words", KOREAN)
    text = "저는 서울에서 김치를 먹었습니다.\n친구가 부산에서 김치를 먹는다.\n"
    words = vocabulary(tokenizer, text, tmp_path)
    assert {"서울", "부산", "김치", "먹", "친구"} <= set(words)
    code, _, _ = w2v("train", tmp_path / "text.txt", *SMALL, "--tokenizer", tokenizer)
    assert code == 0 and {"서울", "김치"} <= set(package.load("vectors.pkl").words)


def test_japanese_is_cut_into_its_words(w2v, module, tmp_path):
    pytest.importorskip("janome")
    tokenizer = module("japanese_words", JAPANESE)
    words = vocabulary(
        tokenizer, "私は東京で寿司を食べた。\n友達は京都で寿司を食べる。\n", tmp_path
    )
    assert {"東京", "京都", "寿司", "友達"} <= set(words)
    code, _, _ = w2v("train", tmp_path / "text.txt", *SMALL, "--tokenizer", tokenizer)
    assert code == 0 and {"東京", "寿司"} <= set(package.load("vectors.pkl").words)


PAIRS = '''
def words(line):
    """Two letters each; the line is known as a whole."""
    assert "\\n" not in line and line.strip()
    return [line[i : i + 2] for i in range(0, len(line), 2)]


class Box:
    joined = staticmethod(lambda line: " ".join(words(line)))
    numbers = staticmethod(lambda line: [1])
    broken = staticmethod(lambda line: 1 / 0)


box = Box()
text = "a"
'''


def test_a_line_goes_to_the_function_as_a_whole(module, tmp_path):
    tokenizer = module("pairs_of_letters", PAIRS)
    path = write(tmp_path / "a.txt", "ab cd\n\n \nefg\nx" * 50)
    config = TextConfig(tokenizer=tokenizer, min_count=1)
    expected = (
        ["ab", "c", "d", None, "ef", "g", None]
        + ["xa", "b", "cd", None, "ef", "g", None] * 49
        + ["x", None]
    )
    for size in (8, 100, 1 << 22):
        config = TextConfig(tokenizer=tokenizer, min_count=1, cache=False)
        assert stream_of(encode_files([path], config, sizes=Sizes(block=size))) == expected
    lines = encode_sentences(path.read_text().split("\n"), config)
    assert stream_of(lines) == expected
    joined = TextConfig(tokenizer="python:pairs_of_letters:box.joined", min_count=1, cache=False)
    assert stream_of(encode_files([path], joined)) == expected
    upper = TextConfig(tokenizer=tokenizer, min_count=1, min_length=2, stop_words="english")
    assert "b" not in encode_files([path], upper).vocabulary.words


@pytest.mark.parametrize(
    "tokenizer, says",
    [
        ("python:", "write python:module:function"),
        ("python:letters", "write python:module:function"),
        ("python:no_such_module:words", "the module no_such_module cannot be imported"),
        ("python:letters:nothing", "has no attribute 'nothing'"),
        ("python:letters:text", "text is not a function"),
        ("python:letters:box.numbers", "gave 1 (int) as a word: name a function that returns"),
        ("python:letters:box.broken", "fails on the line 'a b': ZeroDivisionError"),
        ("perl:letters:words", "--tokenizer is whitespace, words, regex:PATTERN or python:"),
    ],
)
def test_a_function_that_cannot_be_used_is_named(module, tmp_path, tokenizer, says):
    module("letters", PAIRS)
    path = write(tmp_path / "a.txt", "a b\n")
    with pytest.raises((ConfigError, CorpusError)) as refused:
        encode_files([path], TextConfig(tokenizer=tokenizer, min_count=1))
    assert says in str(refused.value)


def test_another_source_is_another_text_in_the_cache(module, tmp_path):
    path = write(tmp_path / "a.txt", "ab cd\n")
    config = TextConfig(tokenizer=module("changing", PAIRS), min_count=1)
    said = []
    for _ in range(2):
        assert encode_files([path], config, said.append).vocabulary.words == ["ab", "c", "d"]
    assert len(said) == 1 and "encoded before" in said[0]
    module("changing", "words = str.split\n")
    assert encode_files([path], config, said.append).vocabulary.words == ["ab", "cd"]
    assert len(list(cache.cache_folder().iterdir())) == 2 and len(said) == 1


def test_a_configuration_alone_names_no_code(w2v, refused, module, tmp_path):
    tokenizer = module("named_in_a_file", "import os\nos.mkdir('ran')\nwords = str.split\n")
    text = write(tmp_path / "a.txt", "a b c d\n" * 9)
    config = write(tmp_path / "c.toml", f'tokenizer = "{tokenizer}"\n')
    line = refused("train", text, *SMALL, "--config", config, code=2)
    assert f"names a tokenizer that runs code: repeat it, --tokenizer {tokenizer}" in line
    assert not (tmp_path / "ran").exists()
    code, _, _ = w2v(
        "train", text, *SMALL, "--config", config, "--tokenizer", tokenizer, "-o", "v.npz"
    )
    assert code == 0 and (tmp_path / "ran").exists()
    w2v("info", "v.npz", "--json")
    assert package.load("v.npz").training["tokenizer"] == tokenizer


def test_sentences_that_are_split_already_need_no_function(module):
    tokenizer = module("for_lines", PAIRS)
    with pytest.raises(CorpusError, match=r"sentence 1 is .* takes strings"):
        package.train([["a", "b"]], tokenizer=tokenizer, min_count=1)


def test_a_line_is_in_its_unicode_form_before_the_function_sees_it(module, tmp_path):
    tokenizer = module("letters", "def words(line):\n    return [w[:1] for w in line.split()]\n")
    path = write(tmp_path / "a.txt", "e\u0301t xa\n")
    for form, expected in ((None, ["e", "x"]), ("nfc", ["é", "x"])):
        config = TextConfig(tokenizer=tokenizer, normalize=form, min_count=1, cache=False)
        assert stream_of(encode_files([path], config))[:2] == expected
