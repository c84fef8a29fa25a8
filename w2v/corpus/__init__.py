"""From text to ids: readers, vocabulary, encoded corpora, named data sets and the demo corpus."""

from w2v.corpus.book_stream import EOS, Corpus, with_eos
from w2v.corpus.encoded_corpus import SENTENCE_END, EncodedCorpus
from w2v.corpus.vocabulary import Vocabulary

__all__ = ["EOS", "SENTENCE_END", "Corpus", "EncodedCorpus", "Vocabulary", "with_eos"]
