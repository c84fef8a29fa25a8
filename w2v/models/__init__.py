"""CBOW and skip-gram with negative sampling, built from the layers."""

from w2v.models.cbow import CBOW
from w2v.models.skipgram import SkipGram

__all__ = ["CBOW", "SkipGram"]
