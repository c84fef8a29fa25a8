"""Seconds to load and to open files of word vectors, here and in gensim, in turn.

    python scripts/bench/loading.py [--words 3000000] [--dim 300] [--rounds 3] [--folder DIR]
                                    [--text-words 100000] [--without-gensim]

Makes a file as large as GoogleNews' (3 M words of dim 300: 3.6 GB, and as much again for the mapped
one) of normal deviates and made-up words of 3 to 20 letters; the text, which is far larger, has
fewer words. Each time is of a process of its own from before to after the call, the imports and
Numba's compiled code ready, the files in the system's cache if it holds them; CPU seconds are of
all threads. `memory alone` is what touching as much new memory costs, without reading anything: on
a virtual machine that may be most of the time of loading, and differ from one minute to the next.
`first word` is what the first
question costs in a mapped file: building the index of the words. Linux only.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import write_results

import w2v
from w2v import WordVectors

WAYS = {
    "memory alone": "np.full((ROWS, DIM), 1, np.float32)",
    "binary, w2v": "w2v.load('vectors.bin')",
    "binary, gensim": "KeyedVectors.load_word2vec_format('vectors.bin', binary=True)",
    "mapped, w2v": "w2v.load('vectors.safetensors')",
    "mapped and first word, w2v": "w2v.load('vectors.safetensors').row(LAST)",
    "text, w2v": "w2v.load('vectors.txt')",
    "text, gensim": "KeyedVectors.load_word2vec_format('vectors.txt')",
    "first 100,000 of binary, w2v": "w2v.load('vectors.bin', limit=100_000)",
    "first 100,000 of binary, gensim": (
        "KeyedVectors.load_word2vec_format('vectors.bin', binary=True, limit=100_000)"
    ),
}

PROGRAM = r"""
import re, sys, time
LAST, ROWS, DIM = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if "gensim" in sys.argv[4]:
    from gensim.models import KeyedVectors
else:
    import numpy as np, pyarrow.compute, w2v
    from w2v.vectors.formats import scanning
    w2v.load('small.bin'), w2v.load('small.txt')
begin, used = time.perf_counter(), time.process_time()
loaded = {call}
seconds, used = time.perf_counter() - begin, time.process_time() - used
peak = int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1])
print(f"[{seconds}, {used}, {peak / 1024}]")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=3_000_000)
    parser.add_argument("--text-words", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="Where the files are made; by default, a temporary one.")
    parser.add_argument("--without-gensim", action="store_true")
    arguments = parser.parse_args()
    ways = [way for way in WAYS if not (arguments.without_gensim and "gensim" in way)]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        words, dim = arguments.words, arguments.dim
        sizes, last = make_files(Path(folder), words, arguments.text_words, dim)
        measured: dict[str, list[list[float]]] = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way in ways:
                measured[way].append(measure(folder, way, [last, str(words), str(dim)]))
                show(way, measured[way][-1])
    print("medians")
    results = {}
    for way, runs in measured.items():
        medians = [statistics.median(column) for column in zip(*runs, strict=True)]
        show(way, medians)
        seconds = [run[0] for run in runs]
        results[way] = dict(zip(("seconds", "cpu_seconds", "peak_mb"), medians, strict=True))
        results[way] |= {"least": min(seconds), "most": max(seconds)}
    write_results(
        "loading",
        {
            "words": arguments.words,
            "text_words": arguments.text_words,
            "dim": arguments.dim,
            "rounds": arguments.rounds,
            "bytes": sizes,
            "medians": results,
        },
    )


def make_files(folder: Path, words: int, text_words: int, dim: int) -> tuple[dict[str, int], str]:
    """Write the files; returns their sizes and the last word."""
    draw = np.random.default_rng(0)
    letters = draw.choice(np.frombuffer(b"abcdefghijklmnopqrstuvwxyz_", np.uint8), 24 * words)
    text = letters.tobytes().decode()
    names = dict.fromkeys(text[24 * i : 24 * i + 3 + i % 18] for i in range(words))
    matrix = draw.standard_normal((len(names), dim), np.float32)
    vectors = WordVectors(list(names), matrix)
    few = WordVectors(vectors.words[:text_words], matrix[:text_words])
    for name, saved in (("vectors.bin", vectors), ("vectors.safetensors", vectors)):
        w2v.save(saved, folder / name)
    w2v.save(few, folder / "vectors.txt")
    small = WordVectors(vectors.words[:10], matrix[:10])
    w2v.save(small, folder / "small.bin")
    w2v.save(small, folder / "small.txt")
    return {path.name: path.stat().st_size for path in folder.iterdir()}, vectors.words[-1]


def measure(folder: str, way: str, facts: list[str]) -> list[float]:
    """Seconds of a call, its CPU seconds, and the peak memory in MB of the process that made it."""
    command = [sys.executable, "-c", PROGRAM.replace("{call}", WAYS[way]), *facts, way]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def show(way: str, run: list[float]) -> None:
    """Print what was measured."""
    print(f"{way:34} {run[0]:9.3f} s {run[1]:9.3f} s CPU {run[2]:9.0f} MB", flush=True)


if __name__ == "__main__":
    main()
