"""The stream while the text is read: provisional ids in a file, and a vocabulary that grows."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO

import numpy
import pyarrow

from w2v.corpus.encoded_corpus import ID, SENTENCE_END
from w2v.corpus.sizes import USUAL, Sizes
from w2v.corpus.tokenize import NEWLINE, Block
from w2v.corpus.vocabulary import Vocabulary, choose

WORDS_PER_KEPT = 10  # with --max-vocab: how many words compete for a place in the vocabulary

DROPPED = -2
"""In a table of new ids: the word vanishes from the stream."""
_END_ID, _NOTHING_ID = 0, 1  # of NEWLINE and of ""

Task = Callable[[], numpy.ndarray]


class StreamBuilder:
    """Takes blocks in order; numbers each new word in order of first appearance.

    The words are an Arrow array, and a merge is one dictionary encoding of the words known so far
    and those of the blocks that wait: a fraction of the time and memory of a dict of str.
    """

    def __init__(
        self,
        file: IO[bytes],
        max_vocab: int | None,
        results: Callable[[Iterable[Task]], Iterator[numpy.ndarray]],
        sizes: Sizes = USUAL,
    ):
        """results: does tasks, on all cores, and gives their results in order."""
        self.sizes = sizes
        self.file = file
        self.results = results
        self.words = pyarrow.array([NEWLINE, ""], pyarrow.large_string())
        self.counts = numpy.zeros(2, numpy.int64)
        self.length = 0  # ids in the file
        self.pruned = 0  # words that occurred up to this often were dropped on the way
        self.limit = sizes.words
        if max_vocab is not None:
            self.limit = min(self.limit, max(WORDS_PER_KEPT * max_vocab, sizes.kept_words))
        self._pruned_words = self._pruned_distinct = 0
        self._waiting: list[Block] = []
        self._waiting_words = 0

    @property
    def is_empty(self) -> bool:
        """Whether no word has been read."""
        return len(self.words) == 2

    @property
    def read(self) -> tuple[int, int]:
        """Words read so far, and how many different ones; a word pruned twice counts twice."""
        words = self.counts.sum() - self.counts[[_END_ID, _NOTHING_ID]].sum()
        return (
            int(words) + self._pruned_words,
            len(self.words) - 2 + self._pruned_distinct,
        )

    def add(self, block: Block) -> None:
        """Add the next block of the text."""
        if len(block.ids) == 0:
            return
        self._waiting.append(block)
        self._waiting_words += len(block.words)
        # Merging passes over all the words known: it is worth it once twice as many are waiting.
        if self._waiting_words >= 2 * len(self.words) or len(self._waiting) == self.sizes.merged:
            self.merge()

    def merge(self) -> None:
        """Number the words of the blocks that wait, and write their ids."""
        known = len(self.words)
        chunks = [self.words, *(block.words for block in self._waiting)]
        coded = pyarrow.chunked_array(chunks).dictionary_encode().chunks
        self.words = coded[-1].dictionary
        self.counts = numpy.concatenate(
            [self.counts, numpy.zeros(len(self.words) - known, numpy.int64)]
        )
        for block, coded_words in zip(self._waiting, coded[1:], strict=True):
            number = coded_words.indices.to_numpy()  # of each of the block's words
            numpy.add.at(self.counts, number, block.counts)
            self.file.write(number[block.ids])
            self.length += len(block.ids)
        self._waiting, self._waiting_words = [], 0
        pyarrow.default_memory_pool().release_unused()  # the hash table: up to 300 MB
        if len(self.words) > self.limit:
            self._prune()

    def _prune(self) -> None:
        """Drop the rarest words, half of the limit, from vocabulary and stream.

        Of words that are equally rare the first to appear stay. As in word2vec.c's ReduceVocab, a
        word that comes back later is counted anew.
        """
        keep = numpy.zeros(len(self.counts), bool)
        keep[numpy.argsort(-self.counts, kind="stable")[: self.limit // 2]] = True
        keep[[_END_ID, _NOTHING_ID]] = True
        self.pruned = max(self.pruned, int(self.counts[~keep].max()))
        self._pruned_words += int(self.counts[~keep].sum())
        self._pruned_distinct += int(numpy.count_nonzero(~keep))
        table = numpy.full(len(keep), DROPPED, numpy.int32)
        table[keep] = numpy.arange(keep.sum())
        self._renumber(table)
        self.words = self.words.filter(pyarrow.array(keep))
        self.counts = self.counts[keep]

    def finish(self, min_count: int, max_vocab: int | None, order: str) -> Vocabulary:
        """Choose the words to keep, and turn the file's ids into final ones, with SENTENCE_END."""
        if self._waiting:
            self.merge()
        counts = self.counts.copy()
        counts[[_END_ID, _NOTHING_ID]] = 0
        kept = choose(counts, min_count, max_vocab, order)
        table = numpy.full(len(counts), DROPPED, numpy.int32)
        table[kept] = numpy.arange(len(kept))
        table[_END_ID] = SENTENCE_END
        self._renumber(table)
        return Vocabulary(self.words.take(pyarrow.array(kept)).to_pylist(), counts[kept])

    def _renumber(self, table: numpy.ndarray) -> None:
        """Give every id in the file its new one, in place; each sentence keeps one end.

        table: the new id of each old one, or DROPPED. Ends that follow an end, or nothing, vanish.

        Example: ids 0 2 3 0 3 0 2 (0 ends a sentence) and a table that drops 3, ends with -1 and
        makes 2 the word 0 -> 0 -1 0: the second sentence is empty, so that its end goes too.
        """
        end = table[_END_ID]
        written = 0  # ids
        after_end = True
        # What has been written never overtakes what has been read: ids only get fewer.
        for ids in self.results(partial(_renumbered, chunk, table) for chunk in self._chunks()):
            if after_end and len(ids) and ids[0] == end:
                ids = ids[1:]
            after_end = ids[-1] == end if len(ids) else after_end
            self.file.seek(written * ID.itemsize)
            self.file.write(ids.data)
            written += len(ids)
        self.length = written
        self.file.truncate(self.file.seek(written * ID.itemsize))

    def _chunks(self) -> Iterator[numpy.ndarray]:
        """The ids in the file, a chunk at a time."""
        chunk = self.sizes.chunk
        for start in range(0, self.length, chunk):
            self.file.seek(start * ID.itemsize)
            size = min(chunk, self.length - start) * ID.itemsize
            yield numpy.frombuffer(self.file.read(size), ID)


def _renumbered(ids: numpy.ndarray, table: numpy.ndarray) -> numpy.ndarray:
    """The new ids without those that are dropped, and without ends that follow an end.

    >>> table = numpy.array([SENTENCE_END, DROPPED, 0, DROPPED], numpy.int32)
    >>> _renumbered(numpy.array([2, 3, 0, 3, 0, 2, 0]), table).tolist()
    [0, -1, 0, -1]
    """
    ids = table[ids]
    ids = ids[ids != DROPPED]
    is_end = ids == table[_END_ID]
    doubled = is_end[1:] & is_end[:-1]
    return ids[numpy.concatenate([[True], ~doubled])] if doubled.any() else ids
