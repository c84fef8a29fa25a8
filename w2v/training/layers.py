"""The layers engine's training loop: mini-batches of contexts and targets, any optimizer."""

import math
import time
from collections.abc import Callable, Iterable, Iterator

import numpy

from w2v import rng
from w2v.backend import Array, array_module
from w2v.errors import CorpusError, DivergenceError
from w2v.layers import RowGradient
from w2v.training.loss_curve import draw_losses
from w2v.training.progress import Progress, Report, Reporter

LARGEST_WEIGHT = 65504.0
"""The largest number of float16, which the model file holds. Sound weights stay below 100."""


class Trainer:
    """Fits a model with an optimizer.

    `loss_list` holds the mean loss of each interval, `iteration_list` the iterations (of all
    epochs) at their ends, `words_done` the targets trained so far.
    Source: Deep Learning from Scratch 2, `common/trainer.py`.
    """

    def __init__(self, model, optimizer):
        self.model = model
        self.optimizer = optimizer
        self.loss_list: list[float] = []
        self.iteration_list: list[int] = []
        self.words_done = 0

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
        report: Report | None = None,
    ) -> None:
        """Train for max_epoch passes, shuffled anew each time, from the seed.

        contexts: (N, 2 * window) array, or ContextWindows. target: (N,). The last partial batch is
        dropped. max_grad: clip the norm of the gradients. eval_interval: updates between reports,
        None for silence. report: called with a Progress; by default a bar, or lines where there
        is no terminal. Raises CorpusError if there is less than one batch, and DivergenceError
        if the loss is no longer finite at a report, or a weight out of range after an epoch.
        """
        xp = array_module(target)
        iterations = len(target) // batch_size
        if iterations == 0:
            raise CorpusError(
                f"{len(target)} targets do not fill a batch of {batch_size}: "
                "lower --batch-size or use a longer text"
            )
        shuffle = rng.generator(seed, "shuffle")

        def batches() -> Iterator[tuple[tuple[Array, ...], int]]:
            order = xp.asarray(shuffle.permutation(len(target)))
            for first in range(0, iterations * batch_size, batch_size):
                batch = order[first : first + batch_size]
                yield (contexts[batch], target[batch]), batch_size

        words = iterations * batch_size
        self._run(batches, iterations, words, max_epoch, max_grad, eval_interval, report)

    def _run(
        self,
        batches: Callable[[], Iterable[tuple[tuple[Array, ...], int]]],
        iterations: int,
        words: int,
        epochs: int,
        max_grad: float | None,
        eval_interval: int | None,
        report: Report | None,
    ) -> None:
        """Train on the batches of each epoch, and report.

        batches: gives an epoch's, each with how many words it has: `iterations` with `words` in
        all.
        """
        report = report or Reporter()
        start = time.monotonic()
        for epoch in range(1, epochs + 1):
            total_loss, count = 0.0, 0
            for iteration, (batch, size) in enumerate(batches(), 1):
                total_loss += self.step(batch, max_grad)
                self.words_done += size
                count += 1
                if eval_interval and (count == eval_interval or iteration == iterations):
                    self._note((epoch - 1) * iterations + iteration, float(total_loss) / count)
                    total_loss, count = 0.0, 0
                    report(
                        Progress(
                            epoch=epoch,
                            epochs=epochs,
                            iteration=iteration,
                            iterations=iterations,
                            words=self.words_done,
                            total_words=epochs * words,
                            seconds=time.monotonic() - start,
                            loss=self.loss_list[-1],
                        )
                    )
            self._check_weights()

    def _note(self, iteration: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the loss is {loss} after {self.words_done:,} words: training has diverged; "
                "lower --lr or set --max-grad"
            )
        self.iteration_list.append(iteration)
        self.loss_list.append(loss)

    def _check_weights(self) -> None:
        largest = max(float(abs(param).max()) for param in self.model.params)
        if not largest <= LARGEST_WEIGHT:
            raise DivergenceError(
                f"a weight is {largest:g} after {self.words_done:,} words: training has diverged; "
                "lower --lr or set --max-grad"
            )

    def step(self, batch: tuple[Array, ...], max_grad: float | None) -> Array:
        """One update. Returns the batch's mean loss, which a GPU need not have computed yet."""
        loss = self.model.forward(*batch)
        self.model.backward()
        params, grads = merge_shared(self.model.params, self.model.grads)
        if max_grad is not None:
            grads = clip(grads, max_grad)
        self.optimizer.update(params, grads)
        return loss

    def plot(self, ylim: tuple[float, float] | None = None, path: str | None = None) -> None:
        """Draw the loss curve, on the screen or into a PNG file at `path`."""
        draw_losses(self.iteration_list, "iterations", self.loss_list, ylim, path)


def merge_shared(params: list[Array], grads: list) -> tuple[list[Array], list]:
    """Each parameter once, with the sum of its gradients, where layers share a parameter."""
    merged: dict[int, int] = {}
    unique_params: list[Array] = []
    sums: list = []
    for param, grad in zip(params, grads, strict=True):
        if id(param) in merged:
            place = merged[id(param)]
            sums[place] = sums[place] + grad
        else:
            merged[id(param)] = len(sums)
            unique_params.append(param)
            sums.append(grad)
    return unique_params, sums


def clip(grads: list, max_norm: float) -> list:
    """Scale all gradients together so that their norm is at most max_norm."""
    grads = [_with_norm(grad) if isinstance(grad, RowGradient) else grad for grad in grads]
    values = [grad.rows if isinstance(grad, RowGradient) else grad for grad in grads]
    norm = sum((value * value).sum() for value in values) ** 0.5
    rate = array_module(values[0]).minimum(max_norm / (norm + 1e-6), 1)  # not known to the host yet
    for value in values:
        value *= rate
    return grads


def _with_norm(grad: RowGradient) -> RowGradient | Array:
    """The gradient in a form whose values have its norm: no row is there twice.

    Adding up rows by distinct ids would make the host wait for a GPU, which has a dense array.
    """
    return grad.summed() if array_module(grad.rows) is numpy else grad.dense()
