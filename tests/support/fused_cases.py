"""Corpora and plans that several test files of the fused kernels share."""

import numpy as np

from w2v.config import TrainConfig
from w2v.corpus import SENTENCE_END
from w2v.kernels.plan import Plan, Schedule
from w2v.kernels.weights import padded


def random_stream(length: int, words: int, seed: int, sentence: int | None = None) -> np.ndarray:
    """`length` places of Zipf-like words, a sentence's end after about every `sentence`."""
    random = np.random.default_rng(seed)
    ids = np.floor(words * random.random(length) ** 2).astype(np.int32)
    if sentence:
        ids[random.random(length) < 1 / sentence] = SENTENCE_END
    return ids


def plan_for(ids: np.ndarray, words: int, **options) -> Plan:
    """A plan for a run of one pass over `ids`. options: of TrainConfig, Schedule or Plan.build."""
    counts = np.bincount(ids[ids != SENTENCE_END], minlength=words)
    spans = {name: options.pop(name) for name in Schedule._fields if name in options}
    run = {"length": len(ids)} | {
        name: options.pop(name) for name in ("length", "damping") if name in options
    }
    config = TrainConfig(**{"model": "skipgram", "sample": 0.0, "lr": 0.025} | options)
    return Plan.build(counts, config, schedule=Schedule.usual(config)._replace(**spans), **run)


def small_weights(words: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the size that they have early in training, neither of them zero."""
    random = np.random.default_rng(seed)
    weights = padded(words, dim), padded(words, dim)
    for array in weights:
        array[:] = random.uniform(-0.1, 0.1, array.shape)
    return weights
