"""The fused kernels: one contract, a reference in array code, and one kernel for each device.

`contract.Kernel` says what a kernel is. `load` gives the one for a device.
"""

from w2v.kernels.contract import Kernel


def load(device: str, threads: int = 1) -> Kernel:
    """The kernel for "cpu" (Numba, on `threads` threads), "cuda" (CuPy) or "reference" (arrays).

    Raises ValueError for another device, GPUError for a GPU that cannot run it.
    """
    if device == "cpu":
        from w2v.kernels.cpu.kernel import CpuKernel  # imports Numba

        return CpuKernel(threads)
    if device == "cuda":
        from w2v.kernels.cuda.kernel import CudaKernel  # imports CuPy

        return CudaKernel()
    if device == "reference":
        from w2v.kernels.reference import ReferenceKernel

        return ReferenceKernel()
    raise ValueError(f"there is no kernel for {device!r}: take cpu, cuda or reference")
