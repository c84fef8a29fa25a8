"""How training shows itself: a bar on a terminal, a line per interval elsewhere."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    epoch and iteration (an update, or a block of the corpus) count from 1. words: of all
    total_words so far. loss: the mean since the report before.
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


Report = Callable[[Progress], None]


def reporter(stream: TextIO | None = None) -> Report:
    """A bar if the stream (stderr) is a terminal, else lines as the book prints them."""
    stream = stream or sys.stderr
    return _Bar(stream) if stream.isatty() else _Lines(stream)


class _Lines:
    def __init__(self, stream: TextIO):
        self.stream = stream

    def __call__(self, at: Progress) -> None:
        rate = "" if at.learning_rate is None else f" | lr {at.learning_rate:.4f}"
        print(
            f"| epoch {at.epoch} |  iter {at.iteration} / {at.iterations} "
            f"| time {at.seconds:.0f}[s] | loss {at.loss:.2f}{rate}",
            file=self.stream,
            flush=True,
        )


class _Bar:
    """tqdm's bar: words done, time left, words/s, and the loss behind them."""

    def __init__(self, stream: TextIO):
        self.stream = stream
        self.bar: Any = None  # made at the first report, when it is known how much there is to do

    def __call__(self, at: Progress) -> None:
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(total=at.total_words, unit=" words", unit_scale=True, file=self.stream)
            self.bar.start_t -= at.seconds
        self.bar.set_description(f"epoch {at.epoch}/{at.epochs}", refresh=False)
        rate = "" if at.learning_rate is None else f", lr {at.learning_rate:.4f}"
        self.bar.set_postfix_str(f"loss {at.loss:.3f}{rate}", refresh=False)
        self.bar.update(at.words - self.bar.n)
        if at.words == at.total_words:
            self.bar.close()
            self.bar = None
