"""Writing files whole or not at all, and opening those that have to be ordinary ones."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, cast

from w2v.errors import OutputError


def open_regular(path: str | Path, follow_links: bool = True) -> IO[bytes]:
    """Open an ordinary file for reading. Raises OSError at once for a pipe, a folder or a device.

    follow_links: whether `path` may be a symbolic link.
    """
    return cast(IO[bytes], open(path, "rb", opener=partial(_open_regular, follow_links)))


def _open_regular(follow_links: bool, path: str, flags: int) -> int:
    flags |= getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for its writer
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", path) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not an ordinary file", path)
    return handle


@contextmanager
def unnamed() -> Iterator[IO[bytes]]:
    """A binary file, to write and read, that no folder lists: however the process ends, it goes.

    What is mapped of it stays. Raises OutputError if there is no room for temporary files.
    """
    try:
        with tempfile.TemporaryFile(prefix="w2v-") as file:
            yield file
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"cannot write a temporary file: {error.strerror or error}; set TMPDIR to a folder "
            "with room"
        ) from error


@contextmanager
def replacing(
    path: str | Path, durable: bool = True, follow_links: bool = True
) -> Iterator[IO[bytes]]:
    """A binary file, to write and read, that takes the place of `path` when the block ends well.

    Until then it is beside it under a temporary name. An earlier file's permissions stay. durable:
    whether it has to survive a power cut, which takes time. follow_links: a link stays a link, and
    the file that it leads to is replaced; else the link is, and what it leads to is not touched.
    Raises OutputError if the folder does not exist or cannot be written, or if something other
    than a file is in the way.
    """
    path = _target(path) if follow_links else Path(path)
    is_new = not path.exists() or (path.is_symlink() and not follow_links)
    handle, temporary = _temporary_beside(path, is_new)
    try:
        with _reported(path), os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        with _reported(path):
            os.chmod(temporary, 0o666 & ~_umask() if is_new else path.stat().st_mode & 0o777)
            os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def check_writable(path: str | Path) -> None:
    """Raise OutputError unless a file can be written at `path`; no file is left there."""
    handle, temporary = _temporary_beside(_target(path))
    os.close(handle)
    os.unlink(temporary)


def check_outputs(outputs: Iterable[str | Path], inputs: Iterable[str | Path] = ()) -> None:
    """Raise OutputError unless each output can be written, and to a file of its own.

    An output must be neither an input nor another output, under whatever name: links are followed.
    What is named as an input need not exist. For a command to call before it does any work.
    """
    taken = {os.path.realpath(path) for path in inputs}
    for path in outputs:
        check_writable(path)
        real = os.path.realpath(path)
        if real in taken:
            raise OutputError(f"{path} would be overwritten: give each file a name of its own")
        taken.add(real)


def _target(path: str | Path) -> Path:
    """The file that is replaced: where `path` is a link, the one that it leads to."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)


def _temporary_beside(path: Path, is_new: bool = False) -> tuple[int, str]:
    """A new file beside `path`. is_new: whatever has the name `path`, it may be replaced."""
    with _reported(path):
        if str(path) == "-":
            raise OutputError("cannot write to - (stdout): name a file")
        if path.is_dir() and not is_new:
            raise OutputError(f"cannot write {path}: it is a directory; name a file in it")
        if path.exists() and not path.is_file() and not is_new:
            raise OutputError(f"cannot write {path}: it is not an ordinary file; name another")
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
