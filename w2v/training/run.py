"""From a text to word vectors: the library's front door, which the command line uses too."""

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy

from w2v.backend import device
from w2v.config import TextConfig, TrainConfig, nearest, option_name
from w2v.corpus import EncodedCorpus, demo
from w2v.corpus.datasets import dataset_file
from w2v.errors import ConfigError, import_extra
from w2v.files import check_outputs, uninterrupted
from w2v.training.contract import Training
from w2v.training.fused import FusedTraining
from w2v.training.labelled_pairs import PairTraining
from w2v.training.layers import LayersTraining
from w2v.training.listener import SILENT, Listener, follow
from w2v.training.progress import Reporter
from w2v.training.scores import Scoring
from w2v.vectors import WordVectors, save
from w2v.vectors.formats import check_output, files_of

Source = str | PathLike | Sequence[PathLike] | Iterable[list[str]] | None
"""A path, "-" for stdin, a list of `Path`s, sentences as lists of words, or nothing: a named data
set or the demo.
"""


@dataclass(frozen=True)
class Run:
    """A training that has ended, by itself or by Ctrl-C. seconds: of training alone."""

    vectors: WordVectors
    words: int
    seconds: float
    interrupted: bool


def train(corpus: Source = None, **options: Any) -> WordVectors:
    """Train word vectors: what `w2v train` does, for a notebook.

    corpus: a path (text, .gz, .bz2, .zst, .parquet or a folder of them), "-" for stdin, a list of
    `Path`s, or sentences as lists of words; without it, the data set of `dataset=`, or the demo
    corpus. options: those of the command, with underscores, as in `TrainConfig`; the vectors are
    written to a file only if `output` is given. Ctrl-C ends the training early, with a warning.
    Raises W2VError for whatever the command line would refuse.
    """
    reporter = Reporter(progress_only=True)
    try:
        done = run(corpus, options, reporter)
    finally:
        reporter.close()
    if done.interrupted:
        warnings.warn(f"interrupted after {done.words} words: vectors as they are", stacklevel=2)
    return done.vectors


def run(corpus: Source, options: dict[str, Any], listener: Listener = SILENT) -> Run:
    """Train, and write the files that the options name.

    corpus, options: as for `train`. listener: is told what happens. Everything that can be known
    to fail is checked before the training starts. Raises W2VError.
    """
    config = make_config(corpus, options)
    _check_files(corpus, config)
    with device(config.gpu, config.device):
        text = encode_corpus(corpus, config, listener.note, config.threads)
        if config.output is not None:
            check_output(config.output, text.vocabulary.words)
        training = make_training(text, config)
        listener.note(training.summary)
        training.prepare(listener)
        done = _fit(training, config, listener)
    with uninterrupted():
        if config.output is not None:
            save(done.vectors, config.output)
        if config.plot is not None:
            training.plot(path=config.plot)
    return done


def make_training(text: EncodedCorpus, config: TrainConfig) -> Training:
    """The way of training that the configuration names, on this text."""
    if config.engine == "fused":
        return FusedTraining.from_config(text, config)
    if config.labelled_pairs:
        return PairTraining.from_config(text, config)
    return LayersTraining.from_config(text, config)


def _fit(training: Training, config: TrainConfig, listener: Listener) -> Run:
    interrupted = False
    scoring = None
    if config.analogies is not None or config.pairs is not None:
        listener = scoring = Scoring(config, training.vectors, listener)
    start = time.monotonic()
    try:
        with numpy.errstate(over="ignore", invalid="ignore"):
            interrupted = follow(training.updates(), listener)
    except KeyboardInterrupt:
        if training.words_done == 0:  # nothing is trained that could be worth keeping
            raise
        interrupted = True
    seconds = time.monotonic() - start - (scoring.seconds if scoring else 0)
    return Run(training.vectors(), training.words_done, seconds, interrupted)


def _check_files(corpus: Source, config: TrainConfig) -> None:
    """Raise W2VError unless what the configuration names can be written, each to its own file."""
    outputs = [] if config.output is None else files_of(config.output)
    plots = [] if config.plot is None else [Path(config.plot)]
    check_outputs([*outputs, *plots], inputs=_paths(corpus))
    if config.output is not None:
        check_output(config.output)
    if config.plot is not None:
        import_extra("matplotlib.pyplot", "--plot")


def _paths(corpus: Source) -> list[str]:
    """The paths that a corpus names, none where it is the sentences themselves."""
    if isinstance(corpus, str | PathLike):
        return [str(corpus)]
    if isinstance(corpus, list | tuple) and corpus and isinstance(corpus[0], PathLike):
        return [str(path) for path in corpus]
    return []


def make_config(corpus: Source, options: dict[str, Any]) -> TrainConfig:
    """The options that are not None, with the engine and the defaults that fit them.

    Raises ConfigError.
    """
    options = {name: value for name, value in options.items() if value is not None}
    known = TrainConfig.__dataclass_fields__
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown option {name!r}{nearest(name, known)}")
    if "eval_every" in options and not {"analogies", "pairs"} & options.keys():
        raise ConfigError("--eval-every needs something to score by: --analogies or --pairs")
    is_demo = corpus is None and options.get("dataset") in (None, "demo")
    # The demo is too small to be worth the compilation of the fused kernel.
    on_layers = options.get("labelled_pairs") or is_demo
    engine = options.get("engine") or ("layers" if on_layers else "fused")
    for name in options:
        if known[name].metadata["engine"] not in (None, engine):
            raise ConfigError(
                f"{option_name(name)} has no meaning for --engine {engine}: leave out one of them"
            )
    if options.get("labelled_pairs") and options.setdefault("model", "skipgram") != "skipgram":
        raise ConfigError("--labelled-pairs trains skip-gram: leave out one of it and --model")
    return TrainConfig(**{**(demo.CONFIG[engine] if is_demo else {}), **options, "engine": engine})


def encode_corpus(
    corpus: Source,
    config: TextConfig,
    note: Callable[[str], None] = SILENT.note,
    threads: int | None = None,
) -> EncodedCorpus:
    """The text as ids in a file that is mapped into memory.

    note: is told what there is to know about the text. Raises CorpusError.
    """
    from w2v.corpus.encoding import encode_files, encode_sentences  # imports pyarrow

    if corpus is not None and config.dataset is not None:
        raise ConfigError(
            f"both a corpus and --dataset {config.dataset} are given: name only one of them"
        )
    if corpus is None and config.dataset in (None, "demo"):
        return encode_sentences(demo.read_sentences(), config, note, threads, "the demo corpus")
    if corpus is None:
        corpus = dataset_file(cast(str, config.dataset), config.split, config.data_dir)
    if paths := _paths(corpus):
        return encode_files(paths, config, note, threads)
    if not isinstance(corpus, Iterable) or isinstance(corpus, bytes):
        raise ConfigError(
            f"a corpus is a path, or sentences as lists of words, not {type(corpus).__name__}"
        )
    return encode_sentences(cast(Iterable[list[str]], corpus), config, note, threads)
