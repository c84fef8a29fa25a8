"""w2v beside gensim and programs with word2vec's command line: speed, memory and quality.

    python scripts/bench/peers.py CORPUS --evaluation DIR [--model skipgram] [--dim 100]
        [--epochs 5] [--runs 3] [--threads 2] [--binary NAME=PATH] [--cold]

CORPUS is text (or .gz, .zst; the others get it unpacked). DIR holds wordsim353.tsv and
questions-words.txt. Each side is a process of its own, the sides take turns, run number i has seed
i, and medians are shown. Words per second are those of training alone: words of the vocabulary in
the text, before subsampling, times epochs. For a binary that is what its epochs after the first
take. Needs gensim and matplotlib.
"""

import argparse
import gzip
import json
import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from quality import quality
from timing import RESULTS, write_results

Run = dict[str, float]


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        options.text, options.packed = unpack(options.corpus, options.folder)
        sides: dict[str, Callable[[int], Run]] = {
            "w2v": partial(run_w2v, options),
            "gensim": partial(run_gensim, options),
        }
        for name, path in options.binary:
            sides[name] = partial(run_binary, options, path)
        compile_kernel(options)
        runs: dict[str, list[Run]] = {name: [] for name in sides}
        for seed in range(1, options.runs + 1):
            for name, side in sides.items():
                run = side(seed)
                runs[name].append(run)
                print(name, seed, {key: round(value, 2) for key, value in run.items()}, flush=True)
    report(runs, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--model", choices=("skipgram", "cbow"), default="skipgram")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--lr", type=float, default=0.025)
    parser.add_argument("--sample", type=float, default=1e-4)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--negative", type=int, default=5)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument(
        "--cold",
        action="store_true",
        help="The whole command from compressed text, gensim through its own reader of lines.",
    )
    parser.add_argument(
        "--binary",
        action="append",
        default=[],
        type=lambda value: tuple(value.split("=", 1)),
        metavar="NAME=PATH",
    )
    return parser.parse_args()


def unpack(corpus: Path, folder: Path) -> tuple[Path, Path]:
    """The text as a plain file, and as gzip, which every side can read."""
    from w2v.corpus.unpacking import byte_blocks

    text, packed = folder / "corpus.txt", folder / "corpus.txt.gz"
    with open(text, "wb") as plain:
        for block in byte_blocks(corpus):
            plain.write(block)
    with open(text, "rb") as plain, gzip.open(packed, "wb", compresslevel=1) as file:
        shutil.copyfileobj(plain, file)
    return text, packed


LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as file:
    print(time.perf_counter() - start, usage.ru_maxrss / 1024, file=file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def timed(command: list[str], folder: Path) -> tuple[str, float, float]:
    """What a command prints, its seconds, and its peak memory in MB.

    A small process starts it: Linux counts the memory of whoever starts a process as its own.
    """
    note = folder / "usage"
    launch = [sys.executable, "-c", LAUNCHER, str(note), *command]
    output = subprocess.run(launch, stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds, memory = map(float, note.read_text().split())
    return output, seconds, memory


def compile_kernel(options: argparse.Namespace) -> None:
    """Have w2v compile its kernel, as it does once on a machine."""
    text = options.folder / "words.txt"
    text.write_text("a b c d e f g h\n" * 100)
    command = [sys.executable, "-m", "w2v", "train", str(text), "--model", options.model]
    out = options.folder / "words.pkl"
    subprocess.run([*command, "-o", str(out), "--no-cache"], check=True, capture_output=True)


def run_w2v(options: argparse.Namespace, seed: int) -> Run:
    """`w2v train` as a user types it, without a cache of earlier runs."""
    out = options.folder / "w2v.pkl"
    source = options.packed if options.cold else options.text
    names = ["model", "dim", "window", "negative", "sample", "epochs", "min_count", "threads", "lr"]
    values = [(f"--{name.replace('_', '-')}", str(getattr(options, name))) for name in names]
    output, seconds, memory = timed(
        [
            *(sys.executable, "-m", "w2v", "train", str(source), "-o", str(out), "--no-cache"),
            *(word for pair in values for word in pair),
            *("--seed", str(seed)),
        ],
        options.folder,
    )
    speed = re.search(r"\(([\d,]+) words/s in training", output)
    assert speed, output
    content = pickle.loads(out.read_bytes())
    words = list(content["id_to_word"].values())
    return {
        "words_per_second": float(speed[1].replace(",", "")),
        "seconds": seconds,
        "memory_mb": memory,
        **quality(words, content["word_vecs"], options.evaluation),
    }


GENSIM = """
import json, sys, time
from gensim.models import Word2Vec
from gensim.models.word2vec import LineSentence
path, out, cold, options = sys.argv[1], sys.argv[2], sys.argv[3] == "cold", json.loads(sys.argv[4])
epochs = options.pop("epochs")
model = Word2Vec(**options)
source = {"corpus_iterable": LineSentence(path)} if cold else {"corpus_file": path}
model.build_vocab(**source)
start = time.perf_counter()
model.train(
    **source,
    total_examples=model.corpus_count,
    total_words=model.corpus_total_words,
    epochs=epochs,
)
seconds = time.perf_counter() - start
words = sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key)
model.wv.save_word2vec_format(out, binary=True)
print(words * epochs / seconds)
"""


def run_gensim(options: argparse.Namespace, seed: int) -> Run:
    """gensim with the same options: in corpus-file mode, or over its reader of lines."""
    out = options.folder / "gensim.bin"
    settings = {
        "sg": int(options.model == "skipgram"),
        "hs": 0,
        "vector_size": options.dim,
        "window": options.window,
        "negative": options.negative,
        "sample": options.sample,
        "alpha": options.lr,
        "min_count": options.min_count,
        "workers": options.threads,
        "epochs": options.epochs,
        "seed": seed,
    }
    source = options.packed if options.cold else options.text
    mode = "cold" if options.cold else "file"
    output, seconds, memory = timed(
        [sys.executable, "-c", GENSIM, str(source), str(out), mode, json.dumps(settings)],
        options.folder,
    )
    return {
        "words_per_second": float(output),
        "seconds": seconds,
        "memory_mb": memory,
        **quality_of_file(out, options),
    }


def run_binary(options: argparse.Namespace, path: str, seed: int) -> Run:
    """A program with word2vec's command line; it has no option for a seed, and reads plain text."""
    out = options.folder / "binary.bin"

    def timed_epochs(epochs: int) -> tuple[str, float, float]:
        return timed(
            [
                *(path, "-train", str(options.text), "-output", str(out), "-binary", "1"),
                *("-cbow", str(int(options.model == "cbow")), "-size", str(options.dim)),
                *("-window", str(options.window), "-negative", str(options.negative), "-hs", "0"),
                *("-alpha", str(options.lr), "-sample", str(options.sample)),
                *("-min-count", str(options.min_count)),
                *("-threads", str(options.threads), "-iter", str(epochs)),
            ],
            options.folder,
        )

    # Reading the text, the vocabulary and saving cancel out between two numbers of epochs.
    other = 1 if options.epochs > 1 else 2
    other_seconds = timed_epochs(other)[1]
    _, seconds, memory = timed_epochs(options.epochs)
    an_epoch = (seconds - other_seconds) / (options.epochs - other)
    return {
        "words_per_second": count_words(options) / an_epoch,
        "seconds": seconds,
        "memory_mb": memory,
        **quality_of_file(out, options),
    }


def count_words(options: argparse.Namespace) -> int:
    """Words of the vocabulary in the text."""
    from collections import Counter

    counts: Counter[str] = Counter()
    with open(options.text, encoding="utf-8") as lines:
        for line in lines:
            counts.update(line.split())
    return sum(count for count in counts.values() if count >= options.min_count)


def quality_of_file(path: Path, options: argparse.Namespace) -> Run:
    from gensim.models import KeyedVectors

    vectors = KeyedVectors.load_word2vec_format(str(path), binary=True)
    return quality(vectors.index_to_key, vectors.vectors, options.evaluation)


def report(runs: dict[str, list[Run]], options: argparse.Namespace) -> None:
    """Print the table, write the JSON and the bar chart."""
    speed_keys = ("words_per_second", "seconds", "memory_mb")
    table = {
        name: {
            key: (statistics.median if key in speed_keys else statistics.mean)(
                run[key] for run in side
            )
            for key in side[0]
        }
        for name, side in runs.items()
    }
    base = table["gensim"]
    for name, row in table.items():
        print(
            f"{name:12} {row['words_per_second']:12,.0f} words/s "
            f"({row['words_per_second'] / base['words_per_second']:5.2f} x gensim)  whole run "
            f"{row['seconds']:7.1f} s ({base['seconds'] / row['seconds']:5.2f} x)  "
            f"{row['memory_mb']:6.0f} MB  WordSim {row['wordsim']:5.2f}  analogies "
            f"{row['analogies']:5.2f} (sem {row['semantic']:5.2f}, syn {row['syntactic']:5.2f})"
        )
    cold = "-cold" if options.cold else ""
    name = f"peers-{options.model}-{options.dim}{cold}"
    asked = {k: v for k, v in vars(options).items() if isinstance(v, int | float | str)}
    write_results(name, {"options": asked, "table": table, "runs": runs})
    draw(table, options, RESULTS / f"{name}.png")


def draw(table: dict[str, Run], options: argparse.Namespace, path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    if options.cold:
        values, unit = [row["seconds"] for row in table.values()], "seconds"
    else:
        values, unit = [row["words_per_second"] / 1e6 for row in table.values()], "M words/s"
    figure, axes = plt.subplots(figsize=(8, 1 + 0.6 * len(table)), layout="constrained")
    labels = [
        f" {value:.2f} {unit}; WordSim {row['wordsim']:.1f}, analogies {row['analogies']:.1f}"
        for value, row in zip(values, table.values(), strict=True)
    ]
    axes.bar_label(axes.barh(list(table), values, color="#3b6ea5"), labels)
    axes.set_xlim(right=2.6 * max(values))
    axes.invert_yaxis()
    axes.set_xlabel(f"{unit}, {'the whole command' if options.cold else 'training alone'}")
    axes.set_title(
        f"{options.model}, dim {options.dim}, {options.threads} threads, {options.epochs} epochs"
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
