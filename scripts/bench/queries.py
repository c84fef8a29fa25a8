"""Seconds of questions to word vectors, beside gensim and plain NumPy, taking turns.

    python scripts/bench/queries.py VECTORS --evaluation DIR [--rounds 3]

Neighbours: 1,000 words of 100,000 random vectors of dim 100, the 10 nearest each, by w2v, by a
NumPy product with argpartition, and by gensim's most_similar one after the other; then w2v once for
all 100,000. Analogies among 30,000 words: VECTORS and gensim's evaluate_word_analogies on the
questions-words.txt of DIR (one round, gensim being slow); then the same by w2v with vectors named
so that all questions are known, and the whole command. Figures have to be equal, or it stops.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import alternate, write_results

import w2v
from w2v import WordVectors
from w2v.training.scores import RESTRICT
from w2v.vectors.evaluation import Analogies

WORDS, DIM, ASKED, TOP = 100_000, 100, 1_000, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    results = {
        "neighbours": neighbours(options.rounds),
        "analogies": analogies(options.vectors, options.evaluation, options.rounds),
    }
    for what, seconds in results.items():
        print(what)
        for name, value in seconds.items():
            print(f"  {name:44} {value:9.2f} s")
    write_results("queries", {"seconds": results, "rounds": options.rounds})


def neighbours(rounds: int) -> dict[str, float]:
    """Seconds for ASKED words, and w2v's for all."""
    from gensim.models import KeyedVectors

    matrix = np.random.default_rng(0).standard_normal((WORDS, DIM), dtype="f")
    vectors = WordVectors([f"w{row}" for row in range(WORDS)], matrix)
    keyed = KeyedVectors(DIM)
    keyed.add_vectors(vectors.words, matrix)
    asked = vectors.words[:: WORDS // ASKED]

    def with_numpy() -> list[list[str]]:
        units = matrix / np.linalg.norm(matrix, axis=1)[:, None]
        rows = np.array([vectors.row(word) for word in asked])
        found = []
        for start in range(0, len(rows), 250):
            part = rows[start : start + 250]
            scores = units[part] @ units.T
            scores[np.arange(len(part)), part] = -np.inf
            best = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
            order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
            for near in np.take_along_axis(best, order, axis=1):
                found.append([vectors.words[row] for row in near])
        return found

    ours = [[word for word, _ in near] for _, near in vectors.neighbours(asked, TOP)]
    if ours != with_numpy():
        raise SystemExit("w2v and NumPy find different neighbours")
    seconds = alternate(
        {
            f"{ASKED:,} words: w2v": lambda: list(vectors.neighbours(asked, TOP)),
            f"{ASKED:,} words: NumPy argpartition": with_numpy,
            f"{ASKED:,} words: gensim": lambda: [keyed.most_similar(w, topn=TOP) for w in asked],
        },
        rounds,
    )
    start = time.perf_counter()
    for _ in vectors.neighbours(topn=TOP):
        pass
    return {**seconds, f"all {WORDS:,} words: w2v": time.perf_counter() - start}


def analogies(path: Path, folder: Path, rounds: int) -> dict[str, float]:
    from gensim.models import KeyedVectors

    vectors, questions = w2v.load(path), folder / "questions-words.txt"
    keyed = KeyedVectors(vectors.vector_size)
    keyed.add_vectors(vectors.words, vectors.matrix)

    def score(words: list[str]) -> float:
        return Analogies(questions, words, RESTRICT).score(vectors.matrix).share

    def with_gensim() -> float:
        return keyed.evaluate_word_analogies(str(questions), restrict_vocab=RESTRICT)[0]

    known = int(Analogies(questions, vectors.words, RESTRICT).known.sum())
    start = time.perf_counter()
    theirs = with_gensim()
    gensim_seconds = time.perf_counter() - start
    if abs(theirs - score(vectors.words)) > 1e-9:
        raise SystemExit("w2v and gensim score differently")
    lines = questions.read_text().lower().splitlines()
    asked = {word for line in lines if line[:1] != ":" for word in line.split()}
    renamed = [*asked, *(word for word in vectors.words if word not in asked)][: len(vectors)]
    total = int(Analogies(questions, renamed, RESTRICT).known.sum())
    with tempfile.TemporaryDirectory() as scratch:
        w2v.save(WordVectors(renamed, vectors.matrix), f"{scratch}/renamed.pkl")
        command = [sys.executable, "-m", "w2v", "evaluate", f"{scratch}/renamed.pkl"]
        command += ["--analogies", str(questions), "--restrict", str(RESTRICT)]
        seconds = alternate(
            {
                f"{known:,} questions: w2v": lambda: score(vectors.words),
                f"{total:,} questions: w2v": lambda: score(renamed),
                f"{total:,} questions: the whole command": lambda: subprocess.run(
                    command, check=True, capture_output=True
                ),
            },
            rounds,
        )
    return {**seconds, f"{known:,} questions: gensim": gensim_seconds}


if __name__ == "__main__":
    main()
