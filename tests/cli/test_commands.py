"""The commands as a user types them: answers, wrong input, and what is left behind."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner

import w2v as package
from w2v import WordVectors
from w2v.cli import cli, main

SMALL = [
    "--engine",
    "layers",
    "--min-count",
    1,
    "--dim",
    4,
    "--window",
    2,
    "--negative",
    2,
    "--batch-size",
    8,
]
WORDS = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]


@pytest.fixture
def text(tmp_path):
    """A small text that trains in no time."""
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(WORDS[i:] + WORDS[:i]) + "\n" for i in range(12)) * 2)
    return path


@pytest.fixture
def model(tmp_path):
    matrix = [[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 1, 0.2], [0, 0, 1]]
    words = ["toyota", "honda", "king", "queen", "été"]
    package.save(WordVectors(words, np.array(matrix)), tmp_path / "vectors.pkl")
    return tmp_path / "vectors.pkl"


def test_training_writes_vectors_and_says_what_it_did(w2v, text, tmp_path):
    code, out, err = w2v("train", text, *SMALL)
    assert code == 0
    assert out.startswith("vectors.pkl: 13 words of dim 4; trained 1,520 words in ")
    assert "312 words, 13 in the vocabulary" in err and "| epoch 5 |  iter 38 / 38 |" in err
    content = pickle.loads((tmp_path / "vectors.pkl").read_bytes())
    assert content["word_vecs"].shape == (13, 4) and content["word_vecs"].dtype == np.float16
    assert content["id_to_word"][content["word_to_id"]["<eos>"]] == "<eos>"


def test_same_seed_same_file(w2v, text, tmp_path):
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        assert w2v("train", text, *SMALL, "--seed", seed, "-o", tmp_path / name)[0] == 0
    one, two, three = ((tmp_path / name).read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adagrad", "adam", "lazy-adam"])
def test_each_model_trains_with_each_optimizer(w2v, text, model, optimizer):
    code, _, err = w2v("train", text, *SMALL, "--model", model, "--optimizer", optimizer)
    assert code == 0
    losses = [float(line.split()[-1]) for line in err.splitlines() if "loss" in line]
    assert all(0 < loss < 12 for loss in losses)


def test_the_library_trains_what_the_command_trains(w2v, text, tmp_path):
    w2v("train", text, *SMALL)
    options = {
        "engine": "layers",
        "min_count": 1,
        "dim": 4,
        "window": 2,
        "negative": 2,
        "batch_size": 8,
    }
    vectors = package.train(text, **options)
    assert not (tmp_path / "library.pkl").exists()
    loaded = package.load("vectors.pkl")
    assert loaded.words == vectors.words
    assert (loaded.matrix == vectors.matrix.astype("f2")).all()
    sentences = [line.split() for line in text.read_text().splitlines()]
    assert (package.train(sentences, **options).matrix == vectors.matrix).all()
    package.train(sentences, **options, output="library.pkl")
    assert (package.load("library.pkl").matrix == loaded.matrix).all()


def test_the_library_refuses_what_the_command_refuses(text):
    with pytest.raises(package.errors.ConfigError, match="did you mean window"):
        package.train(text, windows=3)
    for name, meant in (
        ("vector_size", "dim"), ("size", "dim"), ("workers", "threads"), ("alpha", "lr"),
        ("iter", "epochs"), ("min_alpha", "min_lr"), ("max_final_vocab", "max_vocab"),
        ("shrink_windows", "fixed_window"), ("ws", "window"), ("minCount", "min_count"),
        ("learning_rate", "lr"), ("n_jobs", "threads"), ("sg", "model, one of cbow, skipgram"),
        ("sentences", "the corpus, which comes first and has no name"),
    ):  # fmt: skip
        with pytest.raises(package.errors.ConfigError) as error:
            package.train(text, **{name: 1})
        assert str(error.value) == f"unknown option {name!r} (did you mean {meant}?)"
    with pytest.raises(package.errors.ConfigError, match="nothing here is like it: leave it out"):
        package.train(text, hs=1)
    with pytest.raises(ValueError, match="--dim must be at least 1, not 0"):
        package.train(text, dim=0)
    with pytest.raises(ValueError, match="lists of words, not strings"):
        package.train(["a b c", "d e f"])


def test_training_on_the_gpu_side_gives_numpy_arrays(w2v, text, tmp_path, cupy, monkeypatch):
    monkeypatch.setattr("w2v.config.GPU", False)
    assert w2v("train", "--gpu", text, *SMALL)[0] == 0
    assert type(pickle.loads((tmp_path / "vectors.pkl").read_bytes())["word_vecs"]) is np.ndarray
    assert package.config.GPU is False


@pytest.mark.gpu
def test_training_on_a_real_gpu(w2v):
    assert w2v("train", "--gpu")[0] == 0
    _, out, _ = w2v("analogy", "king", "man", "queen", "--top", 1, "--json")
    assert json.loads(out)["analogy"][0]["word"] == "woman"


def test_stdin_is_a_corpus(text, tmp_path):
    command = [sys.executable, "-m", "w2v", "train", "-", *map(str, SMALL)]
    done = subprocess.run(command, input=text.read_text(), capture_output=True, text=True)
    assert done.returncode == 0 and "312 words" in done.stderr
    assert (tmp_path / "vectors.pkl").exists()


def test_several_corpora_and_a_folder_are_one_text(w2v, text, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".hidden").write_text("x")
    (tmp_path / "folder" / "more.txt").write_text(text.read_text())
    code, _, err = w2v("train", text, "folder", *SMALL)
    assert code == 0 and "624 words, 13 in the vocabulary" in err
    assert err.startswith("folder: skipped .hidden (hidden, not text, or vectors)\n")
    (tmp_path / "c.toml").write_text('corpus = ["text.txt", "folder"]')
    assert "624 words" in w2v("train", "--config", "c.toml", *SMALL)[2]


def test_a_second_training_takes_the_text_from_the_cache(w2v, text, tmp_path):
    files = []
    for arguments in ([], [], ["--no-cache"]):
        code, _, err = w2v("train", text, *SMALL, *arguments)
        assert code == 0
        files.append(((tmp_path / "vectors.pkl").read_bytes(), "encoded before" in err))
    assert [cached for _, cached in files] == [False, True, False]
    assert len({content for content, _ in files}) == 1


# Encoded corpora


def test_encode_makes_what_training_uses_and_info_shows_it(w2v, text):
    code, out, err = w2v("encode", text, "--min-count", 1, "--threads", 1)
    assert (code, err) == (0, "")
    path, _, rest = out.partition(": ")
    assert rest.startswith("288 words in 24 sentences, 12 in the vocabulary; ")
    assert "encoded before" in w2v("train", text, *SMALL)[2]
    assert "encoded before" in w2v("encode", text, "--min-count", 1)[2]
    about = json.loads(w2v("info", path, "--json")[1])
    assert about["kind"] == "encoded corpus" and about["version"] == 2
    assert (about["words"], about["sentences"], about["vocabulary"]) == (288, 24, 12)
    assert about["options"]["min_count"] == 1 and about["sources"][0]["path"] == str(text)
    out = w2v("info", path)[1]
    assert "words            288\n" in out and f"source           {text} (" in out


def test_encode_takes_a_configuration_and_a_data_set(w2v, data_dir, repository):
    config = repository / "configs" / "book-cbow.toml"
    code, out, _ = w2v("encode", "--config", config, "--data-dir", data_dir, "--split", "valid")
    assert code == 0 and "70,390 words in 3,370 sentences, 6,021 in the vocabulary" in out


def test_encode_refuses_what_it_cannot_keep(refused, text):
    for corpus in (["-"], []):
        assert "name a CORPUS that is a file" in refused("encode", *corpus, code=2)
    assert "name only one" in refused("encode", text, "--dataset", "ptb", code=2)
    os.mkfifo("pipe")
    writer = subprocess.Popen(["sh", "-c", "yes | head -20 > pipe"])
    assert "name a CORPUS that is a file" in refused("encode", "pipe")
    writer.wait(10)


def test_info_of_word_vectors_and_of_other_files(w2v, refused, model, text):
    assert json.loads(w2v("info", model, "--json")[1]) == {
        "kind": "word vectors",
        "format": "the book's pickle, in float16",
        "vocabulary": 5,
        "dim": 3,
    }
    assert w2v("info", model)[1].endswith("vocabulary       5\ndim              3\n")
    assert "text.txt is not a model" in refused("info", text)
    assert "no model nowhere" in refused("info", "nowhere")
    os.mkfifo("pipe")
    assert "pipe is not an ordinary file" in refused("info", "pipe")


def test_encode_takes_as_many_threads_as_training_does(w2v, refused, text):
    for count, message in ((0, "at least 1"), (1025, "at most 1,024"), (10**30, "a number up to")):
        line = refused("encode", text, "--threads", count, code=2)
        assert f"--threads must be {message}" in line
    assert w2v("encode", text, "--threads", 1024)[0] == 0


def test_the_loss_curve_is_drawn(w2v, text, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    assert w2v("train", text, *SMALL, "--plot", "loss.png")[0] == 0
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_plotting_is_refused_before_training(refused, text, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    line = refused("train", text, *SMALL, "--plot", "loss.png")
    assert "--plot needs matplotlib" in line and "pip install matplotlib" in line


def test_a_machine_without_the_extras_trains_on_a_text_file(w2v, text, monkeypatch):
    for name in ("cupy", "pooch", "matplotlib", "gensim", "sklearn", "scipy", "pytest_mock"):
        monkeypatch.setitem(sys.modules, name, None)
    assert w2v("train", text, *SMALL)[0] == 0


def test_the_book_runs_on_the_treebank(w2v, data_dir, repository):
    """The book's configuration, cut to one epoch over the validation split."""
    config = repository / "configs" / "book-cbow.toml"
    options = ["--data-dir", data_dir, "--split", "valid", "--epochs", 1, "--eval-interval", 737]
    code, out, err = w2v("train", "--config", config, *options)
    assert code == 0
    assert "73,760 words, 6,022 in the vocabulary" in err and "iter 737 / 737" in err
    assert "trained 73,700 words" in out


def test_ctrl_c_saves_what_is_trained(text, tmp_path):
    command = [sys.executable, "-m", "w2v", "train", text, *SMALL, "--epochs", 1_000_000]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    while "loss" not in process.stderr.readline():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "interrupted: the vectors are saved as far as they are trained" in rest
    assert "Traceback" not in rest
    assert len(package.load("vectors.pkl")) == 13


# Questions


def test_similar_shows_a_table_for_each_word(w2v, model):
    code, out, err = w2v("similar", "toyota", "king", "--top", 2)
    assert (code, err) == (0, "")
    assert out == (
        "[query] toyota\n  honda  0.9939\n  king   0.0000\n"
        "[query] king\n  queen  0.9806\n  honda  0.1104\n"
    )


def test_similar_in_json(w2v, model):
    found = json.loads(w2v("similar", "été", "--top", 1, "--json")[1])
    assert found == [
        {"query": "été", "similar": [{"word": "queen", "score": pytest.approx(0.196, abs=1e-3)}]}
    ]


def test_analogy_in_the_books_order_with_the_expected_answer(w2v, model):
    code, out, _ = w2v("analogy", "toyota", "honda", "king", "--top", 1, "--answer", "queen")
    assert code == 0
    assert out.startswith("[analogy] toyota:honda = king:?\n==> queen: 0.98")
    assert out.splitlines()[2].startswith("  queen  0.98")
    found = json.loads(w2v("analogy", "toyota", "honda", "king", "--json", "--answer", "été")[1])
    assert found["query"] == ["toyota", "honda", "king"]
    assert [answer["word"] for answer in found["analogy"]] == ["queen", "été"]
    assert found["answer"]["word"] == "été"


def test_the_model_is_an_option_or_a_variable(w2v, refused, model, tmp_path, monkeypatch):
    model.rename(tmp_path / "other.pkl")
    assert "no model vectors.pkl" in refused("similar", "toyota")
    assert w2v("similar", "toyota", "--model", "other.pkl")[0] == 0
    monkeypatch.setenv("W2V_MODEL", "other.pkl")
    assert w2v("similar", "toyota")[0] == 0
    assert w2v("analogy", "toyota", "honda", "king")[0] == 0


def test_an_unknown_word_names_close_spellings(refused, model):
    line = refused("similar", "toyotta")
    assert line == "w2v: 'toyotta' is not in the vocabulary; did you mean toyota?\n"
    assert "'xyz'" in refused("analogy", "toyota", "honda", "xyz")
    assert "comes after --: w2v similar -- -5" in refused("similar", "-5", code=2)
    assert refused("encode", "a.txt", "-o", "b", code=2).endswith("(see: w2v encode --help)\n")
    assert "'--debug' is not in" in refused("similar", "--", "--debug")
    assert "'xyz'" in refused("analogy", "toyota", "honda", "king", "--answer", "xyz")


# Options


def test_command_line_over_environment_over_file_over_default(w2v, text, tmp_path, monkeypatch):
    (tmp_path / "c.toml").write_text("dim = 5\nwindow = 2\nmin-count = 1\nnegative = 2\nseed = 3\n")
    arguments = ["train", text, "--config", "c.toml", "--engine", "layers", "--batch-size", 8]

    def dim(*more):
        assert w2v(*arguments, *more)[0] == 0
        return package.load("vectors.pkl").matrix.shape[1]

    assert dim() == 5
    monkeypatch.setenv("W2V_TRAIN_DIM", "6")
    assert dim() == 6
    assert dim("--dim", "7") == 7


def test_a_corpus_on_the_command_line_replaces_the_files_dataset(w2v, refused, text, tmp_path):
    (tmp_path / "c.toml").write_text('dataset = "ptb"')
    assert w2v("train", text, "--config", "c.toml", *SMALL)[0] == 0
    (tmp_path / "d.toml").write_text(f'corpus = "{text}"')
    assert "312 words" in w2v("train", "--config", "d.toml", *SMALL)[2]
    assert "demo" in refused("train", text, "--dataset", "demo", code=2)
    small_demo = ["--dataset", "demo", "--epochs", 1, "--batch-size", 5000]
    assert "300,0" in w2v("train", "--config", "d.toml", *small_demo)[2]


@pytest.mark.parametrize(
    "content, message",
    [
        ("windw = 5", "c.toml: unknown key 'windw' (did you mean window?)"),
        ("vector_size = 5", "c.toml: unknown key 'vector_size' (did you mean dim?)"),
        ("zzz = 5", "c.toml: unknown key 'zzz'"),
        ("dim = 'big'", "c.toml: --dim takes a value of type int, not 'big'"),
        ("dim = 1.5", "c.toml: --dim takes a value of type int, not 1.5"),
        ("dim = true", "c.toml: --dim takes a value of type int, not True"),
        ("gpu = 1", "c.toml: --gpu takes a value of type bool, not 1"),
        ("epochs = 0", "c.toml: --epochs must be at least 1, not 0"),
        ("model = 'glove'", "c.toml: --model is one of cbow, skipgram, not 'glove'"),
        ("dim = ", "c.toml is not valid TOML"),
        ("corpus = 3", "c.toml: corpus is a path or a list of paths, not 3"),
        ("lr = 1" + "0" * 400, "c.toml: --lr must be a number up to"),
        ('output = "a\\u0000b"', "c.toml: --output holds a NUL character"),
        ("min-count = 1\nmin_count = 7", "c.toml: min-count is given twice"),
        ("a-b_c = 1\na_b-c = 7", "c.toml: a-b-c is given twice"),
        ("window = 2147483647", "c.toml: --window must be at most 10,000"),
        ("threads = 100000", "c.toml: --threads must be at most 1,024"),
        ("dim = 1" + "0" * 5000, "c.toml is not valid TOML: Exceeds the limit"),
        ("dim = 0x" + "f" * 5000, "--dim must be a number up to 2.14748e+09, not a number of 20"),
        ("corpus = [0x" + "f" * 5000 + "]", "not [a number of 20,000 bits]"),
        ("model = '" + "x" * 5000 + "'", "c.toml: --model is one of cbow, skipgram, not 'xxx"),
        ("x" * 5000 + " = 1", "c.toml: unknown key 'xxx"),
        ("dim = " + "[" * 5000, "c.toml is not a configuration: its values are nested"),
        ("dim = 1979-05-27", "--dim takes a value of type int, not datetime.date(1979, 5, 27)"),
        ('corpus = "a\\u0000b"', "c.toml: corpus is a path or a list of paths, not 'a\\x00b'"),
        ("a." * 10_000 + "a = 1", "c.toml is longer than 16,384 bytes"),
        ("dim = \udcff", "c.toml is not valid TOML: 'utf-8' codec can't decode"),
    ],
    ids=lambda value: value[:30],
)
def test_a_wrong_configuration_is_refused(refused, text, tmp_path, content, message):
    (tmp_path / "c.toml").write_bytes(content.encode(errors="surrogateescape"))
    line = refused("train", text, "--config", "c.toml", code=2)
    assert message in line and len(line) < 300


def test_a_configuration_may_begin_with_a_byte_order_mark(w2v, text):
    (text.parent / "c.toml").write_bytes("\ufeffepochs = 3".encode())
    assert w2v("train", text, *SMALL, "--config", "c.toml", "--epochs", 2)[0] == 0


def test_a_missing_configuration_is_refused(refused, text):
    assert "nowhere.toml" in refused("train", text, "--config", "nowhere.toml", code=2)


# Wrong input


@pytest.mark.parametrize(
    "options, message",
    [
        (["--dim", 0], "--dim must be at least 1, not 0"),
        (["--epochs", 0], "--epochs must be at least 1, not 0"),
        (["--window", 0], "--window must be at least 1, not 0"),
        (["--negative", 0], "--negative must be at least 1, not 0"),
        (["--engine", "layers", "--batch-size", -1], "--batch-size must be at least 1, not -1"),
        (["--lr", 0], "--lr must be above 0, not 0.0"),
        (["--lr", "nan"], "--lr must be a number up to 1e+30, not nan"),
        (["--lr", "inf"], "--lr must be a number up to 1e+30, not inf"),
        (["--dim", 10**23], "--dim must be a number up to"),
        (["--dim", 10_001], "--dim must be at most 10,000, since every word takes 8 bytes"),
        (["--window", 2147483647], "--window must be at most 10,000, since every thread holds"),
        (["--negative", 1_001], "--negative must be at most 1,000, since every target takes"),
        (["--ns-exponent", 1e30], "--ns-exponent must be at most 10, since above it only"),
        (["--epochs", 1_000_001], "--epochs must be at most 1,000,000, since places"),
        (["--threads", 100_000], "--threads must be at most 1,024, since each takes memory"),
        (
            ["--engine", "layers", "--batch-size", 1_000_001],
            "--batch-size must be at most 1,000,000, since a batch holds",
        ),
        (["--encoding", "undefined"], "'undefined' is not the name of a text encoding"),
        (["--dim", "x"], "'x' is not a valid integer"),
        (["--model", "glove"], "'glove' is not one of 'cbow', 'skipgram'"),
        (["--windw", 3], "there is no option --windw (did you mean --window?)"),
        (["--vector-size", 3], "there is no option --vector-size (did you mean --dim?)"),
        (["--workers", 3], "there is no option --workers (did you mean --threads?)"),
        (["--sg", 1], "there is no option --sg (did you mean --model?)"),
        (["--encoding", "utf-9"], "'utf-9' is not the name of a text encoding"),
        (["--encoding", "hex"], "'hex' is not the name of a text encoding"),
    ],
)
def test_wrong_options_are_refused(refused, text, tmp_path, options, message):
    assert message in refused("train", text, *options, code=2)
    assert not (tmp_path / "vectors.pkl").exists()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "there are no words in it"),
        (b"\n \n\t\n\n", "there are no words in it"),
        (b"hello", "no word occurs 5 times; lower --min-count"),
        (b"abc \xff def", "invalid utf-8 at byte offset 4"),
        (b"abc\0def", "NUL byte at offset 3"),
        (b"a a a a a", "needs at least 11: lower --window or use a longer text"),
        (b"a a a a a a\n" * 30, "too few for 5 distinct negatives: lower --negative"),
        (b"a b c d e f g\n" * 5, "do not fill a batch of 100: lower --batch-size"),
    ],
)
def test_wrong_texts_are_refused_and_leave_earlier_output(
    refused, tmp_path, model, content, message
):
    before = model.read_bytes()
    (tmp_path / "bad.txt").write_bytes(content)
    engines = ["layers"] if "--" in message and "min-count" not in message else ["layers", "fused"]
    for engine in engines:
        line = refused("train", "bad.txt", "-o", model, "--engine", engine)
        assert message in line
    assert model.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["bad.txt", "vectors.pkl"]


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "text.txt"],
        ["--plot", "text.txt"],
        ["-o", "same.png", "--plot", "./same.png"],
        ["-o", "link"],
    ],
)
def test_no_file_is_overwritten_by_another_of_the_same_run(refused, text, tmp_path, options):
    (tmp_path / "link").symlink_to("text.txt")
    before = text.read_bytes()
    assert "would be overwritten" in refused("train", text, *SMALL, *options)
    assert text.read_bytes() == before and (tmp_path / "link").is_symlink()


def test_a_closed_pipe_for_the_reports_does_not_lose_the_training(text, tmp_path):
    command = f"{sys.executable} -m w2v train {text} {' '.join(map(str, SMALL))} 2>&1 >out | true"
    subprocess.run(["bash", "-c", command], check=True)
    assert len(package.load("vectors.pkl")) == 13
    assert "trained 1,520 words" in (tmp_path / "out").read_text()


def test_ctrl_c_before_the_first_update_leaves_earlier_output(text, model, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = model.read_bytes()
    monkeypatch.setattr("w2v.training.layers.LayersTraining.step", interrupt)
    with pytest.raises(SystemExit) as stop:
        main(["train", str(text), *map(str, SMALL)])
    assert stop.value.code == 130 and model.read_bytes() == before


def test_gradients_are_clipped_and_negatives_drawn_as_asked(w2v, text):
    text.write_text(text.read_text() + "a a a b b c\n" * 20)  # counts that differ
    tables = []
    for options in ([], ["--max-grad", 1e-9], ["--ns-exponent", 0]):
        assert w2v("train", text, *SMALL, "--optimizer", "sgd", *options)[0] == 0
        tables.append(package.load("vectors.pkl").matrix)
    assert (tables[0] != tables[1]).any() and (tables[0] != tables[2]).any()
    assert abs(tables[1]).max() < 0.05  # where it started


def test_the_data_folder_of_the_environment_comes_before_the_files(w2v, tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "ptb.train.txt").write_text(" a b c d e f g h i j k l \n" * 20)
    (tmp_path / "c.toml").write_text('dataset = "ptb"\ndata-dir = "nowhere"\n')
    monkeypatch.setenv("W2V_DATA_DIR", str(tmp_path / "real"))
    assert w2v("train", "--config", "c.toml", *SMALL)[0] == 0


def test_a_training_that_diverges_is_an_error_and_leaves_earlier_output(w2v, text, model):
    before = model.read_bytes()
    code, out, err = w2v("train", text, *SMALL, "--optimizer", "sgd", "--lr", 1e30)
    assert (code, out) == (1, "") and model.read_bytes() == before
    assert "training has diverged; lower --lr" in err.splitlines()[-1]
    assert "Warning" not in err


def test_one_word_is_refused_also_with_a_min_count_of_1(refused, tmp_path):
    (tmp_path / "bad.txt").write_text("hello")
    assert "vocabulary of one word" in refused("train", "bad.txt", "--min-count", 1)
    options = ["--min-count", 1, "--engine", "layers"]
    assert "needs at least 11" in refused("train", "bad.txt", *options)


def test_invalid_bytes_can_be_read_as_another_encoding_or_replaced(w2v, text):
    text.write_bytes(text.read_bytes().replace(b"a", b"\xe9"))
    assert w2v("train", text, *SMALL, "--encoding", "latin-1")[0] == 0
    assert "é" in package.load("vectors.pkl")
    assert w2v("train", text, *SMALL, "--encoding-errors", "replace")[0] == 0
    assert "\ufffd" in package.load("vectors.pkl")


@pytest.mark.parametrize(
    "corpus, message", [("nowhere.txt", "there is no such file"), (".", "is a directory")]
)
def test_a_corpus_that_is_no_file_is_refused(refused, corpus, message):
    assert message in refused("train", corpus)


@pytest.mark.parametrize(
    "output, message",
    [
        ("nowhere/v.pkl", "there is no folder nowhere; make it first"),
        (".", "it is a directory; name a file in it"),
        ("/proc/v.pkl", "cannot write /proc/v.pkl"),
        ("text.txt/v.pkl", "there is no folder text.txt"),
    ],
)
@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_an_output_that_cannot_be_written_is_refused_before_training(
    refused, text, tmp_path, output, message, option
):
    line = refused("train", text, *SMALL, option, output)
    assert message in line
    assert os.listdir(tmp_path) == ["text.txt"]


@pytest.mark.parametrize("content", [b"", b"no model", pickle.dumps([1]), b"\x80\x05\x95\xff"])
def test_a_file_that_is_no_model_is_refused(refused, tmp_path, content):
    (tmp_path / "vectors.pkl").write_bytes(content)
    for question in (["similar", "a"], ["analogy", "a", "b", "c"]):
        assert "vectors.pkl is" in refused(*question)


def test_a_truncated_model_is_refused(refused, model):
    model.write_bytes(model.read_bytes()[:-100])
    assert "is cut off" in refused("similar", "toyota")


def test_debug_shows_where_an_error_comes_from(text):
    for arguments in (["train", "nowhere", "--debug"], ["--debug", "train", "nowhere"]):
        command = [sys.executable, "-m", "w2v", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1
        assert "Traceback" in done.stderr and "CorpusError" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("w2v: ")


def test_debug_shows_the_error_that_another_one_comes_from(w2v, tmp_path):
    (tmp_path / "bad.pkl").write_bytes(b"\x80\x04Nr\x00\x00\x00\x08.")
    code, out, err = w2v("similar", "a", "--model", "bad.pkl", "--debug")
    assert (code, out) == (1, "")
    assert "LimitError" in err and "direct cause" in err and "ModelFileError" in err
    assert err.splitlines()[-1].startswith("w2v: bad.pkl is not a model")
    assert "Traceback" not in w2v("similar", "a", "--model", "bad.pkl")[2]
    code, _, err = w2v("similar", "--debug")  # options keep their exit code
    assert code == 2 and "Traceback" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of Unix")
@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", ">&- 2>&-", "<&- 2>&-"])
def test_an_error_does_not_go_to_stdout_where_stderr_is_closed(model, closed):
    shell = f"{sys.executable} -m w2v similar nothing {closed}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    shell = f"{sys.executable} -m w2v neighbours-of --all -o near.tsv {closed}; cat near.tsv"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert "toyota" in done.stdout and "w2v:" not in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
@pytest.mark.parametrize("command", ["similar toyota", "neighbours-of --all"])
def test_a_full_stdout_is_one_line(model, command):
    shell = f"{sys.executable} -m w2v {command} >/dev/full"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("w2v: the system ref")
    assert "Exception ignored" not in done.stderr


def test_an_unexpected_error_is_one_line_too(refused, model, monkeypatch):
    def fail(path):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("w2v.vectors.load", fail)
    line = refused("similar", "toyota")
    assert line == "w2v: unexpected ZeroDivisionError: oops (show where with --debug)\n"


def test_a_reader_that_stops_early_is_no_error(model):
    command = f"{sys.executable} -m w2v similar toyota --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


# Help


def test_every_command_and_option_has_help():
    result = CliRunner().invoke(cli, [])
    assert result.exit_code == 0 and "w2v similar toyota" in result.output
    for name, command in cli.commands.items():
        result = CliRunner().invoke(cli, [name, "--help"])
        assert result.exit_code == 0 and f"w2v {name} " in command.help, name
        for option in command.params:
            assert isinstance(option, click.Argument) or option.help, (name, option.name)


def test_help_and_version_need_no_numpy():
    code = (
        "import sys\nfrom w2v.cli import main\ntry: main([sys.argv[1]])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'tqdm', 'pyarrow', 'platformdirs'}\n"
        "assert not heavy & set(sys.modules)"
    )
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments, says, remedy",
    [
        (["", "--dim", 4], "the name of a corpus is empty", ["text.txt", "--dim", 4]),
        (["-", "-"], "stdin (-) is named twice", None),
        (["text.txt", "-o", ""], "--output is empty", ["text.txt"]),
        (
            ["text.txt", "--optimizer", "adam"],
            "--optimizer has no meaning for --engine fused: add --engine layers",
            ["text.txt", "--optimizer", "adam", "--engine", "layers", "--negative", 2],
        ),
        (["text.txt", "--split", "test"], "--split is of a named corpus: add --dataset", None),
        (
            ["text.txt", "--max-vocab", 1],
            "lower --min-count, raise --max-vocab",
            ["text.txt", "--max-vocab", 2],
        ),
        (
            ["text.txt", "--lr", 0.01, "--min-lr", 0.5],
            "--min-lr 0.5 is above the rate that training begins with, 0.01: lower it",
            ["text.txt", "--lr", 0.01, "--min-lr", 0.005],
        ),
        (["text.txt", "--plot", "x.pdf"], "--plot draws a PNG file: let x.pdf end in .png", None),
        (["missing.txt"], "missing.txt: there is no such file; check its name", ["text.txt"]),
    ],
)
def test_what_train_refuses_and_what_its_advice_gives(w2v, tmp_path, arguments, says, remedy):
    (tmp_path / "text.txt").write_text("a b c d\n" * 30)
    code, _, err = w2v("train", *arguments, "--min-count", 1)
    assert code in (1, 2) and says in err and err.count("\n") == 1
    if remedy is not None:
        assert w2v("train", *remedy, "--min-count", 1)[0] == 0


def test_a_variable_that_stands_for_no_option_is_refused(w2v, monkeypatch):
    monkeypatch.setenv("W2V_TRAIN_DIMM", "5")
    code, _, err = w2v("train")
    assert code == 2
    assert "W2V_TRAIN_DIMM stands for no option (did you mean dim?): unset it" in err
