"""The fused CPU kernel by itself: words per second on one thread and on all, and GFLOP/s.

    python scripts/bench/kernel.py CORPUS [--model skipgram] [--dim 100] [--rounds 3]

One thread, all threads and a 1024 x 1024 float32 `numpy.matmul` on one thread take turns. GFLOP/s
counts the useful arithmetic of a span's three products: a multiplication and an addition for each
dimension of each pair and of each context row (CBOW: centre word) with each shared negative.
"""

import argparse
import os
import sys

import numpy as np
from timing import alternate, write_results

from w2v import kernels
from w2v.config import TextConfig, TrainConfig
from w2v.kernels.plan import Plan
from w2v.kernels.weights import initial_weights
from w2v.sampling.subsampling import keep_probability
from w2v.training.run import encode_corpus

PRODUCTS, SIZE = 20, 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--model", choices=("skipgram", "cbow"), default="skipgram")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--sample", type=float, default=1e-4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    text = encode_corpus(options.corpus, TextConfig())
    counts = text.vocabulary.counts
    weights = initial_weights(len(counts), options.dim, 1)
    config = TrainConfig(model=options.model, sample=options.sample, lr=0.025)
    plan = Plan.build(counts, config, len(text.ids))
    square = np.random.default_rng(0).random((SIZE, SIZE), dtype="f")
    results = []

    def train(kernel) -> None:
        results.append(kernel.train(text.ids, 0, len(text.ids), weights, plan, 1, 0))

    threads = len(os.sched_getaffinity(0))
    one, all_cores = kernels.load("cpu", 1), kernels.load("cpu", threads)
    medians = alternate(
        {
            "one thread": lambda: train(one),
            "all threads": lambda: train(all_cores),
            "matmul": lambda: [square @ square for _ in range(PRODUCTS)],
        },
        options.rounds,
    )
    pairs = results[-1].pairs
    kept = float((counts * keep_probability(counts, options.sample)).sum())
    rows = kept if options.model == "cbow" else kept * (1 + 2 * plan.window / plan.centers)
    flops = 6 * options.dim * (pairs + rows * plan.shared)
    speeds = {name: text.words / medians[name] for name in ("one thread", "all threads")}
    measured = {
        "words_per_second": speeds,
        "threads": threads,
        "threads_ratio": speeds["all threads"] / speeds["one thread"],
        "kernel_gflops": flops / medians["one thread"] / 1e9,
        "matmul_gflops": PRODUCTS * 2 * SIZE**3 / medians["matmul"] / 1e9,
    }
    for name, speed in speeds.items():
        print(f"{name:12} {speed:12,.0f} words/s")
    print(f"{threads} threads are {measured['threads_ratio']:.2f} x one")
    print(
        f"one thread: {measured['kernel_gflops']:.0f} GFLOP/s in the kernel, "
        f"{measured['matmul_gflops']:.0f} in numpy.matmul"
    )
    write_results(f"kernel-{options.model}-{options.dim}", measured)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # read when NumPy is imported
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
