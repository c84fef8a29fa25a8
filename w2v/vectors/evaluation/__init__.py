"""How good word vectors are: analogies, and correlation with people's ratings of word pairs."""

from w2v.vectors.evaluation.analogies import Analogies
from w2v.vectors.evaluation.files import read_pairs
from w2v.vectors.evaluation.plain import plain
from w2v.vectors.evaluation.word_pairs import Pairs

__all__ = ["Analogies", "Pairs", "plain", "read_pairs"]
