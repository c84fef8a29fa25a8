"""Files of word vectors: exact both ways, equal to gensim's, and refused with the place if bad."""

import gzip
import io
import json
import os
import re
import struct
import sys
import warnings
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import w2v as package
from w2v import WordVectors
from w2v.cli.convert import FormatName, convert
from w2v.errors import (
    ConfigError,
    ModelFileError,
    OutputError,
    UnknownWordError,
    W2VWarning,
)
from w2v.vectors.formats import FORMATS, find_format
from w2v.vectors.packed_words import pack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of gensim's own imports
    KeyedVectors = pytest.importorskip("gensim.models").KeyedVectors

EXACT = [".bin", ".bin.gz", ".txt", ".vec", ".vec.gz", ".safetensors", ".npz", ".tsv"]
NOT_FOR = {".bin": " \n", ".txt": "\n", ".vec": "\n", ".tsv": "\t\n\r"}
EDGES = [0.0, -0.0, 1.0, 1e-45, -1.1754942e-38, 3.4028235e38, 0.1, 16777216.0, 1e-7, 123456.79]


def bits(matrix):
    return np.asarray(matrix, np.float32).view(np.uint32).tolist()


def assert_same(loaded, vectors):
    assert loaded.words == list(vectors.words)
    assert loaded.matrix.dtype == np.float32 and loaded.matrix.shape == vectors.matrix.shape
    assert bits(loaded.matrix) == bits(vectors.matrix)


@pytest.fixture
def vectors():
    words = ["the", "café", "naïve-ist", "東京", "🙂", "x_y"]
    draw = np.random.default_rng(0).standard_normal((5, 5))
    counts = [9, 7, 5, 3, 2, 2**40]
    return WordVectors(words, np.vstack([draw, EDGES[5:]]), counts, {"dim": 5, "lr": None})


@pytest.fixture
def saved(vectors, tmp_path):
    def save(ending, **options):
        package.save(vectors, tmp_path / f"v{ending}", **options)
        return tmp_path / f"v{ending}"

    return save


any_float = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from(EDGES)
any_words = st.lists(
    st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8, unique=True
)


@pytest.mark.parametrize("ending", EXACT)
@settings(deadline=None)  # the first time, the loops over the bytes are compiled
@given(data=st.data())
def test_what_is_saved_is_loaded_or_refused(tmp_path_factory, ending, data):
    words, dim = data.draw(any_words), data.draw(st.integers(1, 3))
    row = st.lists(any_float, min_size=dim, max_size=dim)
    rows = data.draw(st.lists(row, min_size=len(words), max_size=len(words)))
    vectors = WordVectors(words, np.array(rows, np.float32))
    path = tmp_path_factory.mktemp("round") / f"v{ending}"
    unfit = NOT_FOR.get(ending.removesuffix(".gz"), "")
    bad = any(set(word) & set(unfit) for word in words)
    bad = bad or (ending == ".tsv" and any(not word.strip() for word in words))
    if ending[:4] in (".txt", ".vec"):
        bad = bad or any(word != word.strip(" \t") for word in words)
    if bad:
        with pytest.raises(OutputError, match=r"choose a name that ends in .safetensors"):
            package.save(vectors, path)
        assert os.listdir(path.parent) == []
    else:
        package.save(vectors, path)
        assert_same(package.load(path), vectors)


@pytest.mark.parametrize("ending", EXACT)
@pytest.mark.parametrize("limit", [1, 4, 6, 99])
def test_a_limit_keeps_the_first_words(saved, vectors, ending, limit):
    loaded = package.load(saved(ending), limit=limit)
    kept = len(loaded)
    assert kept == min(limit, 6)
    assert_same(loaded, WordVectors(vectors.words[:kept], vectors.matrix[:kept]))


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".tsv"])
def test_counts_and_the_trainings_options_are_kept(saved, vectors, ending):
    loaded = package.load(saved(ending), limit=4)
    assert loaded.counts.tolist() == [9, 7, 5, 3] and loaded.counts.dtype == np.int64
    assert loaded.training == (None if ending == ".tsv" else vectors.training)


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_half_of_each_number_can_be_kept(saved, vectors, ending):
    vectors[vectors.words[5]] = [1, 0.1, 1e-7, -0.0, 65504]
    whole, half = saved(ending).stat().st_size, saved(ending, float16=True).stat().st_size
    assert whole - half == 6 * 5 * 2
    assert (package.load(f"v{ending}").matrix == vectors.matrix.astype(np.float16)).all()


def test_a_number_that_does_not_fit_float16_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"a weight of 1e.06 does not fit float16"):
        package.save(WordVectors(["a"], np.array([[1e6]])), "v.npz", float16=True)
    assert os.listdir(tmp_path) == []


def test_the_ending_picks_the_format():
    names = tuple(known.name for known in FORMATS)
    kinds = [option.type for option in convert.params if isinstance(option.type, FormatName)]
    assert [kind.choices for kind in kinds] == [names, names]
    for known in FORMATS:
        for ending in known.endings:
            assert find_format(f"a.b/news.v2{ending}") is known or ending == ""
            assert find_format("x.zip", known.name) is known
    assert find_format("V.SAFETENSORS").name == "safetensors"
    assert find_format("vectors").name == "pickle"
    for other in ("v.model", "v.safetensors.gz", "v.gz"):
        assert find_format(other) is None
    with pytest.raises(ModelFileError, match=r"what v.model is: its name has to end in"):
        package.load("v.model")
    with pytest.raises(OutputError, match=r"cannot write v.model: its name has to end in"):
        package.save(WordVectors(["a"], np.ones((1, 1))), "v.model")
    with pytest.raises(ConfigError, match="--omit-header has no meaning for the format"):
        package.load("v.bin", header=False)


# Beside gensim


@pytest.fixture
def peers(vectors, tmp_path):
    """The same vectors in gensim; its rows are in falling order of the counts."""
    order = np.argsort(-vectors.counts, kind="stable")
    peer = KeyedVectors(5)
    peer.add_vectors([vectors.words[row] for row in order], vectors.matrix[order])
    return peer


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_gensims_files_are_read_bit_by_bit(peers, tmp_path, binary, packed):
    path = tmp_path / f"g.{'bin' if binary else 'txt'}{packed}"
    peers.save_word2vec_format(path, binary=binary)
    loaded = package.load(path)
    assert loaded.words == peers.index_to_key
    assert bits(loaded.matrix) == bits(peers.vectors)


@pytest.mark.parametrize("ending", [".bin", ".txt", ".vec", ".bin.gz", ".vec.gz"])
def test_gensim_reads_our_files_bit_by_bit(saved, vectors, ending):
    peer = KeyedVectors.load_word2vec_format(saved(ending), binary=ending.startswith(".bin"))
    assert peer.index_to_key == vectors.words
    assert bits(peer.vectors) == bits(vectors.matrix)


def test_binary_files_are_gensims_byte_by_byte(peers, tmp_path):
    peers.save_word2vec_format(tmp_path / "g.bin", binary=True)
    package.save(WordVectors(peers.index_to_key, peers.vectors), tmp_path / "v.bin")
    assert (tmp_path / "g.bin").read_bytes() == (tmp_path / "v.bin").read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's open file
def test_text_without_a_header_goes_both_ways(peers, saved, vectors, tmp_path):
    peers.save_word2vec_format(tmp_path / "g.txt", write_header=False)
    loaded = package.load(tmp_path / "g.txt", header=False)
    assert loaded.words == peers.index_to_key and bits(loaded.matrix) == bits(peers.vectors)
    assert len(package.load(tmp_path / "g.txt", header=False, limit=2)) == 2
    peer = KeyedVectors.load_word2vec_format(saved(".vec", header=False), no_header=True)
    assert peer.index_to_key == vectors.words and bits(peer.vectors) == bits(vectors.matrix)


@pytest.mark.parametrize("errors", ["replace", "ignore"])
@pytest.mark.parametrize("ending", [".txt", ".bin"])
def test_bad_bytes_in_words_are_treated_as_gensim_does(tmp_path, errors, ending):
    words = [b"a", b"b\xe3\x81", b"b\xff", b"\xffa", b"c\xc3\xa9\xc3", b"d"]
    write_words(tmp_path / f"v{ending}", words, np.arange(6))
    loaded = package.load(f"v{ending}", encoding_errors=errors)
    peer = KeyedVectors.load_word2vec_format(
        f"v{ending}", binary=ending == ".bin", unicode_errors=errors
    )
    assert loaded.words == list(peer.key_to_index) and len(loaded) < 6  # some have become alike
    assert bits(loaded.matrix) == bits(peer.vectors[: len(loaded)])  # gensim leaves empty rows


def write_words(path, words, numbers):
    """Words of any bytes with vectors of dim 2."""
    with open(path, "wb") as file:
        file.write(b"%d 2\n" % len(words))
        for word, number in zip(words, numbers, strict=True):
            if path.suffix == ".bin":
                file.write(word + b" " + struct.pack("<2f", number, 0.5))
            else:
                file.write(word + b" %d 0.5\n" % number)


# What word2vec.c, fastText and GloVe write


def test_word2vec_c_ends_its_rows_with_a_newline_and_its_numbers_with_a_space(tmp_path):
    rows = b"".join(b"%c \n\x01\x00\x3f \n\x00\x3f\n" % letter for letter in b"abc")
    (tmp_path / "c.bin").write_bytes(b"3 2\n" + rows)
    peer = KeyedVectors.load_word2vec_format("c.bin", binary=True)
    loaded = package.load("c.bin")
    assert loaded.words == peer.index_to_key == ["a", "b", "c"]
    assert bits(loaded.matrix) == bits(peer.vectors)
    (tmp_path / "c.txt").write_text("3 2\n</s> 0.002001 -0.5 \nb 1 2 \r\nc +.5 1.E2 \n\n \n")
    loaded = package.load("c.txt")
    assert loaded.words == ["</s>", "b", "c"]
    assert (loaded.matrix == np.float32([[0.002001, -0.5], [1, 2], [0.5, 100]])).all()


def test_words_of_text_may_hold_spaces_or_be_empty(tmp_path):
    (tmp_path / "g.txt").write_text("new york 1 2\n 3 4\n. . . 5 6\n1 7 8\n", newline="\n")
    loaded = package.load("g.txt", header=False)
    assert loaded.words == ["new york", "", ". . .", "1"]
    assert loaded.matrix.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]


@settings(deadline=None)
@given(
    st.lists(
        st.from_regex(
            r"[+-]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})(e[+-]?[0-9]{1,3})?", fullmatch=True
        )
        | st.floats(width=64, allow_nan=False, allow_infinity=False).map(repr)
        | st.floats(-1e-37, 1e-37).map(repr),
        min_size=1,
        max_size=20,
    )
)
def test_each_number_is_read_as_the_nearest_float32(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("numbers") / "v.txt"
    path.write_text(f"1 {len(numbers)}\na {' '.join(numbers)}\n")
    if any(abs(Fraction(number)) >= Fraction(2) ** 128 - Fraction(2) ** 103 for number in numbers):
        with pytest.raises(ModelFileError, match="line 2: a number is too large for float32"):
            package.load(path)
        return
    for value, number in zip(package.load(path).matrix[0], numbers, strict=True):
        assert_nearest(value, number)


def assert_nearest(value, number):
    """No other float32 is nearer, and where another is as near, this is the even one."""
    exact, largest = Fraction(number), np.float32(3.4028235e38)
    error = abs(Fraction(float(value)) - exact)
    assert np.signbit(value) == number.startswith("-")
    for other in (np.nextafter(value, -largest), np.nextafter(value, largest)):
        other_error = abs(Fraction(float(other)) - exact)
        assert other == value or error < other_error or (error == other_error and even(value))


def even(value):
    return np.float32(value).view(np.uint32) % 2 == 0


def test_a_number_just_above_the_middle_of_two_floats_is_rounded_up(tmp_path):
    # float64 rounds the second to the middle, which rounds to the even float32 below
    middle, above = "16777217", "16777217.0000000001"
    (tmp_path / "v.txt").write_text(f"1 2\na {middle} {above}\n")
    assert package.load("v.txt").matrix.tolist() == [[16777216, 16777218]]
    assert np.float32(float(above)) == 16777216


def test_files_of_many_blocks_are_read_in_order(tmp_path):
    words = [f"{'w' * (i % 90)}{i}" for i in range(2000)]
    vectors = WordVectors(words, np.random.default_rng(0).standard_normal((2000, 7)))
    for ending in (".txt", ".bin", ".tsv", ".txt.gz", ".bin.gz"):
        known = find_format(f"v{ending}")
        known.write(vectors, f"v{ending}", numbers=700)
        assert_same(known.read(f"v{ending}", block=5000), vectors)
        assert known.read(f"v{ending}", 1234, block=5000).words == words[:1234]
    read = find_format("v.txt").read
    lines = (tmp_path / "v.txt").read_bytes().split(b"\n")
    lines[1500] = lines[1500].replace(b" ", b" x", 3)
    (tmp_path / "v.txt").write_bytes(b"\n".join(lines))
    with pytest.raises(ModelFileError, match=r"line 1,501: 'x.* is not a number"):
        read("v.txt", block=5000)
    (tmp_path / "v.txt").write_bytes(b"\n".join([*lines[:1400], b"", *lines[1400:]]))
    with pytest.raises(ModelFileError, match="line 1,401: the line is empty, and words follow it"):
        read("v.txt", block=5000)


# Mapped files


def test_a_safetensors_file_is_mapped_and_its_words_wait(saved, vectors):
    loaded = package.load(saved(".safetensors"))
    base = loaded.matrix
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert type(base).__name__ == "mmap"
    assert not {"words", "index", "_rows"} & set(vars(loaded))  # as long as none is asked for
    assert loaded.words[-1] == "x_y" and loaded.words[1:3] == ["café", "naïve-ist"]
    with pytest.raises(UnknownWordError, match="did you mean café"):
        loaded.row("cafe")
    assert "東京" in loaded and (loaded["東京"] == vectors["東京"]).all()
    package.save(loaded, "v.safetensors")  # over the file that it is mapped from
    assert_same(package.load("v.safetensors"), vectors)
    assert_same(loaded, vectors)


def test_the_safetensors_library_reads_our_files_and_we_its(saved, vectors, tmp_path):
    library = pytest.importorskip("safetensors")
    numpy_side = pytest.importorskip("safetensors.numpy")
    arrays = numpy_side.load_file(saved(".safetensors"))
    assert sorted(arrays) == ["W", "counts", "offsets", "words"]
    assert bits(arrays["W"]) == bits(vectors.matrix)
    assert arrays["counts"].tolist() == vectors.counts.tolist()
    begin, end = arrays["offsets"][3:5]
    assert arrays["words"][begin:end].tobytes().decode() == "東京"
    with library.safe_open("v.safetensors", "np") as file:
        metadata = file.metadata()
    assert metadata["w2v"] == "1" and json.loads(metadata["training"]) == vectors.training
    numpy_side.save_file(arrays, tmp_path / "theirs.safetensors", metadata)
    theirs = package.load("theirs.safetensors")
    assert_same(theirs, vectors)
    assert theirs.training == vectors.training


def test_npz_is_read_by_numpy_without_pickle(saved, vectors):
    with np.load(saved(".npz"), allow_pickle=False) as archive:
        assert bits(archive["W"]) == bits(vectors.matrix)
        assert json.loads(str(archive["training"])) == vectors.training


def test_the_tsv_pair_is_the_projectors(saved, vectors, tmp_path):
    saved(".tsv")
    lines = (tmp_path / "v.tsv").read_text().split("\n")
    assert len(lines) == 7 and [float(x) for x in lines[5].split("\t")] == pytest.approx(EDGES[5:])
    meta = (tmp_path / "v.meta.tsv").read_text().split("\n")
    assert meta[:3] == ["word\tcount", "the\t9", "café\t7"]
    package.save(WordVectors(["a", "b"], np.eye(2)), "one.tsv")
    # a single column has no header, or the projector takes it for a word
    assert (tmp_path / "one.meta.tsv").read_text() == "a\nb\n"
    (tmp_path / "one.meta.tsv").write_text("label\tkind\na\tx\nb\ty\n")
    assert package.load("one.tsv").words == ["a", "b"]


# Bad files

GOOD_TEXT = b"3 2\nthe 0.5 1\nof 2 3\nand 4 5\n"
GOOD_BINARY = b"3 2\n" + b"".join(
    word + b" " + struct.pack("<2f", i, 0.5) for i, word in enumerate([b"the", b"of", b"and"])
)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is cut off: it is empty, with 0 bytes"),
        (b"\n", "line 1 is '', not two numbers"),
        (b"the 0.1 0.2\nof 1 2\n", "line 1 is 'the 0.1 0.2', not two numbers, .* --no-header"),
        (b"3\nthe 1 2\n", "line 1 is '3', not two numbers"),
        (b"-3 2\nthe 1 2\n", "line 1 is '-3 2', not two numbers"),
        (b"3 0\nthe\n", "line 1: the header promises vectors of dim 0"),
        (b"4 2\n" + GOOD_TEXT[4:], "line 5: the file ends here, after 3 words of 4 promised"),
        (b"2 2\n" + GOOD_TEXT[4:], "line 4: more follows after the 2 words"),
        (b"3 3\n" + GOOD_TEXT[4:], "line 2: a vector of 2 numbers, where the dim is 3"),
        (b"3 1\n" + GOOD_TEXT[4:], "line 2: there are more numbers than the dim of 1"),
        (b"99999999999 300\n" + GOOD_TEXT[4:], "line 1: the header promises 99,999,999,999 words"),
        (
            b"3 99999999999\n" + GOOD_TEXT[4:],
            "the file has room for 39: it is cut off, or the header",
        ),
        (b"9" * 30 + b" 2\n", "not a model, or has no header"),
        (GOOD_TEXT.replace(b"2 3", b"2 nan"), "line 3: 'nan' is not a finite number"),
        (GOOD_TEXT.replace(b"2 3", b"2 -inf"), "line 3: '-inf' is not a finite number"),
        (GOOD_TEXT.replace(b"2 3", b"2 1e39"), "line 3: a number is too large for float32"),
        (GOOD_TEXT.replace(b"2 3", b"2 3x"), "line 3: '3x' is not a number"),
        (GOOD_TEXT.replace(b"2 3", b"2 0x1"), "line 3: '0x1' is not a number"),
        (GOOD_TEXT.replace(b"2 3", b"2"), "line 3: a vector of 1 numbers, where the dim is 2"),
        (GOOD_TEXT.replace(b"of 2 3", b""), "line 3: the line is empty, and words follow it"),
        (GOOD_TEXT.replace(b"and", b"the"), "line 4: the word 'the' .* twice, first in line 2"),
        (GOOD_TEXT.replace(b"of", b"o\xff"), "line 3: the word 'o.*xff' is not valid UTF-8 .*0xff"),
        (GOOD_TEXT[:-1], "line 4: the file ends within the line: it is cut off"),
        (GOOD_TEXT[:22], "line 3: the file ends|line 4: the file ends"),
        (GOOD_BINARY, "it holds bytes that are not text: word2vec's binary has a name"),
    ],
)
def test_a_bad_text_is_refused_with_the_line(refused, tmp_path, content, message):
    (tmp_path / "v.txt").write_bytes(content)
    assert re.search(message, refused("convert", "v.txt", "out.bin"))
    assert os.listdir(tmp_path) == ["v.txt"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is cut off: it is empty, with 0 bytes"),
        (b"no header", "line 1 is 'no header', not two numbers"),
        (b"4 2\n" + GOOD_BINARY[4:], "byte 39: the file ends in word 4 of 4"),
        (b"5 2\n" + GOOD_BINARY[4:], "line 1: the header promises 5 words of dim 2"),
        (b"2 2\n" + GOOD_BINARY[4:], "byte 27: more follows after the 2 words of dim 2"),
        (
            b"3 3\n" + GOOD_BINARY[4:],
            "byte 39: the file ends in word 2 of 3: it is cut off, or its",
        ),
        (b"3 4\n" + GOOD_BINARY[4:], "promises 3 words of dim 4, which take at least 51 bytes"),
        (b"99999999999 300\n" + GOOD_BINARY, "take at least 120,099,999,998,799 bytes"),
        (b"3 99999999999999\n" + GOOD_BINARY, "it is cut off, or the header is wrong"),
        (GOOD_BINARY[:-1], "byte 38: the file ends in word 3 of 3"),
        (GOOD_BINARY[:20], "the header promises 3 words"),
        (GOOD_BINARY + b"x", "byte 39: more follows after the 3 words"),
        (GOOD_BINARY.replace(b"and", b"the"), "byte 27: the word 'the' .* twice, first in byte 4"),
        (GOOD_BINARY.replace(b"of", b"o\xff"), "byte 16: the word 'o.*xff' is not valid UTF-8"),
        (
            GOOD_BINARY.replace(struct.pack("f", 0.5), struct.pack("f", np.nan)),
            "byte 4: the vector of word 1 holds NaN or infinity",
        ),
        (GOOD_BINARY[:-4] + struct.pack("f", -np.inf), "byte 27: the vector of word 3 holds NaN"),
        (GOOD_TEXT.replace(b"the 0.5 1", b"the 0.5000 1"), "are written as text, not binary"),
    ],
)
def test_a_bad_binary_is_refused_with_the_byte(refused, tmp_path, content, message):
    (tmp_path / "v.bin").write_bytes(content)
    assert re.search(message, refused("convert", "v.bin", "out.txt"))
    assert os.listdir(tmp_path) == ["v.bin"]


@pytest.mark.parametrize("ending", [".bin", ".txt", ".safetensors", ".npz", ".bin.gz", ".vec.gz"])
def test_a_file_that_is_cut_anywhere_is_refused(saved, ending, tmp_path):
    path = saved(ending)
    content = path.read_bytes()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(ModelFileError, match=f"v{ending}"):
            package.load(path)


@pytest.mark.parametrize("ending", [".bin", ".txt", ".safetensors", ".npz", ".bin.gz", ".tsv"])
@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_crashes(tmp_path_factory, ending, data):
    path = tmp_path_factory.mktemp("damaged") / f"v{ending}"
    package.save(WordVectors(["the", "of", "and"], np.eye(3), [3, 2, 1], {"dim": 3}), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        list(package.load(path).words)
    except ModelFileError as error:
        assert path.name in str(error) or "v.meta.tsv" in str(error)


def damaged_safetensors(**changes):
    """The bytes of a small file whose header is changed; None takes a tensor out."""
    W, (words, offsets) = np.eye(2, dtype=np.float32), pack(["a", "b"])
    data = offsets.tobytes() + W.tobytes() + words.tobytes()
    header = {
        "offsets": {"dtype": "I64", "shape": [3], "data_offsets": [0, 24]},
        "W": {"dtype": "F32", "shape": [2, 2], "data_offsets": [24, 40]},
        "words": {"dtype": "U8", "shape": [2], "data_offsets": [40, 42]},
    }
    data = changes.pop("data", data)
    for name, change in changes.items():
        header[name] = {**header.get(name, {}), **change} if change is not None else None
    text = json.dumps({k: v for k, v in header.items() if v is not None}).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\xff" * 20, "not a safetensors file: its first 8 bytes are not a length"),
        ((10**6).to_bytes(8, "little") + b"{}", "the file ends in its header"),
        ((2).to_bytes(8, "little") + b"{}", "holds no word vectors: it has no array 'W'"),
        ((2).to_bytes(8, "little") + b"[]", "the header is damaged"),
        ((2).to_bytes(8, "little") + b"{x", "byte 8: the header is damaged"),
        (damaged_safetensors(W=None), "it has no array 'W'"),
        (damaged_safetensors(words={"dtype": "F32"}), "2 bytes do not fit its shape"),
        (damaged_safetensors(W={"shape": [2**60, 2**60]}), "a size is beyond the file"),
        (damaged_safetensors(W={"shape": [4]}), "array 'W' is of type float32 and shape"),
        (damaged_safetensors(W={"dtype": "X"}), "its header is damaged"),
        (damaged_safetensors(W={"shape": [1, 4]}), "1 vectors do not fit 2 words"),
        (damaged_safetensors(words={"data_offsets": [40, 99]}), "the file ends here, .* cut off"),
        (damaged_safetensors(data=bytes(43)), "more follows after the arrays"),
        (damaged_safetensors(data=bytes(42)), "the offsets of its words do not fit"),
        (damaged_safetensors(__metadata__={"w2v": "2"}), "is of version 2, not 1"),
        (damaged_safetensors(__metadata__={"training": "{"}), "its training is not JSON"),
    ],
)
def test_a_bad_safetensors_file_is_refused(refused, tmp_path, content, message):
    (tmp_path / "v.safetensors").write_bytes(content)
    assert re.search(message, refused("convert", "v.safetensors", "out.txt"))
    assert os.listdir(tmp_path) == ["v.safetensors"]


@pytest.mark.parametrize(
    "words, value, message",
    [
        ([b"a", b"a"], 1, "the word 'a' stands in rows 0 and 1"),
        ([b"a", b"b"], np.nan, "holds NaN or infinity"),
        ([b"a", b"b"], np.inf, "holds NaN or infinity"),
        ([b"\xff", b"b"], 1, "a word is not valid UTF-8"),
    ],
)
def test_what_a_mapped_file_holds_is_checked_when_it_is_used(
    refused, tmp_path, words, value, message
):
    data = np.array([0, 1, 2]).tobytes() + np.float32([value, 0, 0, 1]).tobytes() + b"".join(words)
    (tmp_path / "v.safetensors").write_bytes(damaged_safetensors(data=data))
    assert message in refused("similar", "b", "--model", "v.safetensors")
    assert message in refused("convert", "v.safetensors", "v.txt")
    assert os.listdir(tmp_path) == ["v.safetensors"]


def test_an_npz_with_objects_or_empty_promises_is_refused(tmp_path):
    np.savez("v.npz", W=np.array([{}]), words=np.zeros(1, np.uint8), offsets=np.array([0, 1]))
    with pytest.raises(ModelFileError, match="W is of type object"):
        package.load("v.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 300)}
    )
    with zipfile.ZipFile("v.npz", "w") as archive:
        for name in ("W", "words", "offsets"):
            archive.writestr(f"{name}.npy", header.getvalue())
    with pytest.raises(ModelFileError, match="W is of type float32 and shape"):
        package.load("v.npz")
    np.savez("v.npz", vectors=np.eye(2))
    with pytest.raises(ModelFileError, match="has no array 'W'"):
        package.load("v.npz")


def test_what_is_no_ordinary_file_is_refused(refused, tmp_path):
    os.mkfifo(tmp_path / "pipe.bin")  # nothing writes to it, so reading would wait
    question = ["similar", "a", "--model", "pipe.bin"]
    assert "cannot read the model pipe.bin: it is not an ordinary file" in refused(*question)
    assert "pipe.bin is not an ordinary file" in refused("info", "pipe.bin")
    (tmp_path / "folder.txt").mkdir()
    assert "folder.txt is a folder without vectors" in refused("info", "folder.txt")


def test_what_is_no_gzip_is_refused(refused, tmp_path):
    (tmp_path / "v.txt.gz").write_bytes(GOOD_TEXT)
    assert "v.txt.gz is cut off, damaged, or not packed" in refused("info", "v.txt.gz")
    (tmp_path / "v.txt.gz").write_bytes(gzip.compress(b"9999999999 2\n" + GOOD_TEXT[4:]))
    assert "line 1: the header promises 9,999,999,999 words" in refused("info", "v.txt.gz")


def test_tsv_files_that_do_not_fit_each_other_are_refused(saved, refused, tmp_path):
    saved(".tsv")
    meta = tmp_path / "v.meta.tsv"
    meta.write_text("word\tcount\na\t1\n")
    assert "v.meta.tsv, line 3: it has 1 words, and v.tsv has 6 vectors" in refused("info", "v.tsv")
    meta.write_text("a\n" * 6)
    assert "v.meta.tsv, line 2: the word 'a' is listed twice" in refused("info", "v.tsv")
    meta.write_text("word\tcount\n" + "".join(f"{i}\tx\n" for i in range(6)))
    assert "v.meta.tsv, line 2: 'x' is not a count" in refused("info", "v.tsv")
    meta.unlink()
    assert "there is no model v.meta.tsv" in refused("info", "v.tsv")


def test_words_that_would_be_taken_for_numbers_are_refused(tmp_path):
    with pytest.raises(OutputError, match="most words, as 'size 1', end in a number"):
        package.save(WordVectors(["size 1", "size 2"], np.eye(2)), "v.txt")
    package.save(WordVectors(["size 1", "size"], np.eye(2)), "v.txt")
    with pytest.warns(W2VWarning, match="v.txt: 1 of 2 words end in a number, the first in line 2"):
        assert package.load("v.txt").words == ["size 1", "size"]
    with pytest.raises(OutputError, match="holds as many numbers as a vector of dim 2"):
        package.save(WordVectors(["x 1 2 y", "size"], np.eye(2)), "v.txt")


@pytest.mark.parametrize("ending", [*EXACT, ".pkl"])
@pytest.mark.parametrize(
    "vectors_made, message",
    [
        (lambda: WordVectors(["a", "b"], [[np.nan], [1]] * np.ones((2, 1))), "NaN|float16"),
        (lambda: WordVectors(["a", "a"], np.ones((2, 1))), "the word 'a' stands in rows 0 and 1"),
        (lambda: WordVectors(["a", "\ud800"], np.ones((2, 1))), "does not fit UTF-8"),
    ],
)
def test_what_no_file_should_hold_is_not_written(tmp_path, ending, vectors_made, message):
    if ending == ".pkl" and "float16" not in message:
        pytest.skip("the pickle is checked when it is read")
    (tmp_path / f"v{ending}").write_bytes(b"before")
    with pytest.raises(OutputError, match=message):
        package.save(vectors_made(), f"v{ending}")
    assert (tmp_path / f"v{ending}").read_bytes() == b"before"
    assert os.listdir(tmp_path) == [f"v{ending}"]


# The commands


def test_convert_says_what_it_wrote(w2v, saved, vectors, tmp_path):
    source = saved(".safetensors").name
    code, out, err = w2v("convert", source, "v.bin", "--limit", 2)
    assert (code, out, err) == (0, "v.bin: 2 words of dim 5; word2vec binary\n", "")
    assert w2v("convert", source, "v.tsv")[1].startswith("v.tsv and v.meta.tsv: 6 words")
    assert w2v("convert", source, "v.x", "--to", "text", "--omit-header")[0] == 0
    assert (tmp_path / "v.x").read_text().startswith("the 0.")
    assert w2v("convert", "v.x", "back.npz", "--from", "text", "--no-header")[0] == 0
    assert_same(package.load("back.npz"), vectors)


@pytest.mark.parametrize(
    "arguments, message, code",
    [
        (["v.txt", "v.txt"], "v.txt would be overwritten", 1),
        (["v.txt", "./link.txt"], "link.txt would be overwritten", 1),
        (["v.tsv", "v.meta.tsv"], "v.meta.tsv would be overwritten", 1),
        (["v.txt", "v.model"], "cannot write v.model: its name has to end in", 1),
        (["v.txt", "no/v.bin"], "there is no folder no", 1),
        (["none.txt", "v.bin"], "there is no model none.txt", 1),
        (["v.model", "v.bin"], "cannot tell what v.model is", 1),
        (["v.txt", "v.bin", "--no-header"], "looks like a header, .* leave out --no-header", 1),
        (
            ["v.txt", "v.bin", "--omit-header"],
            "--omit-header has no meaning for the format word2vec b",
            2,
        ),
        (["v.txt", "v.bin", "--float16"], "--float16 has no meaning", 2),
        (
            ["v.npz", "v.bin", "--encoding-errors", "ignore"],
            "--encoding-errors has no meaning for the format npz",
            2,
        ),
        (["v.txt", "v.bin", "--limit", "0"], "--limit", 2),
        (["v.txt", "v.bin", "--from", "doc"], "--from", 2),
    ],
)
def test_convert_refuses_what_cannot_be(refused, saved, tmp_path, arguments, message, code):
    for ending in (".txt", ".tsv", ".npz"):
        saved(ending)
    (tmp_path / "link.txt").symlink_to("v.txt")
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    assert re.search(message, refused("convert", *arguments, code=code))
    assert before == {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}


def test_a_trainings_file_tells_how_it_was_trained(w2v, tmp_path):
    (tmp_path / "text.txt").write_text("a b c d\n" * 30)
    code, *_ = w2v(
        "train", "text.txt", "-o", "v.safetensors", "--dim", 4, "--epochs", 2, "--sample", 0
    )
    assert code == 0
    about = json.loads(w2v("info", "v.safetensors", "--json")[1])
    assert (about["format"], about["vocabulary"], about["words"]) == ("safetensors", 4, 120)
    assert about["options"]["dim"] == 4 and about["options"]["engine"] == "fused"
    assert not {"output", "data_dir", "plot", "cache"} & set(about["options"])  # paths
    assert "optimizer" not in about["options"]  # of the other engine
    assert package.load("v.safetensors").counts.tolist() == [30] * 4
    assert "epochs           2\n" in w2v("info", "v.safetensors")[1]


def test_words_for_which_the_format_has_no_place_stop_the_training_before_it_begins(tmp_path):
    sentences = [["new york", "a"]] * 20
    with pytest.raises(OutputError, match=r"the word 'new york' holds a space"):
        package.train(sentences, output="v.bin", dim=4, engine="layers")
    with pytest.raises(OutputError, match=r"v.model: its name has to end in"):
        package.train(sentences, output="v.model")
    assert os.listdir(tmp_path) == []
    package.train(sentences, output="v.vec", dim=4, engine="layers", batch_size=10, negative=1)
    assert "new york" in package.load("v.vec")


@pytest.mark.parametrize("ending", [*EXACT, ".pkl"])
def test_questions_are_put_to_any_format(w2v, saved, vectors, ending):
    vectors[vectors.words[5]] = [1, 0, 0, 0, 0]
    answer = json.loads(w2v("similar", "café", "--model", saved(ending), "--json")[1])
    assert len(answer[0]["similar"]) == 5


def test_a_question_to_a_damaged_mapped_file_is_refused(tmp_path, refused, monkeypatch):
    """The file is not read when it is opened: whatever comes to use a vector of NaN says so."""
    words = ["king", "queen", "man", "woman"]
    package.save(WordVectors(words, np.eye(4, dtype=np.float32)), "v.safetensors")
    content = Path("v.safetensors").read_bytes()
    one = np.float32(1).tobytes()
    Path("v.safetensors").write_bytes(content.replace(one, np.float32(np.nan).tobytes(), 1))
    monkeypatch.setenv("W2V_MODEL", "v.safetensors")
    Path("pairs.tsv").write_text("king\tqueen\t1\nman\twoman\t2\nking\tman\t3\n")
    Path("questions.txt").write_text(": a\nking queen man woman\n")
    for question in (
        ["similar", "queen"],
        ["similarity", "king", "queen"],
        ["odd-one-out", "king", "queen", "man"],
        ["rank", "queen", "man"],
        ["vector", "king"],
        ["neighbours-of", "--all"],
        ["evaluate", "v.safetensors", "--pairs", "pairs.tsv"],
        ["evaluate", "v.safetensors", "--analogies", "questions.txt"],
    ):
        assert "holds NaN or infinity" in refused(*question)


def test_blank_words_of_any_white_space_have_no_place_in_a_tsv(tmp_path):
    spaces = [chr(i) for i in range(sys.maxunicode + 1) if chr(i).isspace()]
    for word in ["", "\u3000 ", *(space for space in spaces if space not in "\t\n\r")]:
        with pytest.raises(OutputError, match="is empty, or holds a tab"):
            package.save(WordVectors([word, "a"], np.ones((2, 2))), tmp_path / "v.tsv")
