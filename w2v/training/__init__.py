"""Training a model on a text, and telling how it goes. `w2v.training.run.run` is the front door."""

from w2v.training.layers import Trainer
from w2v.training.listener import Listener, Progress

__all__ = ["Listener", "Progress", "Trainer"]
