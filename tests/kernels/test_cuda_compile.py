"""The GPU's kernel compiles for the cards it is meant for, and keeps its values in registers.

NVRTC is called directly: CuPy's compile needs a driver, NVRTC does not.
"""

import ctypes
import importlib.util
import re
from pathlib import Path

import pytest

from w2v.kernels.cuda.layout import SOURCE, fit_constants

DIMS = (64, 100, 128, 300)
SHARED_MEMORY = {70: 96, 80: 163, 90: 227}
"""Kilobytes that a block may have, by compute capability (CUDA programming guide, table 30)."""


@pytest.fixture(scope="module")
def nvrtc():
    """The library of the package nvidia-cuda-nvrtc-cu12."""
    found = importlib.util.find_spec("nvidia.cuda_nvrtc") if _has("nvidia") else None
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs NVRTC: pip install nvidia-cuda-nvrtc-cu12")
    (folder,) = found.submodule_search_locations
    (library,) = Path(folder, "lib").glob("libnvrtc.so.*")
    return ctypes.CDLL(str(library))


def _has(name):
    return importlib.util.find_spec(name) is not None


def supported(nvrtc):
    """The compute capabilities that this NVRTC compiles for."""
    count = ctypes.c_int()
    assert nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count)) == 0
    archs = (ctypes.c_int * count.value)()
    assert nvrtc.nvrtcGetSupportedArchs(archs) == 0
    return list(archs)


def compile_for(nvrtc, arch, constants):
    """Compile to machine code. Returns the exit code and the compiler's log."""
    options = [f"-arch=sm_{arch}", "-std=c++17", "-Xptxas=-v"]
    options += [f"-D{name}={value}" for name, value in constants.defines().items()]
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    text = SOURCE.read_bytes()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"span.cu", 0, None, None) == 0
    try:
        encoded = (ctypes.c_char_p * len(options))(*map(str.encode, options))
        code = nvrtc.nvrtcCompileProgram(program, len(options), encoded)
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return code, log.value.decode()


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
    arch = max(capability, min(supported(nvrtc)))
    for dim in DIMS:
        limit = SHARED_MEMORY[capability] * 1024
        constants = fit_constants(model, dim, 5, 5, limit, **variant)
        code, log = compile_for(nvrtc, arch, constants)
        assert code == 0, log
        spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", log)
        assert spills and set(spills) == {"0"}, f"dim {dim}: {log}"


def test_the_host_and_the_kernel_agree_on_shared_memory(nvrtc):
    """For odd shapes too; the kernel itself compares, and does not compile otherwise."""
    arch = max(90, min(supported(nvrtc)))
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
