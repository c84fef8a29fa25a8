"""From text to ids: readers, vocabulary, named data sets and the demo corpus."""

from w2v.corpus.vocabulary import Corpus, Vocabulary, encode

__all__ = ["Corpus", "Vocabulary", "encode"]
