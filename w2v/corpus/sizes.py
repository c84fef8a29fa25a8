"""How much of a text is worked on at a time. The ids do not depend on it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """What encoding holds in memory, and for how long.

    block: bytes of text that are split together. batch: words of ready-made sentences that form a
    block, about. merged: blocks that wait at most for their words to be merged. chunk: ids that get
    their final numbers at a time. words: distinct words while reading, about 1 GB. kept_words: with
    --max-vocab, this many words at least compete for a place in the vocabulary.
    """

    block: int = 1 << 22
    batch: int = 1 << 18
    merged: int = 16
    chunk: int = 1 << 20
    words: int = 8_000_000
    kept_words: int = 1_000_000


USUAL = Sizes()
