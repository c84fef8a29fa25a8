"""The fused kernels: one contract, a reference in array code, and one kernel for each device.

A kernel's `train(ids, start, stop, weights, plan, seed, first_position)` trains the words at places
start..stop of the encoded text in place, and returns a `plan.Result`. Every random choice and the
learning rate are functions of the seed and the position, so that ranges, threads and devices agree.
"""

from typing import Any


def load(device: str, threads: int = 1) -> Any:
    """The kernel for a device: "cpu" (Numba, on `threads` threads) or "reference" (array code).

    Raises ValueError for another device.
    """
    if device == "cpu":
        from w2v.kernels.cpu import CpuKernel  # brings in Numba

        return CpuKernel(threads)
    if device == "reference":
        from w2v.kernels.reference import ReferenceKernel

        return ReferenceKernel()
    raise ValueError(f"there is no kernel for {device!r}: take cpu or reference")
