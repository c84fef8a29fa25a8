"""Drawing negatives, and cutting a corpus into contexts and targets, or into pairs."""

from w2v.sampling.skipgrams import PairBatches, skipgrams
from w2v.sampling.unigram import UnigramSampler
from w2v.sampling.windows import ContextWindows, WindowBatch, create_contexts_target

__all__ = [
    "ContextWindows",
    "PairBatches",
    "UnigramSampler",
    "WindowBatch",
    "create_contexts_target",
    "skipgrams",
]
