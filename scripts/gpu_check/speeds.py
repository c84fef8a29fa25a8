"""Words per second of the fused kernel and of the layers engine."""

import time
from typing import Any

import numpy as np
from cases import LARGE_VOCABULARY, LAYERS, SPEED, Case
from check import Check, plan_for

from w2v import backend
from w2v.config import TextConfig, TrainConfig
from w2v.corpus import SENTENCE_END, EncodedCorpus, Vocabulary
from w2v.errors import CorpusError
from w2v.kernels.plan import Plan
from w2v.kernels.reference import spans
from w2v.kernels.weights import initial_weights
from w2v.training import Listener, Progress
from w2v.training.fused import FusedTraining
from w2v.training.layers import LayersTraining
from w2v.training.listener import follow
from w2v.training.run import encode_corpus

BARS = {  # words per second at sample 1e-4 on an H200, what is asked for
    ("skipgram", 128): 150e6,
    ("skipgram", 300): 60e6,
    ("cbow", 128): 200e6,
}


LAYERS_BAR = 500e3

WORDS = 3 * 10**8
"""Of the streams: a pass takes seconds."""


def speeds(check: Check) -> dict[str, Any]:
    """Words per second on a stream of WORDS words."""
    times = 1 if check.is_small else -(-WORDS // check.text.words)
    vocabulary = check.text.vocabulary
    many = Vocabulary(vocabulary.words, vocabulary.counts * times)
    text = EncodedCorpus(np.tile(check.text.ids, times), many)
    rows = {}
    for case in check.in_time(SPEED):
        for sample in (1e-4, 1e-3):
            row = speed(check, text, case, sample)
            name = f"{case} {sample:g}"
            bar = BARS.get((case.model, case.dim)) if sample == 1e-4 else None
            word = check.expect(name, bar is None or row["words_per_second"] >= bar)
            rows[name] = row
            print(f"{case!s:12} sample {sample:g}: {describe(row)} {word}")
    return rows


def speed(check: Check, text: EncodedCorpus, case: Case, sample: float) -> dict:
    """One pass over a text: words and kept centre words per second, and bytes moved."""
    kernel = check.kernel()
    plan = plan_for(check, kernel, text, case, sample=sample)
    weights = kernel.place(initial_weights(len(text.vocabulary), case.dim, 1), len(text.ids))
    trainer = FusedTraining(kernel, weights, plan, text, TrainConfig(epochs=1, seed=1))
    trainer.compile()
    kernel.train(text.ids, 0, min(len(text.ids), 1 << 20), weights, plan, 1, 0)  # uploads the text
    start = time.perf_counter()
    follow(trainer.updates(), Listener())
    seconds = time.perf_counter() - start
    words_per_second = text.words / seconds
    counts = text.vocabulary.counts
    kept = float((counts * ((plan.keep + 1.0) / 2**32)).sum() / counts.sum())
    bytes_each = bytes_per_center(text, plan, case.dim)
    moved = words_per_second * kept * bytes_each / 1e9
    copy = check.found("device").get("copy_gb_per_second", float("nan"))
    return {
        "words_per_second": words_per_second,
        "centers_per_second": words_per_second * kept,
        "bytes_per_center": bytes_each,
        "gb_per_second": moved,
        "share_of_copy": moved / copy,
        "workers": plan.workers,
        "loss": trainer.loss_list[-1],
    }


def describe(row: dict) -> str:
    return (
        f"{row['words_per_second'] / 1e6:7.1f} M words/s, "
        f"{row['centers_per_second'] / 1e6:7.1f} M centres/s, {row['gb_per_second']:6.0f} GB/s "
        f"({100 * row['share_of_copy']:.0f} % of a copy), {row['workers']} workers, "
        f"loss {row['loss']:.3f}"
    )


def bytes_per_center(text: EncodedCorpus, plan: Plan, dim: int) -> float:
    """Bytes of rows that are read and added to for each centre word, from spans of the text."""
    rows = centers = 0
    for span in spans(text.ids, 0, min(len(text.ids), 50_000), plan, 1, 0):
        used = np.flatnonzero(span.pairs.any(axis=1))
        centers += len(span.centers)
        if len(used):
            rows += used[-1] + 1 - used[0] + len(span.centers) + len(span.negatives)
    return 2 * 4 * dim * rows / max(centers, 1)


def large_vocabulary(check: Check) -> dict[str, Any]:
    """A million words by Zipf's law, whose tables do not fit into a cache."""
    words, length = (2000, 20_000) if check.is_small else (1_000_000, WORDS)
    random = np.random.default_rng(1)
    share = np.cumsum(1 / np.arange(1, words + 1))
    ids = np.empty(length, np.int32)
    part = 1 << 24
    for first in range(0, length, part):
        draw = random.random(min(part, length - first), dtype=np.float32)
        ids[first : first + part] = zipf_words(draw, share)
    ids[random.integers(0, length, length // 20)] = SENTENCE_END
    counts = np.maximum(np.bincount(ids[ids != SENTENCE_END], minlength=words), 1)
    order = np.argsort(-counts, kind="stable")
    numbers = np.empty(words, np.int32)
    numbers[order] = np.arange(words, dtype=np.int32)
    ids = np.where(ids == SENTENCE_END, SENTENCE_END, numbers[ids]).astype(np.int32)
    text = EncodedCorpus(ids, Vocabulary([str(word) for word in range(words)], counts[order]))
    rows = {}
    for case in check.in_time(LARGE_VOCABULARY):
        rows[str(case)] = row = speed(check, text, case, 1e-4)
        print(f"{case!s:12} {words:,} words: {describe(row)}")
    return rows


def zipf_words(draw: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Words for numbers in [0, 1); share: running sums of the words' weights."""
    if backend.config.GPU:
        import cupy

        on_device = cupy.searchsorted(cupy.asarray(share), cupy.asarray(draw) * float(share[-1]))
        return on_device.clip(0, len(share) - 1).astype("int32").get()
    return np.searchsorted(share, draw * share[-1]).clip(0, len(share) - 1)


class Heard(Listener):
    """Keeps the progress that it is told."""

    def __init__(self) -> None:
        self.places: list[Progress] = []

    def progress(self, at: Progress) -> None:
        self.places.append(at)


def layers(check: Check) -> dict[str, Any]:
    """The book's configuration on the layers engine: batches of 100, Adam on every row."""
    treebank = check.data / "ptb" / "ptb.train.txt"
    options: dict[str, Any] = {"min_count": 1, "vocab_order": "appearance", "cache": False}
    if check.is_small:
        text = check.text
    elif treebank.exists():
        text = encode_corpus(str(treebank), TextConfig(**options))
    else:
        raise CorpusError(f"{treebank} is not there: put the Penn Treebank's file in that place")
    rows = {}
    for case in check.in_time(LAYERS):
        config = TrainConfig(
            model=case.model, dim=case.dim, engine="layers", optimizer="adam", epochs=1,
            gpu=not check.is_dry, eval_interval=1000, **options,
        )  # fmt: skip
        heard = Heard()
        follow(LayersTraining.from_config(text, config).updates(), heard)
        first, last = heard.places[0], heard.places[-1]  # the first has the compilations in it
        if len(heard.places) > 1:
            rate = (last.words - first.words) / (last.seconds - first.seconds)
        else:
            rate = last.words / last.seconds
        word = check.expect(f"layers {case}", case.model != "cbow" or rate >= LAYERS_BAR)
        rows[str(case)] = {"words_per_second": rate, "loss": last.loss}
        print(f"{case!s:12}: {rate:,.0f} words/s, {1e8 / rate:.0f} us a step, {word}")
    return rows
