"""Words per second from a text file to final ids, on wiki8 and on the same words, 20 a line.

    python scripts/bench/encoding.py CORPUS [--rounds 5] [--threads N]

CORPUS is a text, packed or not, such as wiki8.txt.zst. Five ways in turn: one pass on all cores,
the same on one thread, plain Python (a Counter, then a dict for the ids), the second run, which
finds the ids in the cache, and one pass with every step of cleaning. Words are those before it.
"""

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from timing import alternate, write_results

from w2v.config import TextConfig
from w2v.corpus.blocks import text_blocks
from w2v.corpus.encoding import encode_files

LINE = 20  # words
CLEANED = TextConfig(
    tokenizer="words",
    lowercase=True,
    min_length=4,
    stop_words="english",
    min_sentence=2,
    cache=False,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="Of the first way; by default, all cores.")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["W2V_CACHE_DIR"] = folder
        broken = Path(folder, "lines.txt")
        words = write_in_lines(arguments.corpus, broken)
        for name, path in (("as it is", arguments.corpus), ("20 words a line", str(broken))):
            medians = alternate(ways(path, arguments.threads), arguments.rounds)
            results[name] = {way: words / median for way, median in medians.items()}
            print(name)
            for way, median in medians.items():
                print(f"  {way:16} {median:7.3f} s {words / median / 1e6:9.2f} M words/s")
    write_results("encoding", {"words": words, "words_per_second": results})


def write_in_lines(corpus: str, path: Path) -> int:
    """Write the words of a text, LINE in each line; returns how many there are."""
    words = b"".join(text_blocks([corpus], TextConfig())).split()
    lines = (b" ".join(words[i : i + LINE]) + b"\n" for i in range(0, len(words), LINE))
    path.write_bytes(b"".join(lines))
    return len(words)


def ways(path: str, threads: int | None) -> dict[str, Callable[[], object]]:
    """What is measured: each from the file to final ids with a min_count of 5."""
    fresh, kept = TextConfig(cache=False), TextConfig()
    encode_files([path], kept)
    return {
        "w2v": lambda: encode_files([path], fresh, threads=threads),
        "w2v, one thread": lambda: encode_files([path], fresh, threads=1),
        "Counter and dict": lambda: encode_plainly(path, fresh.min_count),
        "w2v, from cache": lambda: encode_files([path], kept),
        "w2v, cleaned": lambda: encode_files([path], CLEANED, threads=threads),
    }


def encode_plainly(path: str, min_count: int) -> np.ndarray:
    """The same ids in plain Python, which reads the text twice to spare memory."""
    counts = Counter(word for sentence in sentences(path) for word in sentence)
    kept = [word for word, count in counts.most_common() if count >= min_count]
    id_of = {word: number for number, word in enumerate(kept)}
    ids: list[np.ndarray] = []
    for sentence in sentences(path):
        found = [id_of[word] for word in sentence if word in id_of]
        if found:
            ids.append(np.array([*found, -1], np.int32))
    return np.concatenate(ids)


def sentences(path: str) -> Iterator[list[str]]:
    """The lines of a text as lists of words."""
    rest = ""
    for block in text_blocks([path], TextConfig()):
        *lines, rest = (rest + block.decode()).split("\n")
        yield from (line.split() for line in lines)
    yield rest.split()


if __name__ == "__main__":
    main()
