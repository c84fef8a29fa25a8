"""Whether this checkout trains and answers, bit by bit, what an earlier commit does.

    python scripts/unchanged.py COMMIT --data DIR

For a change that is to change nothing. Both versions train with one thread and seed 1 on the demo
corpus, on the Penn Treebank's valid split and on 500 posts of 20 newsgroups, and answer questions
in JSON; the SHA-256 of what comes out are put side by side. DIR holds ptb/, 20 newsgroups,
questions-words.txt and wordsim353.tsv. Exits with 1 where anything differs.
"""

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
POSTS = 500

MAKE_POSTS = """
import sys
from w2v.config import TextConfig
from w2v.corpus import newsgroups
from w2v.corpus.datasets import dataset_file
file = dataset_file("20newsgroups", "train", sys.argv[1])
post_lines = getattr(newsgroups, "post_lines", None) or newsgroups.text_blocks  # its name before
text = b"".join(post_lines([str(file)], "train"))
open("posts.txt", "wb").write(b"\\n".join(text.split(b"\\n")[:int(sys.argv[2])]) + b"\\n")
"""

ONE_THREAD = ["--threads", "1"]
TREEBANK = ["--dataset", "ptb", "--split", "valid", "--min-count", "1", "--epochs", "2"]
FUSED = [*TREEBANK, *ONE_THREAD, "--sample", "1e-3"]
TRAININGS = {
    "demo": [],
    "demo, fused": ["--engine", "fused", *ONE_THREAD],
    "Treebank, skip-gram, fused": [*FUSED, "--model", "skipgram"],
    "Treebank, CBOW, fused": [*FUSED, "--model", "cbow"],
    "Treebank, CBOW, layers": [*TREEBANK, "--engine", "layers", "--optimizer", "adam"],
    "20 newsgroups, labelled pairs": ["posts.txt", "--config", "{config}", "--epochs", "1"],
}
"""What `w2v train` is asked for. Vectors go to NAME.bin, which keeps each bit."""

QUESTIONS = {
    "similar": ["similar", "toyota", "--json"],
    "analogy": ["analogy", "king", "man", "queen", "--answer", "woman", "--json"],
    "evaluate": [
        "evaluate", "Treebank, CBOW, layers.bin", "--analogies", "google", "--pairs", "wordsim353",
        "--restrict", "30000", "--json",
    ],
}  # fmt: skip


def results(tree: Path, data: Path) -> Iterator[tuple[str, str]]:
    """The SHA-256 of each training's vectors and of each answer, as the code in `tree` has them."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("W2V_")},
            "PYTHONPATH": str(tree),
            "W2V_CACHE_DIR": str(Path(folder, "cache")),
            "W2V_DATA_DIR": str(data),
            "NUMBA_CACHE_DIR": str(Path(folder, "numba")),
        }

        def python(*arguments: str) -> bytes:
            command = [sys.executable, *arguments]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)}\n{done.stderr.decode()}")
            return done.stdout

        python("-c", MAKE_POSTS, str(data), str(POSTS))
        for name, options in TRAININGS.items():
            options = [part.format(config=HERE / "configs/newsgroups.toml") for part in options]
            python("-m", "w2v", "train", *options, "--seed", "1", "-o", f"{name}.bin")
            yield name, hashlib.sha256(Path(folder, f"{name}.bin").read_bytes()).hexdigest()
        for name, arguments in QUESTIONS.items():
            model = [] if name == "evaluate" else ["--model", "demo.bin"]
            yield name, hashlib.sha256(python("-m", "w2v", *arguments, *model)).hexdigest()


def unpack(commit: str, folder: str) -> Path:
    """The files of a commit, in a folder."""
    command = ["git", "-C", str(HERE), "archive", "--format=tar", commit]
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commit")
    parser.add_argument("--data", type=Path, default=os.environ.get("W2V_DATA_DIR"), required=False)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of the corpora: --data DIR, or W2V_DATA_DIR")
    data = Path(arguments.data).resolve()
    same = True
    with tempfile.TemporaryDirectory() as folder:
        both = zip(
            results(unpack(arguments.commit, folder), data), results(HERE, data), strict=True
        )
        for (name, before), (_, now) in both:
            print(f"{name:<30} {before[:16]} {now[:16]} {'same' if before == now else 'DIFFERENT'}")
            same = same and before == now
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
