"""Signals that end a process: Ctrl-C, a scheduler's SIGTERM, a closed terminal's SIGHUP."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Those of them that this system has."""


class Ended(KeyboardInterrupt):
    """A signal, `number`, has ended what was going on."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise Ended(number)


@contextmanager
def ending(is_last: bool = False) -> Iterator[None]:
    """In the block each of the signals raises `Ended`, so that files half written are removed.

    One that is ignored, as `nohup` has SIGHUP, stays so. is_last: the process ends after the block,
    and signals that come then are ignored, since they would take the place of its exit code.
    """
    with _handled(_end, lambda handler: handler is not signal.SIG_IGN, is_last):
        yield


class Deferred:
    """A block in which the first signal is only noted: `number`, None before. The second raises.

    For work that ends by itself where it can go on later. Signals that would end the process
    without Python's doing are left alone, as is all in a thread other than the main one, which gets
    no signals.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    def __enter__(self) -> "Deferred":
        self._block = _handled(self._note, callable)
        self._block.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._block.__exit__(*error)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.number is not None:
            raise Ended(number)
        self.number = number


@contextmanager
def _handled(handler, is_taken, is_last: bool = False) -> Iterator[None]:
    """Handle the signals for whose present handler `is_taken` is true."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in ENDING}
        before = {number: old for number, old in found.items() if is_taken(old)}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_IGN if is_last else old)
