"""The bytes of a file or of stdin, unpacked as its first bytes say (`w2v.unpacking`)."""

import io
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from w2v.errors import CorpusError
from w2v.unpacking import ENDINGS, Unpacked, UnpackingError, packing

READ = 1 << 20  # bytes read at a time
MAGIC = 16  # bytes that tell how a file is packed


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
    try:
        with _open(path) as raw:
            file = _Headed(raw)
            kind, named = packing(file.head), ENDINGS.get(Path(path).suffix)
            if kind is None and named is not None:
                raise CorpusError(f"{name} is damaged, or not {named} data: rename or replace it")
            unpacked = Unpacked(cast(IO[bytes], file), kind) if kind else file
            yield from iter(lambda: unpacked.read(READ), b"")
    except FileNotFoundError as error:
        raise CorpusError(f"{name}: there is no such file; check its name and folder") from error
    except UnpackingError as error:
        raise CorpusError(f"{name} {error}") from error
    except OSError as error:
        raise CorpusError(f"{name} cannot be read: {error.strerror or error}") from error


@contextmanager
def _open(path: str | Path) -> Iterator[IO[bytes]]:
    if str(path) != "-":
        with open(path, "rb") as file:
            yield file
    elif sys.stdin is None:
        raise CorpusError("stdin is closed: name a file")
    else:
        yield sys.stdin.buffer
