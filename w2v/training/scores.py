"""Scores while training: a listener that looks at the vectors before it passes the progress on.

`run` puts it between the training and whoever listens, so that training knows nothing of scores.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from w2v.config import TrainConfig
from w2v.training.listener import Listener, Progress, Relay
from w2v.vectors.evaluation import Analogies, Pairs
from w2v.vectors.word_vectors import WordVectors

RESTRICT = 30_000
"""Words among which analogies are answered: a common choice, and a second's work."""


class Scoring(Relay):
    """Adds scores to the progress every `config.eval_every` words and at the end of training.

    vectors: gives the vectors as they are. listener: is told the rest. `seconds` is what the scores
    have taken so far. Raises InputError for files that cannot be used, before training.
    """

    def __init__(self, config: TrainConfig, vectors: Callable[[], WordVectors], listener: Listener):
        super().__init__(listener)
        self.vectors, self.every = vectors, config.eval_every
        self.seconds = 0.0
        self._next = self.every
        words = vectors().words
        self._tests: dict[str, Callable[[WordVectors], float]] = {}
        if config.analogies is not None:
            questions = Analogies(config.analogies, words, RESTRICT, data_dir=config.data_dir)
            self._tests["analogies"] = lambda vectors: questions.score(vectors.matrix).share
        if config.pairs is not None:
            pairs = Pairs(config.pairs, words, data_dir=config.data_dir)
            name = Path(config.pairs).stem
            self._tests[name] = lambda vectors: pairs.score(vectors.matrix).spearman.coefficient

    def progress(self, at: Progress) -> str | None:
        scores: dict[str, float] = {}
        seconds = at.seconds - self.seconds  # of training alone
        if self._is_due(at):
            start = time.monotonic()
            vectors = self.vectors()
            scores = {name: 100 * test(vectors) for name, test in self._tests.items()}
            self.seconds += time.monotonic() - start
        return super().progress(dataclasses.replace(at, scores=scores, seconds=seconds))

    def _is_due(self, at: Progress) -> bool:
        if self._next is not None and self.every is not None and at.words >= self._next:
            self._next = at.words // self.every * self.every + self.every
            return True
        return at.words >= at.total_words
