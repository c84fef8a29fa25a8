"""How training shows itself: a bar on a terminal, a line per interval elsewhere."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    epoch and iteration (an update, or a block of the corpus) count from 1. words: of all
    total_words so far. loss: the mean since the report before. scores: in percent, where some were
    taken here.
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


Report = Callable[[Progress], None]


class Reporter:
    """Shows progress on a stream (stderr): a bar on a terminal, else lines as the book prints them.

    A stream that cannot be written any more, a closed pipe say, ends the reports and not the
    training. headings: lines to show before the first report.
    """

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.headings: list[str] = []
        self._bar: Any = None
        self._scores = ""

    def __call__(self, at: Progress) -> None:
        try:
            if self.stream is None:
                return
            while self.headings:
                print(self.headings.pop(0), file=self.stream, flush=True)
            if self.stream.isatty():
                self._move_bar(at)
            else:
                self._print_line(at)
        except OSError:
            self.stream = self._bar = None

    def close(self) -> None:
        """Leave the bar as it stands and go to a line of its own."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print_line(self, at: Progress) -> None:
        rate = "" if at.learning_rate is None else f" | lr {at.learning_rate:.4f}"
        print(
            f"| epoch {at.epoch} |  iter {at.iteration} / {at.iterations} "
            f"| time {at.seconds:.0f}[s] | loss {_shown(at.loss, 2)}{rate}"
            + "".join(f" | {name} {score:.1f}" for name, score in at.scores.items()),
            file=self.stream,
            flush=True,
        )

    def _move_bar(self, at: Progress) -> None:
        """tqdm's bar: words done, time left, words/s, and the loss behind them."""
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


def _shown(loss: float, digits: int) -> str:
    """A loss as text; "-" where a small text had no span whose loss is measured."""
    return "-" if math.isnan(loss) else f"{loss:.{digits}f}"
