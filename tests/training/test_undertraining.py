"""The last line says when vectors are hardly apart, and what it says to raise helps."""

import re

import numpy as np
import pytest

from w2v.training.undertraining import mean_cosine
from w2v.vectors import load


@pytest.fixture
def text(tmp_path):
    """30,000 words of 20 topics with 100 words each, and 100 words of all topics."""
    draw = np.random.default_rng(4)
    lines = []
    for topic in draw.integers(20, size=3_000):
        own = [f"t{topic}w{n}" for n in draw.zipf(1.5, 6) % 100]
        lines.append(
            " ".join(draw.permutation([*own, *(f"w{n}" for n in draw.zipf(1.5, 4) % 100)]))
        )
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "text.txt"


def test_the_cosine_of_all_pairs_is_averaged():
    rows = np.random.default_rng(1).normal(size=(7, 3))
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [units[i] @ units[j] for i in range(7) for j in range(7) if i != j]
    assert mean_cosine(rows) == pytest.approx(np.mean(pairs))
    assert mean_cosine(np.zeros((3, 2))) == 0


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_a_small_text_is_called_undertrained_and_the_advice_helps(w2v, text, model):
    options = ["train", text, "--model", model, "--threads", 1, "--dim", 50]
    _, out, _ = w2v(*options)
    found = re.search(r"; undertrained, for two words have a cosine of 0\.\d\d on average: ", out)
    assert found and mean_cosine(load("vectors.pkl").matrix[:1000]) > 0.5
    epochs = re.search(r"raise --epochs, to (\d+) say, or use a longer text", out)[1]
    _, out, _ = w2v(*options, "--epochs", epochs)
    assert "undertrained" not in out
    assert mean_cosine(load("vectors.pkl").matrix[:1000]) < 0.5


def test_a_few_sentences_are_called_few(w2v, tmp_path):
    (tmp_path / "a.txt").write_text("a b c\nb c d\n")
    _, out, _ = w2v("train", "a.txt", "--min-count", 1, "--threads", 1)
    assert "undertrained, for 30 words are few: raise --epochs, to 1000 say, or use a longer" in out
