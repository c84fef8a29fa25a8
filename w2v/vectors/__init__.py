"""Trained word vectors: asking them, and keeping them in files."""

from w2v.vectors.book_queries import analogy, most_similar
from w2v.vectors.formats import load, save
from w2v.vectors.word_vectors import WordVectors

__all__ = ["WordVectors", "analogy", "load", "most_similar", "save"]
