"""What the size of a span and its number of shared negatives cost and bring.

    python scripts/bench/spans.py CORPUS --evaluation DIR [--model skipgram] [--epochs 5]
        [--spans 8x16 16x8 16x16 16x32 32x16 32x32] [--seeds 1]

A span of BxS has B centre words that share S negatives. For each: words per second on all cores,
the mean loss per pair of the last epoch, WordSim-353 and analogies; means over the seeds. Needs
gensim, for its evaluation.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

from quality import quality
from timing import write_results

from w2v import kernels
from w2v.config import TextConfig, TrainConfig
from w2v.kernels.plan import Plan, Schedule
from w2v.kernels.weights import initial_weights
from w2v.training.fused import FusedTraining
from w2v.training.run import encode_corpus

SPANS = ["8x16", "16x8", "16x16", "16x32", "32x16", "32x32"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--model", choices=("skipgram", "cbow"), default="skipgram")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--sample", type=float, default=1e-4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--spans", nargs="+", default=SPANS)
    options = parser.parse_args()
    kernel = kernels.load("cpu", len(os.sched_getaffinity(0)))
    text = encode_corpus(options.corpus, TextConfig())
    results = {}
    for span in options.spans:
        centers, shared = map(int, span.split("x"))
        runs = [
            train(kernel, text, options, centers, shared, seed)
            for seed in range(1, options.seeds + 1)
        ]
        results[span] = row = {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
        print(span, {key: round(value, 2) for key, value in row.items()}, flush=True)
    write_results(
        f"spans-{options.model}-{options.dim}", {"seeds": options.seeds, "spans": results}
    )


def train(kernel, text, options, centers: int, shared: int, seed: int) -> dict[str, float]:
    """One training: its speed, its last loss, and the quality of its vectors."""
    config = TrainConfig(model=options.model, sample=options.sample)
    schedule = Schedule(centers, shared, kernel.threads)
    length = len(text.ids) * options.epochs
    plan = Plan.build(text.vocabulary.counts, config, length, schedule)
    weights = initial_weights(len(text.vocabulary), options.dim, seed)
    FusedTraining(kernel, weights, plan, text, TrainConfig()).compile()
    start = time.perf_counter()
    for epoch in range(options.epochs):
        first = epoch * len(text.ids)
        done = kernel.train(text.ids, 0, len(text.ids), weights, plan, seed, first)
    seconds = time.perf_counter() - start
    return {
        "words_per_second": text.words * options.epochs / seconds,
        "loss": done.loss / done.measured,
        **quality(text.vocabulary.words, weights[0], options.evaluation),
    }


if __name__ == "__main__":
    main()
