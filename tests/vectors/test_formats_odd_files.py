"""Files as users have them: odd lines, packed, of other kinds, in other encodings, damaged."""

import bz2
import gzip
import io
import lzma
import os
import re
import shlex
import struct
import subprocess
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zstandard

import w2v as package
from w2v import WordVectors
from w2v.errors import ConfigError, ModelFileError, OutputError, W2VWarning

PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
TEXT = b"2 3\nking .1 .2 .3\nqueen .4 .5 .6\n"
BINARY = b"2 2\n" + b"".join(
    word + b" " + struct.pack("<2f", 1, 0.5) for word in (b"king", b"queen")
)


def load(name, content, **options):
    """The words of a file, once it is written."""
    Path(name).write_bytes(content)
    return list(package.load(name, **options).words)


def refusal(name, content, **options):
    """What a file is refused with."""
    Path(name).write_bytes(content)
    with pytest.raises(ModelFileError, match=re.escape(name)) as error:
        package.load(name, **options)
    return str(error.value)


# The dim of a text


@pytest.mark.parametrize(
    "content, message",
    [
        (b"the .1 .2 .3\nof .4 .5\nand .7 .8 .9\nking 1 2 3\n", "line 2: a vector of 2 numbers"),
        (b"the .1 .2 .3\nof .4 .5\n", "line 2: a vector of 2 numbers, where most lines have 3"),
        (b"a 1 2 3\n" * 3 + b"b 1\n", "line 4: a vector of 1 numbers, where most lines have 3"),
        (b"a 1 2 3\nof the city 1 2\nb 1 2 3\n", "line 2: 'city' .* in 2 numbers, where most"),
        (b"2 3 1\na .1 .2 .3\nb .1 .2 .3\n", "line 1: '2 3 1' looks like a header"),
        (b"a 1 2 3\nb 1 2 3c 1 2 3\nd 1 2 3\n", "line 2: it holds the vectors of two words"),
        (b"a 1 2 3\nb 1 2 3 c 1 2 3\nd 1 2 3\n", "line 2: it holds the vectors of two words"),
        (b"a 1 2\nb 1 2 3\nc 1 2\nd 1 2 3\ne 1 2\n", "line 2: 2 of 5 words end in a number"),
        (b"a\nb\nc 1\n", "line 1: there is no word with a vector"),
    ],
)
def test_without_a_header_most_lines_name_the_dim_and_the_others_are_refused(content, message):
    assert re.search(message, refusal("v.txt", content, header=False))


def test_a_few_words_that_end_in_numbers_are_a_warning_that_names_the_first_line():
    content = b"3 3\nking 1 2 3\nqueen 4 5 6 7\nx 1 2 3\n"
    with pytest.warns(W2VWarning, match=r"1 of 3 words end in a number, the first in line 3"):
        assert load("v.txt", content) == ["king", "queen 4", "x"]
    content = b"".join(b"w%d 1 2\n" % i for i in range(30)) + b"iphone 4 1 2\n"
    with pytest.warns(W2VWarning, match="1 of 31 words .* line 31"):
        assert load("v.txt", content, header=False)[-1] == "iphone 4"


def test_the_command_line_shows_a_warning_in_one_line(w2v):
    Path("v.txt").write_bytes(b"3 1\nking 1\nqueen 4 7\nx 1\n")
    code, out, err = w2v("convert", "v.txt", "v.bin", "--from", "text")
    assert code == 1 and "'queen 4' holds a space" in err
    code, out, err = w2v("convert", "v.txt", "v.npz")
    assert (code, err.count("\n")) == (0, 1) and out.startswith("v.npz: 3 words")
    assert err.startswith("w2v: warning: v.txt: 1 of 3 words end in a number")


def test_words_with_spaces_stay_words():
    lines = [b". . . 1 2\n", b"at name@domain.com 3 4\n", b"my name 5 6\n", b"1e5 7 8\n"]
    words = [". . .", "at name@domain.com", "my name", "1e5"]
    assert load("v.txt", b"".join(lines), header=False) == words
    assert load("v.txt", b"4 2\n" + b"".join(lines)) == words
    assert load("v.txt", b"".join(lines[::-1]), header=False, dim=2) == words[::-1]


def test_the_dim_can_be_named(w2v):
    Path("v.txt").write_bytes(b"size 1 .1 .2\nsize 2 .1 .2\nx .1 .2\ny .1 .2\n")
    with pytest.warns(W2VWarning, match="2 of 4"):
        assert package.load("v.txt", header=False, dim=2).words == ["size 1", "size 2", "x", "y"]
    assert w2v("convert", "v.txt", "v.npz", "--no-header", "--dim", 2)[0] == 0
    for options in ({"dim": 2}, {"dim": 0, "header": False}):
        with pytest.raises(ConfigError, match="--dim goes with --no-header"):
            package.load("v.txt", **options)
    with pytest.raises(ModelFileError, match="line 3: a vector of 2 numbers, where the dim is 3"):
        package.load("v.txt", header=False, dim=3)


# White space


@pytest.mark.parametrize(
    "content",
    [
        b"2 2\nking  1 2\nqueen   3 4\n",
        b"2 2\n king 1 2\n\t queen 3 4\n",
        b"2 2\nking\t1\t2\nqueen\t3\t4\n",
        b"2\t2\nking\t1 2\nqueen \t 3   4  \t\n",
        b"2 2\r\nking 1 2\r\nqueen 3 4\r\n",
        b"\xef\xbb\xbf2 2\r\nking 1 2 \r\nqueen 3 4 \r\n",
        "\ufeff2 2\nking 1 2\nqueen 3 4\n".encode("utf-16-le"),
        "\ufeff2 2\nking 1 2\nqueen 3 4\n".encode("utf-16-be"),
    ],
)
def test_white_space_and_byte_order_marks_are_no_part_of_words(content):
    Path("v.txt").write_bytes(content)
    loaded = package.load("v.txt")
    assert loaded.words == ["king", "queen"] and loaded.matrix.tolist() == [[1, 2], [3, 4]]


def test_a_no_break_space_is_a_letter_of_a_word():
    assert load("v.vec", "2 1\n\xa0 1\na\u3000 2\n".encode()) == ["\xa0", "a\u3000"]


@pytest.mark.parametrize("word", ["king ", " king", "\tking", "king\t", " "])
def test_a_word_in_white_space_has_no_place_in_a_text(word):
    with pytest.raises(OutputError, match="begins or ends in a space or tab"):
        package.save(WordVectors([word, "a"], np.eye(2)), "v.txt")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_tsv_pair_may_have_marks_and_crlf(mark, end):
    Path("v.tsv").write_bytes(mark + b".1\t.2" + end + b".3\t.4" + end)
    Path("v.meta.tsv").write_bytes(mark + b"king" + end + b"queen" + end)
    assert package.load("v.tsv").words == ["king", "queen"]
    for header in (b"word\tcount", b"Word\tCount "):
        counted = [header, b"king\t3", b"queen\t2 ", b""]
        Path("v.meta.tsv").write_bytes(mark + end.join(counted))
        loaded = package.load("v.tsv")
        assert loaded.words == ["king", "queen"] and loaded.counts.tolist() == [3, 2]


# Packed files


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("kind", ["txt", "vec", "bin"])
def test_packed_files_are_written_and_read(ending, kind):
    vectors = WordVectors(["a", "b"], np.eye(2))
    name = f"v.{kind}.{ending}"
    package.save(vectors, name)
    assert package.load(name).words == ["a", "b"]
    package.save(vectors, f"plain.{kind}")
    assert Path(name).read_bytes()[:2] == PACKERS[ending](b"x")[:2]
    content = Path(f"plain.{kind}").read_bytes()
    assert load(f"other.{kind}", PACKERS[ending](content)) == ["a", "b"]  # under any name
    assert load(f"w.{kind}", PACKERS[ending](content[:5]) + PACKERS[ending](content[5:])) == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_file_that_is_cut_or_damaged_is_refused(ending):
    content = PACKERS[ending](b"300 3\n" + b"".join(b"w%d 1 2 3\n" % i for i in range(300)))
    for stop in range(1, len(content) - 8, 7):
        assert "cut off" in refusal(f"v.txt.{ending}", content[:stop])
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 0xFF
    refusal(f"v.txt.{ending}", bytes(damaged))
    assert f"take the .{ending} off" in refusal(f"v.txt.{ending}", TEXT)


@pytest.mark.parametrize("ending", PACKERS)
def test_what_a_packed_file_promises_is_checked_before_memory_is_taken(ending):
    packed = PACKERS[ending](b"4000000000 300\n" + b"a 1 2 3\n" * 9)
    assert "room for 87: it is cut off, or the header is wrong" in refusal("v.txt", packed)
    zeros = PACKERS[ending](b"9000 300\n" + bytes(10**7))
    assert "is cut off" in refusal("v.bin", zeros)


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_a_mapped_format_cannot_be_packed(ending):
    package.save(WordVectors(["a"], np.eye(1)), f"v{ending}")
    packed = gzip.compress(Path(f"v{ending}").read_bytes())
    assert "is packed, which" in refusal(f"w{ending}", packed)


# Other kinds of files


def tar_of(name, content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def zip_of(name, content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.npz", "v.safetensors", "v.pkl", "v"])
@pytest.mark.parametrize(
    "content, message",
    [
        (b"\xba\x16\x4f\x2f\x0c" + bytes(300), "is a fastText model, .* take the .vec"),
        (tar_of("v.txt", TEXT), "is a tar archive, .* unpack it"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "is a 7z archive"),
        (b"<!DOCTYPE html>\n<html><head>", "is a web page, .* download that again"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "is a web page"),
        (b'{"error": "not found"}', "is JSON, .* download"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS, .*git lfs pull"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
    ],
)
def test_files_of_other_kinds_are_named_by_what_is_in_them(name, content, message):
    assert re.search(message, refusal(name, content))
    if not name.endswith((".npz", ".safetensors")):
        assert re.search(message, refusal(name, gzip.compress(content)))  # as .tar.gz is


def test_a_zip_archive_is_named_unless_an_npz_is_asked_for():
    assert "is a zip archive" in refusal("v.txt", zip_of("glove.txt", TEXT))
    assert "it has no array 'W'" in refusal("v.npz", zip_of("glove.txt", TEXT))


def converted(message):
    """Run the `w2v convert` line that an error names; returns the words of what it wrote."""
    from w2v.cli import main

    line = shlex.split(re.search("`w2v (convert .*?)`", message)[1])
    with pytest.raises(SystemExit) as stop:
        main(line)
    assert stop.value.code == 0
    return list(package.load(line[2]).words)


@pytest.mark.parametrize(
    "name, content",
    [
        ("sgns.financial.word", TEXT),
        ("my vectors.model", TEXT.partition(b"\n")[2] * 1),
        ("glove.840B.300d", TEXT.partition(b"\n")[2]),
        ("news.300", BINARY),
        ("news.dat", gzip.compress(BINARY, mtime=0)),
        ("vectors", TEXT),
        ("v.txt", TEXT.partition(b"\n")[2]),
        ("odd.pkl", TEXT),
        ("odd.npz", BINARY),
        ("odd.safetensors", TEXT),
        ("vectors", BINARY),
    ],
)
def test_an_error_prints_the_command_line_that_reads_the_file(name, content):
    assert converted(refusal(name, content)) == ["king", "queen"]


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".pkl"])
@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.word"])
def test_our_own_formats_are_known_under_another_name(ending, name):
    package.save(WordVectors(["king", "queen"], np.eye(2)), f"own{ending}")
    assert converted(refusal(name, Path(f"own{ending}").read_bytes())) == ["king", "queen"]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("v.txt", b"2 3 1\nking .1 .2 .3\nqueen 1 2 3\n", "but 3 numbers: take the others out"),
        ("v.txt", TEXT.replace(b"\n", b"\r"), "lines end in CR alone.*tr '"),
        ("v.txt", TEXT.decode().encode("utf-16-le"), "text in utf-16-le .* --encoding utf-16-le"),
        ("v.txt", b"2 2\nking,.1,.2\nqueen,.1,.2\n", "have ',' between them: put spaces"),
        ("v.txt", b"2 2\nking;1;2\nqueen;1;2\n", "have ';' between them: put spaces"),
        ("v.txt", b"king,.1,.2\nqueen,.1,.2\n", "have ',' between them: put spaces"),
        ("v.txt", b"2 2\nking 0,1 0,2\nqueen 1 2\n", "written with a point, not a comma"),
        ("v.txt", b"just some words\nof a text\n", "not two numbers, how many words and the dim$"),
        ("v.bin", bytes(range(256)), "not two numbers, how many words and the dim$"),
    ],
)
def test_what_is_wrong_with_a_first_line_is_named(name, content, message):
    assert re.search(message, refusal(name, content))


def test_numbers_with_commas_after_them_are_no_words():
    message = refusal("v.txt", b"king, 1, 2\nqueen, 3, 4\n", header=False)
    assert "'king, 1, 2' cannot be read; the numbers have ',' between them" in message


def test_gensims_own_files_are_named_and_its_remedies_work():
    gensim = pytest.importorskip("gensim.models")
    from gensim.models.fasttext import load_facebook_vectors, save_facebook_model

    sentences = [["a", "b", "c"]] * 20
    word2vec = gensim.Word2Vec(sentences, vector_size=4, min_count=1)
    word2vec.wv.save("native")
    for name in ("v.kv", "v.bin", "v.pkl"):
        assert "is gensim's own file" in refusal(name, Path("native").read_bytes())
    gensim.KeyedVectors.load("native").save_word2vec_format("new.bin", binary=True)
    assert sorted(package.load("new.bin").words) == ["a", "b", "c"]
    save_facebook_model(gensim.FastText(sentences, vector_size=4, min_count=1, bucket=9), "ft.bin")
    assert "is a fastText model" in refusal("v.bin", Path("ft.bin").read_bytes())
    load_facebook_vectors("ft.bin").save_word2vec_format("new.txt")
    assert sorted(package.load("new.txt").words) == ["a", "b", "c"]


def test_the_remedies_for_line_ends_and_encodings_work():
    Path("OLD").write_bytes(TEXT.replace(b"\n", b"\r"))
    subprocess.run("tr '\\r' '\\n' < OLD > new.txt", shell=True, check=True)
    assert package.load("new.txt").words == ["king", "queen"]
    wide = TEXT.decode().replace("king", "왕").encode("utf-16-le")
    assert load("v.txt", wide, encoding="utf-16-le") == ["왕", "queen"]


# Encodings


def test_words_in_other_encodings_are_read_where_they_are_named(w2v):
    content = b"2 1\ncaf\xe9 \0\0\0\x3fgar\xe7on \0\0\0\x3f"
    message = refusal("v.bin", content)
    assert "cp1252 ('café')" in message and "--encoding NAME" in message
    assert load("v.bin", content, encoding="latin-1") == ["café", "garçon"]
    assert w2v("convert", "v.bin", "v.npz", "--encoding", "latin-1")[0] == 0
    assert package.load("v.npz").words == ["café", "garçon"]
    for encoding, word in (("gb18030", "中国"), ("cp949", "한국"), ("shift_jis", "東京")):
        content = f"1 1\n{word} 1\n".encode(encoding)
        assert encoding in refusal("v.txt", content)
        assert load("v.txt", content, encoding=encoding) == [word]
        Path("t.tsv").write_bytes(b"1\n")
        Path("t.meta.tsv").write_bytes(f"{word}\n".encode(encoding))
        assert package.load("t.tsv", encoding=encoding).words == [word]
    with pytest.raises(ConfigError, match="is not one that a binary file can have"):
        package.load("v.bin", encoding="utf-16")
    with pytest.raises(ConfigError, match="is not the name of a text encoding"):
        package.load("v.bin", encoding="utf-99")
    with pytest.raises(ConfigError, match="--encoding has no meaning for the format npz"):
        package.load("v.npz", encoding="latin-1")


@pytest.mark.parametrize(
    "words", [["hello", "my name", "is"], ["new york", "b"], ["a b", "c", "d"]]
)
@pytest.mark.parametrize("limit", [None, 1])
def test_words_with_spaces_in_a_binary_are_named_as_the_cause(words, limit):
    numbers = np.random.default_rng(3).standard_normal((len(words), 8)).astype("<f4")
    rows = [f"{w} ".encode() + row.tobytes() for w, row in zip(words, numbers, strict=True)]
    content = b"%d 8\n" % len(words) + b"".join(rows)
    if limit and " " not in words[0]:
        assert load("v.bin", content, limit=1) == ["hello"]
        return
    first, rest = next(word for word in words if " " in word).split()
    message = refusal("v.bin", content, limit=limit)
    assert f"'{first}', seems to go on after a space with '{rest}'" in message
    assert "write the vectors anew as text" in message


# float16


@pytest.mark.parametrize(
    "name, options",
    [("v.pkl", {}), ("v.npz", {"float16": True}), ("v.safetensors", {"float16": True})],
)
def test_vectors_that_float16_would_lose_are_refused_and_a_few_weights_are_a_warning(name, options):
    faint = WordVectors(["a", "b"], [[1, 0.5], [1e-8, -3e-8]] * np.ones((2, 2)))
    with pytest.raises(OutputError, match=r"in row 1 has no weight above 3e-08, .* small"):
        package.save(faint, name, **options)
    assert os.listdir() == []
    with pytest.warns(W2VWarning, match="1 of 4 weights are too small for float16, and become 0"):
        package.save(
            WordVectors(["a", "b"], [[1, 1e-8], [1, 1]] * np.ones((2, 2))), name, **options
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        package.save(WordVectors(["a", "b"], [[1, 0.5], [0, 0]] * np.ones((2, 2))), name, **options)
    with pytest.raises(OutputError, match="a weight of 70000 does not fit float16"):
        package.save(WordVectors(["a"], [[7e4]] * np.ones((1, 1))), name, **options)


# Bytes that lie


@pytest.mark.parametrize("name", ["v.bin", "v.txt"])
def test_a_header_without_words_takes_no_memory_for_their_dim(name):
    assert load(name, b"0 400000000\n") == []


def test_short_lines_take_no_room_for_long_vectors():
    """A line of 350,000 numbers, and 350,000 lines: their product would be 490 GB."""
    content = b"1\t" * 349_999 + b"1\n" + b"1\n" * 350_000
    assert "line 2: a vector of 1 numbers" in refusal("v.tsv", content)
    content = b"a" + b" 1" * 350_000 + b"\n" + b"b 1\n" * 350_000
    assert "line 2" in refusal("v.txt", content, header=False, dim=350_000)


def test_a_number_of_many_digits_is_read_in_one_pass():
    """Going back digit by digit would take minutes here."""
    digits = b"1" * 300_000
    assert "line 2" in refusal("v.txt", b"1 2\na 1 " + digits + b"x\n")
    assert "line 1" in refusal("v.txt", b"a 1 " + digits + b"x\n", header=False)


def test_a_message_quotes_little_of_a_file():
    long = b"(" * 100_000
    package.save(WordVectors(["a"], np.eye(1)), "good.npz")
    content = Path("good.npz").read_bytes()
    for name, damaged in (
        ("v.npz", content.replace(b"words.npy", b"w" * 9, 1)),
        ("v.txt", b"1 1\n" + long + b"\n"),
        ("v.txt", long + b"\n"),
        ("v.txt", b"1 1\na " + long + b"\n"),
    ):
        assert len(refusal(name, damaged)) < 500


def test_a_tsv_that_begins_with_a_blank_line_is_refused():
    assert "line 1: there are no numbers in it" in refusal("v.tsv", b"\n1\t2\n")


def test_a_line_that_does_not_end_is_not_kept_in_memory():
    packed = bz2.compress(b"2 2\n" + b"a" * 30_000_000)
    assert "line 2 does not end within" in refusal("v.txt", packed)


def test_a_pipe_is_refused_at_once():
    os.mkfifo("pipe.bin")
    for name in ("pipe.bin", "/dev/null"):
        with pytest.raises(ModelFileError, match="it is not an ordinary file"):
            package.load(name, format="binary")


@pytest.mark.parametrize(
    "error, message",
    [
        (TypeError("odd"), r"damaged, or not npz \(TypeError: odd\)"),
        (MemoryError(), "not enough memory .* --limit"),
    ],
)
def test_whatever_goes_wrong_in_a_reader_names_the_file(monkeypatch, error, message):
    from w2v.vectors.formats import npz_format

    def fail(*_):
        raise error

    Path("v.npz").write_bytes(zip_of("a", b""))
    monkeypatch.setattr(npz_format.zipfile, "ZipFile", fail)
    with pytest.raises(ModelFileError, match=f"v.npz.*{message}") as raised:
        package.load("v.npz")
    assert raised.value.__cause__ is error


def npz_with(**members):
    stream = io.BytesIO()
    package.save(WordVectors(["a", "b"], np.eye(2), [2, 1], {"dim": 2}), "good.npz")
    with zipfile.ZipFile("good.npz") as good, zipfile.ZipFile(stream, "w") as archive:
        for name in good.namelist():
            archive.writestr(name, members.pop(name[:-4], None) or good.read(name))
    return stream.getvalue()


def npy(array, **changes):
    stream = io.BytesIO()
    array = np.asarray(array)
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **changes}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + array.tobytes()


@pytest.mark.parametrize(
    "members, message",
    [
        ({"counts": npy([3, -1])}, "the count of row 1 is -1"),
        ({"counts": npy([3])}, "2 vectors do not fit 2 words"),
        ({"counts": npy(["x"])}, "array 'counts' is of type"),
        ({"training": npy([1, 2])}, "training is of type int64"),
        ({"W": npy(np.eye(2), shape=(-1, 2))}, "W is of type"),
        ({"offsets": npy([0, 1])}, "2 vectors do not fit 1 words"),
        ({"W": b"\x93NUMPY\x01\x00" + struct.pack("<H", 60) + b"(" * 60}, "v.npz"),
        ({"W": b"not an array"}, "v.npz"),
    ],
)
def test_the_members_of_an_npz_are_checked_before_they_are_unpacked(members, message):
    assert re.search(message, refusal("v.npz", npz_with(**members)))


def test_sizes_beyond_numbers_and_negative_counts_in_safetensors_are_refused():
    header = b'{"W": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 1e999]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    assert "byte 8: the header is damaged" in refusal("v.safetensors", content)
    package.save(WordVectors(["a", "b"], np.eye(2), [2, 1]), "good.safetensors")
    content = Path("good.safetensors").read_bytes()
    negative = content.replace(np.array([2, 1]).tobytes(), np.array([2, -1]).tobytes())
    assert "the count of row 1 is -1" in refusal("v.safetensors", negative)
