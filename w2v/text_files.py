"""Small files of text, and what encoding a text is in: the one place that reads them.

Lists of words, stop words, analogies, word pairs and the words beside a TSV come here; files of
vectors, which are read as bytes, ask only for `mark_of` and `likely_encodings`.
"""

import codecs
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from w2v.errors import ConfigError, W2VError
from w2v.unpacking import Unpacked, UnpackingError, packing

_MARKS = {  # that of UTF-32 begins as that of UTF-16 does
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_COMMON = ("gb18030", "cp949", "shift_jis", "euc_jp", "big5", "cp1251", "latin-1")
_SHOWN = 3
_LARGEST = 1 << 28  # bytes of a text that is read whole
_HEAD = 1 << 14  # bytes that show how a text is packed or encoded


def mark_of(head: bytes) -> tuple[bytes, str] | None:
    """The byte-order mark with which a text begins, and the encoding that it stands for."""
    return next(((mark, name) for mark, name in _MARKS.items() if head.startswith(mark)), None)


def wide_encoding(head: bytes) -> str | None:
    """The UTF-16 that a text without a byte-order mark is in, as the zeros in it say, or None.

    >>> wide_encoding("king 0.1".encode("utf-16-le"))
    'utf-16-le'
    """
    pairs = len(head) // 2
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = head[first : 2 * pairs : 2].count(0)
        others = head[1 - first : 2 * pairs : 2].count(0)
        if pairs and zeros > pairs // 2 and not others:
            return name
    return None


def check_encoding(encoding: str) -> str:
    """The canonical name of a text encoding. Raises ConfigError if there is none."""
    try:
        codecs.getincrementaldecoder(encoding)
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, AttributeError, TypeError, UnicodeError) as error:
        raise ConfigError(f"--encoding {encoding!r} is not the name of a text encoding") from error


def is_wide(encoding: str) -> bool:
    """Whether ASCII is other bytes in an encoding: UTF-16, UTF-32, and what mainframes use."""
    ascii = bytes(range(32, 127))
    return ascii.decode(encoding, "replace").encode("utf-8", "replace") != ascii


def likely_encodings(text: bytes) -> str:
    """Common encodings in which bytes that are not UTF-8 can be read, and how that looks.

    >>> likely_encodings(b"caf\\xe9")
    "latin-1 ('café'), cp1251 ('cafй')"
    """
    readings = {}
    for name in _COMMON:
        try:
            readings[name] = text.decode(name)
        except UnicodeDecodeError:
            continue
    likely = [name for name, reading in readings.items() if reading.isprintable()][:_SHOWN]
    if sum(byte < 0x80 for byte in text) > len(text) // 2 or not likely:
        likely = ["latin-1", *(name for name in likely if name != "latin-1")]
    return ", ".join(f"{name} ({readings[name][:20]!r})" for name in likely)


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


def numbered_lines(path: str | Path, error: type[W2VError]) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, without white space around them, with numbers.

    Raises `error` as `read_text` does.
    """
    for number, line in enumerate(read_text(path, error).split("\n"), 1):
        if line.strip():
            yield number, line.strip()
