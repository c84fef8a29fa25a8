"""The bytes of a file or of stdin, unpacked as its first bytes say: gzip, bzip2, xz and zstd.

However much a file grows when it is unpacked, a piece of about 1 MB is in memory at a time.
"""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from w2v.corpus.kinds import ENDINGS, packing
from w2v.errors import CorpusError

READ = 1 << 20  # bytes read at a time
MAGIC = 6  # bytes that tell how a file is packed
XZ_MEMORY = 1 << 28  # bytes that unpacking xz may take: `xz -9` needs 65 MB

Read = Callable[[int], bytes]


class _Headed(io.RawIOBase):
    """A stream whose first bytes were looked at already. Closing it leaves the stream open."""

    def __init__(self, file: IO[bytes]):
        self.file = file
        self.head = self.waiting = file.read(MAGIC)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer than `size` at the end alone."""
        if not self.waiting:
            return self.file.read(size)
        stop = len(self.waiting) if size < 0 else size
        piece, self.waiting = self.waiting[:stop], self.waiting[stop:]
        return piece + self.file.read(size if size < 0 else size - len(piece))


def byte_blocks(path: str | Path) -> Generator[bytes, None, None]:
    """The bytes of a file, unpacked. Raises CorpusError if it cannot be read."""
    name = "stdin" if str(path) == "-" else str(path)
    with _reported(name), _open(path) as raw:
        file = _Headed(raw)
        kind, named = packing(file.head), ENDINGS.get(Path(path).suffix)
        if kind is None and named is not None:
            raise CorpusError(f"{name} is damaged, or not {named} data: rename or replace it")
        read = _reader(kind, file)
        yield from iter(lambda: read(READ), b"")


@contextmanager
def _open(path: str | Path) -> Iterator[IO[bytes]]:
    if str(path) != "-":
        with open(path, "rb") as file:
            yield file
    elif sys.stdin is None:
        raise CorpusError("stdin is closed: name a file")
    else:
        yield sys.stdin.buffer


def _reader(kind: str | None, file: Any) -> Read:
    """What reads the next bytes of a packed file."""
    if kind == "gzip":
        return gzip.open(file).read
    if kind == "bzip2":
        return bz2.open(file).read
    if kind == "xz":
        return _xz_reader(file)
    if kind == "zstd":
        import pyarrow

        # Unlike zstandard's own reader, it does not take a file that was cut off for a whole one.
        return pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd").read
    return file.read


def _xz_reader(file: Any) -> Read:
    """As lzma.open, which does not limit the memory that a file can ask for."""
    new = lzma.LZMADecompressor
    state = new(memlimit=XZ_MEMORY)

    def read(size: int) -> bytes:
        nonlocal state
        while True:
            data = b""
            if state.eof:
                data = (state.unused_data or file.read(READ)).lstrip(b"\0")  # streams are padded
                if not data:
                    return b""
                state = new(memlimit=XZ_MEMORY)
            elif state.needs_input and not (data := file.read(READ)):
                raise EOFError
            if piece := state.decompress(data, size):
                return piece

    return read


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Errors of the system and of the unpackers as CorpusError."""
    try:
        yield
    except FileNotFoundError as error:
        raise CorpusError(f"{name}: there is no such file") from error
    except EOFError as error:
        raise _cut_off(name) from error
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(f"{name} is damaged: it cannot be unpacked ({error})") from error
    except OSError as error:
        if "Truncated compressed stream" in str(error):
            raise _cut_off(name) from error
        if error.errno is None:  # of bz2 and pyarrow
            raise CorpusError(f"{name} is damaged: it cannot be unpacked ({error})") from error
        raise CorpusError(f"{name} cannot be read: {error.strerror or error}") from error


def _cut_off(name: str) -> CorpusError:
    return CorpusError(f"{name} is cut off: the compressed data end too early")
