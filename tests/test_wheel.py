"""A wheel holds all that w2v needs: an editable install hides what `package_data` misses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with nothing but the package from a wheel, built from a copy of the tracked files.

    The build must not see what is left in the checkout (build/, *.egg-info), nor leave any there.
    """
    tree, wheels, home = (tmp_path_factory.mktemp(name) for name in ("tree", "wheels", "home"))
    for name in run("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]:
        if (ROOT / name).is_file():  # a file that is deleted but not yet committed is not
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, tree, cwd=wheels)
    (wheel,) = wheels.glob("w2v-*.whl")
    run(*pip, "install", "--no-deps", "--no-index", "--target", home, wheel, cwd=wheels)
    return home


@pytest.fixture
def python(installed, tmp_path):
    """Runs this Python in an empty folder, where w2v is the installed one. Returns its output."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "W2V_CACHE_DIR": str(tmp_path / "c")}

    def call(*arguments):
        return run(sys.executable, *arguments, cwd=tmp_path, env=environment)

    return call


def test_a_wheel_holds_what_is_no_python_code(installed):
    for name in ("kernels/cuda/span.cu", "layers/step.cu", "py.typed"):
        kept = installed / "w2v" / name
        assert kept.read_bytes() == (ROOT / "w2v" / name).read_bytes()
    tracked = run("git", "ls-files", "w2v/*.py", cwd=ROOT).split()
    assert all((installed / name).is_file() for name in tracked if (ROOT / name).is_file())
    assert not (installed / "tests").exists() and not (installed / "scripts").exists()


def test_a_wheel_trains_and_answers(python, installed, tmp_path):
    where = python("-c", "import w2v; print(w2v.__file__)").strip()
    assert Path(where) == installed / "w2v" / "__init__.py"
    python("-m", "w2v", "train")
    assert (tmp_path / "vectors.pkl").is_file()
    answer = python("-m", "w2v", "analogy", "king", "man", "queen", "--top", "1")
    assert answer.splitlines()[1].startswith("  woman")


def test_a_wheel_reads_the_kernel_of_the_gpu(python):
    """Where the package lies, the source that CuPy compiles is found beside it."""
    code = (
        "import importlib.resources as r;"
        "print(r.files('w2v.kernels.cuda').joinpath('span.cu').read_text()[:2000])"
    )
    assert python("-c", code).strip()
