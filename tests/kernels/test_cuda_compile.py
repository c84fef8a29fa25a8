"""The GPU's kernel compiles for the cards it is meant for, and keeps its values in registers."""

import re

import nvrtc as compiler
import pytest

from w2v.kernels.cuda.layout import SOURCE, fit_constants

DIMS = (64, 100, 128, 300)
SHARED_MEMORY = {70: 96, 80: 163, 90: 227}
"""Kilobytes that a block may have, by compute capability (CUDA programming guide, table 30)."""


@pytest.fixture(scope="module")
def nvrtc():
    return compiler.load()


def compile_for(nvrtc, arch, constants):
    """Compile to machine code. Returns the exit code and the compiler's log."""
    options = [f"-D{name}={value}" for name, value in constants.defines().items()]
    return compiler.compile_for(nvrtc, arch, SOURCE.read_text(), options)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize(
    "capability, variant",
    [
        (70, {}),
        (80, {}),
        (90, {}),
        (80, {"tensor": True}),
        (90, {"tensor": True}),
        (90, {"bulk": True}),
        (90, {"tensor": True, "bulk": True}),
    ],
    ids=str,
)
def test_it_compiles_without_spills(nvrtc, capability, variant, model):
    arch = max(capability, min(compiler.supported(nvrtc)))
    for dim in DIMS:
        limit = SHARED_MEMORY[capability] * 1024
        constants = fit_constants(model, dim, 5, 5, limit, **variant)
        code, log = compile_for(nvrtc, arch, constants)
        assert code == 0, log
        spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", log)
        assert spills and set(spills) == {"0"}, f"dim {dim}: {log}"


def test_the_host_and_the_kernel_agree_on_shared_memory(nvrtc):
    """For odd shapes too; the kernel itself compares, and does not compile otherwise."""
    arch = max(90, min(compiler.supported(nvrtc)))
    for model in ("skipgram", "cbow"):
        for dim, window, negative in [(1, 1, 1), (7, 3, 20), (513, 12, 2), (1000, 5, 5)]:
            constants = fit_constants(model, dim, window, negative, 227 * 1024)
            assert compile_for(nvrtc, arch, constants)[0] == 0
    wrong = constants.defines() | {"SHARED_BYTES": constants.shared_bytes() + 16}
    code, log = compile_for(nvrtc, arch, _Defined(wrong))
    assert code != 0 and "counts shared memory otherwise" in log


class _Defined:
    def __init__(self, values):
        self.values = values

    def defines(self):
        return self.values
