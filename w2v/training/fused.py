"""The fused engine's training loop: a kernel walks the encoded corpus block by block."""

import math
import time
from typing import Any

import numpy

from w2v.corpus import SENTENCE_END
from w2v.errors import CorpusError
from w2v.kernels.plan import Plan
from w2v.training.loss_curve import draw_losses
from w2v.training.progress import Progress, Report, Reporter


class FusedTrainer:
    """Trains weights with a kernel. `words_done` counts the words before subsampling.

    `loss_list` holds the mean loss per pair of each block, from the spans that the kernel
    measures; NaN where a small text had none.
    """

    def __init__(self, kernel: Any, weights: tuple[Any, Any], plan: Plan):
        self.kernel = kernel
        self.weights = weights
        self.plan = plan
        self.loss_list: list[float] = []
        self.words_at: list[int] = []
        self.words_done = 0
        self.pairs_done = 0

    def compile(self) -> None:
        """Have the kernel compiled, or loaded, by a text of one word, which trains nothing."""
        one_word = numpy.array([0, SENTENCE_END], numpy.int32)
        self.kernel.train(one_word, 0, 1, self.weights, self.plan, 0, 0)

    def fit(
        self, ids: Any, epochs: int, words: int, seed: int, report: Report | None = None
    ) -> None:
        """Train `epochs` passes over the stream `ids`; `plan.length` is epochs * len(ids).

        ids: (n,) int32, words and end-of-sentence marks. words: how many of them are words. report:
        called with a Progress; by default a bar, or lines where there is no terminal. Raises
        CorpusError if there is nothing to train, DivergenceError when weights have grown without
        bound.
        """
        report = report or Reporter()
        blocks = range(0, len(ids), self._block_size())
        start = time.monotonic()
        for epoch in range(1, epochs + 1):
            for number, first in enumerate(blocks, 1):
                last = min(first + blocks.step, len(ids))
                position = (epoch - 1) * len(ids) + first
                done = self.kernel.train(ids, first, last, self.weights, self.plan, seed, position)
                self.words_done += done.words
                self.pairs_done += done.pairs
                self.words_at.append(self.words_done)
                self.loss_list.append(done.loss / done.measured if done.measured else math.nan)
                report(
                    Progress(
                        epoch=epoch,
                        epochs=epochs,
                        iteration=number,
                        iterations=len(blocks),
                        words=self.words_done,
                        total_words=words * epochs,
                        seconds=time.monotonic() - start,
                        loss=self.loss_list[-1],
                        learning_rate=self.plan.learning_rate(position + last - first),
                    )
                )

            if self.pairs_done == 0:
                raise CorpusError(
                    "no word has another beside it: put more than one word on a line, or lower "
                    "--min-count or raise --sample"
                )

    def _block_size(self) -> int:
        """Places of the stream between two reports, after which Ctrl-C takes effect.

        As many as the kernel's `block` at dim 100 and window 5, and fewer where they take longer:
        waiting for the last worker of a block costs next to nothing, and nobody waits for long.
        """
        work, block = self.weights[0].shape[1] * self.plan.window / 500, self.kernel.block
        return min(block, max(block // 64, int(block / work)))

    def plot(self, path: str | None = None) -> None:
        """Draw the loss curve, on the screen or into a PNG file at `path`."""
        draw_losses(self.words_at, "words", self.loss_list, path=path)
