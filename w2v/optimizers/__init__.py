"""Update rules: the book's, and two Adams that move only rows that are used."""

from w2v.optimizers.catch_up import CatchUpAdam
from w2v.optimizers.rules import OPTIMIZERS, SGD, AdaGrad, Adam, LazyAdam, Momentum

__all__ = ["OPTIMIZERS", "SGD", "AdaGrad", "Adam", "CatchUpAdam", "LazyAdam", "Momentum"]
