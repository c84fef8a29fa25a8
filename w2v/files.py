"""Writing files whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from w2v.errors import OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file, to write and read, that takes the place of `path` when the block ends well.

    Until then it stands beside it under a temporary name. Raises OutputError if the folder does
    not exist or cannot be written.
    """
    path = Path(path)
    handle, temporary = _temporary_beside(path)
    try:
        with _reported(path), os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _reported(path):
            os.chmod(temporary, 0o666 & ~_umask())  # as if it had been opened by its name
            os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def check_writable(path: str | Path) -> None:
    """Raise OutputError unless a file can be written at `path`; leaves nothing behind."""
    handle, temporary = _temporary_beside(Path(path))
    os.close(handle)
    os.unlink(temporary)


def _temporary_beside(path: Path) -> tuple[int, str]:
    with _reported(path):
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a directory; name a file in it")
        return tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        if not path.parent.is_dir():
            raise OutputError(
                f"cannot write {path}: there is no folder {path.parent}; make it first"
            ) from error
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose another place for it"
        ) from error
