"""Checks the kernels on a real GPU and measures them, in one command of under five minutes.

    python scripts/gpu_check --data DIR [--out gpu_check.json] [--only NAME ...] [--dry-run]

DIR holds wiki8.txt (or .txt.gz, .txt.zst), wordsim353.tsv and questions-words.txt, and ptb/ if the
layers engine is to run on the Penn Treebank. Prints a line for each measurement, writes them all as
JSON, and exits with 1 if a check failed. --dry-run does everything in small on NumPy, with the
reference in place of the kernel, to show that the script itself works; its figures mean nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow

sys.path[:0] = [str(Path(__file__).parents[1] / "bench"), str(Path(__file__).parents[2])]

from quality import quality
from torch_sgns import CENTERS, TorchSgns

from w2v import backend, kernels
from w2v.backend import to_cpu
from w2v.config import TextConfig, TrainConfig
from w2v.corpus import SENTENCE_END, EncodedCorpus, Vocabulary
from w2v.kernels.plan import Plan, Schedule
from w2v.kernels.reference import ReferenceKernel, spans
from w2v.kernels.weights import initial_weights
from w2v.training import Listener, Progress
from w2v.training.fused import FusedTraining
from w2v.training.layers import LayersTraining
from w2v.training.run import encode_corpus

EPOCHS = 5
POINT = 1.0  # of WordSim-353 and analogies that the GPU may lose to the CPU
BARS = {  # words per second at sample 1e-4 on an H200, what is asked for
    ("skipgram", 128): 150e6,
    ("skipgram", 300): 60e6,
    ("cbow", 128): 200e6,
}
LAYERS_BAR = 500e3
TORCH_BAR = 10.0  # times PyTorch's mini-batches
SHAPES = ["1x5", "4x8", "8x8", "8x16", "16x16", "32x16", "32x32", "16x16 tensor", "32x32 tensor"]


@dataclass
class Check:
    """What the sections share, and what they found."""

    data: Path
    is_dry: bool
    corpus: Path
    text: EncodedCorpus
    results: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def kernel(self, tensor: bool = False) -> Any:
        """The GPU's kernel, with tensor cores or not, or the reference in its place."""
        if self.is_dry:
            return DryKernel()
        from w2v.kernels.cuda.kernel import CudaKernel

        return CudaKernel(tensor)

    def expect(self, name: str, is_met: bool) -> str:
        """Note whether something asked for was found. Returns a word for the table."""
        if not is_met and not self.is_dry:
            self.failed.append(name)
        return "ok" if is_met else "NOT MET"


class DryKernel(ReferenceKernel):
    """The reference, with what the other kernels have around `train`."""

    block = 1 << 20

    def schedule(self, model: str, dim: int, window: int, negative: int, length: int) -> Schedule:
        """Small spans, one at a time."""
        return Schedule(4, 4, 1)

    def place(self, weights: Any, length: int) -> Any:
        """The weights as they are."""
        return weights


def main() -> None:
    options = parse()
    os.environ["W2V_DATA_DIR"] = str(options.data)
    with tempfile.TemporaryDirectory() as folder, backend.device(not options.dry_run):
        os.environ["W2V_CACHE_DIR"] = folder
        corpus = corpus_path(options.data, Path(folder))
        check = Check(options.data, options.dry_run, corpus, read_text(corpus, options.dry_run))
        for name, section in SECTIONS.items():
            if options.only and name not in options.only:
                continue
            start = time.perf_counter()
            print(f"-- {name}", flush=True)
            try:
                check.results[name] = section(check)
            except Exception as error:  # the other sections are worth having all the same
                traceback.print_exc()
                check.results[name] = {"error": f"{type(error).__name__}: {error}"}
                check.failed.append(name)
            check.results[name]["seconds_taken"] = round(time.perf_counter() - start, 1)
            options.out.write_text(
                json.dumps(
                    {"dry_run": check.is_dry, "failed": check.failed, **check.results}, indent=2
                )
            )
    print(f"written: {options.out}; failed: {', '.join(check.failed) or 'nothing'}")
    sys.exit(bool(check.failed))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    parser.add_argument("--dry-run", action="store_true")
    return parser.parse_args()


def corpus_path(data: Path, folder: Path) -> Path:
    """The text in the folder of data; unpacked into `folder` where w2v cannot do that here."""
    for ending in ("", ".gz", ".zst"):
        path = data / f"wiki8.txt{ending}"
        if path.exists():
            break
    else:
        raise SystemExit(f"{data} has no wiki8.txt, wiki8.txt.gz or wiki8.txt.zst")
    if path.suffix != ".zst":
        return path
    with suppress(ImportError):
        import zstandard  # noqa: F401

        return path
    plain = folder / path.stem
    with pyarrow.input_stream(str(path), compression="zstd") as packed, open(plain, "wb") as text:
        shutil.copyfileobj(packed, text)
    return plain


def read_text(corpus: Path, is_dry: bool) -> EncodedCorpus:
    """The encoded corpus; in a dry run, its beginning."""
    text = encode_corpus(str(corpus), TextConfig(cache=not is_dry))
    if not is_dry:
        return text
    ids = np.array(text.ids[:4000])
    names, numbers = np.unique(ids, return_inverse=True)
    ids = numbers.astype(np.int32) - (names[0] == SENTENCE_END)
    counts = np.bincount(ids[ids != SENTENCE_END])
    words = [text.vocabulary.words[name] for name in names[names != SENTENCE_END]]
    return EncodedCorpus(ids, Vocabulary(words, counts))


def plan_for(check: Check, kernel: Any, text: EncodedCorpus, model: str, dim: int, **more) -> Plan:
    """The plan that `w2v train` would have, with some of its options replaced."""
    schedule = kernel.schedule(model, dim, 5, 5, len(text.ids))
    own = {name: more.pop(name) for name in Schedule._fields if name in more}
    length = more.pop("length", len(text.ids))
    config = TrainConfig(model=model, **{"sample": 1e-4, **more})
    return Plan.build(text.vocabulary.counts, config, length, schedule._replace(**own))


# The sections


def about_device(check: Check) -> dict[str, Any]:
    """What the machine is, and how fast its memory copies."""
    if check.is_dry:
        return {"device": "none: a dry run on NumPy", "copy_gb_per_second": float("nan")}
    import cupy

    about = backend.about_gpu()
    source = cupy.ones(1 << 29, cupy.float32)
    target = cupy.empty_like(source)
    seconds = timed(lambda: cupy.copyto(target, source), repeat=10)
    about["copy_gb_per_second"] = 2 * source.nbytes / seconds / 1e9
    print(f"{about['devices'][0]['name']}: copies {about['copy_gb_per_second']:,.0f} GB/s")
    return about


def timed(work: Callable[[], object], repeat: int = 1) -> float:
    """Seconds that the device takes for some work, after a warm-up."""
    import cupy

    work()
    cupy.cuda.Device().synchronize()
    start = time.perf_counter()
    for _ in range(repeat):
        work()
    cupy.cuda.Device().synchronize()
    return (time.perf_counter() - start) / repeat


def parity(check: Check) -> dict[str, Any]:
    """One worker against the reference in float64: the largest error of an update."""
    rows = {}
    ids = np.array(check.text.ids[:3000])
    for model in ("skipgram", "cbow"):
        for dim in (8,) if check.is_dry else (7, 100, 128, 300):
            kernel = check.kernel()
            plan = plan_for(check, kernel, check.text, model, dim, workers=1)
            before = initial_weights(len(check.text.vocabulary), dim, 1)
            before[1][:] = before[0][::-1]  # zeros would hide half of the update
            exact = before[0].astype(np.float64), before[1].astype(np.float64)
            placed = kernel.place((before[0].copy(), before[1].copy()), len(ids))
            done = kernel.train(ids, 0, len(ids), placed, plan, 1, 0)
            wanted = ReferenceKernel().train(ids, 0, len(ids), exact, plan, 1, 0)
            error = max(
                float(abs((to_cpu(new) - old) - (right - old)).max() / abs(right - old).max())
                for new, right, old in zip(placed, exact, before, strict=True)
            )
            same_pairs = done[:2] == wanted[:2] and done.measured == wanted.measured
            word = check.expect(f"parity {model} {dim}", same_pairs and error < 1e-4)
            rows[f"{model} {dim}"] = {"relative_error": error, "same_pairs": same_pairs}
            print(f"{model:9} dim {dim:3}: error of an update {error:.1e}, {word}")
    return rows


def train_once(check: Check, kernel: Any, model: str, dim: int, seed: int, **more) -> dict:
    """Five epochs of the corpus: quality, loss, largest weight, seconds."""
    epochs = 1 if check.is_dry else EPOCHS
    text = check.text
    plan = plan_for(check, kernel, text, model, dim, length=epochs * len(text.ids), **more)
    weights = kernel.place(initial_weights(len(text.vocabulary), dim, seed), len(text.ids))
    trainer = FusedTraining(kernel, weights, plan, text, TrainConfig(epochs=epochs, seed=seed))
    trainer.compile()
    start = time.perf_counter()
    trainer.fit(Listener())
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
        on_cpu = DryKernel() if check.is_dry else kernels.load("cpu", threads)
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
            cwd=Path(__file__).parents[1],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds.append(time.perf_counter() - start)
        print(f"{seconds[-1]:.2f} s: {done.stdout.strip()}")
    return {"seconds": seconds}


def speeds(check: Check) -> dict[str, Any]:
    """Words per second on a stream of a thousand million words."""
    times = 1 if check.is_dry else -(-(10**9) // check.text.words)
    vocabulary = check.text.vocabulary
    many = Vocabulary(vocabulary.words, vocabulary.counts * times)
    text = EncodedCorpus(np.tile(check.text.ids, times), many)
    rows = {}
    for dim in (8,) if check.is_dry else (100, 128, 300):
        for model in ("skipgram", "cbow"):
            for sample in (1e-4, 1e-3):
                row = speed(check, text, model, dim, sample)
                name = f"{model} {dim} {sample:g}"
                bar = BARS.get((model, dim)) if sample == 1e-4 else None
                word = check.expect(name, bar is None or row["words_per_second"] >= bar)
                rows[name] = row
                print(f"{model:9} dim {dim:3} sample {sample:g}: {describe(row)} {word}")
    return rows


def speed(check: Check, text: EncodedCorpus, model: str, dim: int, sample: float, **more) -> dict:
    """One pass over a text: words and kept centre words per second, and bytes moved."""
    kernel = check.kernel()
    plan = plan_for(check, kernel, text, model, dim, sample=sample, **more)
    weights = kernel.place(initial_weights(len(text.vocabulary), dim, 1), len(text.ids))
    trainer = FusedTraining(kernel, weights, plan, text, TrainConfig(epochs=1, seed=1))
    trainer.compile()
    kernel.train(text.ids, 0, min(len(text.ids), 1 << 20), weights, plan, 1, 0)  # uploads the text
    start = time.perf_counter()
    trainer.fit(Listener())
    seconds = time.perf_counter() - start
    words_per_second = text.words / seconds
    counts = text.vocabulary.counts
    kept = float((counts * ((plan.keep + 1.0) / 2**32)).sum() / counts.sum())
    bytes_each = bytes_per_center(text, plan, dim)
    moved = words_per_second * kept * bytes_each / 1e9
    copy = check.results.get("device", {}).get("copy_gb_per_second", float("nan"))
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
    words, length = (2000, 20_000) if check.is_dry else (1_000_000, 1 << 29)
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
    for model in ("skipgram", "cbow"):
        rows[model] = speed(check, text, model, 8 if check.is_dry else 128, 1e-4)
        print(f"{model:9} {words:,} words: {describe(rows[model])}")
    return rows


def zipf_words(draw: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Words for numbers in [0, 1); share: running sums of the words' weights."""
    if backend.config.GPU:
        import cupy

        on_device = cupy.searchsorted(cupy.asarray(share), cupy.asarray(draw) * float(share[-1]))
        return on_device.clip(0, len(share) - 1).astype("int32").get()
    return np.searchsorted(share, draw * share[-1]).clip(0, len(share) - 1)


def shapes(check: Check) -> dict[str, Any]:
    """What the shape of a span and tensor cores cost and bring: 1x5 is no reuse at all."""
    rows = {}
    for model in ("skipgram", "cbow"):
        for shape in SHAPES[:2] if check.is_dry else SHAPES:
            size, _, tensor = shape.partition(" ")
            centers, shared = map(int, size.split("x"))
            kernel = check.kernel(bool(tensor))
            dim = 8 if check.is_dry else 128
            row = train_once(check, kernel, model, dim, 1, centers=centers, shared=shared)
            rows[f"{model} {shape}"] = row
            speed = row["words_per_second"] / 1e6
            print(f"{model:9} {shape:12}: {speed:6.1f} M words/s, {scores(row)}")
    return rows


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
    if check.is_dry:
        text = check.text
    elif treebank.exists():
        text = encode_corpus(str(treebank), TextConfig(**options))
    else:
        raise SystemExit(f"{treebank} is not there")
    rows = {}
    for model in ("cbow", "skipgram"):
        config = TrainConfig(
            model=model, engine="layers", optimizer="adam", epochs=1, gpu=not check.is_dry,
            dim=8 if check.is_dry else 100, eval_interval=1000, **options,
        )  # fmt: skip
        heard = Heard()
        LayersTraining.from_config(text, config).fit(heard)
        first, last = heard.places[0], heard.places[-1]  # the first has the compilations in it
        if len(heard.places) > 1:
            rate = (last.words - first.words) / (last.seconds - first.seconds)
        else:
            rate = last.words / last.seconds
        word = check.expect(f"layers {model}", model != "cbow" or rate >= LAYERS_BAR)
        rows[model] = {"words_per_second": rate, "loss": last.loss}
        print(f"{model:9}: {rate:,.0f} words/s, {1e8 / rate:.0f} us a step, {word}")
    return rows


def pytorch(check: Check) -> dict[str, Any]:
    """PyTorch's plain mini-batches on the same text."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: nothing to compare with")
        return {"missing": "torch"}
    device = "cuda" if torch.cuda.is_available() and not check.is_dry else "cpu"
    dim = 8 if check.is_dry else 128
    shape = {"centers": 16, "shared": 16, "workers": CENTERS // 2}
    plan = plan_for(check, DryKernel(), check.text, "skipgram", dim, **shape)
    side = TorchSgns(check.text.ids, plan, dim, device)
    side.train(min(len(check.text.ids), 1 << 20))
    row = side.train(len(check.text.ids))
    ours = check.results.get("speed", {}).get("skipgram 128 0.0001")
    if ours:
        row["times"] = ours["words_per_second"] / row["words_per_second"]
        word = check.expect("pytorch", row["times"] >= TORCH_BAR)
        print(f"the kernel is {row['times']:.1f} times as fast, {word}")
    print(f"PyTorch on {device}: {row['words_per_second'] / 1e6:.2f} M words/s")
    return row


SECTIONS: dict[str, Callable[[Check], dict[str, Any]]] = {
    "device": about_device,
    "parity": parity,
    "quality": qualities,
    "whole run": whole_run,
    "speed": speeds,
    "large vocabulary": large_vocabulary,
    "layers": layers,
    "pytorch": pytorch,
    "shapes": shapes,
}

if __name__ == "__main__":
    main()
