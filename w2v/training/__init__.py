"""Fitting a model to contexts and targets, or to pairs, and reporting how it goes."""

from w2v.training.labelled_pairs import PairTrainer
from w2v.training.layers import Trainer

__all__ = ["PairTrainer", "Trainer"]
