"""Files of word vectors, and writing them so that an earlier file is never half overwritten."""

from pathlib import Path

from w2v.vectors.formats.pickle_format import read_pickle, write_pickle
from w2v.vectors.word_vectors import WordVectors


def load(path: str | Path) -> WordVectors:
    """Read word vectors. Raises ModelFileError, naming the file, for anything else."""
    return read_pickle(path)


def save(vectors: WordVectors, path: str | Path) -> None:
    """Write word vectors in the book's pickle format. Raises OutputError."""
    write_pickle(vectors, path)


__all__ = ["load", "save"]
