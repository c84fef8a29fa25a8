"""Training through the layers, on mini-batches of contexts and targets, with any optimizer.

`Trainer` is the book's; `LayersTraining` is what `w2v train --engine layers` runs.
"""

from collections.abc import Iterator

from w2v import np, rng
from w2v.backend import Array, array_module
from w2v.config import TrainConfig
from w2v.corpus import EncodedCorpus, with_eos
from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import CorpusError
from w2v.models import CBOW, SkipGram
from w2v.models.base import WordModel
from w2v.optimizers import OPTIMIZERS
from w2v.optimizers.rules import Rule
from w2v.sampling import ContextWindows, WindowBatch
from w2v.training.batch_loop import BatchLoop, check_room, make_optimizer
from w2v.training.checkpoint import State
from w2v.training.contract import trained_vectors
from w2v.training.listener import Listener, Progress, follow
from w2v.training.progress import Reporter
from w2v.vectors import WordVectors

MODELS = {"cbow": CBOW, "skipgram": SkipGram}


class ShuffledBatches:
    """Mini-batches of contexts and targets, shuffled for each epoch, from seed and epoch alone.

    contexts: (N, 2 * window) array, or ContextWindows. target: (N,). The last partial batch is
    dropped. Raises CorpusError if there is less than one batch.
    """

    def __init__(self, contexts, target: Array, batch_size: int, seed: int | None):
        self.source, self.batch_size = (contexts, target), batch_size
        if len(self) == 0:
            raise CorpusError(
                f"{len(target)} targets do not fill a batch of {batch_size}: "
                "lower --batch-size or use a longer text"
            )
        self._seed = rng.known_seed(seed)

    def __len__(self) -> int:
        return len(self.source[1]) // self.batch_size

    @property
    def words(self) -> int:
        return len(self) * self.batch_size

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[WindowBatch, int]]:
        """Each batch, and how many words it has."""
        _, target = self.source
        shuffle = rng.generator(self._seed, f"shuffle {epoch}")
        order = array_module(target).asarray(shuffle.permutation(len(target)))
        for start in range(first * self.batch_size, self.words, self.batch_size):
            batch = WindowBatch(self.source, order[start : start + self.batch_size])
            yield batch, self.batch_size


class Trainer(BatchLoop):
    """Fits a model with an optimizer, as the book's does.

    `loss_list` holds the mean loss of each interval, `iteration_list` the iterations (of all
    epochs) at their ends, `words_done` the targets trained so far.
    Source: Deep Learning from Scratch 2, `common/trainer.py`.
    """

    def fit(
        self,
        contexts,
        target: Array,
        max_epoch: int = 10,
        batch_size: int = 32,
        max_grad: float | None = None,
        eval_interval: int | None = 20,
        *,
        seed: int | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Train for max_epoch passes over `ShuffledBatches`, which says what it takes.

        max_grad: clip the norm of the gradients. eval_interval: updates between two reports of
        progress, None for silence. listener: by default it shows a bar, or lines where there is no
        terminal. Raises CorpusError if there is less than one batch, and DivergenceError if the
        loss is no longer finite at a report, or a weight out of range after an epoch.
        """
        batches = ShuffledBatches(contexts, target, batch_size, seed)
        self.begin()
        follow(self.epochs(batches, max_epoch, max_grad, eval_interval), listener or Reporter())


class LayersTraining(BatchLoop):
    """Trains CBOW or skip-gram on the book's stream, in which `<eos>` is a word."""

    def __init__(
        self,
        model: WordModel,
        optimizer: Rule,
        windows: ContextWindows,
        vocabulary: Vocabulary,
        config: TrainConfig,
    ):
        super().__init__(model, optimizer)
        self.batches = ShuffledBatches(windows, windows.target, config.batch_size, config.seed)
        self.vocabulary = vocabulary
        self.config = config
        self.summary = f"{len(windows.corpus):,} words, {len(vocabulary):,} in the vocabulary"

    @classmethod
    def from_config(cls, text: EncodedCorpus, config: TrainConfig) -> "LayersTraining":
        """The model, the optimizer and the windows that the configuration names.

        Raises CorpusError for a text that is too short, GPUError for a GPU without room.
        """
        stream = with_eos(text, config)
        check_room(config, len(stream.vocabulary), 3 * 8 * len(stream.ids))
        model = MODELS[config.model](
            len(stream.vocabulary),
            config.dim,
            config.window,
            stream.ids,
            sample_size=config.negative,
            power=config.ns_exponent,
            seed=config.seed,
            sparse=True,
        )
        optimizer = make_optimizer(OPTIMIZERS[config.optimizer], config.lr)
        windows = ContextWindows(np.asarray(stream.ids), config.window)
        return cls(model, optimizer, windows, stream.vocabulary, config)

    def prepare(self, listener: Listener) -> None:
        """There is nothing to prepare."""

    def updates(self) -> Iterator[Progress | None]:
        """Train as the configuration says. Raises DivergenceError."""
        config = self.config
        return self.epochs(self.batches, config.epochs, config.max_grad, config.eval_interval)

    def restore(self, state: State) -> None:
        """Go on from a state. Raises ModelFileError for one of another kind or size."""
        super().restore(state)
        self.model.ns_loss.sampler.calls = self.batches_done(self.batches)

    @property
    def is_done(self) -> bool:
        """Whether all epochs are trained."""
        return self.batches_done(self.batches) >= self.config.epochs * len(self.batches)

    def vectors(self) -> WordVectors:
        """The word vectors as trained so far."""
        return trained_vectors(self.vocabulary, self.model.word_vecs, self.config)
