"""`step.cu` compiled for the CPU: `fake_cupy.RawModule` runs its kernels with it."""

import ctypes
import functools
import subprocess
import tempfile
from pathlib import Path

import numpy
import pytest
from emulated import COMPILER, HERE


@functools.cache
def build(code: str) -> ctypes.CDLL:
    """The kernels as a shared library. code: `gpu_step.source` of a rule."""
    if not COMPILER:
        pytest.skip("needs a C++ compiler (c++, g++ or CXX) to run the GPU's kernels on the CPU")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "step.cu").write_text(code)
        library = Path(folder, "step.so")
        command = [COMPILER, "-O1", "-std=c++17", "-shared", "-fPIC", "-w"]
        command += [f'-DGENERATED="{folder}/step.cu"', f"-I{HERE}"]
        command += [str(HERE / "step_on_cpu.cpp"), "-o", str(library)]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library))


started: list[tuple] = []
"""The kernels that were started, each with its blocks, addresses and numbers."""


def run(code: str, name: str, blocks: int, threads: int, arguments) -> None:
    """Start a kernel. arguments: NumPy arrays, passed as pointers, and NumPy scalars by value."""
    assert f"#define THREADS {threads}\n" in code
    assert all(value.flags.c_contiguous for value in arguments)
    values = [
        ctypes.c_void_p(value.ctypes.data)
        if isinstance(value, numpy.ndarray)
        else numpy.ctypeslib.as_ctypes_type(value.dtype)(value.item())
        for value in arguments
    ]
    started.append((name, blocks, *[value.value for value in values]))
    pointers = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
    getattr(build(code), f"run_{name}")(ctypes.c_int(blocks), pointers)
