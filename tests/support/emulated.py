"""`span.cu` compiled for the CPU: `fake_cupy.RawModule` takes the place of CuPy's with it."""

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import pytest

from w2v.kernels.cuda.layout import SOURCE

HERE = Path(__file__).parent / "cuda"
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")

_C_TYPES = {
    numpy.int64: ctypes.c_int64,
    numpy.uint64: ctypes.c_uint64,
    numpy.uint32: ctypes.c_uint32,
    numpy.float32: ctypes.c_float,
}


@functools.cache
def build(defines: tuple[str, ...]) -> ctypes.CDLL:
    """The kernel as a shared library. defines: "-DNAME=VALUE"."""
    if not COMPILER:
        pytest.skip("needs a C++ compiler (c++, g++ or CXX) to run the GPU's kernel on the CPU")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "span.so")
        command = [COMPILER, "-O1", "-std=c++17", "-shared", "-fPIC", "-w", *defines]
        command += [f"-I{SOURCE.parent}", str(HERE / "span_on_cpu.cpp"), "-o", str(library)]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library))


def run(defines: tuple[str, ...], blocks: int, arguments, order: str) -> None:
    """Start the kernel. arguments: NumPy arrays, passed as pointers, and NumPy scalars by value.

    order: a number, for the order in which threads come to run.
    """
    passed = [
        ctypes.c_void_p(value.ctypes.data)
        if isinstance(value, numpy.ndarray)
        else _C_TYPES[type(value)](value.item())
        for value in arguments
    ]
    before = os.environ.get("EMULATOR_ORDER")
    os.environ["EMULATOR_ORDER"] = order
    build(defines).run(ctypes.c_int(blocks), *passed)
    if before is None:
        del os.environ["EMULATOR_ORDER"]
