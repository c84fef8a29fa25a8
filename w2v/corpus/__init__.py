"""From text to ids: readers, vocabulary, encoded corpora, named data sets and the demo corpus."""

from w2v.corpus.book_stream import EOS, Corpus, with_eos
from w2v.corpus.store import MARK, EncodedCorpus
from w2v.corpus.vocabulary import Vocabulary

__all__ = ["EOS", "MARK", "Corpus", "EncodedCorpus", "Vocabulary", "with_eos"]
