"""Readers take any bytes: a valid result or a W2VError, in bounded time and memory."""

import mmap
import os
import signal
import subprocess
import sys
import time

import pytest

from w2v.errors import InputError

CASES = 100  # for each reader: some thousand in all


@pytest.fixture
def scripts(monkeypatch, repository):
    """The folder of the scripts, whose modules can be imported."""
    monkeypatch.syspath_prepend(str(repository / "scripts" / "fuzz"))
    return repository / "scripts" / "fuzz"


def test_no_reader_is_upset_by_changed_bytes(scripts, tmp_path):
    from readers import make_readers

    command = [sys.executable, scripts / "fuzz.py", "--cases", CASES, "--out", tmp_path / "out"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"{CASES} cases") == len(make_readers(tmp_path)) >= 30
    assert not (tmp_path / "out").exists()


def test_the_files_that_are_changed_are_valid(scripts, tmp_path):
    from fuzz import write
    from readers import make_readers

    for name, reader in make_readers(tmp_path).items():
        assert reader.seeds, name
        for files in reader.seeds:
            reader.read(write(files, tmp_path / name))  # raises an error if it is not


def test_a_case_is_a_function_of_its_numbers(scripts, tmp_path):
    from fuzz import case
    from readers import make_readers

    reader = make_readers(tmp_path)["bin"]
    cases = [case("bin", reader, 1, number) for number in range(20)]
    assert cases == [case("bin", reader, 1, number) for number in range(20)]
    assert cases[0] != case("bin", reader, 2, 0) and len({str(files) for files in cases}) > 15


def misbehave(path):
    """Behave as the name of the file says."""
    if path.name == "wrong":
        raise KeyError("oops")
    if path.name == "refused":
        raise InputError("not so")
    if path.name == "long":
        raise InputError("x" * 10_000)
    if path.name == "slow":
        while True:
            pass
    if path.name == "silent":
        time.sleep(60)
    if path.name == "crash":
        os.kill(os.getpid(), signal.SIGTERM)
    if path.name == "large":
        mmap.mmap(-1, 50 << 20).write(bytes(50 << 20))  # not from what the process has free
    if path.name == "huge":
        bytearray(1 << 40)


def test_what_goes_wrong_is_seen_and_the_next_is_done(scripts, tmp_path):
    from isolation import Limits, outcomes

    expected = {
        "fine": None,
        "wrong": "raises KeyError (test_fuzz.py:",
        "refused": None,
        "long": "its message is very long",
        "slow": "takes too long",
        "silent": "hangs",
        "crash": "ends the process (SIGTERM)",
        "large": "takes too much memory",
        "huge": "raises MemoryError (test_fuzz.py:",
        "fine again": None,
    }
    names = list(expected)
    limits = Limits(memory=20 << 20, seconds=0.2, silence=2)
    found = outcomes(misbehave, lambda n: (tmp_path / names[n], 0), range(len(names)), limits)
    for (number, outcome), (name, problem) in zip(found, expected.items(), strict=True):
        assert names[number] == name
        assert (outcome.problem or "").startswith(problem or "") and (
            (outcome.problem is None) == (problem is None)
        )
        assert outcome.message == ("InputError: not so" if name == "refused" else outcome.message)
