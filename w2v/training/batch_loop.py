"""The loop over mini-batches that the layers, the book's `Trainer` and labelled pairs share."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy

from w2v.backend import Array, array_module, check_gpu_memory, to_cpu
from w2v.config import TrainConfig
from w2v.errors import DivergenceError, ModelFileError
from w2v.layers import RowGradient
from w2v.optimizers import OPTIMIZERS
from w2v.optimizers.portable import TABLES, kept, restore
from w2v.optimizers.rules import Rule
from w2v.sampling import WindowBatch
from w2v.training.checkpoint import State
from w2v.training.gpu_step import GpuStep, fits
from w2v.training.listener import Progress
from w2v.training.loss_curve import draw_losses

_KEPT = (
    "_epoch",
    "_iteration",
    "_total",
    "_count",
    "words_done",
    "seconds",
    "loss_list",
    "iteration_list",
)

LARGEST_WEIGHT = 65504.0
"""The largest number of float16, which the model file holds. Sound weights stay below 100."""


class Batches(Protocol):
    """The mini-batches of each epoch, from a seed."""

    @property
    def words(self) -> int:
        """Words in all of them."""

    def __len__(self) -> int:
        """How many there are."""

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Iterable[Array], int]]:
        """For each batch the arguments of the model's `forward`, and how many words it has.

        epoch: from 1. first: batches at its beginning that are left out.
        """


class BatchLoop:
    """Updates a model by mini-batches.

    `loss_list` holds the mean loss of each interval, `iteration_list` the iterations (of all
    epochs) at their ends, `words_done` the words (targets) trained so far, `seconds` what they have
    taken.
    """

    def __init__(self, model: Any, optimizer: Any):
        self.model = model
        self.optimizer = optimizer
        self.loss_list: list[float] = []
        self.iteration_list: list[int] = []
        self.words_done = 0
        self.seconds = 0.0
        self._epoch, self._iteration = 1, 0  # what was trained last
        self._total, self._count = 0.0, 0  # losses since the last report, and of how many updates
        self._gpu_step = GpuStep(model, optimizer) if fits(model, optimizer) else None

    def epochs(
        self,
        batches: Batches,
        epochs: int,
        max_grad: float | None = None,
        eval_interval: int | None = None,
    ) -> Iterator[Progress | None]:
        """Train on the batches of each epoch, and come back after each update.

        Gives the progress after every `eval_interval` updates and at the end of an epoch, else
        None. Goes on from where the loop is. The rest is as in `Trainer.fit`.
        """
        iterations, began = len(batches), time.monotonic() - self.seconds
        while True:
            for batch, size in batches.of_epoch(self._epoch, self._iteration):
                self.step(batch, max_grad)
                self.words_done += size
                self._count += 1
                self._iteration += 1
                is_last = self._iteration == iterations
                if is_last:
                    self._check_weights()
                if eval_interval and (is_last or self._count == eval_interval):
                    self._keep_loss(iterations)
                    self.seconds = time.monotonic() - began
                    yield self._progress(batches, epochs)
                else:
                    yield None
            if self._epoch >= epochs:
                return
            self._epoch, self._iteration = self._epoch + 1, 0

    def _progress(self, batches: Batches, epochs: int) -> Progress:
        return Progress(
            epoch=self._epoch,
            epochs=epochs,
            iteration=self._iteration,
            iterations=len(batches),
            words=self.words_done,
            total_words=epochs * batches.words,
            seconds=self.seconds,
            loss=self.loss_list[-1],
        )

    def batches_done(self, batches: Batches) -> int:
        """How many batches of all epochs were trained."""
        return (self._epoch - 1) * len(batches) + self._iteration

    def begin(self) -> None:
        """Let the next epoch be the first."""
        self.seconds = 0.0
        self._epoch, self._iteration = 1, 0
        self._add_up_losses()  # those of a training that was ended are forgotten
        self._total, self._count = 0.0, 0

    def step(self, batch: Iterable[Array], max_grad: float | None = None) -> None:
        """One update, by the layers and the optimizer, or by the kernels that do both on a GPU."""
        if self._gpu_step is not None and isinstance(batch, WindowBatch):
            self._gpu_step.run(batch, max_grad)
            return
        self._total += self.model.forward(*batch)
        self.model.backward()
        params, grads = merge_shared(self.model.params, self.model.grads)
        if max_grad is not None:
            grads = clip(grads, max_grad)
        self.optimizer.update(params, grads)

    def state(self) -> State:
        """The tables, what the optimizer keeps of them, where the loop is and what was counted."""
        params = self.model.params
        tensors, numbers = kept(self.optimizer, params)
        tables = {name: to_cpu(param) for name, param in zip(TABLES, params, strict=True)}
        settled = self.optimizer.settled(params, 0)
        if settled is not params[0]:  # W_in as a reader of the checkpoint should see it
            tables["W"] = to_cpu(settled)
        self._add_up_losses()
        numbers |= {name: getattr(self, name) for name in _KEPT}
        return State({**tables, **tensors}, numbers)

    def restore(self, state: State) -> None:
        """Go on from a state. Raises ModelFileError for one of another kind or size."""
        params = self.model.params
        numbers = state.numbers_of((*_KEPT, "updates", "form"))
        saved = state.tables(TABLES, params[0].shape)
        for param, table in zip(params, saved, strict=True):
            param[...] = array_module(param).asarray(table)
        self._add_up_losses()
        for name in _KEPT:
            setattr(self, name, numbers[name])
        try:
            restore(self.optimizer, params, state.tensors, numbers)
        except KeyError as error:
            raise ModelFileError(f"the checkpoint has no {error}: it is of another rule") from error

    def plot(self, ylim: tuple[float, float] | None = None, path: str | None = None) -> None:
        """Draw the loss curve, on the screen or into a PNG file at `path`."""
        draw_losses(self.iteration_list, "iterations", self.loss_list, ylim, path)

    def _add_up_losses(self) -> float:
        """The sum of the losses since the last report, for which the host waits for a GPU."""
        self._total = float(self._total)
        if self._gpu_step is not None:
            self._total += self._gpu_step.take_loss()
        return self._total

    def _keep_loss(self, iterations: int) -> None:
        """Note the mean loss since the last report. iterations: of an epoch."""
        loss = self._add_up_losses() / self._count
        self._total, self._count = 0.0, 0
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the loss is {loss} after {self.words_done:,} words: training has diverged; "
                "lower --lr or set --max-grad"
            )
        self.iteration_list.append((self._epoch - 1) * iterations + self._iteration)
        self.loss_list.append(loss)

    def _check_weights(self) -> None:
        for param in self.model.params:  # each by itself: Python's max(1.0, nan) is 1.0
            largest = float(abs(param).max())
            if not largest <= LARGEST_WEIGHT:
                raise DivergenceError(
                    f"a weight is {largest:g} after {self.words_done:,} words: training has "
                    "diverged; lower --lr or set --max-grad"
                )


def make_optimizer(rule: Callable[..., Rule], lr: float | None) -> Rule:
    """The rule with this learning rate, or with its own."""
    return rule() if lr is None else rule(lr=lr)


def check_room(config: TrainConfig, words: int, text_bytes: int = 0) -> None:
    """Raise GPUError if two tables, and what the optimizer keeps of each, do not fit on a GPU."""
    if config.gpu:
        kept = OPTIMIZERS[config.optimizer]().on_gpu.moments
        tables = 2 * (len(kept) + 2)  # with the table itself and the sum of its gradients
        owners = 2 * 4 * words  # see `gpu_step.Buffers`
        needed = 4 * tables * words * config.dim + owners + text_bytes
        check_gpu_memory(needed, words, config.dim)


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
    """The gradient in a form whose values have its norm: each row occurs once.

    Adding up rows by distinct ids would make the host wait for a GPU, which has a dense array.
    """
    return grad.summed() if array_module(grad.rows) is numpy else grad.dense()
