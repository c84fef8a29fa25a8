"""Labelled pairs: Keras's skipgrams, their batches, the layer and model, and the run."""

import numpy as np
import pytest
from gradients import numeric_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

import w2v as package
from w2v.backend import to_cpu, to_gpu
from w2v.errors import CorpusError
from w2v.layers import Embedding, EmbeddingDot, PairDot
from w2v.models import PairModel
from w2v.optimizers import OPTIMIZERS
from w2v.sampling import PairBatches, skipgrams
from w2v.sampling.alias import AliasTable

# skipgrams


def test_positives_are_keras_worked_by_hand():
    """keras.preprocessing.sequence.skipgrams([1, 2, 0, 3, 1], 5, window_size=2)."""
    couples, labels = skipgrams([1, 2, 0, 3, 1], 5, window_size=2, seed=1)
    positives = [tuple(pair) for pair in couples[labels == 1].tolist()]
    # 0 is in no pair, but takes its place: 1 and 3 are three words apart.
    assert sorted(positives) == [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]
    negatives = couples[labels == 0]
    assert sorted(negatives[:, 0].tolist()) == sorted(first for first, _ in positives)
    assert negatives[:, 1].min() >= 1 and negatives[:, 1].max() <= 4
    assert couples.shape == (12, 2) and labels.shape == (12,)


def test_pairs_of_a_post_of_61_words_are_2220():
    assert len(skipgrams(np.arange(1, 62), 100, window_size=10)[0]) == 2220


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 5), st.sampled_from([0, 0.5, 1, 3]))
def test_pairs_are_those_of_kerass_loops(sequence, window, negative_samples):
    expected = [
        (word, sequence[j])
        for i, word in enumerate(sequence)
        for j in range(max(0, i - window), min(len(sequence), i + window + 1))
        if j != i and word and sequence[j]
    ]
    couples, labels = skipgrams(sequence, 6, window, negative_samples, shuffle=False, seed=3)
    assert [tuple(pair) for pair in couples[labels == 1].tolist()] == expected
    assert (labels == 0).sum() == int(len(expected) * negative_samples)
    firsts = [first for first, _ in expected]
    if negative_samples >= 1:
        drawn = couples[labels == 0, 0].tolist()
        assert sorted(drawn) == sorted(firsts * int(negative_samples))
    shuffled, marks = skipgrams(sequence, 6, window, negative_samples, seed=3)
    together = [sorted((*pair, label) for pair, label in zip(a.tolist(), b.tolist(), strict=True))
                for a, b in ((couples, labels), (shuffled, marks))]  # fmt: skip
    assert together[0] == together[1]


def test_negatives_are_even_or_as_the_noise_says():
    sequence = np.ones(2000, int)
    couples, labels = skipgrams(sequence, 5, 5, 1.0, seed=1)
    counts = np.bincount(couples[labels == 0, 1], minlength=5)
    assert counts[0] == 0 and counts[1:] / counts.sum() == pytest.approx(0.25, abs=0.02)
    noise = AliasTable(np.array([1, 0, 0, 3]))
    couples, labels = skipgrams(sequence, 5, 5, 1.0, seed=1, noise=noise)
    counts = np.bincount(couples[labels == 0, 1], minlength=5)
    assert counts / counts.sum() == pytest.approx([0, 0.25, 0, 0, 0.75], abs=0.02)


def test_the_seed_decides():
    one, two, three = (skipgrams(range(1, 30), 30, seed=seed)[0].tolist() for seed in (1, 1, 2))
    assert one == two != three


# Batches

IDS = np.array([0, 1, 2, -1, 3, -1, 1, 0, -1, 2, 2, 1, 3, -1], np.int32)


def batches_of(ids=IDS, **options):
    counts = np.bincount(ids[ids >= 0])
    defaults = {"window": 2, "negative": 1, "power": 0, "batch_size": 1, "seed": 1}
    return PairBatches(ids, counts, **{**defaults, **options})


def test_batches_are_sentences_in_order_without_those_of_one_word():
    batches = batches_of(window=1)
    found = [
        (target[labels == 1].tolist(), context[labels == 1].tolist(), words)
        for (target, context, labels), words in batches.of_epoch(1)
    ]
    assert found == [
        ([0, 1, 1, 2], [1, 0, 2, 1], 3),
        ([1, 0], [0, 1], 2),
        ([2, 2, 2, 1, 1, 3], [2, 2, 1, 2, 3, 1], 4),
    ]
    assert (len(batches), batches.words) == (3, 9)
    assert batches.pairs == sum(len(labels) for (_, _, labels), _ in batches.of_epoch(2)) == 24


def test_the_pairs_of_a_sentence_are_the_same_in_each_epoch_and_batch():
    alone = [batch for batch, _ in batches_of(negative=3).of_epoch(1)]
    again = [batch for batch, _ in batches_of(negative=3).of_epoch(2)]
    (both, words), (last, _) = batches_of(negative=3, batch_size=2).of_epoch(1)
    for k in range(3):
        assert all((one[k] == two[k]).all() for one, two in zip(alone, again, strict=True))
        assert both[k].tolist() == np.concatenate([alone[0][k], alone[1][k]]).tolist()
        assert last[k].tolist() == alone[2][k].tolist()
    assert words == 5 and batches_of(negative=3).pairs == sum(len(batch[0]) for batch in alone)
    other = [batch for batch, _ in batches_of(negative=3, seed=2).of_epoch(1)]
    assert any((one[1] != two[1]).any() for one, two in zip(alone, other, strict=True))


def test_a_very_long_sentence_is_cut():
    ids = np.array([0, 1, 2, 0, 1, 2, 0, -1, 1, 2, -1], np.int32)
    sizes = [words for _, words in batches_of(ids, longest=3).of_epoch(1)]
    assert sizes == [3, 3, 2]  # the seventh word is left alone


def test_a_text_without_a_pair_is_refused():
    with pytest.raises(CorpusError, match="no word has another beside it"):
        batches_of(np.array([0, -1, 1, -1], np.int32))


# The layer and the model

TARGET, CONTEXT = np.array([0, 2, 2, 1, 0], np.int32), np.array([1, 1, 3, 0, 1], np.int32)


def tables(dtype, dim=5):
    draw = np.random.default_rng(1)
    return [draw.standard_normal((4, dim)).astype(dtype) for _ in range(2)]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("dim", [1, 5, 100])
def test_pair_dot_is_embedding_and_embedding_dot(dtype, dim):
    A, B = tables(dtype, dim)
    layer, first, second = PairDot(A, B), Embedding(A), EmbeddingDot(B)
    dout = np.random.default_rng(2).standard_normal(5).astype(dtype)
    expected = second.forward(first.forward(TARGET), CONTEXT)
    scores = layer.forward(TARGET, CONTEXT)
    first.backward(second.backward(dout))
    close = {"rel": 1e-5, "abs": 1e-5}
    assert scores == pytest.approx(expected, **close) and scores.dtype == dtype
    for _ in range(2):  # what is kept between two steps is left clean
        layer.backward(dout)
        for gradient, book in zip(layer.grads, (first.grads[0], second.grads[0]), strict=True):
            assert gradient.dense() == pytest.approx(book, **close)
            assert len(set(gradient.ids.tolist())) == len(gradient.ids)


def test_pair_dot_gives_the_same_on_both_backends(cupy):
    A, B = tables("f8")
    on_cpu, on_gpu = PairDot(A, B), PairDot(to_gpu(A), to_gpu(B))
    scores = on_cpu.forward(TARGET, CONTEXT)
    assert to_cpu(on_gpu.forward(to_gpu(TARGET), to_gpu(CONTEXT))) == pytest.approx(scores)
    on_cpu.backward(scores)
    on_gpu.backward(to_gpu(scores))
    for one, two in zip(on_cpu.grads, on_gpu.grads, strict=True):
        assert to_cpu(two.dense()) == pytest.approx(one.dense())


@pytest.mark.parametrize("wrong", [4, -1])
def test_pair_dot_refuses_ids_outside_the_tables(wrong):
    layer = PairDot(*tables("f4"))
    with pytest.raises(IndexError, match="outside the 4 rows"):
        layer.forward(TARGET, np.array([0, 1, wrong, 1, 1]))


def test_gradient_of_the_pair_model():
    model = PairModel(4, 5, seed=1)
    model.dot.params[:] = tables("f8")
    labels = np.array([1, 0, 1, 0, 0], np.int32)

    def loss():
        return model.forward(TARGET, CONTEXT, labels)

    expected = [numeric_gradient(loss, table) for table in model.params]
    x = (model.params[0][TARGET] * model.params[1][CONTEXT]).sum(axis=1)
    y = 1 / (1 + np.exp(-x))
    assert loss() == pytest.approx(-np.log(np.where(labels, y, 1 - y)).mean())
    model.backward()
    for gradient, numeric in zip(model.grads, expected, strict=True):
        assert gradient.dense() == pytest.approx(numeric, abs=1e-8)


def test_the_model_starts_as_kerass_embeddings():
    model = PairModel(1000, 50, seed=1)
    for table in model.params:
        assert table.shape == (1000, 50) and table.dtype == "float32"
        assert abs(table).max() <= 0.05 and table.std() == pytest.approx(0.1 / 12**0.5, rel=0.02)
    assert model.word_vecs is model.params[0] and (model.params[0] != model.params[1]).any()


# The run

SMALL = {"min_count": 1, "dim": 8, "window": 3, "negative": 1, "ns_exponent": 0, "batch_size": 1}
FLAGS = ["--labelled-pairs", "--min-count", 1, "--dim", 8, "--window", 3, "--batch-size", 1]


@pytest.fixture
def text(tmp_path):
    """Two kinds of sentences, each with words of its own."""
    draw = np.random.default_rng(0)
    kinds = ["abcdefgh", "ijklmnop"]
    lines = [" ".join(draw.choice(list(kinds[i % 2]), 12)) for i in range(200)]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adagrad", "adam", "lazy-adam"])
def test_pairs_are_trained_with_each_optimizer(w2v, text, optimizer):
    code, out, err = w2v("train", text, *FLAGS, "--optimizer", optimizer, "--eval-interval", 200)
    assert code == 0
    assert "2,400 words in 200 sentences, 16 in the vocabulary, 72,000 pairs" in err
    assert "| epoch 5 |  iter 200 / 200 |" in err and "trained 12,000 words in" in out
    losses = [float(line.split()[-1]) for line in err.splitlines() if "loss" in line]
    assert len(losses) == 5 and losses[-1] <= losses[0] <= 0.70


def test_words_of_the_same_sentences_become_alike(text):
    vectors = package.train(
        text, labelled_pairs=True, optimizer="adam", epochs=20, lr=0.01, **SMALL
    )
    assert {word for word, _ in vectors.similar("a", topn=7)} == set("bcdefgh")
    again = package.train(text, labelled_pairs=True, optimizer="adam", epochs=20, lr=0.01, **SMALL)
    assert (again.matrix == vectors.matrix).all()


def test_adam_that_catches_up_trains_what_dense_adam_trains(text, monkeypatch):
    text.write_text(text.read_text() + "\nrare words beside others\n" + text.read_text())
    caught_up = package.train(text, labelled_pairs=True, optimizer="adam", **SMALL)
    monkeypatch.setattr("w2v.training.labelled_pairs.CatchUpAdam", OPTIMIZERS["adam"])
    dense = package.train(text, labelled_pairs=True, optimizer="adam", **SMALL)
    assert caught_up.matrix == pytest.approx(dense.matrix, abs=1e-4)
    assert "rare" in dense


def test_larger_batches_and_a_limit_of_the_gradient_are_options(w2v, text):
    options = [*FLAGS[:-1], 64, "--optimizer", "adam", "--max-grad", 1e-3]
    assert "iter 4 / 4" in w2v("train", text, *options)[2]


def test_pairs_on_the_gpu_side_give_numpy_arrays(w2v, text, cupy, monkeypatch):
    monkeypatch.setattr("w2v.config.GPU", False)
    assert w2v("train", text, *FLAGS, "--gpu", "--optimizer", "adam", "--epochs", 1)[0] == 0
    on_gpu = package.load("vectors.pkl").matrix
    assert w2v("train", text, *FLAGS, "--optimizer", "adam", "--epochs", 1)[0] == 0
    assert on_gpu == pytest.approx(package.load("vectors.pkl").matrix, abs=1e-3)


def test_options_that_do_not_fit_pairs_are_refused(refused, text):
    assert "--labelled-pairs trains skip-gram" in refused(
        "train", text, *FLAGS, "--model", "cbow", code=2
    )
    line = refused("train", text, *FLAGS, "--engine", "fused", code=2)
    assert "--labelled-pairs has no meaning for --engine fused" in line
    text.write_text("a\nb\n")
    assert "no word has another beside it" in refused("train", text, *FLAGS)


def test_an_engine_on_the_command_line_leaves_the_files_other_engine_aside(w2v, refused, text):
    file = text.with_name("c.toml")
    file.write_text(
        "engine = 'layers'\nlabelled-pairs = true\noptimizer = 'adam'\nmin-count = 1\ndim = 4"
    )
    command = ["train", text, "--config", file, "--threads", 1, "--engine", "fused"]
    code, _, err = w2v(*command)
    assert code == 0 and "| lr 0.0001" in err and package.load("vectors.pkl").matrix.shape[1] == 4
    assert "--labelled-pairs has no meaning" in refused(*command, "--labelled-pairs", code=2)
    assert "--threads has no meaning" in refused("train", text, "--config", file, "--threads", 1,
                                                 code=2)  # fmt: skip


def test_the_newsgroups_configuration_trains_a_part_of_the_posts(w2v, tmp_path, repository):
    """End to end on posts made up: the whole of configs/newsgroups.toml but its data."""
    pytest.importorskip("sklearn")
    for group in ("sci.med", "rec.autos"):
        for n in range(20):
            path = tmp_path / "20news-bydate-train" / group / str(n)
            path.parent.mkdir(parents=True, exist_ok=True)
            words = "doctor patient blood" if group == "sci.med" else "engine wheels motor"
            path.write_text(f"From: me\n\nThe {words} isn't with 2nd {words}!\n{words}\n\n--\nme\n")
    config = repository / "configs" / "newsgroups.toml"
    code, _, err = w2v("train", "--config", config, "--data-dir", tmp_path)
    assert code == 0 and "360 words in 40 sentences, 6 in the vocabulary" in err
    found = [word for word, _ in package.load("vectors.pkl").similar("doctor", topn=2)]
    assert found == ["patient", "blood"] or found == ["blood", "patient"]
