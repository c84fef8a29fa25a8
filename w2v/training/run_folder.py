"""The folder of a run: its options, vocabulary, log, checkpoints and vectors.

config.toml                the options in full, as `--config` reads them
vocabulary.txt             the words and their counts, as `--vocabulary` reads them
corpus.ids                 the encoded text, where the cache does not keep it
log.jsonl                  a line for each report
checkpoint-N.safetensors   the last two
vectors.safetensors        at the end
lock, process              held, and named, while a run is at work here
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from w2v.config_file import read_config
from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import ModelFileError, OutputError
from w2v.files import check_writable, replacing
from w2v.locks import owned
from w2v.training.checkpoint import State, read_checkpoint
from w2v.training.listener import Listener

CONFIG, VECTORS = "config.toml", "vectors.safetensors"
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,18})\.safetensors")
_OF_OURS = re.compile(rf"\.?(lock|{CONFIG}|vocabulary\.txt|corpus\.ids)(\..*)?")


class RunFolder:
    """A folder that holds one run. Made by `RunFolder.new` or `RunFolder.of_run`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config, self.vectors = self.path / CONFIG, self.path / VECTORS
        self.vocabulary, self.text = self.path / "vocabulary.txt", self.path / "corpus.ids"
        self.log = self.path / "log.jsonl"

    @classmethod
    def new(cls, path: str | Path) -> "RunFolder":
        """A folder for a new run, made if it is not there. Raises OutputError."""
        folder = cls(path)
        folder.check_new()
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            others = [name for name in os.listdir(path) if not _OF_OURS.fullmatch(name)]
        except OSError as error:
            raise OutputError(
                f"cannot use {path} as a run's folder: {error.strerror}; name another"
            ) from error
        if others:
            raise OutputError(f"{path} holds something else ({others[0]}): name a new folder")
        check_writable(folder.config)
        return folder

    def check_new(self) -> None:
        """Raise OutputError if there is a run already."""
        if self.config.exists():
            raise OutputError(
                f"{self.path} holds a run already: go on with w2v train --resume {self.path}, or "
                "name another folder"
            )

    @classmethod
    def of_run(cls, path: str | Path) -> "RunFolder":
        """The folder of an earlier run. Raises ModelFileError if there is none at `path`."""
        folder = cls(path)
        if not folder.config.is_file():
            what = "no run's folder: it has no config.toml" if folder.path.exists() else "not there"
            raise ModelFileError(f"{path} is {what}; --run-dir begins a run in a new folder")
        check_writable(folder.config)
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder is this process's alone. Raises OutputError, naming the other, if it is not.

        A process that was killed holds it no longer; what it was about to write is removed.
        """
        with owned(self.path / "lock") as other:
            if other is not None:
                raise OutputError(
                    f"{self.path} is in use by {other}: wait until that has ended, or name another "
                    "folder"
                )
            self._remove_unfinished()
            try:
                yield
            finally:
                self._remove_unused()

    def _remove_unfinished(self) -> None:
        for name in os.listdir(self.path):
            if re.match(r"\.(checkpoint-|vectors|config|vocabulary|corpus)", name):
                with suppress(OSError):
                    os.unlink(self.path / name)

    def _remove_unused(self) -> None:
        """Remove the folder of a run that was refused before it began."""
        if not self.config.exists():
            with suppress(OSError):
                (self.path / "lock").unlink()
                self.path.rmdir()

    # The options

    def write_config(self, options: dict[str, Any]) -> None:
        """Keep the options, those that are None left out. Raises OutputError."""
        import tomli_w

        given = {name: value for name, value in options.items() if value is not None}
        with replacing(self.config) as file:
            tomli_w.dump(given, file)

    def read_config(self) -> dict[str, Any]:
        """The options, with `corpus` where the text came from files. Raises ConfigError."""
        return read_config(self.config)

    def write_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Keep the words with their counts, as word2vec.c does. Raises OutputError."""
        lines = zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)
        with replacing(self.vocabulary) as file:
            file.write("".join(f"{word} {count}\n" for word, count in lines).encode())

    # Checkpoints

    def checkpoints(self) -> list[Path]:
        """The checkpoints, the newest first."""
        found = [(_CHECKPOINT.fullmatch(path.name), path) for path in self.path.iterdir()]
        numbered = [(int(match[1]), path) for match, path in found if match]
        return [path for _, path in sorted(numbered, reverse=True) if path.is_file()]

    def next_checkpoint(self) -> Path:
        """The name of the next one."""
        newest = next(iter(self.checkpoints()), None)
        number = 0 if newest is None else int(_CHECKPOINT.fullmatch(newest.name)[1])  # type: ignore[index]
        return self.path / f"checkpoint-{number + 1}.safetensors"

    def keep_newest(self, count: int = 2) -> None:
        """Remove all checkpoints but the newest."""
        for old in self.checkpoints()[count:]:
            with suppress(OSError):
                old.unlink()

    def has_its_vectors(self) -> bool:
        """Whether the vectors were written after the newest checkpoint: a kill may come between."""
        newest = self.checkpoints()[0].stat().st_mtime_ns
        return self.vectors.is_file() and self.vectors.stat().st_mtime_ns >= newest

    def newest_state(self, listener: Listener) -> tuple[State, str] | None:
        """The newest whole checkpoint's state and the sum of its text; None where there is none.

        listener: is told of a damaged one.
        """
        for path in self.checkpoints():
            try:
                return read_checkpoint(path)
            except ModelFileError as error:
                listener.note(f"{error}: the one before is taken")
        return None

    # The log

    def append_log(self, entry: dict[str, Any]) -> None:
        """Add a line. What was cut off at a crash is ended first. Raises OSError."""
        with open(self.log, "ab") as file:
            file.write(json.dumps({"time": round(time.time(), 3), **entry}).encode() + b"\n")


def is_run_folder(path: str | Path) -> bool:
    """Whether there is a run at `path`."""
    return (Path(path) / CONFIG).is_file()
