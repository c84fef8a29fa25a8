"""Encoded corpora: the same ids from every form of a text, and caches that are never stale."""

import bz2
import dataclasses
import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from corpus_cases import counts_of, same, stream_of, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import w2v.corpus.encoding as encoding
from w2v.config import TextConfig
from w2v.corpus import cache, encoded_corpus
from w2v.corpus.encoding import encode_files, encode_sentences
from w2v.corpus.sizes import Sizes
from w2v.corpus.stream_builder import StreamBuilder
from w2v.errors import CorpusError

ALL = TextConfig(min_count=1)
WHITE_SPACE = [chr(i) for i in range(sys.maxunicode + 1) if chr(i).isspace()]


def by_hand(text, config):
    """The stream and the counts that a text must give: plain Python, one step after the other."""
    text = text.lower() if config.lowercase else text
    lines = [line.split() for line in text.split("\n")]
    counts = Counter(word for line in lines for word in line)
    ranked = sorted(counts, key=lambda word: -counts[word])  # stable: ties by first appearance
    kept = [word for word in ranked if counts[word] >= config.min_count][: config.max_vocab]
    if config.vocab_order == "appearance":
        kept = [word for word in counts if word in set(kept)]
    lines = [[word for word in line if word in set(kept)] for line in lines]
    stream = [word for line in lines if line for word in [*line, None]]
    return stream, {word: counts[word] for word in kept}


WORDS = st.sampled_from(["a", "b", "c", "A", "é", "ΑΣ", "İ", "語", "x" * 40])
GAPS = st.text(st.sampled_from([" ", " ", "\n", "\n", "\r", "\t", "\xa0", "\u3000", "\x1f"]))
TEXTS = st.lists(WORDS | GAPS).map("".join)
CONFIGS = st.builds(
    TextConfig,
    min_count=st.integers(1, 3),
    max_vocab=st.none() | st.integers(1, 4),
    vocab_order=st.sampled_from(["frequency", "appearance"]),
    lowercase=st.booleans(),
    cache=st.just(False),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS, CONFIGS, st.integers(1, 30), st.integers(1, 3))
def test_ids_are_those_of_plain_python(tmp_path, text, config, block, threads):
    sizes = Sizes(block=block, chunk=block, merged=threads)
    path = write(tmp_path / "a.txt", text)
    stream, counts = by_hand(text, config)
    if not stream:
        with pytest.raises(CorpusError, match="no word"):
            encode_files([path], config)
        return
    corpus = encode_files([path], config, threads=threads, sizes=sizes)
    assert stream_of(corpus) == stream
    assert list(counts_of(corpus).items()) == list(counts.items())
    assert corpus.words == len(stream) - stream.count(None)
    assert corpus.sentences == stream.count(None)
    assert isinstance(corpus.ids, np.memmap) and corpus.ids.dtype == np.int32


def test_all_white_space_of_unicode_ends_a_word_and_only_a_newline_a_sentence(tmp_path):
    text = "".join(f"w{i}{space}" for i, space in enumerate(WHITE_SPACE))
    corpus = encode_files([write(tmp_path / "a.txt", text)], ALL)
    assert stream_of(corpus) == by_hand(text, ALL)[0]
    assert corpus.words == len(WHITE_SPACE) and corpus.sentences == 2


@pytest.fixture
def text():
    """A text with a skewed vocabulary and lines from nothing to longer than a block."""
    draw = np.random.default_rng(0)
    words = [f"w{i}" for i in draw.zipf(1.3, 60_000) % 5000]
    lengths = [0, 1, 2, 5, 30_000, *([20] * 1000), 1, 9000]
    lines, begin = [], 0
    for length in lengths:
        lines.append(" ".join(words[begin : begin + length]))
        begin += length
    return "\n".join(lines)


def test_block_size_and_threads_do_not_matter(tmp_path, text):
    path = write(tmp_path / "a.txt", text)
    config = TextConfig(min_count=2, cache=False)
    whole = encode_files([path], config)
    assert stream_of(whole) == by_hand(text, config)[0]
    for block, threads in ((1000, 1), (1 << 16, 3), (77_777, 8)):
        sizes = Sizes(block=block)
        assert same(encode_files([path], config, threads=threads, sizes=sizes), whole)


def test_every_form_of_a_text_gives_the_same(tmp_path, monkeypatch, text):
    data = text.encode()
    whole = encode_files([write(tmp_path / "a.txt", data)], ALL)
    lines = text.split("\n")
    rows = pyarrow.table({"id": range(len(lines)), "text": lines})
    pyarrow.parquet.write_table(rows, tmp_path / "a.parquet", row_group_size=300)
    forms = [
        write(tmp_path / "a.gz", gzip.compress(data)),
        write(tmp_path / "a.bz2", bz2.compress(data)),
        write(tmp_path / "a.zst", zstandard.compress(data)),
        tmp_path / "a.parquet",
    ]
    for form in forms:
        assert same(encode_files([form], ALL), whole), form
    write(tmp_path / "-", "a file of that name is not stdin")
    with open(tmp_path / "a.txt") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert same(encode_files(["-"], ALL), whole)
    kept = len(list(cache.cache_folder().iterdir()))
    assert kept == 1 + len(forms)
    assert same(encode_sentences([line.split() for line in lines], ALL), whole)
    wide = write(tmp_path / "wide.txt", text.encode("utf-16"))
    assert same(encode_files([wide], dataclasses.replace(ALL, encoding="utf-16")), whole)


def test_a_pipe_is_read_once_and_not_kept(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        pool.submit((tmp_path / "pipe").write_text, "a b\nc")
        assert stream_of(encode_files([tmp_path / "pipe"], ALL)) == ["a", "b", None, "c", None]
    assert list(cache.cache_folder().iterdir()) == []


def test_a_pipe_that_cannot_be_read_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.parquet")
    with pytest.raises(CorpusError, match=r"pipe\.parquet .*: it is not an ordinary file"):
        encode_files([tmp_path / "pipe.parquet"], ALL)


# Several files, folders, Parquet, sentences


def test_several_files_are_one_text_whose_sentences_end_with_each_file(tmp_path):
    one, two = write(tmp_path / "1.txt", "a b"), write(tmp_path / "2.txt", "\ufeffb c\n")
    corpus = encode_files([two, one, two], ALL)
    assert stream_of(corpus) == ["b", "c", None, "a", "b", None, "b", "c", None]


def test_a_folder_is_read_in_sorted_order_and_says_what_it_skips(tmp_path):
    write(tmp_path / "d" / "b.txt", "b")
    write(tmp_path / "d" / "a" / "z", "a")
    write(tmp_path / "d" / "c.gz", gzip.compress(b"c"))
    write(tmp_path / "d" / ".hidden", "hidden")
    write(tmp_path / "d" / ".git" / "config", "hidden")
    write(tmp_path / "d" / "picture.png", b"\x89PNG\0\0")
    said = []
    corpus = encode_files([tmp_path / "d"], ALL, said.append)
    assert stream_of(corpus) == ["a", None, "b", None, "c", None]
    assert said == [
        f"{tmp_path}/d: skipped .git/config, .hidden, picture.png (hidden, not text, or vectors)"
    ]
    write(tmp_path / "d" / "b.txt", b"b\0")
    write(tmp_path / "d" / "bad.txt", b"b\xff")
    with pytest.raises(CorpusError, match=r"bad\.txt: invalid utf-8 at byte offset 1"):
        encode_files([tmp_path / "d"], ALL)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="empty is a directory without a text"):
        encode_files([tmp_path / "empty"], ALL)


def test_parquet_rows_are_sentences_or_documents(tmp_path):
    path = tmp_path / "a.parquet"
    rows = ["a b\nc", None, "", "d\u00a0e", "A"]
    table = pyarrow.table(
        {"n": [1, 2, 3, 4, 5], "body": rows, "t": pyarrow.array(rows).cast("large_string")}
    )
    pyarrow.parquet.write_table(table, path)
    expected = ["a", "b", None, "c", None, "d", "e", None, "a", None]
    for column in ("body", "t"):
        config = dataclasses.replace(ALL, column=column, lowercase=True)
        assert stream_of(encode_files([path], config)) == expected
    with pytest.raises(CorpusError, match="no column 'text': pass --column with one of n, body, t"):
        encode_files([path], ALL)
    with pytest.raises(CorpusError, match="column 'n' holds int64, not text"):
        encode_files([path], dataclasses.replace(ALL, column="n"))
    for content in (path.read_bytes()[:-100], b"", b"this is plain text"):
        with pytest.raises(CorpusError, match="damaged, or not Parquet"):
            encode_files([write(path, content)], ALL)


def test_sentences_are_taken_as_they_are():
    sizes = Sizes(batch=3)
    sentences = [["New York", "a"], [], ("A",), ["a", "New York", "b", "c"]]
    corpus = encode_sentences(sentences, ALL, sizes=sizes)
    expected = ["New York", "a", None, "A", None, "a", "New York", "b", "c", None]
    assert stream_of(corpus) == expected
    lower = encode_sentences(sentences, dataclasses.replace(ALL, lowercase=True))
    assert stream_of(lower) == [word and word.lower() for word in expected]


# Pruning


def test_a_vocabulary_too_large_is_pruned_and_says_so(tmp_path):
    sizes = Sizes(block=1000, kept_words=500, merged=2)
    lines = [f"the rare{i} cat of{i % 7}" for i in range(3000)]
    path = write(tmp_path / "a.txt", "\n".join(lines))
    said: list[str] = []
    config = TextConfig(min_count=1, max_vocab=20, cache=False)
    corpus = encode_files([path], config, said.append, sizes=sizes)
    assert "a.txt: more than 500 distinct words" in said[0] and "were dropped" in said[0]
    top = corpus.vocabulary.words
    assert top[:2] == ["the", "cat"] and set(top[2:9]) == {f"of{i}" for i in range(7)}
    assert len(top) == 20
    assert counts_of(corpus) == Counter(word for word in stream_of(corpus) if word)
    assert corpus.vocabulary.counts[0] == 3000 == corpus.sentences
    assert same(encode_files([path], config, threads=1, sizes=sizes), corpus)
    packed = write(tmp_path / "a.zst", zstandard.compress(path.read_bytes()))
    assert same(encode_files([packed], config, threads=5, sizes=sizes), corpus)


# The cache


@pytest.fixture
def encodings(monkeypatch):
    """Counts the encodings: none where an earlier one is used again."""
    done = []
    real = encoding._encode
    monkeypatch.setattr(encoding, "_encode", lambda *a: done.append(a) or real(*a))
    return done


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "a.txt", "a b a\nb c\n")


def cached():
    """The one file in the cache."""
    (path,) = cache.cache_folder().iterdir()
    return path


def test_a_second_run_reads_the_cache_and_says_so(source, encodings):
    said: list[str] = []
    first = encode_files([source], ALL, said.append)
    assert said == []
    assert same(encode_files([source], ALL, said.append), first)
    assert len(encodings) == 1 and "encoded before and not changed since" in said[0]
    assert same(encode_files([os.path.relpath(source)], ALL), first) and len(encodings) == 1


def test_without_the_cache_nothing_is_used_or_kept(source, encodings):
    config = dataclasses.replace(ALL, cache=False)
    encode_files([source], config)
    corpus = encode_files([source], config)
    assert len(encodings) == 2 and stream_of(corpus) == ["a", "b", "a", None, "b", "c", None]
    assert list(cache.cache_folder().iterdir()) == []


def test_another_size_or_content_is_encoded_anew(source, encodings):
    encode_files([source], ALL)
    write(source, "a b a\nb c d\n")
    assert "d" in encode_files([source], ALL).vocabulary.words
    time = source.stat().st_mtime_ns
    write(source, "a b a\nb c e\n")
    os.utime(source, ns=(time, time + 1))
    assert "e" in encode_files([source], ALL).vocabulary.words
    assert len(encodings) == 3
    cached()  # the new has taken the place of the old


def test_another_time_alone_is_decided_by_the_hash_once(source, encodings, monkeypatch):
    first = encode_files([source], ALL)
    os.utime(source, ns=(1, 1))
    assert same(encode_files([source], ALL), first)
    monkeypatch.setattr(cache, "file_hash", None)
    assert same(encode_files([source], ALL), first)
    assert len(encodings) == 1
    assert encoded_corpus.read_header(cached()).sources[0].mtime_ns == 1


def test_each_choice_of_options_has_its_own_cache(source, tmp_path, encodings):
    pyarrow.parquet.write_table(
        pyarrow.table({"text": ["a"], "other": ["b"]}), tmp_path / "a.parquet"
    )
    changes = [
        {},
        {"encoding": "latin-1"},
        {"encoding_errors": "replace"},
        {"lowercase": True},
        {"min_count": 2},
        {"max_vocab": 1},
        {"max_vocab": 2},
        {"vocab_order": "appearance"},
        {"column": "other"},
    ]
    configs = [dataclasses.replace(ALL, **change) for change in changes]
    first = [encode_files([source], config) for config in configs]
    assert len(encodings) == len(changes) == len(list(cache.cache_folder().iterdir()))
    for config, corpus in zip(configs, first, strict=True):
        assert same(encode_files([source], config), corpus)
    encode_files([source], dataclasses.replace(ALL, encoding="UTF8"))  # another name of the same
    assert len(encodings) == len(changes)
    words = [
        encode_files([tmp_path / "a.parquet"], dataclasses.replace(ALL, column=column))
        for column in ("text", "other")
    ]
    assert [corpus.vocabulary.words for corpus in words] == [["a"], ["b"]]


def test_other_files_of_a_folder_are_encoded_anew(tmp_path, encodings):
    for content in ("a", "b"):
        write(tmp_path / "d" / f"{content}.txt", content)
        corpus = encode_files([tmp_path / "d"], ALL)
    assert corpus.vocabulary.words == ["a", "b"] and len(encodings) == 2
    encode_files([tmp_path / "d"], ALL)
    assert len(encodings) == 2
    (tmp_path / "d" / "b.txt").rename(tmp_path / "d" / "c.txt")
    encode_files([tmp_path / "d"], ALL)
    assert len(encodings) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[4:],
        lambda data: data + b"\0",
        lambda data: data.replace(b'"version": 2', b'"version": 0'),
        lambda data: data.replace(b'"version"', b'"verzion"'),
        lambda data: data.replace(b'["a"', b'[["a'),
        lambda data: (99).to_bytes(4, "little") + data[4:],
        lambda data: (-2).to_bytes(4, "little", signed=True) + data[4:],
        lambda data: data[:-16] + (1 << 40).to_bytes(8, "little") + data[-8:],
        lambda data: (1).to_bytes(4, "little") + data[4:],  # another word
        lambda data: data[:28] + (10**12).to_bytes(8, "little") + data[36:],  # a count
        lambda data: data.replace(b'["a", "b"', b'["a", 123'),
        lambda data: data.replace(b'["a", "b"', b'["a", "a"'),
        lambda data: data.replace(b'"pruned": 0', b'"pruned": 9'),
        lambda data: data.replace(b'"min_count": 1', b'"min_count": 2'),
    ],
)
def test_a_cache_that_is_damaged_or_of_another_version_is_made_anew(source, encodings, damage):
    first = encode_files([source], ALL)
    data = cached().read_bytes()
    expected = stream_of(first)
    cached().unlink()  # a file that is mapped must not be cut
    write(cache.place_for([source], cache.text_options(ALL)), damage(data))
    with pytest.raises(CorpusError, match="not an encoded corpus, or is damaged"):
        encoded_corpus.load(cached())
    said: list[str] = []
    assert stream_of(encode_files([source], ALL, said.append)) == expected
    assert len(encodings) == 2 and cached().read_bytes() == data
    assert str(cached()) in said[0] and said[0].endswith(": encoded anew") and len(said) == 1


def test_an_encoded_corpus_of_the_version_before_is_made_anew_and_said(w2v, source):
    assert w2v("encode", source, "--min-count", 1)[0] == 0
    data = cached().read_bytes()
    version = encoded_corpus.VERSION
    old = data.replace(b'"version": %d' % version, b'"version": %d' % (version - 1))
    assert old != data
    cached().write_bytes(old)
    code, out, err = w2v("encode", source, "--min-count", 1)
    assert code == 0 and f"it is of version {version - 1}, not {version}: encoded anew" in err
    assert cached().read_bytes() == data and str(cached()) in out


def test_a_failed_encoding_leaves_nothing(tmp_path, source):
    encode_files([source], ALL)
    before = cached().read_bytes()
    write(source, b"a b \xff")
    with pytest.raises(CorpusError, match="invalid utf-8"):
        encode_files([source], ALL)
    with pytest.raises(CorpusError, match="there is no such file"):
        encode_files([tmp_path / "nowhere.txt"], ALL)
    assert cached().read_bytes() == before


def test_a_file_that_changes_while_it_is_read_is_not_trusted_later(source, encodings, monkeypatch):
    real = StreamBuilder.finish

    def finish(self, *options):
        write(source, "x y x\ny z\n")  # as long as before
        return real(self, *options)

    monkeypatch.setattr(StreamBuilder, "finish", finish)
    assert encode_files([source], ALL).vocabulary.words == ["a", "b", "c"]
    monkeypatch.setattr(StreamBuilder, "finish", real)
    assert encode_files([source], ALL).vocabulary.words == ["x", "y", "z"]
    assert len(encodings) == 2


def test_a_cache_that_cannot_be_written_is_done_without(source, monkeypatch):
    monkeypatch.setenv("W2V_CACHE_DIR", str(write(source.parent / "file", "") / "cache"))
    said: list[str] = []
    assert encode_files([source], ALL, said.append).vocabulary.words == ["a", "b", "c"]
    assert "not kept" in said[0] and "W2V_CACHE_DIR" in said[0]


def test_two_processes_at_once_do_not_hurt_each_other(tmp_path, text):
    path = write(tmp_path / "a.txt", text)
    code = (
        "import sys; from w2v.config import TextConfig\n"
        "from w2v.corpus.encoding import encode_files\n"
        "for i in range(5):\n"
        "    corpus = encode_files([sys.argv[1]], TextConfig(min_count=1 + i % 2))\n"
        "    print(corpus.ids.sum(dtype='i8'), len(corpus.vocabulary))\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert outputs[0] == outputs[1] == outputs[2] and outputs[0].count("\n") == 5
    assert len(list(cache.cache_folder().iterdir())) == 2


def test_the_file_begins_with_the_ids_and_ends_with_its_header(source):
    corpus = encode_files([source], ALL)
    assert np.fromfile(cached(), "<i4", len(corpus.ids)).tolist() == [0, 1, 0, -1, 1, 2, -1]
    data = cached().read_bytes()
    length = int.from_bytes(data[-16:-8], "little")
    header = json.loads(data[-16 - length : -16])
    assert (
        header["version"] == encoded_corpus.VERSION and header["ids"] == 7 and header["words"] == 3
    )
    state = source.stat()
    assert header["sources"] == [
        {
            "path": str(source),
            "size": state.st_size,
            "mtime_ns": state.st_mtime_ns,
            "ctime_ns": state.st_ctime_ns,
            "inode": state.st_ino,
            "sha256": cache.file_hash(str(source)),
        }
    ]


def test_words_that_tie_when_the_vocabulary_is_pruned_stay_in_order(tmp_path):
    sizes = Sizes(kept_words=20)
    path = tmp_path / "words.txt"
    path.write_text(" ".join(f"w{i}" for i in range(100)))
    said = []
    config = TextConfig(min_count=1, max_vocab=2, cache=False)
    corpus = encode_files([path], config, said.append, sizes=sizes)
    assert corpus.vocabulary.words == ["w0", "w1"]
    assert "were dropped" in said[-1]


def test_a_full_cache_is_done_without(tmp_path, monkeypatch):
    def full(file, *_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a.txt").write_text("a b a b\n")
    finish = encoded_corpus.finish_file
    calls = []

    def finish_once_full(*arguments):
        calls.append(1)
        return full(*arguments) if len(calls) == 1 else finish(*arguments)

    monkeypatch.setattr(encoded_corpus, "finish_file", finish_once_full)
    said = []
    corpus = encode_files([tmp_path / "a.txt"], TextConfig(min_count=1), said.append)
    assert corpus.words == 4 and len(calls) == 2
    assert "not kept" in said[-1] and "W2V_CACHE_DIR" in said[-1]
