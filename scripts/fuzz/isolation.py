"""Work in a process of its own, which may run out of memory, take too long or die."""

import json
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from w2v.errors import W2VError


class Limits(NamedTuple):
    """What a piece of work may take.

    memory: bytes beyond those that it reads. addresses: bytes that it may ask for beyond those,
    used or not. seconds: of the processor. silence: seconds of the clock after which a process that
    says nothing is killed.
    """

    memory: int = 300 << 20
    addresses: int = 1 << 30
    seconds: float = 5.0
    silence: float = 60.0


USUAL = Limits()
LONGEST_MESSAGE = 1000  # characters of an error

Task = Callable[[Path], object]
"""Reads a file."""

Prepare = Callable[[int], tuple[Path, int]]
"""Makes the file of a number; returns it, and how many bytes are read with it."""


class Outcome(NamedTuple):
    """How a piece of work ended.

    problem: None where it is as it should be. message: of the error, or "" where there was none.
    """

    problem: str | None
    message: str
    seconds: float
    memory: int


class TooSlow(BaseException):
    """The time is over. No reader catches it."""


def outcomes(
    task: Task, prepare: Prepare, numbers: range, limits: Limits = USUAL
) -> Iterator[tuple[int, Outcome]]:
    """Do the task for each number, many in one process, and a new one after each that dies."""
    start = numbers.start
    while start < numbers.stop:
        for number, outcome in _in_a_process(task, prepare, range(start, numbers.stop), limits):
            yield number, outcome
            start = number + 1


def _in_a_process(
    task: Task, prepare: Prepare, numbers: range, limits: Limits
) -> Iterator[tuple[int, Outcome]]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(task, prepare, numbers, limits, writing)
    os.close(writing)
    number = numbers.start
    with open(reading) as lines:
        while select.select([lines], [], [], limits.silence)[0] and (line := lines.readline()):
            yield number, Outcome(*json.loads(line))
            number += 1
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if number < numbers.stop:
        is_killed = status == -signal.SIGKILL
        problem = "hangs" if is_killed else f"ends the process ({_signal_name(status)})"
        yield number, Outcome(problem, "", limits.silence, 0)


def _signal_name(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"


def _work(task: Task, prepare: Prepare, numbers: range, limits: Limits, writing: int) -> NoReturn:
    """The life of a process: a line of JSON for each number."""
    signal.signal(signal.SIGPROF, _stop)
    try:
        with open(writing, "w", buffering=1) as lines:
            for number in numbers:
                path, size = prepare(number)
                print(json.dumps(_measured(task, path, size, limits)), file=lines)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _stop(*_: object) -> NoReturn:
    raise TooSlow


def _measured(task: Task, path: Path, size: int, limits: Limits) -> Outcome:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before, start = _status("VmRSS"), time.process_time()
    addresses = _status("VmSize") + limits.addresses + 2 * size
    resource.setrlimit(resource.RLIMIT_AS, (addresses, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, limits.seconds)
    problem, message = None, ""
    try:
        task(path)
    except W2VError as error:
        message = f"{type(error).__name__}: {error}"
        problem = None if len(str(error)) < LONGEST_MESSAGE else "its message is very long"
    except TooSlow:
        problem = "takes too long"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"raises {type(error).__name__} ({Path(last.filename).name}:{last.lineno})"
        message = str(error)[:300]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    memory = _status("VmHWM") - before
    if problem is None and memory > limits.memory + size:
        problem = "takes too much memory"
    return Outcome(problem, message, time.process_time() - start, memory)


def _status(name: str) -> int:
    """A figure of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name + ":"))
