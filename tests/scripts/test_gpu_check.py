"""The script that checks and measures GPUs works where there is none."""

import importlib
import itertools
import json
import os
import random
import re
import runpy
import subprocess
import sys

import pyarrow
import pytest

from w2v import config

ALLOWED = {"numpy", "cupy", "click", "tqdm", "pyarrow", "numba", "scipy", "threadpoolctl"}
"""What a machine with a GPU has to have, with llvmlite, which is Numba's."""

BLOCK_THE_REST = f"""
import importlib.abc, os, sys

ALLOWED = {ALLOWED | {"llvmlite", "w2v"}} | set(os.environ["OUR_MODULES"].split())

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if not top.startswith("_") and top not in ALLOWED | sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {{top!r}}: it is blocked", name=top)

sys.meta_path.insert(0, Block())
"""


@pytest.fixture
def data(tmp_path):
    """A folder with a short text, packed, and questions on its words."""
    folder = tmp_path / "data"
    folder.mkdir()
    words = [f"w{number}" for number in range(40)]
    draw = random.Random(1)
    text = "\n".join(" ".join(draw.choices(words, k=20)) for _ in range(300))
    with pyarrow.output_stream(str(folder / "wiki8.txt.zst"), compression="zstd") as packed:
        packed.write(text.encode())
    rated = [f"{a}\t{b}\t{draw.random()}" for a, b in itertools.pairwise(words)]
    (folder / "wordsim353.tsv").write_text("\n".join(rated))
    (folder / "questions-words.txt").write_text(": all\nw1 w2 w3 w4\nw5 w6 w7 w8\n")
    return folder


@pytest.fixture
def check(repository, tmp_path):
    """Runs the script with some options and variables. Returns the process and its JSON."""
    out = tmp_path / "check.json"

    def run(*options, **variables):
        command = [sys.executable, repository / "scripts" / "gpu_check", "--out", out, *options]
        environment = os.environ | variables
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        return done, json.loads(out.read_text()) if out.exists() else None

    return run


@pytest.fixture
def script(repository, monkeypatch):
    """Imports a module of the script."""
    for folder in ("gpu_check", "bench"):
        monkeypatch.syspath_prepend(repository / "scripts" / folder)
    return importlib.import_module


def test_a_dry_run_goes_through_every_section_with_few_packages(data, check, repository, tmp_path):
    """With those alone that the script names: any other package cannot be imported."""
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "sitecustomize.py").write_text(BLOCK_THE_REST)
    variables = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "block"), os.environ.get("PYTHONPATH", "")]),
        "OUR_MODULES": " ".join(path.stem for path in repository.glob("scripts/*/*.py")),
    }
    importing = [sys.executable, "-c", "import regex"]
    blocked = subprocess.run(importing, capture_output=True, env=os.environ | variables)
    assert b"No module named 'regex': it is blocked" in blocked.stderr
    done, results = check("--data", data, "--dry-run", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results["kind"] == "dry"
    sections = results["sections"]
    assert not any(section["failed"] or "error" in section for section in sections.values())
    found = {name: section["found"] for name, section in sections.items()}
    assert found["parity"]["skipgram 8"]["relative_error"] < 1e-5
    assert set(found["quality"]["cbow 8"]["means"]) == {"gpu", "cpu"}
    assert len(found["whole-run"]["seconds"]) == 2
    assert found["speed"]["skipgram 8 0.0001"]["words_per_second"] > 0
    assert found["layers"]["cbow 8"]["words_per_second"] > 0
    assert found["pytorch"] == {"missing": "torch"}
    assert set(found["variants"]) >= {"skipgram 8 1x5", "cbow 8 4x8"}


def test_a_small_run_goes_through_what_a_device_does(
    cupy, script, data, repository, tmp_path, monkeypatch
):
    """On the stand-in for CuPy, with kernels compiled ahead."""
    monkeypatch.setattr(config, "GPU", False)
    monkeypatch.setenv("W2V_DATA_DIR", str(data))  # put back after the test, as the next one
    monkeypatch.setenv("W2V_CACHE_DIR", str(tmp_path))
    small = script("cases").in_small(script("cases").PARITY)
    script("cubins").compile_all(small, tmp_path / "cubins", 90)
    path = repository / "scripts" / "gpu_check" / "__main__.py"
    sections = ["device", "parity", "speed", "large-vocabulary", "layers"]
    out = tmp_path / "small.json"
    command = ["--data", data, "--small", "--cubins", tmp_path / "cubins", "--out", out]
    monkeypatch.setattr(sys, "argv", [str(path), *map(str, command), "--only", *sections])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(path), run_name="__main__")
    results = json.loads(out.read_text())
    assert stop.value.code == 0 and list(results["sections"]) == sections
    assert results["kind"] == "small"
    assert results["cubins"]["loaded"] > 0 and results["cubins"]["compiled_here"] == []
    found = {name: section["found"] for name, section in results["sections"].items()}
    assert found["device"]["devices"][0]["name"] == "Imaginary 0"
    assert found["parity"]["cbow 8"]["same_pairs"] is True
    assert found["speed"]["cbow 8 0.001"]["workers"] > 1


def test_a_missing_file_fails_its_section_alone(data, check):
    (data / "wordsim353.tsv").unlink()
    done, results = check("--data", data, "--dry-run", "--only", "quality", "parity")
    assert done.returncode == 1 and "failed: quality" in done.stdout
    assert "wordsim353.tsv" in results["sections"]["quality"]["error"]
    assert results["sections"]["parity"]["failed"] == []
    (data / "wiki8.txt.zst").unlink()
    done, results = check("--data", data, "--dry-run", "--only", "large-vocabulary", "speed")
    assert done.returncode == 1 and "failed: speed" in done.stdout
    assert "has no wiki8.txt" in results["sections"]["speed"]["error"]
    assert list(results["sections"]) == ["quality", "parity", "large-vocabulary", "speed"]


def test_a_budget_that_is_spent_leaves_out_the_rest(script, capsys, tmp_path):
    cases = script("cases").PARITY
    shared = script("check").Check(tmp_path, "full", tmp_path, None, {})
    shared.start(60)
    assert list(shared.in_time(cases)) == cases and shared.failed == []
    shared.start(-1)
    assert list(shared.in_time(cases)) == []
    assert shared.failed[0] == "skipgram 7: no time is left" and len(shared.failed) == len(cases)


def test_each_section_states_a_budget_of_less_than_eight_minutes(check):
    done, _ = check("--help")
    budgets = re.findall(r"([\w-]+)\s+(\d+)\s+s[,.]", done.stdout)
    assert len(budgets) == 9 and all(int(seconds) < 8 * 60 for _, seconds in budgets)


def test_without_a_gpu_it_is_one_line(data, check, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('no CuPy here')")
    done, results = check("--data", data, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2 and results is None
    assert done.stderr.startswith("gpu_check: no GPU: CuPy is not installed")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "content, message",
    [
        ("{}", "is not a JSON of this check: name another with --out"),
        ('{"kind": "dry", "sections": {}}', "is of a dry run, this is a full one: name another"),
    ],
)
def test_a_json_of_another_kind_is_left_as_it_is(data, check, tmp_path, content, message):
    out = tmp_path / "check.json"
    out.write_text(content)
    done, _ = check("--data", data)
    assert done.returncode == 2 and message in done.stderr
    assert out.read_text() == content


def test_kernels_compiled_ahead_are_used_and_others_are_said(cupy, script, tmp_path, capsys):
    from w2v.kernels.cuda.kernel import CudaKernel

    cases, cubins = script("cases"), script("cubins")
    small, other = cases.Case("skipgram", 7), cases.Case("cbow", 7, (4, 8))
    assert cubins.compile_all([small, small], tmp_path, 90) == 1
    ahead = cubins.Cubins(tmp_path)
    for case in (small, other):
        CudaKernel(compiler=ahead.load).schedule(case.model, case.dim, 5, 5, 5000, case.shape)
    assert ahead.loaded == 1 and len(ahead.compiled) == 1
    line = capsys.readouterr().out
    assert "is not there: compiling it here: Constants(model='cbow', dim=7" in line
    assert ahead.report()["compiled_here"] == ahead.compiled


def test_what_is_compiled_ahead_is_what_the_kernel_asks_for(cupy, script):
    """For the usual spans, and for those of each variant."""
    from w2v.kernels.cuda.kernel import CudaKernel, compile_kernel

    cases, cubins = script("cases"), script("cubins")
    for case in cases.COMPILED:
        asked = []

        def note(constants, asked=asked):
            asked.append(constants)
            return compile_kernel(constants)

        kernel = CudaKernel(case.tensor, compiler=note, bulk=case.bulk)
        kernel.schedule(case.model, case.dim, cases.WINDOW, cases.NEGATIVE, 5000, case.shape)
        assert asked == [cubins.of_case(case, 90)], case


def test_a_folder_that_is_not_there_is_named(data, check, tmp_path):
    done, results = check("--data", data, "--dry-run", "--cubins", tmp_path / "nowhere")
    assert done.returncode == 2 and results is None
    assert "nowhere is not a folder: make it with --compile-only" in done.stderr


def test_nvrtc_makes_machine_code_where_there_is_no_gpu(real_cupy, script, tmp_path):
    cases, cubins = script("cases"), script("cubins")
    for arch in (70, 90):
        cubins.compile_all([cases.Case("skipgram", 7), cases.VARIANTS[0]], tmp_path, arch)
    files = list(tmp_path.glob("span-sm_*.cubin"))
    assert len(files) == 4 and all(file.read_bytes()[:4] == b"\x7fELF" for file in files)
