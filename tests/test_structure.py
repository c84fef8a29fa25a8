"""The picture of the house stays true: who may import whom, and where CuPy and pickle live."""

import ast
import configparser
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each line imports only from lines above it and from its own.
ORDER = [
    ["errors"],
    [
        "checksums",
        "files",
        "locks",
        "memory",
        "numba_setup",
        "parallel",
        "signals",
        "unpacking",
        "encodings",
        "text_files",
    ],
    ["config", "option_names", "config_file", "downloads"],
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
# Beyond the order: what a part does not know, wherever the import stands in its files.
UNKNOWN = {
    "vectors": ["corpus", "sampling", "layers", "models", "optimizers", "kernels", "training"],
    "sampling": ["vectors"],
    "layers": ["corpus", "vectors"],
    "models": ["corpus", "vectors"],
    "optimizers": ["corpus", "vectors", "sampling", "models"],
    "kernels": ["vectors", "layers", "models", "optimizers"],
    "kernels.cpu": ["kernels.cuda", "kernels.reference"],
    "kernels.cuda": ["kernels.cpu"],
    "kernels.reference": ["kernels.cpu", "kernels.cuda"],
    "kernels.plan": ["kernels.contract", "kernels.reference", "kernels.cpu", "kernels.cuda"],
    "kernels.weights": ["kernels.contract", "kernels.plan", "kernels.cpu", "kernels.cuda"],
    "corpus.tokenize": ["corpus.encoded_corpus", "corpus.stream_builder", "corpus.cache"],
    "corpus.cleaning": ["corpus.tokenize", "corpus.encoded_corpus", "corpus.stream_builder"],
    "corpus.vocabulary": ["corpus.encoded_corpus", "corpus.stream_builder", "corpus.tokenize"],
    "corpus.encoded_corpus": ["corpus.stream_builder", "corpus.encoding", "corpus.cache"],
    "vectors.search.top_k": ["vectors"],
    "vectors.formats": ["vectors.queries", "vectors.search", "vectors.evaluation"],
    "vectors.word_vectors": ["vectors.formats", "vectors.evaluation", "vectors.book_queries"],
    "training.layers": ["training.fused", "training.labelled_pairs", "training.run"],
    "training.fused": ["training.layers", "training.labelled_pairs", "training.run"],
    "training.labelled_pairs": ["training.fused", "training.run"],
}
LONGEST_MODULE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 450, 60, 9

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


def dotted_name(path):
    """The module that a file is: `w2v/corpus/demo.py` -> `w2v.corpus.demo`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted_name(path): path for path in MODULES}


def imported_at_once(path):
    """The modules of w2v that importing a file imports: those named outside of its functions."""
    waiting = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "w2v":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else node.module
        waiting.extend(ast.iter_child_nodes(node))


def circle(graph):
    """A circle in {name: names}, as a list of names from one back to itself, or None.

    Example: {"a": ["b"], "b": ["a"]} -> ["a", "b", "a"]
    """
    done = set()

    def follow(name, above):
        if name in above:
            return [*above[above.index(name) :], name]
        if name not in done:
            done.add(name)
            for below in graph[name]:
                if found := follow(below, [*above, name]):
                    return found
        return None

    return next((found for name in graph if (found := follow(name, []))), None)


def function_lengths():
    """The lines of every function, with its signature and docstring, by its file and name."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                place = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                yield node.end_lineno - node.lineno + 1, place


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


@pytest.mark.parametrize("own", sorted(UNKNOWN))
def test_a_part_does_not_know_others(own):
    files = [path for name, path in NAMES.items() if f"{name}.".startswith(f"w2v.{own}.")]
    assert files, f"w2v.{own} is no longer there"
    for path in files:
        for name in imported(path):
            for other in UNKNOWN[own]:
                assert not f"{name}.".startswith(f"w2v.{other}."), f"{path} imports {name}"


def test_no_modules_import_one_another():
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert circle({"a": ["b", "c"], "b": ["c"], "c": []}) is None
    graph = {name: sorted(set(imported_at_once(path)) - {name}) for name, path in NAMES.items()}
    assert graph["w2v.training.run"], "imports are found"
    assert circle(graph) is None


def test_modules_and_functions_are_short():
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in MODULES}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}
    functions = sorted(function_lengths())
    assert [f"{n} {place}" for n, place in functions if n > LONGEST_FUNCTION] == []
    assert statistics.median(n for n, _ in functions) <= MEDIAN_FUNCTION


@pytest.mark.parametrize(
    "package, homes",
    [
        ("cupy", {"np.py", "backend.py", "kernels/cuda/kernel.py", "kernels/cuda/text_stream.py"}),
        ("cupyx", {"backend.py", "kernels/cuda/kernel.py", "kernels/cuda/text_stream.py"}),
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
    tools = {"pyproject.toml", "LICENSE", "CHANGELOG.md"}
    hidden = {".ci", ".gitignore", ".pre-commit-config.yaml"}
    assert given <= top <= given | tools | hidden


def test_the_metadata_are_in_setup_cfg():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    assert setup["options.entry_points"]["console_scripts"].strip() == "w2v = w2v.cli:main"
    assert {"cuda12", "cuda13", "data", "dev", "viz"} <= set(setup["options.extras_require"])
    assert "py.typed" in setup["options.package_data"]["w2v"]
    assert "[project]" not in (ROOT / "pyproject.toml").read_text()
