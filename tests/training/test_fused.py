"""The fused engine from the command line and the library: what it trains, refuses and repeats."""

import gzip
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import zstandard

import w2v as package
from w2v.errors import CorpusError, VocabularyError

OPTIONS = {"min_count": 1, "dim": 8, "threads": 1, "epochs": 2}
FLAGS = [part for name, value in OPTIONS.items() for part in ("--" + name.replace("_", "-"), value)]


@pytest.fixture
def text(tmp_path):
    """Sentences of Zipf-like words."""
    draw = np.random.default_rng(0)
    lines = [" ".join(f"w{n}" for n in draw.zipf(1.5, 12) % 60) for _ in range(400)]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_command_trains_and_says_how_fast(w2v, text):
    code, out, err = w2v("train", text, *FLAGS)
    assert code == 0
    assert "trained 9,600 words in" in out and "words/s in training," in out and "in all)" in out
    assert "4,800 words in 400 sentences" in err
    assert "| epoch 2 |  iter 1 / 1 | time" in err and "| lr 0.0001" in err
    assert "<eos>" not in package.load("vectors.pkl")


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_same_seed_and_one_thread_are_the_same_bits(text, model):
    options = {**OPTIONS, "model": model}
    one, two = (package.train(text, seed=3, **options).matrix for _ in range(2))
    other = package.train(text, seed=4, **options).matrix
    assert (one == two).all() and (one != other).any()


def test_a_text_its_compressed_copies_stdin_and_its_sentences_train_the_same(text, tmp_path):
    data = text.read_bytes()
    (tmp_path / "text.gz").write_bytes(gzip.compress(data))
    (tmp_path / "text.zst").write_bytes(zstandard.compress(data))
    expected = package.train(text, **OPTIONS)
    for source in ("text.gz", "text.zst", [line.split() for line in data.decode().splitlines()]):
        vectors = package.train(source, **OPTIONS)
        assert vectors.words == expected.words and (vectors.matrix == expected.matrix).all()
    command = [sys.executable, "-m", "w2v", "train", "-", *map(str, FLAGS)]
    subprocess.run(command, input=data, check=True, capture_output=True)
    loaded = package.load("vectors.pkl")
    assert (loaded.matrix == expected.matrix.astype("f2")).all()


def test_the_loss_falls(w2v, text):
    _, _, err = w2v("train", text, *FLAGS[:-1], 30, "--lr", 0.1)
    losses = [
        float(line.split("loss ")[1].split()[0]) for line in err.splitlines() if "loss" in line
    ]
    assert losses[-1] < losses[0] < 6 * np.log(2) + 0.2


def test_the_demo_corpus_has_its_answers_with_this_engine_too():
    vectors = package.train(engine="fused", threads=1)
    for a, b, c, answer in (
        ("king", "man", "queen", "woman"),
        ("take", "took", "go", "went"),
        ("car", "cars", "child", "children"),
        ("good", "better", "bad", "worse"),
    ):
        assert vectors.analogy(a, b, c, topn=1)[0][0] == answer


def test_the_loss_curve_is_drawn(w2v, text, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    assert w2v("train", text, *FLAGS, "--plot", "loss.png")[0] == 0
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
@pytest.mark.parametrize(
    "sentences",
    [
        [["a", "b"]],
        [["a", "b", "a"]] * 50,
        [[f"w{n % 300}" for n in range(30_000)]],
        [["a"]] * 10 + [["a", "b"]] + [["b"]] * 3000,
    ],
    ids=["two words", "vocabulary of two", "a long sentence", "mostly single words"],
)
def test_odd_texts_are_trained(sentences, model):
    vectors = package.train(sentences, model=model, sample=0, **OPTIONS)
    assert np.isfinite(vectors.matrix).all()


def test_more_threads_than_work_do_not_dampen_the_training(text):
    few, many = (package.train(text, **{**OPTIONS, "threads": n, "lr": 0.1}) for n in (1, 500))
    assert abs(many.matrix).mean() == pytest.approx(abs(few.matrix).mean(), rel=0.2)


def test_numpys_numbers_are_options_like_pythons(text):
    options = {**OPTIONS, "epochs": np.int32(2), "dim": np.int64(8), "lr": np.float32(0.05)}
    one = package.train(text, seed=np.int64(3), **options).matrix
    two = package.train(text, seed=3, **{**OPTIONS, "lr": float(np.float32(0.05))}).matrix
    assert (one == two).all()


COMMON_TEXTS = """human interface computer
survey user computer system response time
eps user interface system
system human system eps
user response time
trees
graph trees
graph minors trees
graph minors survey"""


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
@pytest.mark.parametrize("sentences", [1, 2, 9])
def test_a_few_sentences_are_trained_without_subsampling(model, sentences):
    text = [line.split() for line in COMMON_TEXTS.split("\n")[:sentences]]
    vectors = package.train(text, **OPTIONS, model=model)
    assert len(vectors) == len({word for sentence in text for word in sentence})
    assert vectors.training["sample"] == 0
    larger = package.train(text * (10_000 // 3), **OPTIONS, model=model)
    assert larger.training["sample"] == (1e-3 if sentences > 1 else 0)


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_fixed_windows_learn_from_whole_baskets(model):
    draw = np.random.default_rng(2)
    baskets = [
        [f"{kind}{n}" for n in draw.choice(50, 8, replace=False)]
        for kind in draw.choice([*"abcd"], 2000)
    ]
    options = {**OPTIONS, "epochs": 10, "window": 7, "model": model}
    vectors = package.train(baskets, fixed_window=True, **options)
    assert vectors.training["fixed_window"] is True
    assert {word[0] for word, _ in vectors.similar("a0", topn=20)} == {"a"}
    assert (vectors.matrix != package.train(baskets, **options).matrix).any()


@pytest.mark.parametrize(
    "options",
    [{"window": 50, "fixed_window": True}, {"window": 50}, {"negative": 50}, {"ns_exponent": 10}],
)
def test_large_windows_and_many_negatives_do_not_diverge(options):
    draw = np.random.default_rng(1)
    sentences = [[f"w{n}" for n in draw.zipf(1.3, 40_000) % 2000]]
    vectors = package.train(sentences, model="skipgram", **{**OPTIONS, "dim": 50, **options})
    assert abs(vectors.matrix).max() < 10


def test_texts_without_a_pair_are_refused():
    with pytest.raises(CorpusError, match="no word has another beside it"):
        package.train([["a"], ["b"]], **OPTIONS)
    with pytest.raises(CorpusError, match=r"subsampling by --sample 1e-06 left .* --sample 0"):
        package.train([["a", "b"]] * 9, **OPTIONS, sample=1e-6)
    with pytest.raises(VocabularyError, match="vocabulary of one word"):
        package.train([["a", "a"]], **OPTIONS)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--batch-size", 10], "--batch-size has no meaning for --engine fused"),
        (["--optimizer", "adam"], "--optimizer has no meaning for --engine fused"),
        (["--engine", "layers", "--sample", 1e-4], "--sample has no meaning for --engine layers"),
        (["--threads", 0], "--threads must be at least 1"),
        (["--engine", "layers", "--fixed-window"], "--fixed-window has no meaning for"),
        (["--sample", -1], "--sample must be at least 0"),
    ],
)
def test_options_of_the_other_engine_are_refused(refused, text, options, message):
    assert message in refused("train", text, *options, code=2)


def test_a_training_that_diverges_leaves_earlier_output(w2v, text, tmp_path):
    w2v("train", text, *FLAGS)
    before = (tmp_path / "vectors.pkl").read_bytes()
    code, out, err = w2v("train", text, *FLAGS, "--lr", 1e6, "--seed", 2)
    assert (code, out) == (1, "") and "lower the learning rate (--lr)" in err.splitlines()[-1]
    assert (tmp_path / "vectors.pkl").read_bytes() == before


def test_ctrl_c_saves_what_is_trained(text):
    command = [sys.executable, "-m", "w2v", "train", text, *FLAGS[:-1], 1_000_000]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    while "loss" not in process.stderr.readline():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "interrupted: the vectors are saved" in rest
    assert len(package.load("vectors.pkl")) > 10
