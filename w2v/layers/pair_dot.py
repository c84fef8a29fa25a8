"""Scores of pairs: dot products of the rows of two tables."""

import numpy

from w2v.backend import Array, array_module, check_ids
from w2v.layers.row_gradient import RowGradient


class PairDot:
    """Dot products of rows of A with rows of B, pair by pair. A, B: (V, H).

    What `EmbeddingDot(B)` computes from the output of `Embedding(A)`, with sparse gradients; on a
    CPU with compiled loops, which do not copy rows.
    """

    def __init__(self, A: Array, B: Array):
        self.params = [A, B]
        self.grads: list = [None, None]
        self.pairs: tuple = ()
        self._places = [numpy.full(len(table), -1, numpy.int32) for table in (A, B)]

    def forward(self, a: Array, b: Array) -> Array:
        """a, b: (n,) ids of rows of A and B. Returns (n,). Raises IndexError for other ids."""
        A, B = self.params
        self.pairs = a, b
        if array_module(A) is not numpy:
            return (A[a] * B[b]).sum(axis=1)
        from w2v.layers.pair_loops import pair_scores

        check_ids(a, A)
        check_ids(b, B)
        return pair_scores(A, B, a, b)

    def backward(self, dout: Array) -> None:
        """dout: (n,). Leaves RowGradients in `grads`."""
        (A, B), (a, b) = self.params, self.pairs
        self.grads = [
            self._gradient(A, B, a, b, dout, self._places[0]),
            self._gradient(B, A, b, a, dout, self._places[1]),
        ]

    @staticmethod
    def _gradient(
        table: Array, other: Array, ids: Array, other_ids: Array, dout: Array, places: Array
    ) -> RowGradient:
        if array_module(table) is not numpy:
            return RowGradient(ids, dout[:, None] * other[other_ids], table.shape)
        from w2v.layers.pair_loops import pair_sums

        unique, sums = pair_sums(other, ids, other_ids, dout, places)
        return RowGradient(unique, sums, table.shape, is_summed=True)
