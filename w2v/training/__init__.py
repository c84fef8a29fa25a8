"""Fitting a model to contexts and targets, or to pairs, and reporting how it goes."""

from w2v.training.pairs import PairTrainer
from w2v.training.trainer import Trainer

__all__ = ["PairTrainer", "Trainer"]
