"""From sources to blocks of UTF-8 text: files, folders, stdin; text, packed text and Parquet.

A source is text (one sentence per line), .gz, .bz2, .zst or .parquet. The blocks depend on the
text alone: the same from a file, its compressed copy and a pipe.
"""

import bz2
import codecs
import gzip
import os
import re
import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import IO, cast

from w2v.config import TextConfig
from w2v.errors import ConfigError, CorpusError

BLOCK = 1 << 22  # bytes of text in a block
READ = 1 << 20  # bytes read at a time
ZSTD_READ = 1 << 14  # compressed bytes at a time: what they unpack to has to fit in memory
PARQUET_ROWS = 1 << 14  # rows read at a time
SNIFF = 1 << 13  # bytes of a file in a folder that show whether it is text

PACKED = [
    (b"\x1f\x8b", "gzip", ".gz"),
    (b"BZh", "bzip2", ".bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd", ".zst"),
    (b"PAR1", "Parquet", ".parquet"),
]
"""How compressed files begin."""

ASCII_SPACE = b"\t\n\v\f\r\x1c\x1d\x1e\x1f "
"""The white space of `str.split` that is one byte in UTF-8."""
WIDE_SPACE = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
"""The rest of it."""
_WIDE_SPACE_BYTES = re.compile(
    rb"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
)


def find_files(sources: Iterable[str | Path], say: Callable[[str], None]) -> list[str]:
    """The files of the sources; a folder stands for the files in it and in its folders, sorted.

    Hidden files, and files that hold NUL bytes and are neither compressed nor Parquet, are skipped,
    which `say` is told in one line. "-" (stdin) stays as it is. Raises CorpusError for a source
    that does not exist, or a folder without a text.
    """
    files: list[str] = []
    for source in map(str, sources):
        if source != "-" and os.path.isdir(source):
            files += _files_in(Path(source), say)
        elif source != "-" and not os.path.exists(source):
            raise CorpusError(f"{source}: there is no such file")
        else:
            files.append(source)
    return files


def _files_in(folder: Path, say: Callable[[str], None]) -> list[str]:
    found = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    texts = [path for path in found if _is_text(path, folder)]
    if len(texts) < len(found):
        skipped = sorted(set(found) - set(texts))
        names = ", ".join(str(path.relative_to(folder)) for path in skipped[:3])
        more = f" and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
        say(f"{folder}: skipped {names}{more} (hidden, or not text)")
    if not texts:
        raise CorpusError(f"{folder} is a directory without a text in it; name a text file")
    return [str(path) for path in texts]


def _is_text(path: Path, folder: Path) -> bool:
    if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
        return False
    if path.suffix in (".gz", ".bz2", ".zst", ".parquet"):
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(SNIFF)
    except OSError:
        return True  # reading it will say what is wrong
    return b"\0" not in head or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def text_blocks(files: Iterable[str], config: TextConfig, size: int = BLOCK) -> Iterator[bytes]:
    """The text of the files as UTF-8, in blocks of about `size` bytes that end in white space.

    A word is never cut: a block grows until it holds a whole one. Every file ends in a newline.
    Raises CorpusError for a file that cannot be read, bytes that are not valid in the encoding
    (naming their offset) or NUL bytes, and ConfigError for an encoding that does not exist.
    """
    codec = check_encoding(config.encoding)
    return cut_blocks(chain.from_iterable(_utf8(file, codec, config) for file in files), size)


def check_encoding(encoding: str) -> str:
    """The canonical name of a text encoding. Raises ConfigError if there is none."""
    try:
        codecs.getincrementaldecoder(encoding)
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, AttributeError, TypeError, UnicodeError) as error:
        raise ConfigError(f"--encoding {encoding!r} is not the name of a text encoding") from error


def _utf8(path: str, codec: str, config: TextConfig) -> Iterator[bytes]:
    """One file as UTF-8, with a newline after it."""
    if path.endswith(".parquet"):
        yield from _parquet_rows(path, config.column)
    else:
        with closing(byte_blocks(path)) as blocks:  # also where the text is refused half-way
            yield from to_utf8(blocks, path, codec, config.encoding_errors)
    yield b"\n"


def byte_blocks(path: str | Path) -> Generator[bytes, None, None]:
    """The bytes of a file, unpacked as its ending says. Raises CorpusError if it cannot be read."""
    try:
        if str(path) == "-":
            if sys.stdin is None:
                raise CorpusError("stdin is closed: name a file")
            yield from iter(lambda: sys.stdin.buffer.read(READ), b"")
        elif str(path).endswith(".zst"):
            yield from _zstd_blocks(path)
        else:
            with _open_unpacked(path) as file:
                yield from iter(lambda: file.read(READ), b"")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: there is no such file") from error
    except EOFError as error:
        raise CorpusError(f"{path} is cut off: the compressed data end too early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(f"{path} is damaged, or not gzip data: {error}") from error
    except OSError as error:
        if str(path).endswith(".bz2") and error.errno is None:
            raise CorpusError(f"{path} is damaged, or not bzip2 data: {error}") from error
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from error


def _open_unpacked(path: str | Path) -> IO[bytes]:
    if str(path).endswith(".gz"):
        return cast(IO[bytes], gzip.open(path))
    return bz2.open(path) if str(path).endswith(".bz2") else open(path, "rb")


def _zstd_blocks(path: str | Path) -> Iterator[bytes]:
    import zstandard

    # The frames are walked by hand, because the library's file reader takes the end of a
    # truncated file for the end of its data.
    frame = None
    with open(path, "rb") as file:
        while data := file.read(ZSTD_READ):
            while data:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield frame.decompress(data)
                except zstandard.ZstdError as error:
                    raise CorpusError(f"{path} is damaged, or not zstd data: {error}") from error
                data = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError


def _parquet_rows(path: str, column: str) -> Iterator[bytes]:
    """The rows of a column of strings, each with a newline after it; null rows are left out."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    empty, newline = (pyarrow.scalar(text, pyarrow.large_string()) for text in ("", "\n"))
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if column not in file.schema_arrow.names:
                raise CorpusError(
                    f"{path} has no column {column!r}: pass --column with one of "
                    f"{', '.join(file.schema_arrow.names)}"
                )
            kind = file.schema_arrow.field(column).type
            if kind not in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
                raise CorpusError(f"{path}: column {column!r} holds {kind}, not text (--column)")
            for batch in file.iter_batches(PARQUET_ROWS, columns=[column]):
                rows = batch.column(0).drop_null().cast(pyarrow.large_string())
                lines = pyarrow.compute.binary_join_element_wise(rows, empty, newline)
                text = _string_bytes(lines)
                if b"\0" in text:
                    raise CorpusError(f"{path}: NUL character in column {column!r}: not plain text")
                yield text
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise CorpusError(f"{path} is damaged, or not Parquet data: {reason}") from error


def _string_bytes(strings) -> bytes:
    """The bytes of a LargeStringArray, one string after the other."""
    import numpy

    _, offsets, data = strings.buffers()
    if data is None or len(strings) == 0:
        return b""
    ends = numpy.frombuffer(offsets, numpy.int64)[strings.offset :]
    return memoryview(data)[ends[0] : ends[len(strings)]].tobytes()


def to_utf8(blocks: Iterable[bytes], name: str, codec: str, errors: str) -> Iterator[bytes]:
    """Blocks of bytes in an encoding as blocks of UTF-8, without a byte order mark.

    codec: a canonical name, from `check_encoding`. name: what an error calls the file. Valid UTF-8
    passes as it is.
    """
    return _without_bom(_transcoded(blocks, name, codec, errors))


def _transcoded(blocks: Iterable[bytes], name: str, codec: str, errors: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    wide = len("a".encode(codec)) > 1  # UTF-16 and UTF-32 write zeros into every letter
    as_it_is = codec == "utf-8" and errors == "strict"
    offset = 0  # of the block's first byte in the file
    for block in _and_the_end(blocks):
        if offset == 0:
            _refuse_packed(block, name)
        if not wide and (place := block.find(b"\0")) >= 0:
            raise CorpusError(
                f"{name}: NUL byte at offset {offset + place}: not plain text "
                "(for UTF-16, pass --encoding utf-16)"
            )
        kept = len(decoder.getstate()[0])  # bytes of a character that began in the block before
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{name}: invalid {codec} at byte offset {offset - kept + error.start} "
                f"({error.reason}): pass --encoding (latin-1, say) or --encoding-errors replace"
            ) from error
        if wide and "\0" in text:
            raise CorpusError(f"{name}: NUL character in the text: not plain text")
        offset += len(block)
        yield block if as_it_is else text.encode("utf-8", "replace")


def _refuse_packed(head: bytes, name: str) -> None:
    for magic, kind, ending in PACKED:
        if head.startswith(magic):
            raise CorpusError(
                f"{name} is {kind} data: end the file's name in {ending}, or unpack it first"
            )


def _and_the_end(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks that hold anything, then an empty one."""
    yield from filter(None, blocks)
    yield b""


def _without_bom(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for block in blocks:
        head += block
        if len(head) >= len(codecs.BOM_UTF8):
            break
    yield head.removeprefix(codecs.BOM_UTF8)
    yield from blocks


def cut_blocks(pieces: Iterable[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """The same bytes in blocks that end in white space, about `size` long.

    Where a block ends depends on the bytes alone, not on how they are cut into pieces.
    """
    waiting: list[bytes] = []
    length, wanted = 0, size
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length < wanted:
            continue
        text = b"".join(waiting)
        begin = 0
        while len(text) - begin >= wanted:
            end = _after_last_space(text, begin, begin + wanted)
            if end > begin:
                yield text[begin:end]
                begin, wanted = end, size
            else:
                wanted *= 2  # a word longer than a block
        waiting, length = [text[begin:]], len(text) - begin
    if length:
        yield b"".join(waiting)


def _after_last_space(text: bytes, begin: int, end: int) -> int:
    """The place after the last white space in text[begin:end]; -1 if it holds none."""
    place = max(text.rfind(space, begin, end) for space in (b" ", b"\n"))
    if place < 0:
        place = max(text.rfind(ASCII_SPACE[i : i + 1], begin, end) for i in range(len(ASCII_SPACE)))
    if place >= 0:
        return place + 1
    wide = [match.end() for match in _WIDE_SPACE_BYTES.finditer(text, begin, end)]
    return wide[-1] if wide else -1


def describe(sources: Sequence[str | Path]) -> str:
    """What a message calls the sources: "a.txt", "stdin", "a.txt and 2 more"."""
    first = "stdin" if str(sources[0]) == "-" else str(sources[0])
    return first if len(sources) == 1 else f"{first} and {len(sources) - 1} more"
