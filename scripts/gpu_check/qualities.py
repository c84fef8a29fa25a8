"""Whether vectors trained on the GPU are as good as those of the CPU."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from check import Check, plan_for
from quality import quality

from w2v import kernels
from w2v.backend import to_cpu
from w2v.config import TrainConfig
from w2v.kernels.weights import initial_weights
from w2v.training import Listener
from w2v.training.fused import FusedTraining
from w2v.training.listener import follow

EPOCHS = 5


POINT = 1.0  # of WordSim-353 and analogies that the GPU may lose to the CPU


def train_once(check: Check, kernel: Any, model: str, dim: int, seed: int, **more) -> dict:
    """Five epochs of the corpus: quality, loss, largest weight, seconds."""
    epochs = 1 if check.is_dry else EPOCHS
    text = check.text
    plan = plan_for(check, kernel, text, model, dim, length=epochs * len(text.ids), **more)
    weights = kernel.place(initial_weights(len(text.vocabulary), dim, seed), len(text.ids))
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
    seeds = (1,) if check.is_dry else (1, 2, 3)
    threads = len(os.sched_getaffinity(0))
    for model in ("skipgram", "cbow"):
        on_cpu = kernels.load("reference") if check.is_dry else kernels.load("cpu", threads)
        sides = {
            name: [train_once(check, kernel, model, 100, seed) for seed in seeds]
            for name, kernel in (("gpu", check.kernel()), ("cpu", on_cpu))
        }
        means = {
            name: {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
            for name, runs in sides.items()
        }
        gpu, cpu = means["gpu"], means["cpu"]
        is_near = all(gpu[key] >= cpu[key] - POINT for key in ("wordsim", "analogies"))
        is_sound = bool(gpu["is_finite"]) and gpu["largest_weight"] < 100
        word = check.expect(f"quality {model}", is_near and is_sound)
        rows[model] = {"means": means, "runs": sides}
        for name, row in means.items():
            print(
                f"{model:9} {name}: {scores(row)}, weights to {row['largest_weight']:.1f}, {word}"
            )
    return rows


def whole_run(check: Check) -> dict[str, Any]:
    """`w2v train wiki8 --gpu --epochs 5`, from the packed text, and again with its ids kept."""
    if check.is_dry:
        return {"seconds": []}
    out = Path(os.environ["W2V_CACHE_DIR"], "vectors.pkl")
    command = [sys.executable, "-m", "w2v", "train", str(check.corpus), "--gpu"]
    command += ["--model", "skipgram", "--sample", "1e-4", "--epochs", "5", "-o", str(out)]
    seconds = []
    for more in (["--no-cache"], []):
        start = time.perf_counter()
        done = subprocess.run(
            [*command, *more],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
        seconds.append(time.perf_counter() - start)
        print(f"{seconds[-1]:.2f} s: {done.stdout.strip()}")
    return {"seconds": seconds}
