"""The fused kernels: one contract, a reference in array code, and one kernel for each device.

A kernel's `schedule` says which spans it would make of a text and how many run at once, from which
the plan is built; `place` brings the weights to its device; its `train(ids, start, stop, weights,
plan, seed, first_position)` trains the words at places start..stop of the encoded text in place,
and returns a `plan.Result`. Every random choice and the learning rate are functions of the seed and
the position, so that ranges, threads and devices agree.
"""

from typing import Any


def load(device: str, threads: int = 1) -> Any:
    """The kernel for "cpu" (Numba, on `threads` threads), "cuda" (CuPy) or "reference" (arrays).

    Raises ValueError for another device, GPUError for a GPU that cannot run it.
    """
    if device == "cpu":
        from w2v.kernels.cpu.kernel import CpuKernel  # brings in Numba

        return CpuKernel(threads)
    if device == "cuda":
        from w2v.kernels.cuda.kernel import CudaKernel  # brings in CuPy

        return CudaKernel()
    if device == "reference":
        from w2v.kernels.reference import ReferenceKernel

        return ReferenceKernel()
    raise ValueError(f"there is no kernel for {device!r}: take cpu, cuda or reference")
