"""Which library holds an array, moving arrays between the two, and adding rows by id.

Operands carry their backend: code that receives arrays asks `array_module`. Only code that makes
arrays asks the switch, through `w2v.np`. CuPy is imported here, and only when it is asked for.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from types import ModuleType
from typing import Any

import numpy

from w2v import config
from w2v.errors import GPUError

GPU_RESERVE = 256 << 20
"""Bytes of a GPU's memory that are left to CuPy and the driver."""

FEW_RUNS = 12
"""Below this many long runs, adding each singly is as fast as adding to all of them at once."""

Array = Any  # numpy.ndarray or cupy.ndarray; CuPy's type cannot be named without importing it


def active_module() -> ModuleType:
    """The library in which new arrays are made: CuPy where `config.GPU` is set, else NumPy.

    Raises GPUError where a GPU is asked for and cannot be used.
    """
    return load_cupy() if config.GPU else numpy


def load_cupy() -> ModuleType:
    """CuPy, ready for use.

    Raises GPUError that says which of CuPy, driver and device is missing, and how to get it.
    """
    try:
        import cupy
    except ImportError as error:
        raise GPUError(
            "no GPU: CuPy is not installed or cannot be imported "
            f"({_first_line(error)}); install it with: pip install 'cupy-cuda12x[ctk]' "
            "('cupy-cuda13x[ctk]' for a driver of CUDA 13)"
        ) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        if "ErrorNoDevice" not in str(error):  # cudaErrorNoDevice, hipErrorNoDevice
            raise _without_driver(cupy, error) from error
        devices = 0
    if devices == 0:
        raise GPUError(
            "no GPU: the driver shows no CUDA device; list them with: "
            f"{_listed_by(cupy)} does not hide them"
        )
    _check_compiler(cupy)
    return cupy


def _listed_by(cupy: ModuleType) -> str:
    """The command that lists devices, and the variable that hides some."""
    if cupy.cuda.runtime.is_hip:
        return "rocm-smi; and see that HIP_VISIBLE_DEVICES"
    return "nvidia-smi -L; and see that CUDA_VISIBLE_DEVICES"


def _without_driver(cupy: ModuleType, error: Exception) -> GPUError:
    """What to say where the driver does not answer."""
    runtime = cupy.cuda.runtime
    driver, needed = runtime.driverGetVersion(), runtime.runtimeGetVersion() // 1000
    if driver == 0:
        missing, remedy = "there is no NVIDIA driver", "install one"
    else:
        missing = f"the NVIDIA driver is of {_cuda_version(driver)}, CuPy needs CUDA {needed}"
        remedy = "install a newer driver"
    return GPUError(
        f"no GPU: {missing} ({_first_line(error)}); {remedy}, on Ubuntu with: "
        "sudo ubuntu-drivers install; then try: nvidia-smi"
    )


@cache
def _check_compiler(cupy: ModuleType) -> None:
    """Raise GPUError unless CuPy finds NVRTC, without which it makes hardly an array."""
    try:
        cupy.cuda.nvrtc.getVersion()
    except Exception as error:  # of CuPy, of the loader or of cuda-pathfinder
        raise GPUError(
            f"no GPU: CuPy finds no CUDA compiler ({_first_line(error)}); install CUDA's libraries "
            "with: pip install 'cupy-cuda12x[ctk]' ('cupy-cuda13x[ctk]' for a driver of CUDA 13)"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@contextmanager
def device(gpu: bool, number: int = 0) -> Iterator[None]:
    """Make arrays on a GPU (or not) inside a `with` block, and as before after it.

    number: of the GPU among those that the driver shows. Raises GPUError where there is none, for
    one that CuPy's compiler does not know, and when its memory is full.
    """
    before = config.GPU
    config.GPU = gpu
    try:
        with _gpu(number) if gpu else nullcontext():
            yield
    finally:
        config.GPU = before


@contextmanager
def _gpu(number: int) -> Iterator[None]:
    """Make a GPU the current one."""
    cupy = load_cupy()
    count = cupy.cuda.runtime.getDeviceCount()
    if number >= count:
        raise GPUError(
            f"there is no GPU {number}: the driver shows {count}, counted from 0; list them with: "
            f"{_listed_by(cupy)} does not hide it"
        )
    with cupy.cuda.Device(number) as current, _full_memory_named(cupy):
        _check_capability(cupy, int(current.compute_capability))
        yield


@contextmanager
def _full_memory_named(cupy: ModuleType) -> Iterator[None]:
    """Turn what CuPy, CUDA's runtime or its driver raise without memory into GPUError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        names = "cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY"
        is_full = isinstance(error, cupy.cuda.memory.OutOfMemoryError)
        if not (is_full or str(error).startswith(names)):
            raise
        raise GPUError(
            f"the GPU's memory is full ({_first_line(error)}): see with nvidia-smi what else uses "
            "it, lower --dim, set --max-vocab, or leave out --gpu"
        ) from error


def _check_capability(cupy: ModuleType, capability: int) -> None:
    """Raise GPUError if CuPy's compiler no longer makes code for the current device."""
    if cupy.cuda.runtime.is_hip:  # its compiler has no such list, and refuses by itself
        return
    oldest = min(cupy.cuda.nvrtc.getSupportedArchs())
    if capability < oldest:
        raise GPUError(
            f"{gpu_name()} is of compute capability {capability / 10}, and the compiler of CUDA "
            f"{cupy.cuda.nvrtc.getVersion()[0]} makes code for {oldest / 10} and newer: install "
            "CuPy for an older CUDA (pip install 'cupy-cuda12x[ctk]' in place of "
            "'cupy-cuda13x'), or leave out --gpu"
        )


def about_gpu() -> dict[str, Any]:
    """CuPy's version, the driver's and the devices, with their memory in bytes.

    Raises GPUError where there is no GPU.
    """
    cupy = load_cupy()
    runtime = cupy.cuda.runtime
    version = _rocm_version if runtime.is_hip else _cuda_version
    devices = []
    for number in range(runtime.getDeviceCount()):
        with cupy.cuda.Device(number):
            free, total = runtime.memGetInfo()
            devices.append({"name": gpu_name(), "memory": total, "free": free})
    return {
        "cupy": cupy.__version__,
        "driver": version(runtime.driverGetVersion()),
        "runtime": version(runtime.runtimeGetVersion()),
        "devices": devices,
    }


def _cuda_version(number: int) -> str:
    return f"CUDA {number // 1000}.{number % 1000 // 10}"


def _rocm_version(number: int) -> str:
    return f"ROCm {number // 10_000_000}.{number // 100_000 % 100}"


def gpu_name() -> str:
    """What the current GPU calls itself."""
    cupy = load_cupy()
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return properties["name"].decode()


def free_gpu_bytes() -> int:
    """Memory of the current GPU that can be had, with what CuPy keeps, less a reserve."""
    cupy = load_cupy()
    free, _ = cupy.cuda.runtime.memGetInfo()
    return max(0, free + cupy.get_default_memory_pool().free_bytes() - GPU_RESERVE)


def check_gpu_memory(needed: int, words: int, dim: int) -> None:
    """Raise GPUError unless the current GPU has `needed` bytes for a training."""
    free = free_gpu_bytes()
    if needed > free:
        raise GPUError(
            f"training {words:,} words of dim {dim} needs {needed / 1e9:.2f} GB on the GPU and "
            f"{free / 1e9:.2f} GB are free: lower --dim, raise --min-count or set --max-vocab"
        )


def array_module(*arrays: Array) -> ModuleType:
    """CuPy if one of the arrays is CuPy's, else NumPy."""
    cupy = sys.modules.get("cupy")  # without CuPy imported, no array can be CuPy's
    if cupy is not None and any(isinstance(array, cupy.ndarray) for array in arrays):
        return cupy
    return numpy


def to_cpu(array: Array) -> numpy.ndarray:
    """The array as NumPy's; no copy is made of one that is NumPy's already."""
    xp = array_module(array)
    return numpy.asarray(array) if xp is numpy else xp.asnumpy(array)


def to_gpu(array: Array) -> Array:
    """The array as CuPy's. Raises GPUError where there is no GPU."""
    return load_cupy().asarray(array)


def sum_by_id(ids: Array, rows: Array) -> tuple[Array, Array]:
    """Add up the rows that have the same id.

    ids: (n,) integers. rows: (n, ...). Returns the distinct ids, rising, and their sums.
    Example: ids [3, 1, 3], rows [[1], [2], [4]] -> [1, 3], [[2], [5]].
    """
    xp = array_module(rows)
    if xp is not numpy:
        unique, inverse = xp.unique(ids, return_inverse=True)
        sums = xp.zeros((len(unique), *rows.shape[1:]), rows.dtype)
        scatter_add(sums, inverse, rows)
        return unique, sums
    if len(ids) == 0:
        return ids, rows
    order = numpy.argsort(ids, kind="stable")
    ids = ids[order]
    starts = numpy.concatenate([[0], numpy.flatnonzero(ids[1:] != ids[:-1]) + 1])
    return ids[starts], _sum_runs(rows, order, starts)


def _sum_runs(rows: numpy.ndarray, order: numpy.ndarray, starts: numpy.ndarray) -> numpy.ndarray:
    """The sums of rows[order] from each start to the next.

    The k-th rows of all runs are added in one operation while there are many runs that long, then
    each of the few long runs by itself: with text, in half the time of `numpy.add.reduceat`.
    """
    lengths = numpy.diff(starts, append=len(order))
    sums = rows[order[starts]]
    k, longer = 1, numpy.flatnonzero(lengths > 1)
    while len(longer) > FEW_RUNS:
        sums[longer] += rows[order[starts[longer] + k]]
        k += 1
        longer = longer[lengths[longer] > k]
    for run in longer:
        rest = order[starts[run] + k : starts[run] + lengths[run]]
        sums[run] += rows[rest].sum(axis=0, dtype=rows.dtype)
    return sums


def scatter_add(target: Array, ids: Array, rows: Array) -> None:
    """`target[ids] += rows`, where repeated ids all count: `numpy.add.at`, faster.

    target: (V, ...), changed in place. ids: integers of any shape, negative ones count from the
    end. rows: of shape ids.shape + target.shape[1:], or one that broadcasts to it.
    On a CPU, raises IndexError for an id outside target; on a GPU, looking would make the host wait
    for the device, and CuPy takes ids modulo the length of target: they have to be checked before.
    Sums are equal to `numpy.add.at`'s up to the order of additions.
    """
    xp = array_module(target)
    if xp is not numpy:
        import cupyx

        cupyx.scatter_add(target, ids, rows)
        return
    ids = numpy.asarray(ids)
    size = len(target)
    if ids.size and (ids.min() < -size or ids.max() >= size):
        raise IndexError(f"an id is outside the {size} rows of the target")
    ids_flat = numpy.where(ids < 0, ids + size, ids).reshape(-1)
    rows = numpy.broadcast_to(rows, (*ids.shape, *target.shape[1:]))
    unique, sums = sum_by_id(ids_flat, rows.reshape(ids.size, *target.shape[1:]))
    target[unique] += sums


def check_ids(ids: Array, table: Array) -> None:
    """Raise IndexError unless all ids are rows of the table."""
    if len(ids) and (ids.min() < 0 or ids.max() >= len(table)):
        raise IndexError(f"an id is outside the {len(table)} rows of the table")
