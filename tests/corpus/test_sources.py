"""Which files a text is, and that none of them is written over or taken for what it is not."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile

import pytest
import zstandard
from corpus_cases import stream_of, write

import w2v as package
from w2v.config import TextConfig
from w2v.corpus.encoding import encode_files
from w2v.corpus.unpacking import byte_blocks
from w2v.encodings import USUAL
from w2v.errors import CorpusError, OutputError

ALL = TextConfig(min_count=1)
SMALL = ["--engine", "layers", "--min-count", 1, "--dim", 4, "--negative", 2, "--epochs", 1]
LINES = "".join(f"a{i % 7} b{i % 5} c{i % 3} d e\n" for i in range(60))


@pytest.fixture
def folder(tmp_path):
    """A folder of two books; one has a link outside of it that leads to it."""
    write(tmp_path / "books" / "book1.txt", LINES)
    write(tmp_path / "books" / "deep" / "book2.txt", LINES)
    (tmp_path / "outside.txt").symlink_to("books/deep/book2.txt")
    return tmp_path / "books"


# No input is written over


@pytest.mark.parametrize("name", ["books/book1.txt", "books/deep/../book1.txt", "outside.txt"])
@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_a_file_in_an_input_folder_is_not_written_over(refused, folder, name, option):
    line = refused("train", folder, *SMALL, option, name)
    assert f"{name} would be overwritten" in line
    assert (folder / "book1.txt").read_text() == LINES
    assert (folder / "deep" / "book2.txt").read_text() == LINES


def test_other_files_that_a_run_reads_are_not_written_over(refused, folder, tmp_path):
    write(tmp_path / "stop.txt", "d\n")
    write(tmp_path / "pairs.txt", "a1 a2 5\n")
    write(tmp_path / "c.toml", "dim = 4\n")
    for option, name in (
        ("--stop-words", "stop.txt"),
        ("--pairs", "pairs.txt"),
        ("--config", "c.toml"),
    ):
        line = refused("train", folder, *SMALL, option, name, "-o", name)
        assert f"{name} would be overwritten" in line
    write(tmp_path / "ptb.train.txt", LINES)
    options = ["--dataset", "ptb", "--data-dir", ".", "-o", "ptb.train.txt"]
    assert "ptb.train.txt would be overwritten" in refused("train", *options)
    with pytest.raises(OutputError, match="would be overwritten"):
        package.train(folder, output=folder / "book1.txt", engine="layers")


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.bin", "v.txt.gz", "v.tsv", "v.npz"])
def test_vectors_in_an_input_folder_are_not_trained_on(w2v, folder, name):
    for _ in range(2):
        code, out, err = w2v("train", folder, *SMALL, "-o", folder / name)
        assert code == 0 and "18 words of dim 4; trained 700 words" in out
    assert name in err and "or vectors)" in err


def test_a_text_that_begins_with_two_numbers_is_a_text(tmp_path):
    write(tmp_path / "d" / "a.txt", "1984 3\nwords and 12 3\n")
    assert stream_of(encode_files([tmp_path / "d"], ALL))[:2] == ["1984", "3"]


# Packed under any name


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_text_is_unpacked_as_its_bytes_say(tmp_path, monkeypatch, ending):
    data = b"a b\nc\n"
    for name, content in (
        (f"a.{ending}", PACKERS[ending](data)),
        ("a.txt", PACKERS[ending](data)),
        (f"two.{ending}", PACKERS[ending](data[:3]) + PACKERS[ending](data[3:])),
    ):
        path = write(tmp_path / name, content)
        assert stream_of(encode_files([path], ALL)) == ["a", "b", None, "c", None]
    with open(tmp_path / "a.txt") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert stream_of(encode_files(["-"], ALL)) == ["a", "b", None, "c", None]
    write(tmp_path / "d" / f"a.{ending}", PACKERS[ending](data))
    assert stream_of(encode_files([tmp_path / "d"], ALL)) == ["a", "b", None, "c", None]


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_text_that_is_cut_off_or_damaged_is_refused(tmp_path, ending):
    whole = PACKERS[ending](random.Random(1).randbytes(5_000))
    for size in (8, 100, 2_000, len(whole) - 1):
        with pytest.raises(CorpusError, match=r"a\.\w+ is cut off|damaged"):
            list(byte_blocks(write(tmp_path / f"a.{ending}", whole[:size])))
    damaged = whole[:2_000] + b"\0" * 60 + whole[2_060:]
    for content in (b"", b"plain", *([damaged] if ending != "zst" else [])):  # zst has no sums
        with pytest.raises(CorpusError, match="damaged"):
            list(byte_blocks(write(tmp_path / f"a.{ending}", content)))


@pytest.mark.parametrize("ending", PACKERS)
def test_a_small_file_that_unpacks_to_much_comes_in_small_blocks(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}", PACKERS[ending](bytes(30_000_000)))
    assert path.stat().st_size < 40_000
    sizes = [len(block) for block in byte_blocks(path)]
    assert sum(sizes) == 30_000_000 and max(sizes) <= 1 << 20


# What is not text is called by its name


def _zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", LINES)
    return file.getvalue()


def _gzip(content):
    return gzip.compress(content, mtime=0)  # the same name of the test in each process


def _tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return file.getvalue()


@pytest.mark.parametrize(
    "content, says",
    [
        (_zip(), "a zip archive (as .docx, .xlsx and .epub are): unpack it into a folder"),
        (_tar(), "a tar archive: unpack it into a folder, and name that"),
        (_gzip(_tar()), "a tar archive: unpack it"),
        (lzma.compress(_tar()), "a tar archive: unpack it"),
        (b"ARROW1\0\0\x10\0", "an Arrow (Feather) file: save the table as .parquet"),
        (b"SQLite format 3\0\x10\0", "an SQLite database"),
        (b"%PDF-1.7\n1 0 obj\n", "a PDF: save what is in it as plain text"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive"),
        (_gzip(_gzip(b"a")), "packed twice, with gzip data inside"),
        ("가 나\n".encode("utf-16"), "is UTF-16 text, with NUL bytes: pass --encoding utf-16"),
        ("가 나\n".encode("utf-16-le"), "pass --encoding utf-16-le"),
        ("가 나\n".encode("utf-16-be"), "pass --encoding utf-16-be"),
        ("가 나\n".encode("utf-32-le"), "pass --encoding utf-32-le"),
        (b"abc\0def", "NUL byte at offset 3: not plain text"),
        (bytes(100), "NUL byte at offset 0: not plain text"),
    ],
)
def test_what_is_not_plain_text_is_named(tmp_path, content, says):
    with pytest.raises(CorpusError) as refused:
        encode_files([write(tmp_path / "a.txt", content)], ALL)
    assert says in str(refused.value)


def test_utf16_without_a_byte_order_mark_names_the_order(tmp_path):
    text = "한국 사람 은 김치 를\n먹는다 정말\n"
    for order in ("le", "be"):
        path = write(tmp_path / f"{order}.txt", text.encode(f"utf-16-{order}"))
        with pytest.raises(CorpusError, match=f"no byte-order mark.*--encoding utf-16-{order}"):
            encode_files([path], TextConfig(encoding="utf-16"))
        words = encode_files([path], TextConfig(encoding=f"utf-16-{order}", min_count=1))
        assert words.vocabulary.words == text.split()


TEXTS = {
    "cp949": "안녕하세요 세계, 오늘은 날씨가 좋습니다",
    "shift_jis": "今日は天気がいいです 東京に行きました",
    "euc_jp": "今日は天気がいいです 東京に行きました",
    "gb18030": "他是中国人, 在北京大学学习历史。 今天 天气 很好",
    "big5": "今天 天氣 很好 我們 去 公園 玩",
    "cp1251": "привет мир как дела, Анна",
    "koi8_r": "привет мир как дела, Анна",
    "cp1253": "Καλημέρα λέξη",
    "cp1255": "שלום עולם",
    "cp1256": "مرحبا بالعالم",
    "cp874": "สวัสดี ชาวโลก",
    "cp1250": "zażółć gęślą jaźń",
    "cp1252": "café déjà vu, Größe über Straße",
}


@pytest.mark.parametrize("encoding", USUAL)
def test_the_encodings_that_a_text_can_be_read_in_are_named(tmp_path, encoding):
    path = write(tmp_path / "a.txt", ((TEXTS[encoding] + "\n") * 30).encode(encoding))
    with pytest.raises(CorpusError, match="invalid utf-8 at byte offset") as refused:
        encode_files([path], ALL)
    named = str(refused.value).partition("it can be read as ")[2]
    assert encoding in named and "pass --encoding" in named
    if encoding not in ("cp874", "cp1251", "koi8_r", "cp1253"):
        assert named.startswith(encoding)
    config = TextConfig(encoding=encoding, min_count=1)
    assert encode_files([path], config).vocabulary.words == TEXTS[encoding].split()


def test_a_text_that_ends_within_a_character_is_cut_off(tmp_path):
    path = write(tmp_path / "a.txt", "김치 먹는다".encode()[:-1])
    with pytest.raises(CorpusError, match=r"offset 13 .* it ends within a character"):
        encode_files([path], ALL)


def test_stdin_is_called_stdin(tmp_path, monkeypatch):
    with open(write(tmp_path / "a", _zip())) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(CorpusError, match="stdin is a zip archive"):
            encode_files(["-"], ALL)


def test_one_bad_byte_in_utf8_is_not_another_encoding(tmp_path):
    path = write(tmp_path / "a.txt", "김치 먹는다\n".encode() * 9 + b"\xff\n")
    with pytest.raises(CorpusError, match="the rest is UTF-8: pass --encoding-errors replace"):
        encode_files([path], ALL)
