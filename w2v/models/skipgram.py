"""Skip-gram: the words around a word are predicted from its vector."""

from w2v.backend import Array
from w2v.models.base import WordModel


class SkipGram(WordModel):
    """Skip-gram with negative sampling: see `WordModel` for what it is made from.

    The loss is the sum over the 2 * window context words, each with negatives of its own.
    Source: Deep Learning from Scratch 2, `ch04/skip_gram.py`.
    """

    def forward(
        self,
        contexts: Array,
        target: Array,
        negatives: Array | None = None,
        weights: Array | None = None,
    ) -> Array:
        """contexts: (B, 2 * window). target: (B,). Returns the mean loss of a target.

        negatives: (B, 2 * window, K). weights: as in `NegativeSamplingLoss.forward`.
        """
        h = self.in_layer.forward(target)  # (B, H)
        return self.ns_loss.forward(h, contexts, negatives, weights)

    def backward(self, dout: float = 1.0) -> None:
        """Leaves the gradients of the mean loss, times dout, in `grads`."""
        self.in_layer.backward(self.ns_loss.backward(dout))
