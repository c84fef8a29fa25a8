"""A run that is kept in a folder: what is written there, and how it goes on from there."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy

from w2v.config import PYTHON_TOKENIZER, TrainConfig, option_name
from w2v.corpus import EncodedCorpus, encoded_corpus
from w2v.errors import ConfigError, CorpusError
from w2v.memory import peak_memory
from w2v.training.checkpoint import Described, State, tensor_sum
from w2v.training.checkpoint_writer import CheckpointWriter
from w2v.training.contract import Training, learning_rate
from w2v.training.interval import Interval
from w2v.training.listener import Listener, Progress, Relay
from w2v.training.run_folder import RunFolder
from w2v.vectors import WordVectors
from w2v.vectors.packed_words import pack


class Logging(Relay):
    """Writes each report into a run's log before it passes it on."""

    def __init__(self, folder: RunFolder, listener: Listener):
        super().__init__(listener)
        self.folder = folder
        self._is_told = False
        self._last: tuple[float, int] | None = None

    def checkpoint(self, path: Path) -> None:
        self.write({"checkpoint": path.name})
        super().checkpoint(path)

    def progress(self, at: Progress) -> str | None:
        entry = {
            "epoch": at.epoch,
            "words": at.words,
            "loss": at.loss,
            "learning_rate": at.learning_rate,
            "words_per_second": self._speed(at),
            "memory": peak_memory(),
            "scores": at.scores,
        }
        self.write({name: value for name, value in entry.items() if value not in (None, {})})
        return super().progress(at)

    def write(self, entry: dict[str, Any]) -> None:
        """Add a line. A log that cannot be written is noted once, and the run goes on."""
        try:
            self.folder.append_log(entry)
        except OSError as error:
            if not self._is_told:
                self.listener.note(f"{self.folder.log} cannot be written: {error.strerror}")
            self._is_told = True

    def _speed(self, at: Progress) -> int | None:
        """Words per second since the report before."""
        before, self._last = self._last, (at.seconds, at.words)
        if before is None or at.seconds <= before[0]:
            return None
        return round((at.words - before[1]) / (at.seconds - before[0]))


class KeptRun:
    """A run in a folder, new or gone on with."""

    def __init__(self, folder: RunFolder, config: TrainConfig, listener: Listener):
        self.folder, self.config = folder, config
        self.listener = Logging(folder, listener)

    def begin(self, corpus: list[str]) -> None:
        """Keep the options of a new run, before the text is read.

        corpus: the paths of the text, if it has any. Raises OutputError.
        """
        if self.config.resume is None:
            self.folder.check_new()
            paths = [str(Path(path).resolve()) for path in corpus]
            self.folder.write_config({"corpus": paths or None, **recorded_options(self.config)})

    def text(self, read: Callable[[], EncodedCorpus]) -> EncodedCorpus:
        """The text that `read` gives, kept in the folder unless the cache keeps it.

        Raises CorpusError, OutputError.
        """
        if self.folder.text.exists():
            return encoded_corpus.load(self.folder.text)
        text = read()
        kept = getattr(text.ids, "filename", None)
        if kept is None or not Path(kept).is_file():
            encoded_corpus.write(text, self.folder.text)
        return text

    @contextmanager
    def writer(self, training: Training, text: EncodedCorpus) -> Iterator[CheckpointWriter]:
        """Keeps the training in the block, once it is where the last checkpoint has left it.

        Raises ModelFileError, CorpusError if the text is another one, ConfigError if there is
        nothing left to train.
        """
        vectors, total = training.vectors(), text_sum(text)
        if self.config.resume is not None:
            self._restore(training, total)
        if not self.folder.vocabulary.exists():
            self.folder.write_vocabulary(text.vocabulary)
        writer = CheckpointWriter(
            self.folder,
            _described(vectors, total),
            Interval.parse(self.config.checkpoint_every, "--checkpoint-every"),
            self.config.checkpoint_in_place,
            self.listener,
            training.words_done,
        )
        self.listener.write({"event": "begun", "after": training.words_done})
        yield writer
        writer.wait()

    def _restore(self, training: Training, total: str) -> None:
        """Bring the training to where the last checkpoint has left it, and keep new options."""
        found = self.folder.newest_state(self.listener)
        if found is None:
            self.listener.note(f"{self.folder.path} has no checkpoint yet: trained from the start")
        else:
            self._go_on(training, *found, total)
        before = self.folder.read_config()
        if before["epochs"] < self.config.epochs:
            self.listener.note(f"the learning rate now falls over {self.config.epochs} epochs")
        corpus = {"corpus": before.get("corpus")}
        self.folder.write_config(corpus | recorded_options(self.config))

    def _go_on(self, training: Training, state: State, of_text: str, total: str) -> None:
        if of_text != total:
            raise CorpusError(
                f"the text is not the one that {self.folder.path} was trained on: put that one "
                "back, or begin a new run with --run-dir"
            )
        training.restore(state)
        if training.is_done and self.folder.has_its_vectors():
            raise ConfigError(
                f"{self.folder.path} is finished, with --epochs {self.config.epochs}: a larger "
                "number goes on with it"
            )
        self.listener.note(f"going on after {training.words_done:,} words")


def recorded_options(config: TrainConfig) -> dict[str, Any]:
    """All options that a later run may go on with, those of other engines left out."""
    options = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.metadata["engine"] in (None, config.engine) and not field.metadata["begins"]
    }
    return options | {"lr": learning_rate(config)}


def resumed(
    corpus: Any, options: dict[str, Any]
) -> tuple[RunFolder, list[Path] | None, TrainConfig]:
    """The folder, the text and the options of the run that `options["resume"]` names.

    corpus, options: as for `run`; options may change what can be changed. Raises ConfigError for
    what cannot, ModelFileError for something that is not a run.
    """
    folder = RunFolder.of_run(options["resume"])
    recorded = folder.read_config()
    paths = recorded.pop("corpus", None)
    if recorded["tokenizer"].startswith(PYTHON_TOKENIZER) and "tokenizer" not in options:
        raise ConfigError(
            f"the text of {folder.path} was split by code: repeat --tokenizer "
            f"{recorded['tokenizer']} to have it run again"
        )
    _check_corpus(corpus, paths, folder)
    options = {name: value for name, value in options.items() if value is not None}
    for name, value in options.items():
        before = recorded.get(name)
        field = TrainConfig.__dataclass_fields__[name]
        if not field.metadata["may_change"] and value != before:
            raise ConfigError(
                f"{option_name(name)} is {before} in {folder.path}, and {value} now: a run goes on "
                "with what it began with; leave the option out, or begin a new run"
            )
    if options.get("epochs", recorded["epochs"]) < recorded["epochs"]:
        raise ConfigError(
            f"--epochs is {recorded['epochs']} in {folder.path}, and {options['epochs']} now: it "
            "can only be raised"
        )
    config = TrainConfig(**{**recorded, **options})
    return folder, None if paths is None else [Path(path) for path in paths], config


def _check_corpus(corpus: Any, paths: list[str] | None, folder: RunFolder) -> None:
    """Raise ConfigError if a corpus is named that is not the run's."""
    if corpus is None:
        return
    named = corpus if isinstance(corpus, list | tuple) else [corpus]
    given = [str(Path(path).resolve()) if isinstance(path, str | Path) else "" for path in named]
    if given != paths:
        raise ConfigError(
            f"the text of {folder.path} is {', '.join(paths or ['kept in it'])}, and another one "
            "is named now: leave it out, or begin a new run"
        )


def text_sum(text: EncodedCorpus) -> str:
    """A sum by which a text is known again: of its ids, its words and their counts."""
    return tensor_sum(text.ids, *pack(text.vocabulary.words), numpy.asarray(text.vocabulary.counts))


def _described(vectors: WordVectors, text: str) -> Described:
    blob, offsets = pack(vectors.words)
    tensors = {"offsets": offsets, "words": blob}
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts
    return Described(tensors, vectors.training or {}, text)
