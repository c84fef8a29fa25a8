"""Whether vectors trained on the GPU are as good as those of the CPU."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from cases import QUALITY, Case
from check import Check, plan_for
from quality import quality

from w2v import kernels
from w2v.backend import to_cpu
from w2v.config import TrainConfig
from w2v.corpus import SENTENCE_END
from w2v.kernels.weights import initial_weights
from w2v.training import Listener
from w2v.training.fused import FusedTraining
from w2v.training.listener import follow

EPOCHS = 5


POINT = 1.0  # of WordSim-353 and analogies that the GPU may lose to the CPU


def train_once(check: Check, kernel: Any, case: Case, seed: int) -> dict:
    """Five epochs of the corpus: quality, loss, largest weight, seconds."""
    epochs = 1 if check.is_small else EPOCHS
    text = check.text
    plan = plan_for(check, kernel, text, case, length=epochs * len(text.ids))
    weights = kernel.place(initial_weights(len(text.vocabulary), case.dim, seed), len(text.ids))
    trainer = FusedTraining(kernel, weights, plan, text, TrainConfig(epochs=epochs, seed=seed))
    trainer.compile()
    start = time.perf_counter()
    follow(trainer.updates(), Listener())
    seconds = time.perf_counter() - start
    matrices = [to_cpu(array) for array in weights]
    return {
        "words_per_second": trainer.words_done / seconds,
        "loss": trainer.loss_list[-1],
        "largest_weight": max(float(abs(matrix).max()) for matrix in matrices),
        "is_finite": all(bool(np.isfinite(matrix).all()) for matrix in matrices),
        **quality(text.vocabulary.words, matrices[0], check.data),
    }


def scores(row: dict) -> str:
    return (
        f"WordSim {row['wordsim']:5.2f}, analogies {row['analogies']:5.2f}, loss {row['loss']:.3f}"
    )


def qualities(check: Check) -> dict[str, Any]:
    """Three seeds of five epochs on the GPU at full occupancy, and on the CPU."""
    rows: dict[str, Any] = {}
    seeds = (1,) if check.is_small else (1, 2, 3)
    threads = len(os.sched_getaffinity(0))
    for case in check.in_time(QUALITY):
        on_cpu = kernels.load("reference") if check.is_dry else kernels.load("cpu", threads)
        sides = {
            name: [train_once(check, kernel, case, seed) for seed in seeds]
            for name, kernel in (("gpu", check.kernel()), ("cpu", on_cpu))
        }
        means = {
            name: {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
            for name, runs in sides.items()
        }
        gpu, cpu = means["gpu"], means["cpu"]
        is_near = all(gpu[key] >= cpu[key] - POINT for key in ("wordsim", "analogies"))
        is_sound = bool(gpu["is_finite"]) and gpu["largest_weight"] < 100
        word = check.expect(f"quality {case}", is_near and is_sound)
        rows[str(case)] = {"means": means, "runs": sides}
        for name, row in means.items():
            print(f"{case} {name}: {scores(row)}, weights to {row['largest_weight']:.1f}, {word}")
    return rows


def whole_run(check: Check) -> dict[str, Any]:
    """`w2v train wiki8 --gpu --epochs 5`, from the packed text, and again with its ids kept.

    In a small run, a short text, and in a dry run that on the CPU.
    """
    if check.is_small:
        text = check.folder / "short.txt"
        ids = check.text.ids[check.text.ids != SENTENCE_END]
        text.write_text(" ".join(check.text.vocabulary.words[word] for word in ids))
        options = ["--engine", "layers", "--epochs", "1", "--dim", "8", "--negative", "1"]
        options += [] if check.is_dry else ["--gpu"]
    else:
        text = check.corpus
        options = ["--gpu", "--model", "skipgram", "--sample", "1e-4", "--epochs", str(EPOCHS)]
    command = [sys.executable, "-m", "w2v", "train", str(text), *options]
    command += ["-o", str(check.folder / "vectors.pkl")]
    return {"seconds": [timed_command([*command, *more], check) for more in (["--no-cache"], [])]}


def timed_command(command: list[str], check: Check) -> float:
    """Seconds that a command of w2v takes.

    Raises RuntimeError with what it says if it fails, TimeoutExpired at the section's deadline.
    """
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=max(1.0, check.deadline - start),
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    print(f"{seconds:.2f} s: {done.stdout.strip()}")
    return seconds
