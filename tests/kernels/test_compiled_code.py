"""Numba's cache of compiled code: code that has changed is never run from it."""

import ast
import importlib
import shutil
from pathlib import Path

from w2v.kernels.cpu.kernel import CONSTANTS, FOLDER, sources_version


def test_any_change_in_the_folder_of_the_kernel_compiles_it_anew(tmp_path):
    folder = tmp_path / "cpu"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert sources_version(folder) == sources_version()
    versions = {sources_version()}
    for file in sorted(folder.glob("*.py")):
        file.write_text(file.read_text() + "# changed\n")
        versions.add(sources_version(folder))
    (folder / "new.py").write_text("LANES = 8\n")
    versions.add(sources_version(folder))
    assert len(versions) == 2 + len(list(FOLDER.glob("*.py"))) and 0 not in versions


def test_a_changed_constant_outside_the_folder_compiles_the_kernel_anew(tmp_path):
    copies = [shutil.copy(file, tmp_path / f"{n}.py") for n, file in enumerate(CONSTANTS)]
    assert sources_version(constants=copies) == sources_version()
    versions = {sources_version()}
    for copy in copies:
        copy.write_text(copy.read_text() + "# changed\n")
        versions.add(sources_version(constants=copies))
    assert len(versions) == 1 + len(CONSTANTS)


def test_no_constant_is_compiled_from_a_file_that_does_not_count():
    """All that the folder imports of the package counts, but for what is not compiled."""
    not_compiled = {"w2v.kernels.contract", "w2v.numba_setup"}
    sources = {"w2v.corpus.encoded_corpus"}  # where w2v.corpus has SENTENCE_END from
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("w2v"):
                whole = {"w2v", "w2v.kernels"}  # of which modules are imported, not names
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                sources |= set(names if node.module in whole else [node.module])
    outside = {name for name in sources - not_compiled if not name.startswith("w2v.kernels.cpu")}
    counted = {
        Path(str(importlib.import_module(name).__file__)) for name in outside - {"w2v.corpus"}
    }
    assert counted == set(CONSTANTS)
