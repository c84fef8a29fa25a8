"""Small texts are read in any common encoding and line end, or refused with the line."""

import doctest
import gzip
import io
import sys

import pytest

from w2v import text_files
from w2v.corpus.stop_words import read_stop_words
from w2v.errors import ConfigError, InputError
from w2v.text_files import numbered_lines, read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_are_no_part_of_a_text(tmp_path, encoding, end):
    content = f"café{end}{end}  東京 {end}x".encode(encoding)
    for name, data in (("plain", content), ("packed", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        lines = list(numbered_lines(tmp_path / name, InputError))
        assert lines == [(1, "café"), (3, "東京"), (4, "x")]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a\nb\ngar\xe7on x\n", r"t.txt, line 3: it is not UTF-8 text; it may be cp1252 \('gar"),
        ("가\n나다라\n".encode("cp949"), "line 1: it is not UTF-8 text; it may be .*cp949"),
        ("a\nb\n".encode("utf-16-le"), "t.txt is not text in UTF-8 but in utf-16-le: save it"),
        (b"a\0bcdef\0", "t.txt is not text: save it as UTF-8"),
        (gzip.compress(b"a\n" * 99, mtime=0)[:-9], "t.txt is cut off"),
        (None, "cannot read t.txt: No such file"),
    ],
)
def test_what_is_no_such_text_is_refused_as_the_caller_says(tmp_path, content, message):
    if content is not None:
        (tmp_path / "t.txt").write_bytes(content)
    for error in (InputError, ConfigError):
        with pytest.raises(error, match=message):
            read_text("t.txt", error)


def test_stdin_is_read_as_files_are(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfa\r\nb\r\n")))
    assert read_text("-", InputError) == "a\nb\n"
    monkeypatch.setattr(sys, "stdin", None)
    assert read_text("-", InputError) == ""


def test_stop_words_and_words_to_ask_for_may_have_marks_and_crlf(w2v, tmp_path):
    (tmp_path / "stop.txt").write_bytes(b"\xef\xbb\xbfthe\r\nof\r\n")
    assert read_stop_words("stop.txt") == {"the", "of"}
    (tmp_path / "v.txt").write_bytes(b"3 1\nthe 1\nof 2\nx 3\n")
    out, err = w2v("neighbours-of", "stop.txt", "--model", "v.txt", "--top", "1")[1:]
    assert [line.split("\t")[0] for line in out.splitlines()] == ["the", "of"] and err == ""


def test_the_examples_in_the_docstrings_hold():
    from w2v.vectors.formats import kinds

    for module in (text_files, kinds):
        assert doctest.testmod(module).failed == 0
