"""Training with a kernel that walks the encoded corpus block by block, with SGD and a falling rate.

What `w2v train` runs by default.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy

from w2v import kernels
from w2v.backend import to_cpu
from w2v.config import TrainConfig
from w2v.corpus import SENTENCE_END, EncodedCorpus
from w2v.errors import CorpusError, VocabularyError
from w2v.kernels.contract import Kernel
from w2v.kernels.plan import Plan
from w2v.kernels.weights import initial_weights, padded
from w2v.parallel import cores
from w2v.training.checkpoint import State
from w2v.training.contract import told_if_slow, trained_vectors
from w2v.training.listener import Listener, Progress
from w2v.training.loss_curve import draw_losses
from w2v.vectors import WordVectors

_KEPT = ("position", "words_done", "pairs_done", "seconds", "loss_list", "words_at")


class FusedTraining:
    """Trains weights with a kernel.

    `position` is the place in the run, which counts over all epochs, `words_done` the words so far,
    before subsampling, `seconds` what they have taken.

    weights: as the kernel has placed them. plan: its `length` is config.epochs * len(text.ids).
    config: for `epochs`, `seed` and what is recorded with the vectors. `loss_list` holds the mean
    loss per pair of each block, from the spans that the kernel measures; NaN where a small text
    had none.
    """

    def __init__(
        self,
        kernel: Kernel,
        weights: tuple[Any, Any],
        plan: Plan,
        text: EncodedCorpus,
        config: TrainConfig,
    ):
        self.kernel, self.weights, self.plan = kernel, weights, plan
        self.text, self.config = text, config
        self.loss_list: list[float] = []
        self.words_at: list[int] = []
        self.position = 0
        self.words_done = 0
        self.pairs_done = 0
        self.seconds = 0.0
        self.summary = (
            f"{text.words:,} words in {text.sentences:,} sentences, "
            f"{len(text.vocabulary):,} in the vocabulary"
        )

    @classmethod
    def from_config(cls, text: EncodedCorpus, config: TrainConfig) -> "FusedTraining":
        """The kernel, the plan and the first weights that the configuration names.

        Raises VocabularyError for a vocabulary of one word, GPUError for a GPU that is missing or
        without room.
        """
        vocabulary, length = text.vocabulary, len(text.ids)
        if len(vocabulary) < 2:
            raise VocabularyError(
                "a vocabulary of one word has no negatives to tell it from: "
                "lower --min-count, raise --max-vocab or use a longer text"
            )
        kernel = kernels.load("cuda" if config.gpu else "cpu", config.threads or cores())
        schedule = kernel.schedule(
            config.model,
            config.dim,
            config.window,
            config.negative,
            length,
            fixed_window=config.fixed_window,
        )
        plan = Plan.build(vocabulary.counts, config, length * config.epochs, schedule)
        weights = initial_weights(len(vocabulary), config.dim, config.seed)
        return cls(kernel, kernel.place(weights, length), plan, text, config)

    def prepare(self, listener: Listener) -> None:
        """Compile the kernel, or load what an earlier run has compiled."""
        notice = "compiling the kernel, once on this machine for each model: about 10 seconds ..."
        with told_if_slow(listener, notice):
            self.compile()

    def compile(self) -> None:
        """Have the kernel compiled, or loaded, by a text of one word, which trains nothing."""
        one_word = numpy.array([0, SENTENCE_END], numpy.int32)
        self.kernel.train(one_word, 0, 1, self.weights, self.plan, 0, 0)

    def updates(self) -> Iterator[Progress]:
        """Train as the configuration says, and come back after each block.

        Raises CorpusError if there is nothing to train, DivergenceError when weights have grown
        without bound.
        """
        length, size = len(self.text.ids), self._block_size()
        began = time.monotonic() - self.seconds
        while self.position < length * self.config.epochs:
            self._train_block(size)
            self.seconds = time.monotonic() - began
            yield self._progress(size)
            if self.position % length == 0 and self.pairs_done == 0:
                raise self._without_pairs()

    def _without_pairs(self) -> CorpusError:
        """Why no word was trained, and what to do about it."""
        is_word = numpy.asarray(self.text.ids) != SENTENCE_END
        if not (is_word[1:] & is_word[:-1]).any():
            return CorpusError(
                "no word has another beside it: put more than one word on a line, or lower "
                "--min-count, which may have left out the others"
            )
        return CorpusError(
            f"subsampling by --sample {self.config.sample_of(self.text.words):g} left no two words "
            f"beside each other in this text of {self.text.words:,} words: pass --sample 0"
        )

    def _train_block(self, size: int) -> None:
        """Train the next places of the text, `size` at most."""
        ids = self.text.ids
        start = self.position % len(ids)
        stop = min(start + size, len(ids))
        done = self.kernel.train(
            ids, start, stop, self.weights, self.plan, self.config.seed, self.position
        )
        self.position += stop - start
        self.words_done += done.words
        self.pairs_done += done.pairs
        self.words_at.append(self.words_done)
        self.loss_list.append(done.loss / done.measured if done.measured else math.nan)

    def _progress(self, size: int) -> Progress:
        """Where training is. size: places of a block."""
        length = len(self.text.ids)
        epoch, place = divmod(self.position - 1, length)
        return Progress(
            epoch=epoch + 1,
            epochs=self.config.epochs,
            iteration=place // size + 1,
            iterations=-(-length // size),
            words=self.words_done,
            total_words=self.text.words * self.config.epochs,
            seconds=self.seconds,
            loss=self.loss_list[-1],
            learning_rate=self.plan.learning_rate(self.position),
        )

    @property
    def is_done(self) -> bool:
        """Whether all epochs are trained."""
        return self.position >= len(self.text.ids) * self.config.epochs

    def state(self) -> State:
        """The weights, the position and what was counted."""
        w_in, w_out = (to_cpu(array) for array in self.weights)
        return State({"W_in": w_in, "W_out": w_out}, {name: getattr(self, name) for name in _KEPT})

    def restore(self, state: State) -> None:
        """Go on from a state. Raises ModelFileError if it is of another vocabulary or dim."""
        shape = self.weights[0].shape
        saved = state.tables(("W_in", "W_out"), shape)
        for name, value in state.numbers_of(_KEPT).items():
            setattr(self, name, value)
        self.weights = ()  # type: ignore[assignment]  # before the new ones are put beside them
        tables = padded(*shape), padded(*shape)
        for table, rows in zip(tables, saved, strict=True):
            table[:] = rows
        self.weights = self.kernel.place(tables, len(self.text.ids))

    def _block_size(self) -> int:
        """Places of the stream between two reports, after which Ctrl-C takes effect.

        As many as the kernel's `block` at dim 100 and window 5, and fewer where they take longer:
        waiting for the last worker of a block costs little, and Ctrl-C has an effect soon.
        """
        work, block = self.weights[0].shape[1] * self.plan.window / 500, self.kernel.block
        return min(block, max(block // 64, int(block / work)))

    def vectors(self) -> WordVectors:
        """The word vectors as trained so far."""
        return trained_vectors(self.text.vocabulary, self.weights[0], self.config)

    def plot(self, *, path: str | None = None) -> None:
        """Draw the loss curve, on the screen or into a PNG file at `path`."""
        draw_losses(self.words_at, "words", self.loss_list, path=path)
