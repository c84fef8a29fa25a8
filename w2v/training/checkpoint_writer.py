"""When checkpoints are written, and by whom: a thread of its own, while the training goes on."""

import queue
import threading
import time
from pathlib import Path

from w2v.errors import W2VError
from w2v.memory import available_memory
from w2v.training.checkpoint import Described, State, write_checkpoint
from w2v.training.contract import Training
from w2v.training.interval import Interval
from w2v.training.listener import Listener
from w2v.training.run_folder import RunFolder


class CheckpointWriter:
    """Keeps a training in its run's folder, every so often.

    A state is copied and written while the training goes on; in_place, or where there is no memory
    for a copy, the training waits until it is written. A checkpoint that cannot be written is noted
    and tried again next time.
    """

    def __init__(
        self,
        folder: RunFolder,
        described: Described,
        every: Interval,
        in_place: bool,
        listener: Listener,
        words: int = 0,
    ):
        """words: that were trained when the run went on."""
        self.folder, self.described, self.every = folder, described, every
        self.in_place, self.listener = in_place, listener
        self._thread: threading.Thread | None = None
        self._untold: queue.SimpleQueue[str | Path] = queue.SimpleQueue()
        self._written_at, self._words = time.monotonic(), words

    def consider(self, training: Training, is_asked: bool = False) -> None:
        """Write a checkpoint if one is due, or asked for, and none is being written."""
        self._tell()
        is_busy = self._thread is not None and self._thread.is_alive()
        if is_busy or not (is_asked or self._is_due(training.words_done)):
            return
        self._written_at, self._words = time.monotonic(), training.words_done
        state = training.state()
        if self._has_room(state):
            self._thread = threading.Thread(target=self._write, args=[state.copy()], daemon=True)
            self._thread.start()
        else:
            self._write(state)

    def finish(self, training: Training) -> None:
        """Write the last one, now."""
        self.wait()
        self._write(training.state())
        self._tell()

    def wait(self) -> None:
        """Wait for a checkpoint that is being written."""
        if self._thread is not None:
            self._thread.join()

    def _tell(self) -> None:
        """Tell the listener what happened, in the thread of the run."""
        while not self._untold.empty():
            what = self._untold.get()
            if isinstance(what, Path):
                self.listener.checkpoint(what)
            else:
                self.listener.note(what)

    def _is_due(self, words: int) -> bool:
        if self.every.words is not None:
            return words - self._words >= self.every.words
        return time.monotonic() - self._written_at >= (self.every.seconds or 0)

    def _has_room(self, state: State) -> bool:
        if self.in_place:
            return False
        if state.size < available_memory():
            return True
        self.in_place = True
        self._untold.put(
            f"no memory for a copy of {state.size / 1e9:.1f} GB: training waits while a checkpoint "
            "is written"
        )
        return False

    def _write(self, state: State) -> None:
        path = self.folder.next_checkpoint()
        try:
            write_checkpoint(path, state, self.described)
        except W2VError as error:
            self._untold.put(f"no checkpoint was written: {error}; it is tried again later")
            return
        self.folder.keep_newest()
        self._untold.put(path)
