"""What happens to quality when many spans are trained at once: a simulation in lock-step.

Each of W workers walks its own W-th part of the corpus, all in step. At each step they all read the
weights as they are, train a span each, and then all add their updates, so that no worker sees
another's: the worst case of W workers that share their weights, on a CPU with many cores or on a
GPU. (Workers must not sit side by side in the text: the words of one article come in bursts, many
times more often than their frequency tells.) The spans and their gradients are the reference
kernel's; the corpus is the beginning of a text.

    python scripts/bench/simulate_workers.py TEXT --evaluation DIR --workers 2 16 64 256
        [--model skipgram] [--damping 8] [--words 2000000]

Prints one line of JSON for each number of workers: mean loss of the last epoch, largest weight,
WordSim-353 and analogies.
"""

import argparse
import itertools
import json
import pathlib

import numpy as np
from quality import quality

from w2v.backend import scatter_add
from w2v.config import TextConfig, TrainConfig
from w2v.kernels.plan import Plan, Schedule
from w2v.kernels.reference import cbow_step, skipgram_step, spans
from w2v.kernels.weights import initial_weights
from w2v.training.run import encode_corpus


def train_step(group, weights, plan, rate: float) -> tuple[int, float]:
    """Add the updates of a group of spans, all computed on the same weights."""
    gradients = skipgram_step if plan.model == "skipgram" else cbow_step
    W_in, W_out = weights
    pairs, loss, updates = 0, 0.0, []
    for span in group:
        outputs = np.concatenate([span.negatives, span.centers])
        d_in, d_out, span_pairs, span_loss = gradients(
            span, W_in[span.contexts], W_out[outputs], plan
        )
        updates.append((span.contexts, -rate * d_in, outputs, -rate * d_out))
        pairs += span_pairs
        loss += span_loss
    contexts, d_in, outputs, d_out = (np.concatenate(part) for part in zip(*updates, strict=True))
    scatter_add(W_in, contexts, (plan.damping_in[contexts][:, None] * d_in).astype(np.float32))
    scatter_add(W_out, outputs, (plan.damping_out[outputs][:, None] * d_out).astype(np.float32))
    return pairs, loss


def simulate(ids, counts, workers: int, options) -> tuple[np.ndarray, dict]:
    """Train with `workers` workers in step; returns W_in and what came of it."""
    length = len(ids) * options.epochs
    damping = options.damping or np.inf
    config = TrainConfig(model=options.model, sample=options.sample, lr=options.lr)
    usual = Schedule.usual(config, workers)
    schedule = Schedule(options.centers or usual.centers, options.shared or usual.shared, workers)
    plan = Plan.build(counts, config, length, schedule, damping)
    weights = initial_weights(len(counts), options.dim, 1)
    cuts = np.linspace(0, len(ids), workers + 1).astype(int)
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(options.epochs):
            shift = epoch * len(ids)
            parts = [spans(ids, a, b, plan, 1, shift) for a, b in itertools.pairwise(cuts)]
            pairs, loss = 0, 0.0
            for step in itertools.zip_longest(*parts):
                group = [span for span in step if span is not None]
                if step[0] is not None:  # the first worker's progress stands for all
                    done = epoch + (step[0].position - shift) * workers / len(ids)
                    rate = plan.learning_rate(int(done * len(ids)))
                step_pairs, step_loss = train_step(group, weights, plan, rate)
                pairs += step_pairs
                loss += step_loss
    largest = max(float(np.abs(array).max()) for array in weights)
    damped = int((plan.damping_in < 1).sum()), int((plan.damping_out < 1).sum())
    report = {"loss": loss / pairs, "largest_weight": largest, "damped_words": damped}
    return weights[0], report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("text", type=pathlib.Path)
    add("--evaluation", type=pathlib.Path, required=True)
    add("--workers", type=int, nargs="+", default=[2, 16, 64, 256])
    add("--damping", type=float, default=8.0, help="copies in flight undamped; 0: no damping")
    add("--words", type=int, default=2_000_000, help="of the text")
    add("--epochs", type=int, default=1)
    add("--dim", type=int, default=100)
    add("--sample", type=float, default=1e-3)
    add("--model", choices=("skipgram", "cbow"), default="skipgram")
    add("--lr", type=float, default=0.025)
    add("--centers", type=int, help="by default, what training takes")
    add("--shared", type=int)
    options = parser.parse_args()
    text = encode_corpus(options.text, TextConfig())
    words, ids = text.vocabulary.words, np.array(text.ids[: options.words])
    counts = np.bincount(ids[ids >= 0], minlength=len(words))
    for workers in options.workers:
        vectors, report = simulate(ids, counts, workers, options)
        if np.isfinite(vectors).all():
            report |= quality(words, vectors, options.evaluation)
        print(json.dumps({"workers": workers, "damping": options.damping} | report), flush=True)


if __name__ == "__main__":
    main()
