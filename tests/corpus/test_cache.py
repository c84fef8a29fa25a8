"""The cache believes nothing that it has not checked, and writes nowhere but to its own files."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from corpus_cases import stream_of, write

from w2v.config import TextConfig
from w2v.corpus import cache, encoded_corpus
from w2v.corpus.encoded_corpus import Header
from w2v.corpus.encoding import encode_files
from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import CorpusError
from w2v.files import open_regular

ALL = TextConfig(min_count=1)


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "a.txt", "a b a\nb c\n")


@pytest.fixture
def entry(source):
    """Where the encoded text of `source` is kept."""
    return cache.place_for([source], cache.text_options(ALL))


def encode(source):
    """The encoded text as lists of words, and what was said."""
    said: list[str] = []
    return stream_of(encode_files([source], ALL, said.append)), said


# What is in an entry


def test_an_entry_in_which_any_byte_is_changed_is_refused(source, entry, tmp_path):
    encode(source)
    data = entry.read_bytes()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        with pytest.raises(CorpusError, match="not an encoded corpus, or is damaged"):
            encoded_corpus.load(write(tmp_path / "x.ids", changed))


def test_an_entry_in_which_a_byte_is_changed_is_made_anew_and_said(source, entry):
    expected, _ = encode(source)
    data = entry.read_bytes()
    for place in range(0, len(data), 50):
        entry.unlink()  # a file that is mapped must not be cut
        write(entry, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        stream, said = encode(source)
        assert stream == expected and len(said) == 1, place
        assert str(entry) in said[0] and said[0].endswith(": encoded anew"), place
        assert entry.read_bytes() == data


SOURCE = {"path": "a", "size": 1, "mtime_ns": 1, "ctime_ns": 1, "inode": 1, "sha256": ""}
IDS = [0, 1, 0, -1, 1, 2, -1]


def written(path, ids=IDS, words=("a", "b", "c"), counts=(2, 2, 1), header=()):
    """An encoded corpus whose checksums hold, whatever it says. header: what is changed there."""
    begun = Header({}, [], len(ids), len(words), 0)
    with open(path, "w+b") as file:
        file.write(np.array(ids, "<i4").tobytes())
        vocabulary = Vocabulary(list(words), np.array(counts, np.int64))
        encoded_corpus.finish_file(file, vocabulary, begun)
        file.seek(0)
        data = file.read()
    length = int.from_bytes(data[-16:-8], "little")
    content = json.loads(data[-16 - length : -16]) | dict(header)
    del content["checksum"]
    text = json.dumps(
        content | {"checksum": encoded_corpus.checksum(json.dumps(content).encode())}
    ).encode()
    ending = text + len(text).to_bytes(8, "little") + encoded_corpus.MAGIC
    return write(path, data[: -16 - length] + ending)


def test_what_is_whole_is_read(tmp_path):
    corpus = encoded_corpus.load(written(tmp_path / "x.ids"))
    assert corpus.ids.tolist() == IDS and corpus.vocabulary.words == ["a", "b", "c"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": ["a", "b", "b"]},
        {"words": ["a", "b", ""]},
        {"words": ["a", "b", 7]},
        {"words": ["a", "b", None]},
        {"words": ["a", "b", ["c"]]},
        {"words": ["a", "b", "\ud800"]},
        {"counts": (2, 2, 0)},
        {"counts": (2, 2, -1)},
        {"counts": (2, 2, 10**12)},
        {"counts": (2**62, 2**62, 2**62)},
        {"counts": (2, 2, 3)},
        {"counts": (1, 1, 1)},
        {"header": {"pruned": -1}},
        {"header": {"pruned": 1.5}},
        {"header": {"pruned": True}},
        {"header": {"ids": 6}},
        {"header": {"ids": 10**30}},
        {"header": {"ids": -7}},
        {"header": {"words_bytes": -1}},
        {"header": {"options": []}},
        {"header": {"sources": {}}},
        {"header": {"sources": [{"path": "a"}]}},
        {"header": {"sources": [SOURCE | {"size": "1"}]}},
        {"header": {"more": 1}},
        {"header": {"version": True}},
        {"header": {"version": None}},
        {"header": {"ids_checksum": 1}},
    ],
    ids=str,
)
def test_what_an_entry_says_has_to_be_possible(tmp_path, wrong):
    with pytest.raises(CorpusError, match="not an encoded corpus, or is damaged"):
        encoded_corpus.load(written(tmp_path / "x.ids", **wrong))


@pytest.mark.parametrize("ids", [[-1, 0, 1, 0, 1, 2, -1], [0, 1, 0, -1, 1, 2, 1]])
def test_ids_begin_with_a_word_and_end_with_the_end_of_a_sentence(tmp_path, ids):
    with pytest.raises(ValueError, match="not sentences"):
        written(tmp_path / "x.ids", ids)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "1e999", "[]", ""])
def test_a_header_of_any_json_is_refused(source, entry, text):
    expected, _ = encode(source)
    entry.unlink()
    write(entry, text.encode() + len(text).to_bytes(8, "little") + encoded_corpus.MAGIC)
    stream, said = encode(source)
    assert stream == expected and said[0].endswith(": encoded anew")


# When an entry is stale


def test_another_text_of_the_same_size_and_time_is_read(source):
    encode(source)
    state = source.stat()
    write(source, "x y x\ny z\n")
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert encode(source)[0] == ["x", "y", "x", None, "y", "z", None]


def test_another_file_of_the_same_name_size_and_time_is_read(source):
    encode(source)
    state = source.stat()
    other = write(source.parent / "b.txt", "x y x\ny z\n")
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.rename(source)
    assert encode(source)[0] == ["x", "y", "x", None, "y", "z", None]


def test_a_copy_with_the_same_bytes_is_not_encoded_again(source, entry):
    encode(source)
    before = entry.stat().st_ino
    copy = write(source.parent / "b.txt", source.read_bytes())
    copy.rename(source)
    assert "encoded before" in encode(source)[1][0]
    assert entry.stat().st_ino != before  # with the new inode
    inode = encoded_corpus.read_header(entry).sources[0].inode
    assert inode == source.stat().st_ino


def test_a_change_just_after_a_file_was_read_shows_in_its_times(source):
    for content in (b"a b\n", b"c d\n", b"e f\n", b"g h\n"):
        with open(source, "r+b") as file:  # the same inode
            file.write(content)
            file.truncate()
        assert encode(source)[0] == [*content.decode().split(), None]


def test_the_hash_of_a_file_that_changed_again_is_not_kept(source):
    before = cache.stamp(str(source))
    write(source, "x y x\ny z\n")
    after = cache.stamp(str(source), "f" * 64)
    assert cache.as_read([before], ["f" * 64]) == [before]
    assert cache.as_read([cache.stamp(str(source))], ["f" * 64]) == [after]


# Where the cache writes


@pytest.mark.parametrize("valid", [True, False])
def test_a_link_in_the_cache_is_replaced_and_what_it_leads_to_stays(source, entry, valid):
    expected, _ = encode(source)
    precious = source.parent / "precious"
    if valid:  # even an entry: the cache's own are files
        entry.rename(precious)
    else:
        entry.unlink()
        write(precious, "precious")
    before = precious.read_bytes()
    entry.symlink_to(precious)
    stream, said = encode(source)
    assert stream == expected
    assert said == [f"{entry}: it is a symbolic link: encoded anew"]
    assert precious.read_bytes() == before
    assert entry.is_file() and not entry.is_symlink()
    os.utime(source, ns=(1, 1))  # the stamps of the entry are renewed: again no link is followed
    assert encode(source)[0] == expected and precious.read_bytes() == before


def test_a_link_to_nowhere_or_to_a_folder_is_replaced(source, entry):
    expected, _ = encode(source)
    for target in ("nowhere", source.parent):
        entry.unlink()
        entry.symlink_to(target)
        assert encode(source)[0] == expected
        assert entry.is_file() and not entry.is_symlink()


def test_a_pipe_in_the_cache_does_not_hang(source, entry):
    entry.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(entry)
    stream, said = encode(source)
    assert stream == ["a", "b", "a", None, "b", "c", None]
    assert said[0] == f"{entry}: it is not an ordinary file: encoded anew"
    assert "not kept" in said[1]


def test_only_ordinary_files_are_opened_where_one_is_needed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/null"):
        with pytest.raises(OSError):
            open_regular(path)
    (tmp_path / "link").symlink_to(write(tmp_path / "a", "x"))
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"x"
    with pytest.raises(OSError, match="symbolic link"):
        open_regular(tmp_path / "link", follow_links=False)


# Runs that end early, and those that go on


ENCODING = """
import sys, time
from w2v.config import TextConfig
from w2v.corpus import encoded_corpus, encoding
finish = encoded_corpus.finish_file
def slow(*arguments):
    print("writing", flush=True)
    time.sleep(60)
encoded_corpus.finish_file = slow
encoding.encode_files([sys.argv[1]], TextConfig(min_count=1, cache=sys.argv[2] == "kept"))
"""


@contextmanager
def encoding(source, kept="kept"):
    """A run that is encoding `source` in the block, and is killed after it."""
    command = [sys.executable, "-c", ENCODING, source, kept]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "writing\n"
        yield
        run.kill()


def test_the_next_run_removes_what_a_killed_one_left_and_not_what_a_living_one_writes(
    tmp_path, source, entry
):
    with encoding(write(tmp_path / "b.txt", "b")):
        with encoding(source):
            pass
        assert len(list(entry.parent.iterdir())) == 2
        for name in (".hidden", f".{entry.name}.tmp", f".{entry.name}.abcdefg!"):
            write(entry.parent / name, "not ours")
        encode(source)
        names = sorted(path.name for path in entry.parent.iterdir() if path != entry)
        assert sum(".b.txt-" in name for name in names) == 1
        assert len(names) == 4 and ".hidden" in names


def test_a_killed_run_that_keeps_nothing_leaves_nothing(source, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with encoding(source, "not kept"):
        pass
    assert list(folder.iterdir()) == []
