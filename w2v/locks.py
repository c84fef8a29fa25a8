"""Locks by which processes see that another is alive: a lock goes when its process does.

They are advisory, and are not there on every system and file system: then nobody is said to be
gone.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from w2v.errors import OutputError
from w2v.files import open_regular

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time is in a block that locks the folder, where that can be done."""
    handle = None
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def hold(file: IO[bytes]) -> Iterator[None]:
    """Hold a lock on an open file in the block, also after the file is closed."""
    handle = os.dup(file.fileno())
    try:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def owned(path: Path) -> Iterator[str | None]:
    """A file that is this process's alone in the block, where that can be done, and names it.

    Gives None, or what names the process that has it already. Raises OutputError if there can be no
    such file.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; name another place") from error
    with os.fdopen(handle, "r+b") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield file.read(200).decode(errors="replace").strip() or "another process"
            return
        except OSError:  # a file system without locks
            pass
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n".encode())
        file.flush()
        yield None


def is_held(path: Path) -> bool:
    """Whether a process holds a lock on a file, or that cannot be told."""
    if fcntl is None:
        return True
    try:
        with open_regular(path, follow_links=False) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
