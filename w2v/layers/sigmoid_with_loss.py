"""The sigmoid and its cross entropy in one layer."""

from w2v.backend import Array, array_module


class SigmoidWithLoss:
    """Binary cross entropy of scores, summed over each example and averaged over the batch.

    Nothing overflows for large scores: only exp(-|x|) is taken, and the loss
    -t log y - (1 - t) log(1 - y) is written as max(x, 0) - t x + log(1 + exp(-|x|)).
    Source: Deep Learning from Scratch 2, section 4.2.5; the book adds 1e-7 inside the logarithm.
    """

    def __init__(self) -> None:
        self.params: list = []
        self.grads: list = []
        self.cache: tuple = ()

    def forward(self, x: Array, t: Array, weights: Array | None = None) -> Array:
        """x: scores (B,) or (B, ...), or one score. t: labels, 1 or 0, that broadcast to x.

        weights: how much each score counts, broadcast to x. Returns the mean loss, in float64.
        """
        xp = array_module(x)
        x = xp.asarray(x)
        shrunk = xp.exp(-abs(x))
        y = xp.where(x >= 0, 1, shrunk) / (1 + shrunk)
        t = xp.asarray(t).astype(y.dtype, copy=False)
        loss = xp.maximum(x, 0) - t * x + xp.log1p(shrunk)
        if weights is not None:
            loss = loss * weights
        batch_size = x.shape[0] if x.ndim else 1
        self.cache = y, t, weights, batch_size
        return loss.sum(dtype=float) / batch_size

    def backward(self, dout: float = 1.0) -> Array:
        """Returns the gradient of the mean loss, times dout, in the shape of the scores."""
        y, t, weights, batch_size = self.cache
        dx = (y - t) * (dout / batch_size)
        return dx if weights is None else (dx * weights).astype(y.dtype)
