"""Saving what took hours to train, also where its place is gone or full."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from w2v.errors import OutputError
from w2v.vectors.formats import save
from w2v.vectors.formats.files import PathName
from w2v.vectors.word_vectors import WordVectors


def save_or_rescue(vectors: WordVectors, path: PathName) -> None:
    """As `save`; what took hours to train is put elsewhere if there is no place for it at `path`.

    Raises OutputError that says where it is.
    """
    try:
        save(vectors, path)
    except OutputError as error:
        place = _rescued(vectors)
        if place is None:
            raise
        raise OutputError(f"{error}; the vectors are in {place}") from error


def _rescued(vectors: WordVectors) -> Path | None:
    """Where the vectors have found a place."""
    for folder in (tempfile.gettempdir(), Path.home(), Path.cwd()):
        place = Path(folder, f"w2v-{os.getpid()}.safetensors")
        with suppress(OutputError):
            save(vectors, place)
            return place
    return None
