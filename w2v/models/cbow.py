"""CBOW: a word is predicted from the mean of the vectors around it."""

from w2v.backend import Array
from w2v.models.base import WordModel


class CBOW(WordModel):
    """Continuous bag of words with negative sampling: see `WordModel` for what it is made from.

    Source: Deep Learning from Scratch 2, section 4.3.
    """

    def forward(
        self,
        contexts: Array,
        target: Array,
        negatives: Array | None = None,
        weights: Array | None = None,
    ) -> Array:
        """contexts: (B, 2 * window). target: (B,). Returns the mean loss of a target.

        negatives: (B, K). weights: as in `NegativeSamplingLoss.forward`.
        """
        h = self.in_layer.forward(contexts).mean(axis=1)  # (B, H)
        return self.ns_loss.forward(h, target, negatives, weights)

    def backward(self, dout: float = 1.0) -> None:
        """Leaves the gradients of the mean loss, times dout, in `grads`."""
        words = self.in_layer.idx.shape[1]
        dh = self.ns_loss.backward(dout) / words
        self.in_layer.backward(dh[:, None, :].repeat(words, axis=1))
