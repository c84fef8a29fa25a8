"""How much memory there is, and how much this process has taken."""

import sys
from contextlib import suppress
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that can be taken without swapping, on this machine or in this container.

    cgroup: the folder of the container's limits (version 2 of Linux's control groups).
    """
    import psutil

    available = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # there are none, or the limit is "max"
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text()) - _reclaimable(cgroup)
        available = min(available, max(0, limit - used))
    return available


def _reclaimable(cgroup: Path) -> int:
    """Bytes of cached files, which the system gives back when they are wanted."""
    for line in (cgroup / "memory.stat").read_text().splitlines():
        name, _, number = line.partition(" ")
        if name == "inactive_file":
            return int(number)
    return 0


def peak_memory() -> int:
    """The most bytes that this process has had in memory at once; 0 where that is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
