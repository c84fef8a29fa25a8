"""From a text to word vectors: the library's front door, which the command line uses too."""

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy

from w2v import kernels
from w2v.backend import device
from w2v.config import TextConfig, TrainConfig, check_rates, option_name
from w2v.corpus import EncodedCorpus, demo
from w2v.corpus.datasets import dataset_file
from w2v.corpus.remarks import what_was_left_out
from w2v.corpus.sources import find_files
from w2v.errors import ConfigError, import_extra
from w2v.files import check_outputs
from w2v.option_names import nearest
from w2v.signals import Deferred, Ended
from w2v.training.checkpoint_writer import CheckpointWriter
from w2v.training.contract import Training
from w2v.training.fused import FusedTraining
from w2v.training.interval import Interval
from w2v.training.kept_run import KeptRun, resumed
from w2v.training.labelled_pairs import PairTraining
from w2v.training.layers import LayersTraining
from w2v.training.listener import SILENT, Listener, follow
from w2v.training.progress import Reporter
from w2v.training.run_folder import RunFolder
from w2v.training.scores import Scoring
from w2v.training.undertraining import advice
from w2v.vectors import WordVectors, save
from w2v.vectors.formats import check_output, files_of
from w2v.vectors.rescue import save_or_rescue

Source = str | PathLike | Sequence[PathLike] | Iterable[Any] | None
"""A path, "-" for stdin, a list of `Path`s, sentences as lists of words, or nothing: a named data
set or the demo.
"""


@dataclass(frozen=True)
class Run:
    """A training that has ended, by itself or interrupted, by a listener or the number `signal`.

    words, seconds: of training alone, before and after it was gone on with. folder: where it is
    kept. advice: what to do about vectors that are hardly apart yet.
    """

    vectors: WordVectors
    words: int
    seconds: float
    interrupted: bool
    signal: int | None = None
    folder: Path | None = None
    advice: str | None = None


def train(corpus: Source = None, **options: Any) -> WordVectors:
    """Train word vectors: what `w2v train` does, for a notebook.

    corpus: a path (text, packed or not, Parquet, or a folder of them), "-" for stdin, a list of
    `Path`s, or sentences as lists of words (or, where `tokenizer=` is given, as strings); without
    it, the data set of `dataset=`, or the demo corpus. options: those of the command, with
    underscores, as in `TrainConfig`; the vectors are written to a file only if `output` is given.
    Ctrl-C ends the training early, with a warning.
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
    folder = None
    if options.get("resume") is None:
        config = make_config(corpus, options)
    else:
        folder, corpus, config = resumed(corpus, options)
    check_rates(config)
    Interval.parse(config.checkpoint_every, "--checkpoint-every")
    _check_files(corpus, config)
    if config.run_dir is not None:
        folder = RunFolder.new(config.run_dir)
    read = partial(encode_corpus, lines=options.get("tokenizer") is not None)
    if folder is None:
        return _run(corpus, config, read, listener)
    with folder.locked():
        kept = KeptRun(folder, config, listener)
        return _run(corpus, config, read, kept.listener, kept)


def _run(
    corpus: Source,
    config: TrainConfig,
    read: Callable[..., EncodedCorpus],
    listener: Listener,
    kept: KeptRun | None = None,
) -> Run:
    with device(config.gpu, config.device):
        if config.gpu and config.engine == "fused":
            kernels.load("cuda")  # refuses an old card before the text is read
        if kept is not None:
            kept.begin(_paths(corpus))
        read = partial(read, corpus, config, listener.note, config.threads)
        text = read() if kept is None else kept.text(read)
        if config.output is not None:
            check_output(config.output, text.vocabulary.words)
        training = make_training(text, config)
        listener.note(training.summary)
        training.prepare(listener)
        with (
            Deferred() as signals,
            nullcontext() if kept is None else kept.writer(training, text) as writer,
        ):
            done = _fit(training, config, listener, signals, writer)
            if writer is not None:
                writer.finish(training)
            _save(done.vectors, training, config, kept)
    return done


def _save(
    vectors: WordVectors, training: Training, config: TrainConfig, kept: KeptRun | None
) -> None:
    """Write the files that the options name, and the vectors into the run's folder."""
    if kept is not None:
        save(vectors, kept.folder.vectors)
    if config.output is not None:
        save_or_rescue(vectors, config.output)
    if config.plot is not None:
        training.plot(path=config.plot)


def make_training(text: EncodedCorpus, config: TrainConfig) -> Training:
    """The way of training that the configuration names, on this text."""
    if config.engine == "fused":
        return FusedTraining.from_config(text, config)
    if config.labelled_pairs:
        return PairTraining.from_config(text, config)
    return LayersTraining.from_config(text, config)


def _fit(
    training: Training,
    config: TrainConfig,
    listener: Listener,
    signals: Deferred,
    writer: CheckpointWriter | None,
) -> Run:
    scoring = None
    if config.analogies is not None or config.pairs is not None:
        listener = scoring = Scoring(config, training.vectors, listener)

    def at_rest(is_asked: bool) -> bool:
        if writer is not None:
            writer.consider(training, is_asked)
        return signals.number is not None

    start, before = time.monotonic(), training.words_done
    try:
        with numpy.errstate(over="ignore", invalid="ignore"):
            interrupted = follow(training.updates(), listener, at_rest)
    except Ended:
        raise
    except KeyboardInterrupt:  # of a listener
        interrupted = True
    if training.words_done == 0:  # nothing is trained that could be worth keeping
        raise Ended(signal.SIGINT)
    seconds = time.monotonic() - start - (scoring.seconds if scoring else 0)
    vectors, words = training.vectors(), training.words_done - before
    folder = None if writer is None else writer.folder.path
    more = None if interrupted else advice(vectors, training.words_done, config.epochs)
    return Run(vectors, words, seconds, interrupted, signals.number, folder, more)


def _check_files(corpus: Source, config: TrainConfig) -> None:
    """Raise W2VError unless what the configuration names can be written, each to its own file."""
    outputs = [] if config.output is None else files_of(config.output)
    outputs += [] if config.plot is None else [Path(config.plot)]
    check_outputs(outputs)  # before a data set is downloaded
    if outputs:
        check_outputs(outputs, inputs=_inputs(corpus, config))
    if config.output is not None:
        check_output(config.output)
    if config.plot is not None:
        if not config.plot.lower().endswith(".png"):
            raise ConfigError(f"--plot draws a PNG file: let {config.plot} end in .png")
        import_extra("matplotlib.pyplot", "--plot")


def _inputs(corpus: Source, config: TrainConfig) -> list[str]:
    """The files that a run reads, those in folders one by one."""
    sources = _paths(corpus)
    if corpus is None and config.dataset not in (None, "demo"):
        sources = [str(_dataset_file(config))]
    named = [config.stop_words, config.analogies, config.pairs]
    return [*find_files(sources, SILENT.note), *(name for name in named if name is not None)]


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
    options = {
        name: os.fspath(value) if isinstance(value, PathLike) else value
        for name, value in options.items()
        if value is not None
    }
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
        if (other := known[name].metadata["engine"]) not in (None, engine):
            remedy = "leave out one of them" if "engine" in options else f"add --engine {other}"
            raise ConfigError(f"{option_name(name)} has no meaning for --engine {engine}: {remedy}")
    if options.get("split", "train") != "train" and options.get("dataset") in (None, "demo"):
        raise ConfigError("--split is of a named corpus: add --dataset ptb or 20newsgroups")
    if options.get("labelled_pairs") and options.setdefault("model", "skipgram") != "skipgram":
        raise ConfigError("--labelled-pairs trains skip-gram: leave out one of it and --model")
    return TrainConfig(**{**(demo.CONFIG[engine] if is_demo else {}), **options, "engine": engine})


def _dataset_file(config: TextConfig) -> Path:
    return dataset_file(cast(str, config.dataset), config.split, config.data_dir)


def encode_corpus(
    corpus: Source,
    config: TextConfig,
    note: Callable[[str], None] = SILENT.note,
    threads: int | None = None,
    lines: bool = False,
) -> EncodedCorpus:
    """The text as ids in a file that is mapped into memory.

    note: is told what there is to know about the text. lines: a sentence may be a string, which the
    tokenizer splits. Raises CorpusError.
    """
    if corpus is not None and config.dataset is not None:
        raise ConfigError(
            f"both a corpus and --dataset {config.dataset} are given: name only one of them"
        )
    text = _encode(corpus, config, note, threads, lines)
    if left_out := what_was_left_out(text, config):
        note(left_out)
    return text


def _encode(
    corpus: Source,
    config: TextConfig,
    note: Callable[[str], None],
    threads: int | None,
    lines: bool,
) -> EncodedCorpus:
    from w2v.corpus.encoding import encode_files, encode_sentences  # imports pyarrow

    if corpus is None and config.dataset in (None, "demo"):
        return encode_sentences(demo.read_sentences(), config, note, threads, "the demo corpus")
    if corpus is None:
        corpus = _dataset_file(config)
    if paths := _paths(corpus):
        return encode_files(paths, config, note, threads)
    _check_sentences(corpus)
    sentences = cast(Iterable[Any], corpus)
    return encode_sentences(sentences, config, note, threads, lines=lines)


def _check_sentences(corpus: Any) -> None:
    """Raise ConfigError unless a corpus gives sentences one after the other."""
    kind = type(corpus).__name__
    if hasattr(corpus, "columns"):
        raise ConfigError(f"a corpus is sentences, not a {kind}: pass one column, table['text']")
    if callable(corpus) and not isinstance(corpus, Iterable):
        raise ConfigError(f"a corpus is sentences, not a {kind}: call it, and pass what it returns")
    if not isinstance(corpus, Iterable) or isinstance(corpus, bytes | Mapping):
        raise ConfigError(f"a corpus is a path, or sentences as lists of words, not {kind}")
