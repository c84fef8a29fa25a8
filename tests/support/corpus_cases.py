"""Small texts written to files, and encoded corpora compared: for the tests of the corpus."""

import numpy as np


def stream_of(corpus):
    names = [*corpus.vocabulary.words, None]
    return [names[i] for i in corpus.ids]


def counts_of(corpus):
    return dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))


def same(one, other):
    return (
        np.array_equal(one.ids, other.ids)
        and one.vocabulary.words == other.vocabulary.words
        and np.array_equal(one.vocabulary.counts, other.vocabulary.counts)
    )


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
