"""Numba's cache of compiled code: code that has changed is never run from it."""

import shutil

from w2v.kernels.cpu.kernel import FOLDER, sources_version


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
