"""The same work in other ways: spans of other shapes, tensor cores, PyTorch's mini-batches."""

from typing import Any

from cases import VARIANTS, Case
from check import Check, plan_for
from qualities import scores, train_once
from torch_sgns import CENTERS, TorchSgns

from w2v import kernels

TORCH_BAR = 10.0  # times PyTorch's mini-batches


def variants(check: Check) -> dict[str, Any]:
    """What shapes of a span, tensor cores and the copy engine cost and bring, at their quality.

    1x5 shares nothing.
    """
    rows = {}
    for case in check.in_time(VARIANTS):
        kernel = check.kernel(case.tensor, case.bulk)
        rows[str(case)] = row = train_once(check, kernel, case, 1)
        print(f"{case!s:30}: {row['words_per_second'] / 1e6:6.1f} M words/s, {scores(row)}")
    return rows


def pytorch(check: Check) -> dict[str, Any]:
    """PyTorch's plain mini-batches on the same text."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: nothing to compare with")
        return {"missing": "torch"}
    device = "cuda" if torch.cuda.is_available() and not check.is_dry else "cpu"
    dim = 8 if check.is_small else 128
    case = Case("skipgram", dim, (16, 16))
    plan = plan_for(check, kernels.load("reference"), check.text, case, workers=CENTERS // 2)
    side = TorchSgns(check.text.ids, plan, dim, device)
    side.train(min(len(check.text.ids), 1 << 20))
    row = side.train(len(check.text.ids))
    ours = check.found("speed").get("skipgram 128 0.0001")
    if ours:
        row["times"] = ours["words_per_second"] / row["words_per_second"]
        word = check.expect("pytorch", row["times"] >= TORCH_BAR)
        print(f"the kernel is {row['times']:.1f} times as fast, {word}")
    print(f"PyTorch on {device}: {row['words_per_second'] / 1e6:.2f} M words/s")
    return row
