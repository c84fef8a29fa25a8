"""Skip-gram on labelled pairs of words: whether the second occurred near the first."""

from w2v import np, rng
from w2v.backend import Array
from w2v.layers import PairDot, SigmoidWithLoss

RANGE = 0.05
"""Initial weights are between -RANGE and RANGE, as in Keras's Embedding."""


class PairModel:
    """Two tables, the dot product, the sigmoid and binary cross entropy.

    vocab_size: V. hidden_size: H. The tables are (V, H) float32; `word_vecs` is that of the
    targets. Gradients are RowGradients. Source: the skip-gram model that Keras's tutorials build
    from two Embeddings, Dot and sigmoid (Mikolov et al. 2013b, with one sum for all pairs).
    """

    def __init__(self, vocab_size: int, hidden_size: int, *, seed: int | None = None):
        draw = rng.generator(seed, "weights").uniform
        W_in, W_out = (
            np.asarray(draw(-RANGE, RANGE, (vocab_size, hidden_size)).astype("float32"))
            for _ in range(2)
        )
        self.dot = PairDot(W_in, W_out)
        self.loss = SigmoidWithLoss()
        self.params = self.dot.params
        self.word_vecs = W_in

    @property
    def grads(self) -> list:
        """The gradients of the last backward pass, in the order of `params`."""
        return self.dot.grads

    def forward(self, target: Array, context: Array, labels: Array) -> Array:
        """target, context: (n,) ids. labels: (n,), 1 or 0. Returns the mean loss of a pair."""
        return self.loss.forward(self.dot.forward(target, context), labels)

    def backward(self, dout: float = 1.0) -> None:
        """Leaves the gradients of the mean loss, times dout, in `grads`."""
        self.dot.backward(self.loss.backward(dout))
