"""What happens during a run, and who is told of it.

`run`, the ways of training and `Trainer` tell a `Listener`. The command line has one that shows it
(`progress.Reporter`), a caller of the library gives one of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

STOP, CHECKPOINT = "stop", "checkpoint"
"""What a listener returns to end the training, and to have it kept."""


@dataclass(frozen=True)
class Progress:
    """How far training has come.

    epoch and iteration (an update, or a block of the corpus) count from 1. words: of all
    total_words so far. loss: the mean since the progress before. scores: in percent, where some
    were taken here.
    """

    epoch: int
    epochs: int
    iteration: int
    iterations: int
    words: int
    total_words: int
    seconds: float
    loss: float
    learning_rate: float | None = None
    scores: dict[str, float] = field(default_factory=dict)


class Listener:
    """What a run tells. This one is silent; a listener of your own overrides what it wants to hear.

    The order is: notes, with waits among them, then progress. `wait` is called from a thread of its
    own, the others from the thread of the run, which an exception of theirs ends.
    """

    def note(self, line: str) -> None:
        """Something to know about the run, such as what was read."""

    def wait(self, line: str) -> None:
        """Something takes long, and is still going on."""

    def progress(self, at: Progress) -> str | None:
        """Training has come to this place.

        Returning "stop" (`STOP`) ends it here, and "checkpoint" (`CHECKPOINT`) keeps it, where the
        run has a folder.
        """

    def checkpoint(self, path: Path) -> None:
        """A checkpoint has been written."""


class Relay(Listener):
    """Passes on what it is told, and the answers; one of its own does something beside."""

    def __init__(self, listener: Listener):
        self.listener = listener

    def note(self, line: str) -> None:
        self.listener.note(line)

    def wait(self, line: str) -> None:
        self.listener.wait(line)

    def progress(self, at: Progress) -> str | None:
        return self.listener.progress(at)

    def checkpoint(self, path: Path) -> None:
        self.listener.checkpoint(path)


def follow(
    updates: Iterator[Progress | None],
    listener: Listener,
    at_rest: Callable[[bool], bool] = lambda is_asked: False,
) -> bool:
    """Go through a training, telling the listener how it goes.

    at_rest: is called wherever the weights are whole, with whether the listener wants them kept,
    and returns whether the training has to end. Returns whether it was ended, by that or by the
    listener.
    """
    for at in updates:
        answer = None if at is None else listener.progress(at)
        if at_rest(answer == CHECKPOINT) or answer == STOP:
            return True
    return False


SILENT = Listener()
"""Nobody listens: what the library does unless it is given a listener."""
