"""The bytes of a file or of stdin, unpacked as its ending says: .gz, .bz2 and .zst."""

import bz2
import gzip
import sys
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, cast

from w2v.errors import CorpusError

READ = 1 << 20  # bytes read at a time
ZSTD_READ = 1 << 14  # compressed bytes at a time: what they unpack to has to fit in memory

PACKED = [
    (b"\x1f\x8b", "gzip", ".gz"),
    (b"BZh", "bzip2", ".bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd", ".zst"),
    (b"PAR1", "Parquet", ".parquet"),
]
"""How compressed files begin."""


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


def refuse_packed(head: bytes, name: str) -> None:
    """Raise CorpusError where the first bytes of what should be text are a packed file's."""
    for magic, kind, ending in PACKED:
        if head.startswith(magic):
            raise CorpusError(
                f"{name} is {kind} data: end the file's name in {ending}, or unpack it first"
            )
