"""Words per second of the layers engine in the book's configuration, on the Penn Treebank.

    python scripts/bench/layers.py [--data-dir DIR] [--model cbow] [--iterations 1000] [--rounds 5]

Three ways of the same step, in turn: the book's dense Adam with row gradients (what
configs/book-cbow.toml runs), the same with (V, H) gradients as in the book, and lazy Adam.
"""

import argparse

from timing import alternate, write_results

from w2v.config import TextConfig
from w2v.corpus import with_eos
from w2v.models import CBOW, SkipGram
from w2v.optimizers import Adam, LazyAdam
from w2v.sampling import ContextWindows
from w2v.training import Trainer
from w2v.training.run import encode_corpus

BATCH, WINDOW = 100, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--model", choices=("cbow", "skipgram"), default="cbow")
    parser.add_argument("--iterations", type=int, default=1000, help="Steps in a measurement.")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    config = TextConfig(
        dataset="ptb", data_dir=arguments.data_dir, min_count=1, vocab_order="appearance"
    )
    text = with_eos(encode_corpus(None, config), config)
    ids = text.ids[: arguments.iterations * BATCH + 2 * WINDOW]
    windows = ContextWindows(ids, WINDOW)
    kind = {"cbow": CBOW, "skipgram": SkipGram}[arguments.model]

    def way(optimizer, sparse):
        model = kind(len(text.vocabulary), 100, WINDOW, text.ids, seed=1, sparse=sparse)
        trainer = Trainer(model, optimizer)
        return lambda: trainer.fit(windows, windows.target, 1, BATCH, eval_interval=None, seed=1)

    medians = alternate(
        {
            "adam": way(Adam(), True),
            "adam, dense gradients": way(Adam(), False),
            "lazy adam": way(LazyAdam(), True),
        },
        arguments.rounds,
    )
    speeds = {name: arguments.iterations * BATCH / median for name, median in medians.items()}
    for name, speed in speeds.items():
        print(f"{name:24} {speed:9,.0f} words/s   {speed / speeds['adam']:5.2f} x adam")
    write_results(f"layers-{arguments.model}", {"words_per_second": speeds})


if __name__ == "__main__":
    main()
