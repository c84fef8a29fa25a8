"""Fixtures that several tests share, and the rule for tests that need a GPU."""

import os
import sys
from pathlib import Path

import pytest

from w2v import backend, config
from w2v.cli import main
from w2v.errors import GPUError


def pytest_collection_modifyitems(items):
    needing = [item for item in items if item.get_closest_marker("gpu")]
    if needing:
        try:
            backend.load_cupy()
        except GPUError as error:
            for item in needing:
                item.add_marker(pytest.mark.skip(reason=str(error)))


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch, tmp_path, tmp_path_factory):
    """Each test starts on the CPU, in an empty folder, without settings from outside."""
    data_dir = os.environ.get("W2V_DATA_DIR")
    for name in [name for name in os.environ if name.startswith("W2V_")]:
        monkeypatch.delenv(name)
    if data_dir:
        monkeypatch.setenv("TEST_DATA_DIR", os.path.abspath(data_dir))
    monkeypatch.setenv("W2V_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "GPU", False)


@pytest.fixture
def data_dir():
    """The folder of real corpora; the test is skipped where there is none."""
    folder = os.environ.get("TEST_DATA_DIR")
    if not folder or not Path(folder, "ptb").is_dir():
        pytest.skip("needs real text: set W2V_DATA_DIR to a folder with ptb/")
    return Path(folder)


@pytest.fixture
def repository():
    """The folder of the project, with its configs/."""
    return Path(__file__).parents[1]


@pytest.fixture
def cupy(monkeypatch):
    """A strict stand-in for CuPy, and the switch on: see `fake_cupy`."""
    import fake_cupy

    fake_cupy.restart()
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy)
    monkeypatch.setitem(sys.modules, "cupyx", fake_cupy.cupyx)
    for name in ("kernel", "text_stream"):  # imported anew: they hold the CuPy that they found
        monkeypatch.setitem(sys.modules, f"w2v.kernels.cuda.{name}", None)  # undone after the test
        del sys.modules[f"w2v.kernels.cuda.{name}"]
    monkeypatch.setattr(config, "GPU", True)
    return fake_cupy


@pytest.fixture
def real_cupy():
    """CuPy itself, which needs no device to be imported; the test is skipped where it is missing.

    What would need a device raises cudaErrorInsufficientDriver.
    """
    return pytest.importorskip("cupy", exc_type=ImportError)


@pytest.fixture
def w2v(capsys):
    """Runs a command line in this process. Returns its exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(w2v):
    """Runs a command line that must fail with one line on stderr. Returns that line."""

    def run(*arguments, code=1):
        exit_code, out, err = w2v(*arguments)
        assert exit_code == code, err
        assert err.startswith("w2v: ") and err.count("\n") == 1 and err.endswith("\n"), err
        assert out == ""
        return err

    return run
