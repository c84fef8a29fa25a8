"""What CBOW and skip-gram share: two tables, an input layer and the loss."""

from w2v import np, rng
from w2v.backend import Array
from w2v.layers import Embedding, NegativeSamplingLoss


class WordModel:
    """Input vectors, output vectors and the loss between them.

    vocab_size: V. hidden_size: H. window_size: context words on each side. corpus: (N,) word ids,
    for the sampler. sample_size: K. sparse: keep gradients as RowGradient. `word_vecs` is W_in.
    Both tables are (V, H) float32, normal with deviation 0.01, as in the book.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        window_size: int,
        corpus: Array,
        *,
        sample_size: int = 5,
        power: float = 0.75,
        seed: int | None = None,
        sparse: bool = False,
    ):
        W_in, W_out = _initial_tables((vocab_size, hidden_size), seed)
        self.window_size = window_size
        self.is_sparse = sparse
        self.in_layer = Embedding(W_in, sparse)
        self.ns_loss = NegativeSamplingLoss(
            W_out, corpus, power, sample_size, seed=seed, sparse=sparse
        )
        self.params = self.in_layer.params + self.ns_loss.params
        self.word_vecs = W_in

    @property
    def grads(self) -> list:
        """The gradients of the last backward pass, in the order of `params`."""
        return self.in_layer.grads + self.ns_loss.grads


def _initial_tables(shape: tuple[int, int], seed: int | None) -> list[Array]:
    """Two tables drawn by NumPy and then moved, so that a GPU starts with a CPU's weights."""
    draw = rng.generator(seed, "weights").standard_normal
    return [np.asarray(0.01 * draw(shape, dtype="float32")) for _ in range(2)]
