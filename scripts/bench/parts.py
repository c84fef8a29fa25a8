"""Seconds of the parts whose cost a user feels: contexts, adding rows by id, a question.

python scripts/bench/parts.py [--rounds 9]
"""

import argparse
from collections.abc import Callable

import numpy
from timing import alternate, write_results

from w2v.backend import scatter_add
from w2v.sampling import UnigramSampler, create_contexts_target
from w2v.vectors import WordVectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    draw = numpy.random.default_rng(0)
    corpus = (draw.zipf(1.2, 1_000_000) % 10_000).astype("int32")
    ids, rows = corpus[:1000], draw.standard_normal((1000, 100)).astype("f")
    table = numpy.zeros((10_000, 100), "f")
    vectors = WordVectors(
        [f"w{i}" for i in range(1_000_000)], draw.standard_normal((1_000_000, 100), dtype="f")
    )
    vectors.similar("w0")  # what loading includes: the index of words and the rows at length 1
    sampler = UnigramSampler(corpus, 0.75, 5, seed=1)
    book = numpy.random.RandomState(1)

    def choices() -> None:
        """The book's negatives on a CPU: a choice without replacement for each target."""
        for target in corpus[:100]:
            p = sampler.word_p.copy()
            p[target] = 0
            book.choice(sampler.vocab_size, size=5, replace=False, p=p / p.sum())

    groups: dict[str, dict[str, Callable[[], object]]] = {
        "contexts of 1 M tokens, window 5": {
            "create_contexts_target": lambda: create_contexts_target(corpus, 5)
        },
        "adding 1,000 rows of 100 by id": {
            "scatter_add": lambda: scatter_add(table, ids, rows),
            "numpy.add.at": lambda: numpy.add.at(table, ids, rows),
        },
        "5 negatives for 100 targets, 10,000 words": {
            "UnigramSampler": lambda: sampler.get_negative_sample(corpus[:100]),
            "numpy.random.choice": choices,
        },
        "a question to 1 M x 100 vectors": {
            "similar": lambda: vectors.similar("w7"),
            "analogy": lambda: vectors.analogy("w7", "w8", "w9"),
        },
    }
    results = {}
    for what, ways in groups.items():
        results[what] = medians = alternate(ways, rounds)
        print(what)
        for name, median in medians.items():
            print(
                f"  {name:24} {median * 1e3:10.3f} ms   {median / medians[next(iter(ways))]:8.2f} x"
            )
    write_results("parts", {"seconds": results})


if __name__ == "__main__":
    main()
