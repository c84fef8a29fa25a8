"""The same work in other ways: spans of other shapes, tensor cores, PyTorch's mini-batches."""

from typing import Any

from check import Check, plan_for
from qualities import scores, train_once
from torch_sgns import CENTERS, TorchSgns

from w2v import kernels

TORCH_BAR = 10.0  # times PyTorch's mini-batches


SHAPES = ["1x5", "4x8", "8x8", "8x16", "16x16", "32x16", "32x32"]
SHAPES += [f"{shape} {how}" for shape in ("16x16", "32x32") for how in ("tensor", "bulk")]
SHAPES += ["16x16 tensor bulk", "32x32 tensor bulk"]
"""Centre words and shared negatives, and how a span is trained: see `layout.Constants`."""


def shapes(check: Check) -> dict[str, Any]:
    """What shapes of a span, tensor cores and the copy engine cost and bring, at their quality.

    1x5 shares nothing.
    """
    rows = {}
    for model in ("skipgram", "cbow"):
        for shape in SHAPES[:2] if check.is_dry else SHAPES:
            size, *variant = shape.split()
            centers, shared = map(int, size.split("x"))
            kernel = variant_kernel(check, variant)
            dim = 8 if check.is_dry else 128
            row = train_once(check, kernel, model, dim, 1, shape=(centers, shared))
            rows[f"{model} {shape}"] = row
            speed = row["words_per_second"] / 1e6
            print(f"{model:9} {shape:17}: {speed:6.1f} M words/s, {scores(row)}")
    return rows


def variant_kernel(check: Check, variant: list[str]) -> Any:
    if check.is_dry or not variant:
        return check.kernel()
    from w2v.kernels.cuda.kernel import CudaKernel

    return CudaKernel("tensor" in variant, bulk="bulk" in variant)


def pytorch(check: Check) -> dict[str, Any]:
    """PyTorch's plain mini-batches on the same text."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: nothing to compare with")
        return {"missing": "torch"}
    device = "cuda" if torch.cuda.is_available() and not check.is_dry else "cpu"
    dim = 8 if check.is_dry else 128
    reference, spans = kernels.load("reference"), {"shape": (16, 16), "workers": CENTERS // 2}
    plan = plan_for(check, reference, check.text, "skipgram", dim, **spans)
    side = TorchSgns(check.text.ids, plan, dim, device)
    side.train(min(len(check.text.ids), 1 << 20))
    row = side.train(len(check.text.ids))
    ours = check.results.get("speed", {}).get("skipgram 128 0.0001")
    if ours:
        row["times"] = ours["words_per_second"] / row["words_per_second"]
        word = check.expect("pytorch", row["times"] >= TORCH_BAR)
        print(f"the kernel is {row['times']:.1f} times as fast, {word}")
    print(f"PyTorch on {device}: {row['words_per_second'] / 1e6:.2f} M words/s")
    return row
