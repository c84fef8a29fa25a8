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

from timing import write_results

from w2v.config import TextConfig, TrainConfig
from w2v.config_file import read_config
from w2v.corpus import EncodedCorpus, newsgroups
from w2v.corpus.datasets import dataset_file
from w2v.corpus.readers import find_files
from w2v.training.engines import PairEngine, make_engine
from w2v.training.progress import Progress
from w2v.training.run import encode_corpus, make_config

CONFIG = Path(__file__).parents[2] / "configs" / "newsgroups.toml"
WORDS = ("doctor", "police", "knife", "engine")
# The fused engine first: its kernel takes wide vectors if nothing has brought in Numba before.
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
    posts = sum(block.count(b"\n") for block in newsgroups.text_blocks(files, "train"))
    batches = make_pairs(text, settings(options)).batches
    (target, _, _), words = next(iter(batches))
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


def make_pairs(text: EncodedCorpus, config: TrainConfig) -> PairEngine:
    engine = make_engine(text, config)
    assert isinstance(engine, PairEngine)
    return engine


def train(text: EncodedCorpus, config: TrainConfig) -> dict[str, Any]:
    """Seconds of each epoch, its loss (of the fused engine, of a pair) and neighbours."""
    engine = make_engine(text, config)
    engine.prepare(print)
    ends: list[float] = []
    means: list[float] = []

    def report(at: Progress) -> None:
        if at.iteration == at.iterations:
            ends.append(time.perf_counter())
            means.append(at.loss)

    start = time.perf_counter()
    engine.fit(report)
    seconds = [end - begin for begin, end in zip([start, *ends], ends, strict=False)]
    posts = len(engine.batches) if isinstance(engine, PairEngine) else 1
    vectors = engine.vectors()
    return {
        "seconds": [round(spent, 2) for spent in seconds],
        "losses": [round(mean * posts, 4 if posts == 1 else 1) for mean in means],
        "similar": {word: [near for near, _ in vectors.similar(word, 8)] for word in WORDS},
    }


if __name__ == "__main__":
    main()
