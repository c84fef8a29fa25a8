"""The Penn Treebank as the book's `dataset.ptb` gives it: `from w2v.corpus import ptb`."""

from pathlib import Path

import numpy

from w2v.config import TextConfig
from w2v.corpus.book_stream import Corpus, with_eos
from w2v.corpus.datasets import dataset_file
from w2v.corpus.encoding import encode_files


def load_data(
    data_type: str = "train", data_dir: str | Path | None = None
) -> tuple[numpy.ndarray, dict[str, int], dict[int, str]]:
    """The ids of a split, and the vocabulary of the training split.

    data_type: "train", "valid" ("val") or "test". Returns corpus (N,) int32, word_to_id and
    id_to_word, where ids are numbered in order of first appearance in the training split.
    Source: Deep Learning from Scratch 2, `dataset/ptb.py`.
    """
    data_type = "valid" if data_type == "val" else data_type
    train = _stream("train", data_dir)
    id_to_word = dict(enumerate(train.vocabulary.words))
    word_to_id = {word: number for number, word in id_to_word.items()}
    if data_type == "train":
        return train.ids, word_to_id, id_to_word
    split = _stream(data_type, data_dir)
    ids = numpy.array([word_to_id[word] for word in split.vocabulary.words], numpy.int32)
    return ids[split.ids], word_to_id, id_to_word


def _stream(split: str, data_dir: str | Path | None) -> Corpus:
    config = TextConfig(min_count=1, vocab_order="appearance")
    return with_eos(encode_files([dataset_file("ptb", split, data_dir)], config), config)
