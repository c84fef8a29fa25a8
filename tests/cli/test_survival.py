"""Runs that are killed, ended by signals and met by faults, each a process of its own.

`scripts/soak.py` is the long form.
"""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest

from w2v.training.run_folder import RunFolder
from w2v.vectors import load

WAYS = {
    "fused": ["--engine", "fused", "--threads", "1", "--epochs", "40"],
    "layers": ["--engine", "layers", "--epochs", "12"],
    "labelled pairs": ["--labelled-pairs", "--optimizer", "adam", "--epochs", "12"],
}
COMMON = ["--dim", "64", "--min-count", "1", "--sample", "0"]


@pytest.fixture
def text(tmp_path):
    draw = random.Random(1)
    path = tmp_path / "text.txt"
    lines = [" ".join(f"w{int(draw.paretovariate(1))}" for _ in range(20)) for _ in range(1500)]
    path.write_text("\n".join(lines) + "\n")
    return path


def options_of(way):
    return [*WAYS[way], *(COMMON if way == "fused" else COMMON[:4])]


def start(*arguments, **more):
    command = [sys.executable, "-m", "w2v", "train", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **{**pipes, **more})


def finish(*arguments, **more):
    process = start(*arguments, **more)
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def sha(path):
    return hashlib.sha256(load(path).matrix.tobytes()).hexdigest()


def await_file(process, path, timeout=60):
    """Wait until the run has begun to train."""
    stop = time.monotonic() + timeout
    while not path.exists() and process.poll() is None and time.monotonic() < stop:
        time.sleep(0.01)


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_is_killed_again_and_again_gives_the_bits_of_one_that_is_not(
    text, tmp_path, way
):
    """Checkpoints follow one another, so that many of the kills hit one that is being written."""
    options, folder = options_of(way), tmp_path / "run"
    assert finish(text, *options, "-o", "whole.safetensors")[0] == 0
    often = ["--checkpoint-every", "1kwords"]
    draw, kills = random.Random(2), 0
    for attempt in range(30):
        begin = ["--resume", folder] if (folder / "config.toml").exists() else [text, *options]
        new = [] if begin[0] == "--resume" else ["--run-dir", folder, *often]
        process = start(*begin, *new)
        await_file(process, folder / "log.jsonl")
        last = attempt == 29 or kills == 4
        try:
            process.wait(100 if last else draw.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        _, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), err
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert sha(folder) == sha("whole.safetensors")
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_signal_ends_a_training_with_its_vectors(text, tmp_path, number, code, is_kept):
    kept = ["--run-dir", tmp_path / "run"] if is_kept else ["-o", "v.safetensors"]
    process = start(text, "--engine", "layers", "--epochs", 10_000, *COMMON[:4], *kept)
    for line in process.stderr:
        if line.startswith("| epoch"):
            break
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code and time.monotonic() - began < 30, err
    last = err.splitlines()[-1]
    if is_kept:
        assert last == f"interrupted: go on with w2v train --resume {tmp_path / 'run'}"
        assert RunFolder(tmp_path / "run").checkpoints()
    else:
        assert last.startswith("interrupted: the vectors are saved as far as they are trained")
    assert len(load("run" if is_kept else "v.safetensors")) > 10


@pytest.mark.parametrize("threads", [1, 2])
def test_a_second_signal_ends_at_once_and_leaves_earlier_files(text, threads):
    for _ in range(3):
        with open("vectors.pkl", "wb") as file:
            file.write(b"earlier")
        process = start(text, "--threads", threads, "--epochs", 100_000, *COMMON)
        for line in process.stderr:
            if line.startswith("| epoch"):
                break
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert load("vectors.pkl") if os.path.getsize("vectors.pkl") > 7 else True


def test_what_nohup_ignores_stays_ignored(text):
    process = start(
        text, *options_of("fused"), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    for line in process.stderr:
        if line.startswith("| epoch"):
            process.send_signal(signal.SIGHUP)
            break
    process.communicate(timeout=100)
    assert process.returncode == 0


def limited(size):
    """Files of the process may have so many bytes: a full disk, in effect."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_a_disk_that_is_full_at_a_checkpoint(text, tmp_path):
    """The run goes on, says so, and its vectors are smaller."""
    kept = ["--run-dir", tmp_path / "run", "--checkpoint-every", "1kwords"]
    options = [text, *options_of("labelled pairs"), *kept]
    whole = finish(text, *options_of("labelled pairs"), "-o", "whole.safetensors")
    assert whole[0] == 0
    size = os.path.getsize("whole.safetensors")
    code, _, err = finish(*options, preexec_fn=limited(2 * size))
    assert code == 0 and "no checkpoint was written: cannot write" in err, err
    assert sha(tmp_path / "run") == sha("whole.safetensors")
    code, _, err = finish("--resume", tmp_path / "run")
    assert code == 0 and "has no checkpoint yet: trained from the start" in err, err
    assert sha(tmp_path / "run") == sha("whole.safetensors")


@pytest.mark.parametrize("closed", [[1], [2], [1, 2]])
def test_a_run_whose_streams_are_closed_trains(text, closed, tmp_path):
    def close():
        for number in closed:
            os.close(number)

    options = [text, *options_of("layers"), "--run-dir", tmp_path / "run"]
    process = subprocess.run(
        [sys.executable, "-m", "w2v", "train", *map(str, options)], preexec_fn=close, timeout=100
    )
    assert process.returncode in (0, 1)
    assert len(load("run")) > 10
