"""The stream of the book, which the layers engine reads: `<eos>` is a word like the others."""

from dataclasses import dataclass

import numpy

from w2v.config import TextConfig
from w2v.corpus.encoded_corpus import SENTENCE_END, EncodedCorpus
from w2v.corpus.vocabulary import Vocabulary, choose

EOS = "<eos>"


@dataclass(frozen=True)
class Corpus:
    """A text as one stream of words. ids: (N,) int32, places in the vocabulary."""

    ids: numpy.ndarray
    vocabulary: Vocabulary


def with_eos(text: EncodedCorpus, config: TextConfig) -> Corpus:
    """The text with the word `<eos>` for the end of each sentence.

    It is counted like a word, and gets its id, or is left out, by the same options. Where the text
    itself holds `<eos>`, the two are the same word.

    >>> vocabulary = Vocabulary(["a", "b"], numpy.array([3, 1]))
    >>> text = EncodedCorpus(numpy.array([0, 1, SENTENCE_END, 0, 0, SENTENCE_END]), vocabulary)
    >>> stream = with_eos(text, TextConfig(min_count=2))  # b occurs once, and each <eos> counts
    >>> stream.vocabulary.words, stream.ids.tolist()
    (['a', '<eos>'], [0, 1, 0, 0, 1])
    """
    ids, size = numpy.asarray(text.ids), len(text.vocabulary)
    names = [*text.vocabulary.words, EOS]
    # The text's own `<eos>`, or else, as for SENTENCE_END, the last of the names.
    own = names.index(EOS)
    is_end = (ids == SENTENCE_END) | (ids == own)
    counts = numpy.append(text.vocabulary.counts, numpy.count_nonzero(is_end))
    words = numpy.delete(numpy.arange(size), own) if own < size else numpy.arange(size)
    # Words are in their order already; <eos> goes in front of those that come after it.
    before = numpy.unique(ids[: is_end.argmax()])
    if config.vocab_order == "appearance":
        place = len(before)
    else:
        more, equal = counts[words] > counts[size], counts[before] == counts[size]
        place = int(more.sum() + equal.sum())
    words = numpy.insert(words, place, size)
    kept = words[choose(counts[words], config.min_count, config.max_vocab, config.vocab_order)]
    new_id = numpy.full(size + 1, -1, numpy.int32)
    new_id[kept] = numpy.arange(len(kept))
    new_id[own] = new_id[size]
    ids = new_id[ids]  # SENTENCE_END, -1, is the last
    return Corpus(ids[ids >= 0], Vocabulary([names[i] for i in kept], counts[kept]))
