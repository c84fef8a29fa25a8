"""The loss of telling a word apart from K negative samples."""

from w2v.backend import Array, array_module
from w2v.layers.embedding_dot import EmbeddingDot
from w2v.layers.sigmoid_with_loss import SigmoidWithLoss
from w2v.sampling import UnigramSampler


class NegativeSamplingLoss:
    """Cross entropy of the target (label 1) and K negatives (label 0) for each hidden vector.

    W: (V, H) output vectors. corpus: (N,) word ids, for the sampler. The K + 1 scores of a batch
    are one (B, K + 1) array, the positive in column 0; the loss equals the sum of the book's
    K + 1 layers. Source: Deep Learning from Scratch 2, section 4.2.7.
    """

    def __init__(
        self,
        W: Array,
        corpus: Array,
        power: float = 0.75,
        sample_size: int = 5,
        *,
        seed: int | None = None,
        sparse: bool = False,
    ):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size, seed)
        self.embed_dot = EmbeddingDot(W, sparse)
        self.loss = SigmoidWithLoss()
        self.params = self.embed_dot.params
        self.grads = self.embed_dot.grads
        self._labels: Array = None  # 1 for the target, 0 for each negative

    def forward(
        self,
        h: Array,
        target: Array,
        negatives: Array | None = None,
        weights: Array | None = None,
    ) -> Array:
        """h: (B, H), target: (B,), or (B, C) for C words to predict from each h.

        A single h (H,) takes one id. negatives: target.shape + (K,) ids, drawn if not given.
        weights: how much each score counts, broadcast to (B, K + 1) or (B, C, K + 1). Returns the
        sum of the losses of each h, averaged over the batch.
        """
        xp = array_module(h)
        target = xp.asarray(target)
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        words = xp.concatenate([target[..., None], xp.asarray(negatives)], axis=-1)
        if h.ndim == 1:
            words = words[None]  # a batch of one
        if self._labels is None or self._labels.shape != words.shape[-1:]:
            self._labels = xp.zeros(words.shape[-1], h.dtype)
            self._labels[0] = 1
        return self.loss.forward(self.embed_dot.forward(h, words), self._labels, weights)

    def backward(self, dout: float = 1.0) -> Array:
        """Returns dh, in the shape of h."""
        return self.embed_dot.backward(self.loss.backward(dout))
