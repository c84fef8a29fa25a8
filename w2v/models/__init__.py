"""CBOW and skip-gram with negative sampling, and skip-gram on pairs, built from the layers."""

from w2v.models.cbow import CBOW
from w2v.models.pairs import PairModel
from w2v.models.skipgram import SkipGram

__all__ = ["CBOW", "PairModel", "SkipGram"]
