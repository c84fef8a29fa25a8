"""CUDA's compiler without a device: CuPy's compile needs a driver, NVRTC does not."""

import ctypes
import importlib.util
from pathlib import Path

import pytest


def load():
    """The library of the package nvidia-cuda-nvrtc-cu12; the test is skipped without it."""
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


def compile_for(nvrtc, arch, code, options=()):
    """Compile to machine code. Returns the exit code and the compiler's log."""
    options = [f"-arch=sm_{arch}", "-std=c++17", "-Xptxas=-v", *options]
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    created = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None
    )
    assert created == 0
    try:
        encoded = (ctypes.c_char_p * len(options))(*map(str.encode, options))
        result = nvrtc.nvrtcCompileProgram(program, len(options), encoded)
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return result, log.value.decode()
