"""The two engines behind one face: from an encoded text to trained word vectors.

An engine is made from a text and a configuration, and has what `Engine` lists. `layers` is the
book's, any optimizer on mini-batches; `fused` is a kernel that walks the text and updates the
weights in place.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy

from w2v import np
from w2v.backend import Array, check_gpu_memory
from w2v.config import TrainConfig
from w2v.corpus import EncodedCorpus, with_eos
from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import VocabularyError
from w2v.models import CBOW, PairModel, SkipGram
from w2v.optimizers import OPTIMIZERS, CatchUpAdam
from w2v.parallel import cores
from w2v.sampling import ContextWindows, PairBatches
from w2v.training import PairTrainer, Trainer
from w2v.training.progress import Report
from w2v.vectors import WordVectors

MODELS = {"cbow": CBOW, "skipgram": SkipGram}

LEARNING_RATE = {"cbow": 0.05, "skipgram": 0.025}
"""What the fused engine begins with, as word2vec.c does."""

PATIENCE = 2.0  # seconds without a word to the user


class Engine(Protocol):
    """What both engines have."""

    summary: str

    @property
    def words_done(self) -> int:
        """Words trained so far."""

    def prepare(self, tell: Callable[[str], None]) -> None:
        """Do what takes time and is no training; tell what takes long."""

    def fit(self, report: Report | None) -> None:
        """Train as the configuration says."""

    def plot(self, path: str) -> None:
        """Draw the loss curve into a PNG file."""

    def vectors(self) -> WordVectors:
        """The word vectors as trained so far."""


@contextmanager
def _told_if_slow(tell: Callable[[str], None], notice: str) -> Iterator[None]:
    """Tell the notice if what is done in the `with` block takes long."""
    timer = threading.Timer(PATIENCE, tell, [notice])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _check_gpu(config: TrainConfig, words: int, text_bytes: int = 0) -> None:
    """Raise GPUError if two tables, and what the optimizer keeps of each, do not fit on a GPU."""
    if config.gpu:
        kept = OPTIMIZERS[config.optimizer]().on_gpu.moments
        tables = 2 * (len(kept) + 2)  # with the table itself and the sum of its gradients
        check_gpu_memory(4 * tables * words * config.dim + text_bytes, words, config.dim)


class LayersEngine:
    """Mini-batches of the book's stream, in which `<eos>` is a word, through the layers."""

    def __init__(self, text: EncodedCorpus, config: TrainConfig):
        self.config = config
        stream = with_eos(text, config)
        self.vocabulary = stream.vocabulary
        self.summary = f"{len(stream.ids):,} words, {len(self.vocabulary):,} in the vocabulary"
        _check_gpu(config, len(self.vocabulary), 3 * 8 * len(stream.ids))
        self.model = MODELS[config.model](
            len(self.vocabulary),
            config.dim,
            config.window,
            stream.ids,
            sample_size=config.negative,
            power=config.ns_exponent,
            seed=config.seed,
            sparse=True,
        )
        rule = OPTIMIZERS[config.optimizer]
        self.trainer = Trainer(self.model, rule() if config.lr is None else rule(lr=config.lr))
        self.windows = ContextWindows(np.asarray(stream.ids), config.window)

    def prepare(self, tell: Callable[[str], None]) -> None:
        """There is nothing to prepare."""

    @property
    def words_done(self) -> int:
        return self.trainer.words_done

    def fit(self, report: Report | None) -> None:
        config = self.config
        # A loss that is no longer finite is the trainer's error, and says more than a warning.
        with numpy.errstate(over="ignore", invalid="ignore"):
            self.trainer.fit(
                self.windows,
                self.windows.target,
                config.epochs,
                config.batch_size,
                config.max_grad,
                config.eval_interval,
                seed=config.seed,
                report=report,
            )

    def plot(self, path: str) -> None:
        self.trainer.plot(path=path)

    def vectors(self) -> WordVectors:
        return _vectors(self.vocabulary, self.model.word_vecs, self.config)


class PairEngine:
    """Skip-gram on labelled pairs through the layers, sentence by sentence of the text."""

    def __init__(self, text: EncodedCorpus, config: TrainConfig):
        self.config = config
        self.vocabulary = text.vocabulary
        _check_gpu(config, len(self.vocabulary))
        self.batches = PairBatches(
            numpy.asarray(text.ids),
            text.vocabulary.counts,
            window=config.window,
            negative=config.negative,
            power=config.ns_exponent,
            batch_size=config.batch_size,
            seed=config.seed,
        )
        self.summary = (
            f"{text.words:,} words in {text.sentences:,} sentences, "
            f"{len(self.vocabulary):,} in the vocabulary, {self.batches.pairs:,} pairs"
        )
        self.trainer = self._trainer(len(self.vocabulary))

    def _trainer(self, vocab_size: int) -> PairTrainer:
        config = self.config
        rule = OPTIMIZERS[config.optimizer]
        if config.optimizer == "adam" and not config.gpu:
            rule = CatchUpAdam
        model = PairModel(vocab_size, config.dim, seed=config.seed)
        return PairTrainer(model, rule() if config.lr is None else rule(lr=config.lr))

    def prepare(self, tell: Callable[[str], None]) -> None:
        """Compile what is compiled, by a step on one pair. tell: is told if this takes long."""
        with _told_if_slow(tell, "compiling, once on this machine ..."):
            one_pair = np.asarray(numpy.array([0, 1], numpy.int32))
            trainer = self._trainer(2)
            trainer.step((one_pair[:1], one_pair[1:], one_pair[1:]))
            trainer.settle()

    @property
    def words_done(self) -> int:
        return self.trainer.words_done

    def fit(self, report: Report | None) -> None:
        config = self.config
        with numpy.errstate(over="ignore", invalid="ignore"):  # as in LayersEngine
            self.trainer.fit_pairs(
                self.batches, config.epochs, config.max_grad, config.eval_interval, report=report
            )

    def plot(self, path: str) -> None:
        self.trainer.plot(path=path)

    def vectors(self) -> WordVectors:
        self.trainer.settle()
        return _vectors(self.vocabulary, self.trainer.model.word_vecs, self.config)


class FusedEngine:
    """A kernel over the encoded text, sentence by sentence, with SGD and a falling rate."""

    def __init__(self, text: EncodedCorpus, config: TrainConfig):
        from w2v import kernels  # brings in Numba or CuPy
        from w2v.kernels.plan import Plan
        from w2v.kernels.weights import initial_weights
        from w2v.training.fused import FusedTrainer

        self.text, self.config = text, config
        vocabulary = text.vocabulary
        self.summary = (
            f"{text.words:,} words in {text.sentences:,} sentences, "
            f"{len(vocabulary):,} in the vocabulary"
        )
        if len(vocabulary) < 2:
            raise VocabularyError(
                "a vocabulary of one word has no negatives to tell it from: "
                "lower --min-count or use a longer text"
            )
        threads = config.threads or cores()
        kernel = kernels.load("cuda" if config.gpu else "cpu", threads)
        schedule = kernel.schedule(
            config.model, config.dim, config.window, config.negative, len(text.ids)
        )
        plan = Plan.build(
            vocabulary.counts,
            model=config.model,
            length=len(text.ids) * config.epochs,
            window=config.window,
            negative=config.negative,
            sample=config.sample,
            ns_exponent=config.ns_exponent,
            lr=LEARNING_RATE[config.model] if config.lr is None else config.lr,
            min_lr=config.min_lr,
            **schedule._asdict(),
        )
        self.weights = kernel.place(
            initial_weights(len(vocabulary), config.dim, config.seed), len(text.ids)
        )
        self.trainer = FusedTrainer(kernel, self.weights, plan)

    def prepare(self, tell: Callable[[str], None]) -> None:
        """Compile the kernel, or load what an earlier run has compiled.

        tell: is told at once if this takes long.
        """
        notice = "compiling the kernel, once on this machine for each model: about 10 seconds ..."
        with _told_if_slow(tell, notice):
            self.trainer.compile()

    @property
    def words_done(self) -> int:
        return self.trainer.words_done

    def fit(self, report: Report | None) -> None:
        text, config = self.text, self.config
        self.trainer.fit(text.ids, config.epochs, text.words, config.seed, report)

    def plot(self, path: str) -> None:
        self.trainer.plot(path=path)

    def vectors(self) -> WordVectors:
        return _vectors(self.text.vocabulary, self.weights[0], self.config)


def _vectors(vocabulary: Vocabulary, matrix: Array, config: TrainConfig) -> WordVectors:
    """The vectors with the words' counts and the options of this engine, without paths."""
    training = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.metadata["engine"] in (None, config.engine) and field.metadata["is_recorded"]
    }
    if config.lr is None:  # the defaults may be others one day
        fused = config.engine == "fused"
        rate = LEARNING_RATE[config.model] if fused else OPTIMIZERS[config.optimizer]().lr
        training["lr"] = rate
    if config.stop_words is not None:
        training["stop_words"] = Path(config.stop_words).name
    return WordVectors(vocabulary.words, matrix, vocabulary.counts, training)


def make_engine(text: EncodedCorpus, config: TrainConfig) -> Engine:
    """The engine that the configuration names."""
    if config.engine == "fused":
        return FusedEngine(text, config)
    return PairEngine(text, config) if config.labelled_pairs else LayersEngine(text, config)
