"""A folder in which the examples of the help and of the documents run, and a shell in it."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import zstandard

import w2v as package
from w2v.corpus import demo

ROOT = Path(__file__).parents[2]


def furnish(folder: Path) -> Path:
    """Put all files that the examples name into `folder`, and vectors of the demo corpus."""
    sentences = [" ".join(words) for words in demo.read_sentences()]
    text = "\n".join(sentences[:3000]) + "\n"
    (folder / "corpus.txt").write_text(text)
    (folder / "news.zst").write_bytes(zstandard.compress(text.encode()))
    (folder / "logs.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "books").mkdir()
    (folder / "books" / "one.txt").write_text(text)
    pyarrow.parquet.write_table(pyarrow.table({"body": sentences[:99]}), folder / "pages.parquet")
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "data" / "ptb").mkdir(parents=True)
    (folder / "data" / "ptb" / "ptb.train.txt").write_text(text[:20_000])
    questions = ": family\nking man queen woman\n: gram1\ntake took go went\n"
    (folder / "data" / "questions-words.txt").write_text(questions)
    (folder / "questions-words.txt").write_text(questions)
    pairs = "king\tqueen\t9\nking\ttoyota\t1\nman\twoman\t8\ncar\ttoyota\t7\n"
    (folder / "data" / "wordsim353.tsv").write_text(pairs)
    (folder / "words.txt").write_text("king\nqueen\n")
    vectors = package.train(engine="fused", epochs=15)
    package.save(vectors, folder / "vectors.pkl")
    package.save(vectors, folder / "GoogleNews-vectors-negative300.bin")
    package.save(vectors, folder / "glove.6B.100d.txt", header=False)
    return folder


def copy_of(furnished: Path, tmp_path: Path) -> Path:
    """A copy of the furnished folder, for commands that write into it."""
    return Path(shutil.copytree(furnished, tmp_path / "run"))


def bash_in(folder: Path) -> Callable[..., str]:
    """Runs a line in bash, in `folder`, where `w2v` is this one. Returns what it prints."""
    scripts = folder / "bin"
    scripts.mkdir()
    (scripts / "w2v").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m w2v "$@"\n')
    (scripts / "w2v").chmod(0o755)

    def run(line, **variables):
        environment = {
            **os.environ,
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(folder),
            "W2V_DATA_DIR": str(folder / "data"),
            **variables,
        }
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "W2V_CACHE_DIR"):
            environment.pop(name, None)
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout

    return run
