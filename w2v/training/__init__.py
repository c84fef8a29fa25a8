"""Fitting a model to contexts and targets, and reporting how it goes."""

from w2v.training.trainer import Trainer

__all__ = ["Trainer"]
