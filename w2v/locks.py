"""Locks by which processes see that another is alive: a lock goes when its process does.

They are advisory, and are not there on every system and file system: then nobody is said to be
gone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

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
