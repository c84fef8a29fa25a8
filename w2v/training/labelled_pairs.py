"""Training of skip-gram on labelled pairs through the layers, some sentences at a time.

What `w2v train --labelled-pairs` runs.
"""

from collections.abc import Iterable, Iterator

import numpy

from w2v import np
from w2v.backend import Array
from w2v.config import TrainConfig
from w2v.corpus import EncodedCorpus
from w2v.models import PairModel
from w2v.optimizers import OPTIMIZERS, CatchUpAdam
from w2v.optimizers.rules import Rule
from w2v.sampling import PairBatches
from w2v.training.batch_loop import BatchLoop, check_room, make_optimizer
from w2v.training.contract import told_if_slow, trained_vectors
from w2v.training.listener import Listener, Progress
from w2v.vectors import WordVectors


class PairTraining(BatchLoop):
    """Trains a PairModel in the order of the text.

    `loss_list` holds the mean loss of a batch's pairs before its update, by intervals.
    """

    def __init__(
        self,
        model: PairModel,
        optimizer: Rule,
        batches: PairBatches,
        text: EncodedCorpus,
        config: TrainConfig,
    ):
        super().__init__(model, optimizer)
        self.batches = batches
        self.text = text
        self.config = config
        self.summary = (
            f"{text.words:,} words in {text.sentences:,} sentences, "
            f"{len(text.vocabulary):,} in the vocabulary, {batches.pairs:,} pairs"
        )

    @classmethod
    def from_config(cls, text: EncodedCorpus, config: TrainConfig) -> "PairTraining":
        """The pairs, a model and the optimizer that the configuration names.

        Raises CorpusError if no sentence has two words, GPUError for a GPU without room.
        """
        vocabulary = text.vocabulary
        check_room(config, len(vocabulary))
        batches = PairBatches(
            numpy.asarray(text.ids),
            vocabulary.counts,
            window=config.window,
            negative=config.negative,
            power=config.ns_exponent,
            batch_size=config.batch_size,
            seed=config.seed,
        )
        model = PairModel(len(vocabulary), config.dim, seed=config.seed)
        return cls(model, _optimizer(config), batches, text, config)

    def prepare(self, listener: Listener) -> None:
        """Compile what is compiled, by a step on one pair of another model of the same kind."""
        with told_if_slow(listener, "compiling, once on this machine ..."):
            config = self.config
            one_pair = np.asarray(numpy.array([0, 1], numpy.int32))
            model, optimizer = PairModel(2, config.dim, seed=config.seed), _optimizer(config)
            loop = PairTraining(model, optimizer, self.batches, self.text, config)
            loop.step((one_pair[:1], one_pair[1:], one_pair[1:]))
            optimizer.settle(model.params)

    def updates(self) -> Iterator[Progress | None]:
        """Train as the configuration says. Raises DivergenceError."""
        config = self.config
        return self.epochs(self.batches, config.epochs, config.max_grad, config.eval_interval)

    def step(self, batch: Iterable[Array], max_grad: float | None = None) -> None:
        """One update."""
        batch = tuple(batch)
        self.optimizer.settle(self.model.params, batch[:2])
        super().step(batch, max_grad)

    @property
    def is_done(self) -> bool:
        """Whether all epochs are trained."""
        return self.batches_done(self.batches) >= self.config.epochs * len(self.batches)

    def vectors(self) -> WordVectors:
        """The word vectors as trained so far."""
        matrix = self.optimizer.settled(self.model.params, 0)
        return trained_vectors(self.text.vocabulary, matrix, self.config)


def _optimizer(config: TrainConfig) -> Rule:
    """The rule of the configuration; on a CPU, Adam in the form that moves used rows only."""
    rule = OPTIMIZERS[config.optimizer]
    if config.optimizer == "adam" and not config.gpu:
        rule = CatchUpAdam
    return make_optimizer(rule, config.lr)
