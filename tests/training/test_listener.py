"""What a run tells its listener, in which order, and that it is silent without one."""

import time

import pytest

from w2v.errors import CorpusError
from w2v.training import Listener, Progress
from w2v.training.contract import told_if_slow
from w2v.training.progress import Reporter
from w2v.training.run import run, train

SENTENCES = [["a", "b", "c", "a", "b", "d"]] * 40
SMALL = {"min_count": 1, "dim": 4, "negative": 2, "epochs": 2, "window": 2}
WAYS = {
    "fused": {"engine": "fused", "threads": 1},
    "layers": {"engine": "layers", "batch_size": 20},
    "labelled pairs": {"engine": "layers", "labelled_pairs": True, "batch_size": 20},
}


class Diary(Listener):
    """Keeps all that it is told, in order."""

    def __init__(self):
        self.events = []

    def note(self, line):
        self.events.append(("note", line))

    def wait(self, line):
        self.events.append(("wait", line))

    def progress(self, at):
        self.events.append(("progress", at))

    def of(self, kind):
        return [what for name, what in self.events if name == kind]


@pytest.mark.parametrize("way", WAYS)
def test_a_run_notes_what_it_read_and_then_its_progress(way):
    diary = Diary()
    done = run(SENTENCES, {**SMALL, **WAYS[way]}, diary)
    kinds = [kind for kind, _ in diary.events if kind != "wait"]
    assert kinds == sorted(kinds)  # each note comes before all progress
    assert "in the vocabulary" in diary.of("note")[-1]
    places = diary.of("progress")
    assert all(isinstance(at, Progress) for at in places)
    assert [at.words for at in places] == sorted(at.words for at in places)
    assert [at.epoch for at in places] == sorted(at.epoch for at in places)
    assert places[-1].words == places[-1].total_words == done.words
    assert places[-1].iteration == places[-1].iterations


@pytest.mark.parametrize("way", WAYS)
def test_a_run_without_a_listener_is_silent(way, capfd):
    options = {**SMALL, **WAYS[way]}
    done = run(SENTENCES, options)
    assert capfd.readouterr() == ("", "")
    assert (done.vectors.matrix == run(SENTENCES, options, Diary()).vectors.matrix).all()


def test_train_shows_its_progress_alone(capsys):
    train(SENTENCES, **SMALL, **WAYS["layers"])
    lines = capsys.readouterr().err.splitlines()
    assert lines and all(line.startswith("| epoch ") for line in lines)


def test_a_refusal_comes_without_progress():
    diary = Diary()
    with pytest.raises(CorpusError):
        run(SENTENCES, {**SMALL, "engine": "layers", "batch_size": 10_000}, diary)
    assert diary.of("progress") == []


def test_scores_reach_the_listener_with_the_progress(tmp_path):
    (tmp_path / "q.txt").write_text(": letters\na b c d\n")
    diary = Diary()
    run(SENTENCES, {**SMALL, **WAYS["layers"], "analogies": "q.txt"}, diary)
    *before, last = diary.of("progress")
    assert set(last.scores) == {"analogies"} and not any(at.scores for at in before)
    assert "in the vocabulary" in diary.of("note")[-1]


def test_only_what_is_slow_is_waited_for():
    diary = Diary()
    with told_if_slow(diary, "compiling ...", patience=60):
        pass
    assert diary.events == []
    with told_if_slow(diary, "compiling ...", patience=0):
        while not diary.events:
            time.sleep(0.001)
    assert diary.events == [("wait", "compiling ...")]


def test_an_exception_of_a_listener_ends_the_run():
    class Stops(Listener):
        def progress(self, at):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(SENTENCES, {**SMALL, **WAYS["layers"]}, Stops())


def test_ctrl_c_in_a_listener_keeps_what_is_trained():
    class Interrupts(Listener):
        def progress(self, at):
            raise KeyboardInterrupt

    done = run(SENTENCES, {**SMALL, **WAYS["layers"], "eval_interval": 1}, Interrupts())
    assert done.interrupted and done.words == 20


def at(words):
    return Progress(1, 1, 1, 2, words, total_words=20, seconds=1.0, loss=2.0)


def test_the_command_lines_listener_holds_notes_back_until_training_and_waits_are_at_once(capsys):
    reporter = Reporter()
    reporter.note("12 words")
    assert capsys.readouterr().err == ""
    reporter.wait("compiling ...")
    assert capsys.readouterr().err == "compiling ...\n"
    reporter.note("3 in the vocabulary")
    reporter.progress(at(10))
    reporter.progress(at(20))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["12 words", "3 in the vocabulary"] and len(lines) == 4
    assert all(line.startswith("| epoch 1 |") for line in lines[2:])
