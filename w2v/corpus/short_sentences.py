"""Leaving out short sentences while the blocks of a text go by."""

from collections.abc import Iterable, Iterator

import numpy
import pyarrow

from w2v.corpus.tokenize import NEWLINE, Block


def without_short(blocks: Iterable[Block], least: int) -> Iterator[Block]:
    """The blocks without the words of sentences that have fewer than `least`.

    A sentence may go on from block to block: as long as it is short, its words wait for the next
    one. The last sentence ends with NEWLINE.

    >>> words = pyarrow.array(["a", "b", NEWLINE], pyarrow.large_string())
    >>> block = Block.of(words, numpy.array([0, 1, 0, 2, 1, 2]))  # a b a, end, b, end
    >>> [short] = without_short([block], least=2)
    >>> [short.words[i].as_py() for i in short.ids]
    ['a', 'b', 'a', '\\n', '\\n']
    """
    waiting: list[str] = []  # the words so far of a sentence that is still short
    is_long = False  # whether the sentence that the block begins in has enough words already
    for block in blocks:
        words, names = block.words, numpy.array(block.words.to_pylist(), object)
        is_end = names == NEWLINE
        is_word = ~is_end & (names != "")
        ids = block.ids.astype(numpy.int64)
        if waiting:
            ids = numpy.concatenate([numpy.arange(len(waiting)) + len(words), ids])
            words = pyarrow.concat_arrays([words, pyarrow.array(waiting, words.type)])
            is_word = numpy.append(is_word, [True] * len(waiting))
            is_end = numpy.append(is_end, [False] * len(waiting))
        ends = numpy.flatnonzero(is_end[ids])
        lengths = _lengths(is_word[ids], ends)
        enough = lengths >= least
        enough[0] |= is_long
        kept = numpy.repeat(enough, numpy.diff(ends, prepend=-1, append=len(ids) - 1))
        open_ids = ids[ends[-1] + 1 if len(ends) else 0 :]
        is_long = bool(enough[-1])
        waiting = [] if is_long else words.take(open_ids[is_word[open_ids]]).to_pylist()
        yield _renumbered(words, ids[kept | is_end[ids]])


def _renumbered(words: pyarrow.LargeStringArray, ids: numpy.ndarray) -> Block:
    """The block of the words that are left, in order of first appearance again.

    >>> words = pyarrow.array(["a", "b", "c"], pyarrow.large_string())
    >>> block = _renumbered(words, numpy.array([2, 0, 2]))
    >>> block.words.to_pylist(), block.ids.tolist(), block.counts.tolist()
    (['c', 'a'], [0, 1, 0], [2, 1])
    """
    first = numpy.full(len(words), len(ids))
    first[ids[::-1]] = numpy.arange(len(ids))[::-1]  # of equal ids, the last to be assigned stays
    order = numpy.argsort(first, kind="stable")[: numpy.count_nonzero(first < len(ids))]
    number = numpy.empty(len(words), numpy.int64)
    number[order] = numpy.arange(len(order))
    return Block.of(words.take(pyarrow.array(order)), number[ids])


def _lengths(is_word: numpy.ndarray, ends: numpy.ndarray) -> numpy.ndarray:
    """How many words each sentence has; the last one is what follows the last end."""
    words = numpy.concatenate([[0], numpy.cumsum(is_word)])
    return numpy.diff(words[ends], prepend=0, append=words[-1])
