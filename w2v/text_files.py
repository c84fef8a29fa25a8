"""Small files of text, and what encoding a text is in: the one place that reads them.

Lists of words, stop words, analogies, word pairs and the words beside a TSV come here; files of
vectors are read as bytes.
"""

import codecs
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from w2v.encodings import likely_encodings, mark_of, wide_encoding
from w2v.errors import W2VError
from w2v.unpacking import Unpacked, UnpackingError, packing

_LARGEST = 1 << 28  # bytes of a text that is read whole
_HEAD = 1 << 14  # bytes that show how a text is packed or encoded


class Recoded(io.RawIOBase):
    """A file of any encoding as UTF-8. Reading raises UnicodeDecodeError."""

    def __init__(self, file: IO[bytes], encoding: str, errors: str = "strict"):
        self._file, self._waiting = file, b""
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)

    def readable(self) -> bool:
        """That it can be read, which the class above does not say."""
        return True

    def readinto(self, buffer) -> int:
        """Fill the buffer, or a part of it; 0 at the end."""
        while not self._waiting:
            piece = self._file.read(_HEAD)
            self._waiting = self._decoder.decode(piece, final=not piece).encode("utf-8", "replace")
            if not piece:
                break
        piece, self._waiting = self._waiting[: len(buffer)], self._waiting[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def read_text(path: str | Path, error: type[W2VError]) -> str:
    """A text of UTF-8, or of the encoding that its byte-order mark names; "-" is stdin.

    It may be packed. Lines end in "\\n" in what is returned, whatever they end in there, and there
    is no byte-order mark in it. Raises `error` for what cannot be read, or is not such a text.
    """
    data = _read_bytes(path, error)
    mark, encoding = mark_of(data) or (b"", "utf-8")
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        start = data.rfind(b"\n", 0, problem.start) + 1
        shown = likely_encodings(data[start:].splitlines()[0].strip())
        raise error(
            f"{path}, line {line:,}: it is not UTF-8 text; it may be {shown}: save it as UTF-8"
        ) from problem
    if "\0" in text:
        raise error(f"{path} is not text{_as_wide(data)}: save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_wide(data: bytes) -> str:
    name = wide_encoding(data[:_HEAD])
    return f" in UTF-8 but in {name}" if name else ""


def _read_bytes(path: str | Path, error: type[W2VError]) -> bytes:
    try:
        if str(path) == "-":
            return _stdin_bytes()
        with open(path, "rb") as file:
            kind = packing(file.peek(_HEAD))
            stream = io.BufferedReader(Unpacked(file, kind)) if kind else file
            data = stream.read(_LARGEST + 1)
    except OSError as problem:
        raise error(f"cannot read {path}: {problem.strerror or problem}") from problem
    except UnpackingError as problem:
        raise error(f"{path} {problem}") from problem
    if len(data) > _LARGEST:
        raise error(f"{path} holds more than {_LARGEST:,} bytes: take a part of it")
    return data


def _stdin_bytes() -> bytes:
    if sys.stdin is None:  # closed
        return b""
    binary = getattr(sys.stdin, "buffer", None)  # a caller may have put a text there
    return sys.stdin.read().encode() if binary is None else binary.read()


def quoted(text: str, most: int = 60) -> str:
    """A piece of a text as an error shows it."""
    return repr(text[:most]) + (" ..." if len(text) > most else "")


def numbered_lines(path: str | Path, error: type[W2VError]) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, without white space around them, with numbers.

    Raises `error` as `read_text` does.
    """
    for number, line in enumerate(read_text(path, error).split("\n"), 1):
        if line.strip():
            yield number, line.strip()
