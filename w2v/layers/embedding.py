"""Looking up rows of a table of word vectors."""

from w2v.backend import Array, array_module, scatter_add
from w2v.layers.row_gradient import RowGradient


class Embedding:
    """Rows of W by id. W: (V, H).

    `grads[0]` is a (V, H) array, zeroed and filled at each backward pass as in the book; with
    `sparse=True` it is a RowGradient, and the cost of a step depends only on the rows that it used.
    Source: Deep Learning from Scratch 2, section 4.1.
    """

    def __init__(self, W: Array, sparse: bool = False):
        self.params = [W]
        self.grads: list = [
            None if sparse else array_module(W).zeros_like(W, dtype=_gradient_type(W))
        ]
        self.idx: Array = None

    def forward(self, idx: Array) -> Array:
        """idx: ids of any shape, or one id. Returns idx.shape + (H,)."""
        (W,) = self.params
        self.idx = idx
        return W[idx]

    def backward(self, dout: Array) -> None:
        """dout: idx.shape + (H,). Repeated ids accumulate."""
        (W,) = self.params
        ids = array_module(W).asarray(self.idx)
        (dW,) = self.grads
        if dW is None or isinstance(dW, RowGradient):
            rows = dout.reshape(ids.size, *W.shape[1:])
            self.grads[0] = RowGradient(ids.reshape(-1), rows, W.shape)
        else:
            dW[...] = 0
            scatter_add(dW, ids, dout)


def _gradient_type(W: Array):
    """The gradients of an integer table, as in the book's worked examples, are floats."""
    return W.dtype if W.dtype.kind == "f" else float
