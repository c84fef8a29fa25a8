"""The device, and whether its kernel trains what the reference does."""

from typing import Any

import numpy as np
from cases import PARITY, Case
from check import Check, plan_for, timed

from w2v import backend
from w2v.backend import to_cpu
from w2v.kernels.reference import ReferenceKernel
from w2v.kernels.weights import initial_weights


def about_device(check: Check) -> dict[str, Any]:
    """What the machine is, and how fast its memory copies."""
    if check.is_dry:
        return {"device": "none: a dry run on NumPy", "copy_gb_per_second": float("nan")}
    import cupy

    about = backend.about_gpu()
    source = cupy.ones(1 << (20 if check.is_small else 29), cupy.float32)
    target = cupy.empty_like(source)
    seconds = timed(lambda: cupy.copyto(target, source), repeat=10)
    about["copy_gb_per_second"] = 2 * source.nbytes / seconds / 1e9
    print(f"{about['devices'][0]['name']}: copies {about['copy_gb_per_second']:,.0f} GB/s")
    return about


def parity(check: Check) -> dict[str, Any]:
    """One worker against the reference in float64: the largest error of an update."""
    rows = {}
    ids = np.array(check.text.ids[:3000])
    for case in check.in_time(PARITY):
        error, same_pairs = difference(check, ids, case)
        word = check.expect(f"parity {case}", same_pairs and error < 1e-4, in_small=True)
        rows[str(case)] = {"relative_error": error, "same_pairs": same_pairs}
        print(f"{case!s:14}: error of an update {error:.1e}, {word}")
    return rows


def difference(check: Check, ids: np.ndarray, case: Case) -> tuple[float, bool]:
    """The largest error of an update, as a share of it, and whether the pairs are the same."""
    kernel = check.kernel()
    plan = plan_for(check, kernel, check.text, case, workers=1)
    before = initial_weights(len(check.text.vocabulary), case.dim, 1)
    before[1][:] = before[0][::-1]  # zeros would hide half of the update
    exact = before[0].astype(np.float64), before[1].astype(np.float64)
    placed = kernel.place((before[0].copy(), before[1].copy()), len(ids))
    done = kernel.train(ids, 0, len(ids), placed, plan, 1, 0)
    wanted = ReferenceKernel().train(ids, 0, len(ids), exact, plan, 1, 0)
    error = max(
        float(abs((to_cpu(new) - old) - (right - old)).max() / abs(right - old).max())
        for new, right, old in zip(placed, exact, before, strict=True)
    )
    return error, done[:2] == wanted[:2] and done.measured == wanted.measured
