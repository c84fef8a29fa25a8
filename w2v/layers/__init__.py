"""The layers of the book's chapter 4: `forward`, `backward`, `params`, `grads`."""

from w2v.layers.embedding import Embedding
from w2v.layers.embedding_dot import EmbeddingDot
from w2v.layers.negative_sampling_loss import NegativeSamplingLoss
from w2v.layers.pair_dot import PairDot
from w2v.layers.row_gradient import RowGradient
from w2v.layers.sigmoid_with_loss import SigmoidWithLoss

__all__ = [
    "Embedding",
    "EmbeddingDot",
    "NegativeSamplingLoss",
    "PairDot",
    "RowGradient",
    "SigmoidWithLoss",
]
