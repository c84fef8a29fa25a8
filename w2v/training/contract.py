"""What a way of training is: the `Training` protocol, which `run` relies on.

`LayersTraining`, `PairTraining` and `FusedTraining` have all of it. Each is made from a text and a
configuration by its `from_config`. The two functions below are for all three.
"""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from w2v.backend import Array
from w2v.config import LEARNING_RATE, TrainConfig
from w2v.corpus.vocabulary import Vocabulary
from w2v.optimizers import OPTIMIZERS
from w2v.training.checkpoint import State
from w2v.training.listener import Listener, Progress
from w2v.vectors import WordVectors

PATIENCE = 2.0
"""Seconds that may pass before the user is told what takes so long."""


class Training(Protocol):
    """A model, a text and how the one is trained on the other."""

    words_done: int
    """Words trained so far."""

    @property
    def summary(self) -> str:
        """The size of the text and of the vocabulary, in a line."""

    def prepare(self, listener: Listener) -> None:
        """Do what takes time before the training itself; say so if it takes long."""

    def updates(self) -> Iterator[Progress | None]:
        """Train as the configuration says, from where the training is.

        Comes back wherever the weights are whole, with the progress where one is due. Raises
        CorpusError if there is nothing to train, DivergenceError if the loss or a weight has left
        the range of sensible numbers.
        """

    def state(self) -> State:
        """What the training needs to go on from here; called where the weights are whole."""

    def restore(self, state: State) -> None:
        """Go on from there. Raises ModelFileError for a state that does not fit."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to train."""

    def vectors(self) -> WordVectors:
        """The word vectors as trained so far."""

    def plot(self, *, path: str | None = None) -> None:
        """Draw the loss curve, on the screen or into a PNG file at `path`."""


def learning_rate(config: TrainConfig) -> float:
    """The rate that a run begins with: where none is given, today's default, to be recorded."""
    if config.lr is not None:
        return config.lr
    is_fused = config.engine == "fused"
    return LEARNING_RATE[config.model] if is_fused else OPTIMIZERS[config.optimizer]().lr


@contextmanager
def told_if_slow(listener: Listener, line: str, patience: float = PATIENCE) -> Iterator[None]:
    """Tell the listener to wait if the `with` block takes longer than `patience`, in seconds."""
    timer = threading.Timer(patience, listener.wait, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def trained_vectors(vocabulary: Vocabulary, matrix: Array, config: TrainConfig) -> WordVectors:
    """The vectors with the words' counts and the options that made them, without paths.

    matrix: (V, H).
    """
    training = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.metadata["engine"] in (None, config.engine) and field.metadata["is_recorded"]
    }
    training["lr"] = learning_rate(config)
    if config.engine == "fused":
        training["sample"] = config.sample_of(vocabulary.counts.sum())
    if config.stop_words is not None:
        training["stop_words"] = Path(config.stop_words).name
    return WordVectors(vocabulary.words, matrix, vocabulary.counts, training, copy=False)
