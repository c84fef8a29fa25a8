"""From tokens to a vocabulary with counts, and the text as ids into it."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy

from w2v.errors import CorpusError


@dataclass(frozen=True)
class Vocabulary:
    """words: V distinct words, by id. counts: (V,) how often each occurs in the text."""

    words: list[str]
    counts: numpy.ndarray

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Corpus:
    """A text as one stream. ids: (N,) int32, places in the vocabulary."""

    ids: numpy.ndarray
    vocabulary: Vocabulary


class _Index(dict):
    """Numbers each new word in the order of first appearance."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def encode(
    tokens: Iterable[list[str]],
    name: str,
    min_count: int = 1,
    max_vocab: int | None = None,
    order: str = "frequency",
) -> Corpus:
    """Read the tokens once, and keep the words that are frequent enough.

    tokens: lists of any length. name: what an error calls the text. order: "frequency" (ties in
    order of first appearance) or "appearance". Words that are left out vanish from the stream.
    Raises CorpusError if nothing is left.
    """
    index = _Index()
    stream = array("i")
    for block in tokens:
        stream.extend(map(index.__getitem__, block))
    if not index:
        raise CorpusError(f"{name}: there are no words in it; use a longer text")
    ids = numpy.frombuffer(stream, numpy.int32)
    counts = numpy.bincount(ids, minlength=len(index))
    kept = _choose(counts, min_count, max_vocab, order)
    if len(kept) == 0:
        raise CorpusError(
            f"{name}: no word occurs {min_count} times; lower --min-count or use a longer text"
        )
    words = list(index)
    vocabulary = Vocabulary([words[i] for i in kept], counts[kept])
    new_id = numpy.full(len(counts), -1, numpy.int32)
    new_id[kept] = numpy.arange(len(kept))
    ids = new_id[ids]
    return Corpus(ids[ids >= 0], vocabulary)


def _choose(
    counts: numpy.ndarray, min_count: int, max_vocab: int | None, order: str
) -> numpy.ndarray:
    """The words to keep, in the order in which they get their ids."""
    by_count = numpy.argsort(-counts, kind="stable")
    kept = by_count[counts[by_count] >= min_count][:max_vocab]
    return numpy.sort(kept) if order == "appearance" else kept
