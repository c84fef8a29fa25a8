"""The vocabulary: which words are kept, in which order, and how often they occur."""

from dataclasses import dataclass

import numpy


@dataclass(frozen=True)
class Vocabulary:
    """words: V distinct words, by id. counts: (V,) how often each occurs in the text."""

    words: list[str]
    counts: numpy.ndarray

    def __len__(self) -> int:
        return len(self.words)


def choose(
    counts: numpy.ndarray, min_count: int, max_vocab: int | None, order: str
) -> numpy.ndarray:
    """The words to keep, in the order in which they get their ids.

    counts: (V,) of words in order of first appearance, which decides between equal counts; or of
    words that are already in the order wanted.
    """
    by_count = numpy.argsort(-counts, kind="stable")
    kept = by_count[counts[by_count] >= min_count][:max_vocab]
    return numpy.sort(kept) if order == "appearance" else kept
