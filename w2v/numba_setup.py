"""Numba, set up before it is imported: every module with compiled code takes it from here."""

import os
import sys

if "numba" not in sys.modules and "NUMBA_CPU_FEATURES" not in os.environ:
    # LLVM keeps to 256-bit vectors on processors that once slowed down for wider ones; Numba reads
    # this when it is imported.
    import llvmlite.binding

    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        os.environ["NUMBA_CPU_FEATURES"] = features.flatten() + ",-prefer-256-bit"

import numba

__all__ = ["numba"]
