"""Scores of hidden vectors with the rows of a table: an Embedding and dot products in one."""

from w2v.backend import Array
from w2v.layers.embedding import Embedding


class EmbeddingDot:
    """Dot products of each h with the rows of W that its ids name. W: (V, H).

    Source: Deep Learning from Scratch 2, section 4.2.4, with several ids for each h, so that the
    K + 1 products of a batch are one operation.
    """

    def __init__(self, W: Array, sparse: bool = False):
        self.embed = Embedding(W, sparse)
        self.params = self.embed.params
        self.grads = self.embed.grads
        self.cache: tuple = ()

    def forward(self, h: Array, idx: Array) -> Array:
        """h: (B, H), idx: (B,) or (B, ...); or h: (H,) with ids of any shape, or one id.

        Returns the scores, in the shape of idx.
        """
        target_W = self.embed.forward(idx)
        h_rows = h.reshape(-1, h.shape[-1])  # (B, H)
        rows = target_W.reshape(len(h_rows), -1, h.shape[-1])  # (B, S, H)
        self.cache = h.shape, h_rows, rows
        return (rows @ h_rows[:, :, None]).reshape(target_W.shape[:-1])

    def backward(self, dout: Array) -> Array:
        """dout: in the shape of the scores. Returns dh, in the shape of h."""
        shape, h_rows, rows = self.cache
        dscores = dout.reshape(rows.shape[:2])  # (B, S)
        dtarget_W = dscores[:, :, None] * h_rows[:, None, :]  # (B, S, H)
        self.embed.backward(dtarget_W.reshape(*dout.shape, shape[-1]))
        return (dscores[:, None, :] @ rows).reshape(shape)
