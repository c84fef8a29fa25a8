"""Drawing negatives, and cutting a corpus into contexts and targets."""

from w2v.sampling.unigram import UnigramSampler
from w2v.sampling.windows import ContextWindows, create_contexts_target

__all__ = ["ContextWindows", "UnigramSampler", "create_contexts_target"]
