"""How good word vectors are: analogies, and correlation with people's ratings of word pairs."""

from w2v.vectors.evaluation.analogies import Analogies, Pairs, plain, read_pairs

__all__ = ["Analogies", "Pairs", "plain", "read_pairs"]
