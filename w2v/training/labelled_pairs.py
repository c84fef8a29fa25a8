"""The layers engine's training loop over labelled pairs, some sentences at a time."""

from w2v.backend import Array
from w2v.optimizers import CatchUpAdam
from w2v.sampling import PairBatches
from w2v.training.layers import Trainer
from w2v.training.progress import Report


class PairTrainer(Trainer):
    """Fits a PairModel. `loss_list` holds the mean loss of an update before it, by intervals."""

    def fit_pairs(
        self,
        batches: PairBatches,
        max_epoch: int,
        max_grad: float | None = None,
        eval_interval: int | None = 100,
        *,
        report: Report | None = None,
    ) -> None:
        """Train for max_epoch passes, in the order of the text. The rest is as in `Trainer.fit`."""
        words = batches.words
        self._run(lambda: batches, len(batches), words, max_epoch, max_grad, eval_interval, report)

    def step(self, batch: tuple[Array, ...], max_grad: float | None = None) -> Array:
        """One update. Returns the mean loss of the pairs before it."""
        if isinstance(self.optimizer, CatchUpAdam):
            self.optimizer.settle(self.model.params, batch[:2])
        return super().step(batch, max_grad)

    def settle(self) -> None:
        """Bring all rows up to date, before they are read by others."""
        if isinstance(self.optimizer, CatchUpAdam):
            self.optimizer.settle(self.model.params)
