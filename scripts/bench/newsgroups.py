"""20 newsgroups as the Keras notebook trains it: counts, seconds an epoch, losses, neighbours.

    python scripts/bench/newsgroups.py [--data-dir DIR] [--epochs 5] [--way NAME]...

The counts of each step of cleaning, then the training by each way in turn, with the options of
configs/newsgroups.toml: the fused engine, with the configuration's negatives and with word2vec's;
lazy Adam; dense Adam post by post, which is the configuration. The loss of an epoch is the
notebook's: the sum over posts of the mean loss of a post's pairs before its update.
"""

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy
from timing import write_results

from w2v.config import TextConfig, TrainConfig
from w2v.config_file import read_config
from w2v.corpus import EncodedCorpus, newsgroups
from w2v.corpus.datasets import dataset_file
from w2v.corpus.sources import find_files
from w2v.training import Listener, Progress
from w2v.training.labelled_pairs import PairTraining
from w2v.training.listener import follow
from w2v.training.run import encode_corpus, make_config, make_training

CONFIG = Path(__file__).parents[2] / "configs" / "newsgroups.toml"
WORDS = ("doctor", "police", "knife", "engine")
# The fused engine first: its kernel takes wide vectors if nothing has imported Numba before.
WAYS: dict[str, dict[str, Any]] = {
    "fused": {"engine": "fused"},
    "fused, word2vec's negatives": {"engine": "fused", "negative": 5, "ns_exponent": 0.75},
    "lazy adam": {"optimizer": "lazy-adam"},
    "adam": {},
}
NOTEBOOK = {
    "posts": 11_314,
    "not empty": 10_995,
    "two words or more": 10_940,
    "vocabulary and padding": 64_277,
    "words of the first post": 61,
    "pairs of the first post": 2220,
    "seconds an epoch": 1800,
    "losses": [4358, 3599, 3401, 3172, 2938],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--way", action="append", choices=WAYS, help="By default, all of them.")
    arguments = parser.parse_args()
    options = {**read_config(CONFIG), "epochs": arguments.epochs}
    if arguments.data_dir:
        options["data_dir"] = arguments.data_dir
    text = encode(options)
    counted = counts(options, text)
    print(counted, flush=True)
    results = {}
    for name in arguments.way or WAYS:
        results[name] = train(text, settings({**options, **WAYS[name]}))
        print(name, results[name], flush=True)
    write_results("newsgroups", {"notebook": NOTEBOOK, "counts": counted, "ways": results})


def encode(options: dict[str, Any], **changes: Any) -> EncodedCorpus:
    """The posts, cleaned as the options say."""
    known = {field.name for field in dataclasses.fields(TextConfig)}
    values = {name: value for name, value in {**options, **changes}.items() if name in known}
    return encode_corpus(None, TextConfig(**values))


def settings(options: dict[str, Any]) -> TrainConfig:
    """The options without those of the engine that is not asked for; one report an epoch."""
    engines = {field.name: field.metadata["engine"] for field in dataclasses.fields(TrainConfig)}
    engine = options["engine"]
    values = {name: value for name, value in options.items() if engines[name] in (None, engine)}
    return make_config(None, {**values, "eval_interval": 10**9} if engine == "layers" else values)


def counts(options: dict[str, Any], text: EncodedCorpus) -> dict[str, int]:
    """What the notebook prints of its posts, and the pairs of all of them."""
    path = dataset_file("20newsgroups", "train", options.get("data_dir"))
    files = find_files([path], print)
    posts = sum(block.count(b"\n") for block in newsgroups.post_lines(files, "train"))
    batches = PairTraining.from_config(text, settings(options)).batches
    (target, _, _), words = next(batches.of_epoch(1))
    return {
        "posts": posts,
        "not empty": encode(options, stop_words=None, min_sentence=1).sentences,
        "two words or more": text.sentences,
        "vocabulary and padding": len(text.vocabulary) + 1,
        "words": text.words,
        "words of the first post": words,
        "pairs of the first post": len(target),
        "pairs": batches.pairs,
    }


class Epochs(Listener):
    """Keeps when each epoch ended, and the loss there."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.losses: list[float] = []

    def wait(self, line: str) -> None:
        print(line)

    def progress(self, at: Progress) -> None:
        if at.iteration == at.iterations:
            self.ends.append(time.perf_counter())
            self.losses.append(at.loss)


def train(text: EncodedCorpus, config: TrainConfig) -> dict[str, Any]:
    """Seconds of each epoch, its loss (of the fused engine, of a pair) and neighbours."""
    training, epochs = make_training(text, config), Epochs()
    training.prepare(epochs)
    start = time.perf_counter()
    follow(training.updates(), epochs)
    seconds = numpy.diff([start, *epochs.ends]).tolist()
    posts = len(training.batches) if isinstance(training, PairTraining) else 1
    vectors = training.vectors()
    return {
        "seconds": [round(spent, 2) for spent in seconds],
        "losses": [round(mean * posts, 4 if posts == 1 else 1) for mean in epochs.losses],
        "similar": {word: [near for near, _ in vectors.similar(word, 8)] for word in WORDS},
    }


if __name__ == "__main__":
    main()
