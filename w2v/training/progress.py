"""How a run shows itself: a bar on a terminal, a line per interval elsewhere."""

import math
import sys
from typing import Any, TextIO

from w2v.training.listener import Listener, Progress


class Reporter(Listener):
    """Shows a run on a stream (stderr): a bar on a terminal, else lines as the book prints them.

    What was noted before training begins is shown then, so that a refusal is the only line; what is
    waited for is shown at once. A stream that cannot be written any more, such as a closed pipe,
    ends the reports and not the training. progress_only: leave out notes and waits.
    """

    def __init__(self, stream: TextIO | None = None, *, progress_only: bool = False):
        self.stream = stream or sys.stderr
        self.progress_only = progress_only
        self._notes: list[str] = []
        self._has_begun = False
        self._bar: Any = None
        self._scores = ""

    def note(self, line: str) -> None:
        if self._has_begun:
            self._print(line)
        elif not self.progress_only:
            self._notes.append(line)

    def wait(self, line: str) -> None:
        if not self.progress_only:
            self._print(line)

    def progress(self, at: Progress) -> None:
        self._has_begun = True
        while self._notes:
            self._print(self._notes.pop(0))
        if self.stream is None:
            return
        try:
            if self.stream.isatty():
                self._move_bar(at)
            else:
                self._print(_line(at))
        except OSError:
            self.stream = self._bar = None

    def close(self) -> None:
        """Leave the bar as it is and go to a line of its own."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print(self, line: str) -> None:
        if self.stream is None:
            return
        try:
            if self._bar is None:
                print(line, file=self.stream, flush=True)
            else:
                self._bar.write(line, file=self.stream)
        except OSError:
            self.stream = self._bar = None

    def _move_bar(self, at: Progress) -> None:
        """tqdm's bar: words done, time left, words/s, and the loss after them."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=at.total_words, unit=" words", unit_scale=True, file=self.stream)
            self._bar.start_t -= at.seconds  # the bar is made at the first report
        rate = "" if at.learning_rate is None else f", lr {at.learning_rate:.4f}"
        self._bar.set_description(f"epoch {at.epoch}/{at.epochs}", refresh=False)
        if at.scores:  # shown until the next ones
            self._scores = "".join(f", {name} {score:.1f}" for name, score in at.scores.items())
        self._bar.set_postfix_str(f"loss {_shown(at.loss, 3)}{rate}{self._scores}", refresh=False)
        self._bar.update(at.words - self._bar.n)
        if at.words == at.total_words:
            self.close()


def _line(at: Progress) -> str:
    """Example: | epoch 2 |  iter 5 / 10 | time 3[s] | loss 1.23 | lr 0.0250"""
    rate = "" if at.learning_rate is None else f" | lr {at.learning_rate:.4f}"
    return (
        f"| epoch {at.epoch} |  iter {at.iteration} / {at.iterations} "
        f"| time {at.seconds:.0f}[s] | loss {_shown(at.loss, 2)}{rate}"
        + "".join(f" | {name} {score:.1f}" for name, score in at.scores.items())
    )


def _shown(loss: float, digits: int) -> str:
    """A loss as text; "-" where a small text had no span whose loss is measured."""
    return "-" if math.isnan(loss) else f"{loss:.{digits}f}"
