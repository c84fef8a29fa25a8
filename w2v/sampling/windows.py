"""Targets and the words around them, for a whole corpus at once or batch by batch."""

from collections.abc import Iterator

import numpy

from w2v.backend import Array, array_module
from w2v.errors import CorpusError


class ContextWindows:
    """The contexts of every target with a full window, computed when they are looked up.

    corpus: (N,) word ids. `windows[positions]` is the (n, 2 * window_size) array of the words
    around those targets, so that the contexts of a large corpus never sit in memory; it stands in
    for the array of `create_contexts_target`. Raises CorpusError if no window fits.
    """

    def __init__(self, corpus: Array, window_size: int):
        needed = 2 * window_size + 1
        if len(corpus) < needed:
            raise CorpusError(
                f"the corpus has {len(corpus)} words; a window of {window_size} on each side of "
                f"the target needs at least {needed}: lower --window or use a longer text"
            )
        xp = array_module(corpus)
        self.corpus = corpus
        self.window_size = window_size
        self.target = corpus[window_size : len(corpus) - window_size]
        self._offsets = xp.asarray([i for i in range(needed) if i != window_size])

    def __len__(self) -> int:
        return len(self.target)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, 2 * window_size), as the array would have it."""
        return len(self), 2 * self.window_size

    def __getitem__(self, positions: Array | slice) -> Array:
        if isinstance(positions, slice):
            positions = array_module(self.corpus).arange(*positions.indices(len(self)))
        return self.corpus[positions[:, None] + self._offsets]


class WindowBatch:
    """A mini-batch by the positions of its targets; `contexts, target = batch` looks it up.

    source: contexts, (N, 2 * window_size) or ContextWindows, and target, (N,), which all batches of
    a training share. positions: (B,).
    """

    def __init__(self, source: tuple[Array | ContextWindows, Array], positions: Array):
        self.source, self.positions = source, positions

    def __iter__(self) -> Iterator[Array]:
        for array in self.source:
            yield array[self.positions]


def create_contexts_target(corpus: Array, window_size: int = 1) -> tuple[Array, Array]:
    """The contexts and targets of a corpus, as in the book.

    corpus: (N,) word ids. Returns contexts (N - 2 * window_size, 2 * window_size) and target
    (N - 2 * window_size,). Raises CorpusError if no window fits.
    Source: Deep Learning from Scratch 2, `common/util.py`.
    """
    if not hasattr(corpus, "shape"):
        corpus = numpy.asarray(corpus)
    windows = ContextWindows(corpus, window_size)
    return windows[:], windows.target
