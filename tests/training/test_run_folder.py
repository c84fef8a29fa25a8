"""A run in a folder: what it keeps, how it goes on, and what it refuses."""

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from w2v.config import TrainConfig
from w2v.errors import ConfigError, CorpusError, ModelFileError, OutputError, W2VError
from w2v.layers import RowGradient
from w2v.optimizers import Adam, CatchUpAdam
from w2v.optimizers.portable import kept, restore
from w2v.training import Listener
from w2v.training.checkpoint import State, read_checkpoint
from w2v.training.interval import Interval
from w2v.training.run import run
from w2v.training.run_folder import RunFolder
from w2v.vectors import load

SENTENCES = [[f"w{(i * i + j) % 50}" for j in range(20)] for i in range(200)]
SMALL = {"min_count": 1, "dim": 6, "negative": 3, "epochs": 3, "window": 2}
WAYS = {
    "fused": {"engine": "fused", "threads": 1},
    "fused skip-gram": {"engine": "fused", "threads": 1, "model": "skipgram"},
    "layers": {"engine": "layers", "batch_size": 50, "eval_interval": 7},
    "layers with adam": {"engine": "layers", "batch_size": 50, "optimizer": "adam"},
    "layers with momentum": {"engine": "layers", "batch_size": 50, "optimizer": "momentum"},
    "labelled pairs": {"engine": "layers", "labelled_pairs": True, "batch_size": 20},
    "labelled pairs with adam": {
        "engine": "layers",
        "labelled_pairs": True,
        "batch_size": 20,
        "optimizer": "adam",
    },
}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in SENTENCES))
    return path


class Stopping(Listener):
    """Ends the training at its report number `last`, and keeps what it is told."""

    def __init__(self, last=None):
        self.last, self.reports, self.notes, self.kept = last, [], [], []

    def note(self, line):
        self.notes.append(line)

    def checkpoint(self, path):
        self.kept.append(path.name)

    def progress(self, at):
        self.reports.append(at)
        return "stop" if len(self.reports) == self.last else None


def bits(vectors):
    return vectors.matrix.tobytes()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("last", [1, 2])
def test_a_run_that_goes_on_gives_the_bits_of_one_that_was_not_ended(text, way, last):
    options = {**SMALL, **WAYS[way]}
    whole = Stopping()
    expected = run([text], options, whole)
    ended = run([text], {**options, "run_dir": "run"}, Stopping(last))
    assert ended.interrupted and ended.words < expected.words
    rest = Stopping()
    done = run(None, {"resume": "run"}, rest)
    assert bits(done.vectors) == bits(expected.vectors) and not done.interrupted
    assert bits(load("run")) == bits(expected.vectors)
    assert done.words == expected.words - ended.words
    shown = [(at.epoch, at.iteration, at.words, at.loss) for at in whole.reports]
    assert [(at.epoch, at.iteration, at.words, at.loss) for at in rest.reports] == shown[last:]


@pytest.mark.parametrize("way", ["fused", "layers", "labelled pairs with adam"])
def test_looking_at_a_run_does_not_change_its_bits(text, way, tmp_path):
    (tmp_path / "pairs.tsv").write_text("w1\tw2\t3\nw3\tw4\t1\nw5\tw6\t2\n")
    options = {**SMALL, **WAYS[way]}
    expected = run([text], options)

    class Keeping(Stopping):
        def progress(self, at):
            super().progress(at)
            return "checkpoint"

    keeping = Keeping()
    looked = {"pairs": "pairs.tsv", "eval_every": 100, "run_dir": "run"}
    done = run([text], {**options, **looked}, keeping)
    assert bits(done.vectors) == bits(expected.vectors) and len(keeping.kept) > 1


def test_a_listener_stops_a_run_that_is_scored(text, tmp_path):
    (tmp_path / "pairs.tsv").write_text("w1\tw2\t3\nw3\tw4\t1\nw5\tw6\t2\n")
    options = {**SMALL, **WAYS["fused"], "pairs": "pairs.tsv", "eval_every": 1}
    heard = Stopping(1)
    assert run([text], options, heard).interrupted and heard.reports[0].scores


def test_texts_that_are_not_files_are_kept_in_the_folder():
    options = {**SMALL, **WAYS["fused"]}
    expected = run(iter(SENTENCES), options)
    run(iter(SENTENCES), {**options, "run_dir": "run"}, Stopping(1))
    assert bits(run(None, {"resume": "run"}).vectors) == bits(expected.vectors)


def test_a_text_that_is_not_cached_is_kept_in_the_folder(text):
    options = {**SMALL, **WAYS["fused"], "cache": False}
    expected = run([text], options)
    run([text], {**options, "run_dir": "run"}, Stopping(1))
    text.unlink()
    assert bits(run(None, {"resume": "run"}).vectors) == bits(expected.vectors)


def test_a_cache_that_is_gone_is_made_again_and_compared(text, tmp_path):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"}, Stopping(1))
    for entry in (tmp_path / "cache").rglob("*.ids"):
        entry.unlink()
    text.write_text(text.read_text().replace("w1 ", "w2 "))
    before = {path.name: path.read_bytes() for path in RunFolder("run").path.iterdir()}
    with pytest.raises(CorpusError, match="not the one that run was trained on"):
        run(None, {"resume": "run", "epochs": 9})
    assert before == {path.name: path.read_bytes() for path in RunFolder("run").path.iterdir()}


def test_the_folder_holds_what_the_design_says(text):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"})
    names = set(os.listdir("run"))
    assert names == {
        "config.toml", "vocabulary.txt", "log.jsonl", "lock", "checkpoint-1.safetensors",
        "vectors.safetensors",
    }  # fmt: skip
    lines = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    reports = [line for line in lines if "words" in line]
    assert reports[-1]["words"] == 12_000 and reports[-1]["epoch"] == 3
    assert all({"time", "loss", "learning_rate", "memory"} <= line.keys() for line in reports)
    lines = Path("run/vocabulary.txt").read_text().splitlines()
    words = [line.rsplit(" ", 1) for line in lines]
    vectors = load("run")
    assert [word for word, _ in words] == vectors.words
    assert [int(count) for _, count in words] == vectors.counts.tolist()


def test_the_options_of_a_run_are_a_configuration(text, w2v):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"})
    code, _, err = w2v("train", "--config", "run/config.toml", "-o", "again.safetensors")
    assert code == 0, err
    assert bits(load("again.safetensors")) == bits(load("run"))


def test_a_copied_state_stays_while_the_training_goes_on():
    state = State({"W_in": np.zeros((2, 2))}, {"loss_list": [1.0]})
    copied = state.copy()
    state.tensors["W_in"] += 1
    state.numbers["loss_list"].append(2.0)
    assert not copied.tensors["W_in"].any() and copied.numbers == {"loss_list": [1.0]}


def test_a_checkpoint_is_a_file_of_vectors(text):
    run([text], {**SMALL, **WAYS["labelled pairs with adam"], "run_dir": "run"})
    (path,) = RunFolder("run").checkpoints()
    assert bits(load(path)) == bits(load("run"))
    assert load(path).training["labelled_pairs"] is True


def test_two_checkpoints_are_kept_and_a_damaged_one_is_not_taken(text):
    options = {**SMALL, **WAYS["fused"]}
    expected = run([text], {**options, "epochs": 5})
    for epochs in (1, 2, 3):
        more = {"run_dir": "run"} if epochs == 1 else {"resume": "run"}
        run([text], {**more, **(options if epochs == 1 else {}), "epochs": epochs})
    newest, before = RunFolder("run").checkpoints()
    assert (newest.name, before.name) == ("checkpoint-3.safetensors", "checkpoint-2.safetensors")
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    heard = Stopping()
    state, _ = RunFolder("run").newest_state(heard)
    assert state.numbers["words_done"] == 8_000
    assert "checkpoint-3.safetensors is damaged" in heard.notes[0]
    done = run(None, {"resume": "run", "epochs": 5})
    assert done.words == 12_000 and done.vectors.matrix.shape == expected.vectors.matrix.shape


@pytest.mark.parametrize("damage", ["cut", "empty", "flip"])
def test_every_damage_of_a_checkpoint_is_noticed(text, damage):
    run([text], {**SMALL, **WAYS["layers"], "run_dir": "run"})
    (path,) = RunFolder("run").checkpoints()
    content = path.read_bytes()
    places = range(0, len(content), max(1, len(content) // 40))
    for place in places if damage == "flip" else [len(content) // 2]:
        changed = bytearray(content)
        changed[place] ^= 8
        path.write_bytes({"cut": content[:place], "empty": b"", "flip": bytes(changed)}[damage])
        try:
            state, _ = read_checkpoint(path)
        except ModelFileError:
            continue
        path.write_bytes(content)  # a space of the header's end, or the like
        assert state.numbers == read_checkpoint(path)[0].numbers


def test_more_epochs_go_on_with_a_finished_run(text):
    run([text], {**SMALL, **WAYS["layers"], "run_dir": "run"})
    with pytest.raises(ConfigError, match="is finished, with --epochs 3"):
        run(None, {"resume": "run"})
    heard = Stopping()
    done = run(None, {"resume": "run", "epochs": 4}, heard)
    assert done.words == 4_150 and "falls over 4 epochs" in " ".join(heard.notes)
    assert RunFolder("run").read_config()["epochs"] == 4


@pytest.mark.parametrize("way", ["fused", "layers"])
def test_a_run_that_was_killed_before_it_wrote_its_vectors_writes_them(text, way):
    done = run([text], {**SMALL, **WAYS[way], "run_dir": "run"})
    RunFolder("run").vectors.unlink()
    again = run(None, {"resume": "run"})
    assert again.words == 0 and bits(load("run")) == bits(done.vectors)
    assert RunFolder("run").has_its_vectors()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"dim": 7}, "--dim is 6 in run, and 7 now"),
        ({"window": 3}, "--window is 2 in run, and 3 now"),
        ({"seed": 2}, "--seed is 1 in run, and 2 now"),
        ({"min_count": 2}, "--min-count is 1 in run, and 2 now"),
        ({"epochs": 2}, "--epochs is 3 in run, and 2 now: it can only be raised"),
        ({"run_dir": "other"}, "--run-dir is None in run, and other now"),
    ],
)
def test_what_a_run_began_with_stays(text, option, message):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"}, Stopping(1))
    before = {path.name: path.read_bytes() for path in RunFolder("run").path.iterdir()}
    with pytest.raises(ConfigError, match=message):
        run(None, {"resume": "run", **option})
    assert before == {path.name: path.read_bytes() for path in RunFolder("run").path.iterdir()}


def test_another_text_is_refused(text, tmp_path):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"}, Stopping(1))
    (tmp_path / "other.txt").write_text("a b\n")
    with pytest.raises(ConfigError, match="another one is named now"):
        run([tmp_path / "other.txt"], {"resume": "run"})
    with pytest.raises(ConfigError, match="another one is named now"):
        run([["a", "b"]], {"resume": "run"})


def test_folders_that_cannot_be_a_runs(text, tmp_path):
    options = {**SMALL, **WAYS["fused"]}
    for name in ("not-there", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ModelFileError, match="--run-dir begins a run"):
            run(None, {"resume": name})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("mine")
    with pytest.raises(OutputError, match=r"holds something else \(thesis.doc\)"):
        run([text], {**options, "run_dir": "full"})
    assert os.listdir(tmp_path / "full") == ["thesis.doc"]
    run([text], {**options, "run_dir": "run"})
    with pytest.raises(OutputError, match="holds a run already: go on with w2v train --resume run"):
        run([text], {**options, "run_dir": "run"})
    with pytest.raises(OutputError, match="cannot use text"):
        run([text], {**options, "run_dir": "text.txt/run"})


def test_a_folder_has_one_process_at_a_time(text):
    options = {**SMALL, **WAYS["fused"], "run_dir": "run"}
    with (
        RunFolder.new("run").locked(),
        pytest.raises(OutputError, match=f"run is in use by process {os.getpid()} on"),
    ):
        run([text], options)
    assert run([text], options).words == 12_000


def test_what_a_killed_run_was_writing_is_removed(text):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"}, Stopping(1))
    leftover = RunFolder("run").path / ".checkpoint-2.safetensors.abcd1234"
    leftover.write_bytes(b"half")
    run(None, {"resume": "run"})
    assert not leftover.exists()


def test_the_first_signal_ends_the_training_at_a_place_where_the_weights_are_whole(text):
    options = {**SMALL, **WAYS["layers"], "eval_interval": 10**6}
    expected = run([text], options)

    class Killed(Listener):
        def progress(self, at):
            if at.epoch == 1:  # between this report and the next
                threading.Timer(0.005, os.kill, [os.getpid(), signal.SIGINT]).start()

    done = run([text], {**options, "epochs": 2000, "run_dir": "run"}, Killed())
    assert done.interrupted and done.signal == signal.SIGINT and done.words > 0
    assert RunFolder("run").newest_state(Listener())[0].numbers["words_done"] == done.words
    assert expected.signal is None


@pytest.mark.parametrize(
    "option", [{"checkpoint_every": "10"}, {"min_lr": 1.0}, {"output": "no/v.pkl"}]
)
def test_a_run_that_is_refused_leaves_no_folder(text, tmp_path, option):
    with pytest.raises(W2VError):
        run([text], {**SMALL, **WAYS["fused"], "run_dir": "run", **option})
    assert not (tmp_path / "run").exists()


def test_what_takes_vectors_takes_a_runs_folder(text, w2v):
    run([text], {**SMALL, **WAYS["fused"], "run_dir": "run"})
    for command in (
        ("info", "run/"),
        ("similar", "w1", "--model", "run"),
        ("convert", "run", "v.txt"),
        ("vector", "w1", "--model", "run/"),
    ):
        code, out, err = w2v(*command)
        assert code == 0 and out, err
    assert "safetensors" in w2v("info", "run")[1]


@pytest.mark.parametrize("text", ["10", "0s", "10x", "-5min", "", "1e3s", "min", "10 m", "infs"])
def test_intervals_that_are_none(text):
    with pytest.raises(ConfigError, match="--checkpoint-every is a time or a number of words"):
        Interval.parse(text, "--checkpoint-every")


def test_a_checkpoint_that_cannot_be_written_is_noted_and_training_goes_on(text):
    options = {**SMALL, **WAYS["layers"], "eval_interval": 1, "checkpoint_every": "10s"}
    heard = Stopping()

    class Blocking(Stopping):
        def progress(self, at):
            super().progress(at)
            place = RunFolder("run").path / "checkpoint-1.safetensors"
            if len(self.reports) == 1:
                place.mkdir()
                return "checkpoint"
            if len(self.reports) == 30:
                place.rmdir()
            return None

    heard = Blocking()
    done = run([text], {**options, "run_dir": "run"}, heard)
    assert any(line.startswith("no checkpoint was written: cannot write") for line in heard.notes)
    assert heard.kept == ["checkpoint-1.safetensors"] and not done.interrupted


def test_vectors_that_have_no_place_any_more_are_put_elsewhere(text, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    class Removing(Listener):
        def progress(self, at):
            shutil.rmtree("out", ignore_errors=True)

    with pytest.raises(OutputError, match="the vectors are in") as raised:
        run([text], {**SMALL, **WAYS["layers"], "output": "out/v.pkl"}, Removing())
    assert "there is no folder out; make it first" in str(raised.value)
    assert len(load(str(raised.value).rpartition(" ")[2])) == 51


@pytest.mark.parametrize("first", [Adam, CatchUpAdam])
@pytest.mark.parametrize("second", [Adam, CatchUpAdam])
def test_adams_moments_go_from_one_form_to_another(first, second):
    """As when a run of a GPU goes on on a CPU: the next updates are the same up to rounding."""
    draw = np.random.default_rng(0)
    params = [draw.standard_normal((9, 4)) for _ in range(2)]
    ids = np.array([1, 4])
    grads = [RowGradient(ids, draw.standard_normal((2, 4)), (9, 4)) for _ in range(2)]
    dense, mine, rule = Adam(), [param.copy() for param in params], first()
    for _ in range(6):
        dense.update(params, grads)
        rule.settle(mine, [ids, ids])
        rule.update(mine, grads)
    tensors, numbers = kept(rule, mine)
    other, theirs = second(), [param.copy() for param in mine]
    restore(other, theirs, tensors, numbers)
    for _ in range(3):
        dense.update(params, grads)
        other.settle(theirs, [ids, ids])
        other.update(theirs, grads)
    other.settle(theirs)
    np.testing.assert_allclose(theirs, params, rtol=1e-9)


def test_the_option_names_that_may_change_are_those_that_the_documents_name():
    fields = TrainConfig.__dataclass_fields__
    changing = {name for name, field in fields.items() if field.metadata["may_change"]}
    assert changing == {
        "data_dir", "cache", "epochs", "gpu", "device", "threads", "analogies", "pairs",
        "eval_every", "output", "plot", "resume", "checkpoint_every",
        "checkpoint_in_place",
    }  # fmt: skip
