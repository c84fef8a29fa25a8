"""The Penn Treebank as the book's `dataset.ptb` gives it: `from w2v.corpus import ptb`."""

from pathlib import Path

import numpy

from w2v.corpus.datasets import dataset_file
from w2v.corpus.readers import read_tokens


def load_data(
    data_type: str = "train", data_dir: str | Path | None = None
) -> tuple[numpy.ndarray, dict[str, int], dict[int, str]]:
    """The ids of a split, and the vocabulary of the training split.

    data_type: "train", "valid" ("val") or "test". Returns corpus (N,) int32, word_to_id and
    id_to_word, where ids are numbered in order of first appearance in the training split.
    Source: Deep Learning from Scratch 2, `dataset/ptb.py`.
    """
    data_type = "valid" if data_type == "val" else data_type
    words = _words("train", data_dir)
    word_to_id = {word: number for number, word in enumerate(dict.fromkeys(words))}
    if data_type != "train":
        words = _words(data_type, data_dir)
    corpus = numpy.array([word_to_id[word] for word in words], numpy.int32)
    return corpus, word_to_id, {number: word for word, number in word_to_id.items()}


def _words(split: str, data_dir: str | Path | None) -> list[str]:
    blocks = read_tokens(dataset_file("ptb", split, data_dir))
    return [word for block in blocks for word in block]
