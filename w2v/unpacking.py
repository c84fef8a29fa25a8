"""Packed files (gzip, bzip2, xz, zstd), known by their first bytes and unpacked piece by piece.

However much a file grows when it is unpacked, only what was asked for is in memory.
"""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, cast

ENDINGS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
"""How the names of packed files end."""

_MAGIC = {
    "gzip": rb"\x1f\x8b",
    "bzip2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",  # `BZh` alone could be a word
    "xz": rb"\xfd7zXZ\x00",
    "zstd": rb"\x28\xb5\x2f\xfd",
}
_READ = 1 << 18  # packed bytes that are read at a time
_XZ_MEMORY = 1 << 28  # bytes that unpacking xz may take: `xz -9` needs 65 MB

_Read = Callable[[int], bytes]


class UnpackingError(Exception):
    """What is packed is cut off or damaged; the message goes on after the file's name."""


def packing(head: bytes) -> str | None:
    """How a file that begins so is packed: "gzip", "bzip2", "xz", "zstd", or None."""
    return next((kind for kind, magic in _MAGIC.items() if re.match(magic, head)), None)


class Unpacked(io.RawIOBase):
    """The bytes that are packed in a file of this kind. Reading raises UnpackingError."""

    def __init__(self, file: IO[bytes], kind: str):
        self._read, self._place = _reader(file, kind), 0

    def readable(self) -> bool:
        """That it can be read, which the class above does not say."""
        return True

    def readinto(self, buffer) -> int:
        """Fill the buffer, or as much of it as is unpacked at once; 0 at the end."""
        with _reported():
            piece = self._read(len(buffer))
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def tell(self) -> int:
        """How many bytes were read."""
        return self._place


def _reader(file: IO[bytes], kind: str) -> _Read:
    """What gives up to so many of the next bytes."""
    if kind == "gzip":
        return gzip.GzipFile(fileobj=file).read
    if kind == "zstd":
        import pyarrow

        # Unlike zstandard's own reader, it does not take a file that was cut off for a whole one.
        return pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd").read
    if kind == "bzip2":
        return _streams(file, bz2.BZ2Decompressor)
    return _streams(file, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))


def _streams(
    file: IO[bytes], new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
) -> _Read:
    """Read packed streams that follow one another; unlike lzma.open, this can limit the memory."""
    state = new()

    def read(size: int) -> bytes:
        nonlocal state
        while True:
            data = b""
            if state.eof:
                data = (state.unused_data or file.read(_READ)).lstrip(b"\0")  # xz pads its streams
                if not data:
                    return b""
                state = new()
            elif state.needs_input and not (data := file.read(_READ)):
                raise EOFError
            if piece := state.decompress(data, size):
                return piece

    return read


@contextmanager
def _reported() -> Iterator[None]:
    """Errors of the libraries as UnpackingError; those of the system as they are."""
    try:
        yield
    except EOFError as error:
        raise UnpackingError("is cut off: what is packed in it ends too early") from error
    except (OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if "Truncated compressed stream" in str(error):
            raise UnpackingError("is cut off: what is packed in it ends too early") from error
        raise UnpackingError(f"is damaged: it cannot be unpacked ({error})") from error


@contextmanager
def packed(file: IO[bytes], kind: str | None) -> Iterator[IO[bytes]]:
    """What packs into a file all that is written to it in the block; without a kind, the file."""
    if kind is None:
        yield file
        return
    with _writer(file, kind) as writer:
        yield writer


def _writer(file: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0))
    if kind == "bzip2":
        return cast(IO[bytes], bz2.BZ2File(file, "wb"))
    if kind == "xz":
        return lzma.LZMAFile(file, "wb")
    import zstandard

    return cast(IO[bytes], zstandard.ZstdCompressor().stream_writer(file, closefd=False))
