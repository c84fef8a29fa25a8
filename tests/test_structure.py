"""The picture of the house stays true: who may import whom, and where CuPy and pickle live."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each line imports only from lines above it and from its own.
ORDER = [
    ["errors"],
    ["files", "numba_setup", "parallel"],
    ["config", "config_file", "downloads"],
    ["np", "backend"],
    ["rng"],
    ["corpus"],
    ["vectors"],
    ["sampling"],
    ["layers"],
    ["models"],
    ["optimizers"],
    ["kernels"],
    ["training"],
    ["cli"],
    ["__main__"],
]
RANK = {name: rank for rank, line in enumerate(ORDER) for name in line}
MODULES = sorted((ROOT / "w2v").rglob("*.py"))


def imported(path):
    """The modules that a file imports, anywhere in it, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(dotted):
    return dotted.split(".")[1] if dotted.startswith("w2v.") else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    own = path.relative_to(ROOT / "w2v").parts[0].removesuffix(".py")
    if own == "__init__":
        return  # the package itself imports nothing until it is asked for a name
    for name in imported(path):
        if part(name):
            assert RANK[part(name)] <= RANK[own], f"{own} imports {name}"


@pytest.mark.parametrize(
    "package, homes",
    [
        ("cupy", {"np.py", "backend.py", "kernels/cuda/kernel.py"}),
        ("cupyx", {"backend.py", "kernels/cuda/kernel.py"}),
        ("pickle", {"vectors/formats/pickle_format.py"}),
    ],
)
def test_some_packages_have_one_home(package, homes):
    users = {
        str(path.relative_to(ROOT / "w2v"))
        for path in MODULES
        for name in imported(path)
        if name.split(".")[0] == package
    }
    assert users <= homes


def test_every_part_is_in_the_order():
    parts = {p.relative_to(ROOT / "w2v").parts[0].removesuffix(".py") for p in MODULES}
    assert parts - {"__init__"} == set(RANK)


def test_importing_the_package_imports_nothing_heavy():
    heavy = (
        "numpy",
        "click",
        "rapidfuzz",
        "tqdm",
        "cupy",
        "matplotlib",
        "pooch",
        "pyarrow",
        "numba",
        "regex",
        "platformdirs",
        "zstandard",
    )
    code = f"import sys, w2v; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_the_top_level_is_as_given():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    top = {name.split("/")[0] for name in tracked}
    given = {"w2v", "configs", "scripts", "tests", "setup.cfg", "README.md"}
    tools = {"pyproject.toml", "LICENSE", ".ci", ".gitignore", ".pre-commit-config.yaml"}
    assert given <= top <= given | tools


def test_the_metadata_are_in_setup_cfg():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    assert setup["options.entry_points"]["console_scripts"].strip() == "w2v = w2v.cli:main"
    assert {"cuda12", "cuda13", "data", "dev", "viz"} <= set(setup["options.extras_require"])
    assert "[project]" not in (ROOT / "pyproject.toml").read_text()
