"""The text of files as UTF-8, in blocks that end in white space.

The blocks depend on the text alone: the same from a file, its compressed copy and a pipe.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain

from w2v.config import TextConfig
from w2v.corpus.kinds import HEAD, PARQUET, is_json_lines
from w2v.corpus.python_tokenizer import is_python
from w2v.corpus.records import parquet_rows, table_format
from w2v.corpus.sizes import USUAL
from w2v.corpus.sources import Note
from w2v.corpus.text_tables import table_rows
from w2v.corpus.unpacking import byte_blocks
from w2v.corpus.utf8 import to_utf8
from w2v.encodings import check_encoding
from w2v.errors import CorpusError, W2VError

LONGEST_WORD = 1 << 20
"""Bytes of a word at most; what is longer is not text."""
SHOWN = 30  # bytes of it in an error

ASCII_SPACE = b"\t\n\v\f\r\x1c\x1d\x1e\x1f "
"""The white space of `str.split` that is one byte in UTF-8."""
WIDE_SPACE = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
"""The rest of it."""
_WIDE_SPACE_BYTES = re.compile(
    rb"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
)


def _nobody(line: str) -> None:
    """What is noted where nobody listens."""


def text_blocks(
    files: Iterable[str], config: TextConfig, size: int = USUAL.block, note: Note = _nobody
) -> Iterator[bytes]:
    """The text of the files as UTF-8, in blocks of about `size` bytes that end in white space.

    A word is never cut: a block grows until it holds a whole one. Every file ends in a newline.
    note: is told of plain text that looks like JSON.
    Raises CorpusError for a file that cannot be read, bytes that are not valid in the encoding
    (naming their offset) or NUL bytes, and ConfigError for an encoding that does not exist.
    """
    codec = check_encoding(config.encoding)
    pieces = chain.from_iterable(_utf8(file, codec, config, note) for file in files)
    return cut_blocks(pieces, size, at_lines=is_python(config.tokenizer))


def _utf8(path: str, codec: str, config: TextConfig, note: Note) -> Iterator[bytes]:
    """One file as UTF-8, with a newline after it; CorpusError, whatever goes wrong in a reader."""
    try:
        yield from _read(path, codec, config, note)
    except W2VError:
        raise
    except Exception as error:
        kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
        raise CorpusError(f"{_name(path)} cannot be read: {kind}{error}") from error


def _name(path: str) -> str:
    return "stdin" if path == "-" else path


def _read(path: str, codec: str, config: TextConfig, note: Note) -> Iterator[bytes]:
    if path.endswith(".parquet") or _begins_as_parquet(path):
        yield from parquet_rows(path, config.column)
    else:
        with closing(byte_blocks(path)) as blocks:  # also where the text is refused half-way
            text = to_utf8(blocks, _name(path), codec, config.encoding_errors)
            is_table = table_format(path) is not None
            if is_table:
                yield from table_rows(text, path, config.column)
            else:
                yield from _noted(text, _name(path), note)
    yield b"\n"


def _noted(text: Iterator[bytes], path: str, note: Note) -> Iterator[bytes]:
    """The same text; says if it looks like JSON lines under a name of plain text."""
    block = next(text, b"")
    if is_json_lines(block[:HEAD]):
        note(
            f"{path}: most lines are JSON, and are taken for words: to read one of their fields, "
            "end the file's name in .jsonl and name it with --column"
        )
    yield block
    yield from text


def too_long(word: bytes) -> CorpusError:
    """The error for a word longer than LONGEST_WORD, of which this is the beginning."""
    shown = word[:SHOWN].decode("utf-8", "replace")
    return CorpusError(
        f"a word of more than {LONGEST_WORD:,} bytes, which begins {shown!r}: put white space "
        "between the words of the text, or see --tokenizer for text without it"
    )


def _begins_as_parquet(path: str) -> bool:
    if path == "-" or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def cut_blocks(
    pieces: Iterable[bytes], size: int = USUAL.block, at_lines: bool = False
) -> Iterator[bytes]:
    """The same bytes in blocks that end in white space, about `size` long.

    at_lines: they end with a line, but where a line is longer than a block. Where a block ends
    depends on the bytes alone, not on how they are cut into pieces.
    """
    waiting: list[bytes] = []
    length, wanted = 0, size
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length < wanted:
            continue
        text = b"".join(waiting)
        start = 0
        while len(text) - start >= wanted:
            stop = _after_last_space(text, start, start + wanted, at_lines)
            if stop > start:
                yield text[start:stop]
                start, wanted = stop, size
            else:
                if wanted > LONGEST_WORD:
                    raise too_long(text[start : start + SHOWN])
                wanted *= 2  # a word longer than a block
        waiting, length = [text[start:]], len(text) - start
    if length:
        yield b"".join(waiting)


def _after_last_space(text: bytes, start: int, stop: int, at_lines: bool) -> int:
    """The place after the last white space in text[start:stop]; -1 if it holds none."""
    if at_lines and (place := text.rfind(b"\n", start, stop)) >= 0:
        return place + 1
    place = max(text.rfind(space, start, stop) for space in (b" ", b"\n"))
    if place < 0:
        place = max(
            text.rfind(ASCII_SPACE[i : i + 1], start, stop) for i in range(len(ASCII_SPACE))
        )
    if place >= 0:
        return place + 1
    wide = [match.end() for match in _WIDE_SPACE_BYTES.finditer(text, start, stop)]
    return wide[-1] if wide else -1
