"""Plain mini-batch skip-gram with negative sampling in PyTorch, to compare with.

What one writes first: the pairs of a batch, gather, dot products, sigmoid, and `index_add_` of the
gradients, which are written out because autograd's are slower. Negatives are drawn for each pair,
from an alias table on the device. A batch adds up thousands of updates of a frequent word, which
diverges unless they are damped, here by the factors of a plan.
"""

import time
from typing import Any

import numpy as np

from w2v.corpus import SENTENCE_END
from w2v.kernels.plan import Plan

CENTERS = 1 << 14  # centre words of a mini-batch


class TorchSgns:
    """Trains on a stream of ids on `device`. plan: for CENTERS / 2 workers."""

    def __init__(self, ids: np.ndarray, plan: Plan, dim: int, device: str, seed: int = 1):
        import torch

        self.torch, self.plan, self.device = torch, plan, device
        torch.manual_seed(seed)
        words = len(plan.keep)
        self.ids = torch.as_tensor(np.array(ids), device=device).long()
        self.damping_in, self.damping_out = (
            torch.as_tensor(table, device=device) for table in (plan.damping_in, plan.damping_out)
        )
        self.keep = torch.as_tensor(plan.keep / 2.0**32, dtype=torch.float32, device=device)
        columns = plan.noise.columns
        share = (columns[:, 0] / 2.0**32).astype(np.float32)
        self.share = torch.as_tensor(share, device=device)
        self.alias = torch.as_tensor(columns[:, 1].astype(np.int64), device=device)
        self.W_in = (torch.rand(words, dim, device=device) * 2 - 1) / dim
        self.W_out = torch.zeros(words, dim, device=device)

    def train(self, places: int) -> dict[str, float]:
        """Train the first `places` of the stream. Returns words and pairs per second, and loss."""
        pairs, loss, words = 0, self.torch.zeros((), device=self.device), 0
        self._wait()
        start = time.perf_counter()
        kept = self._kept(places)
        for first in range(0, len(kept), CENTERS):
            done, batch_loss = self._step(kept, first)
            pairs += done
            loss += batch_loss
        self._wait()
        seconds = time.perf_counter() - start
        words = int((self.ids[:places] != SENTENCE_END).sum())
        return {
            "words_per_second": words / seconds,
            "pairs_per_second": pairs / seconds,
            "loss": float(loss) / max(pairs, 1),
        }

    def _wait(self) -> None:
        if self.device != "cpu":
            self.torch.cuda.synchronize()

    def _kept(self, places: int) -> Any:
        """The words that subsampling leaves, SENTENCE_END marks between sentences."""
        ids = self.ids[:places]
        chance = self.keep[ids.clamp(min=0)]
        return ids[(ids == SENTENCE_END) | (self.torch.rand_like(chance) < chance)]

    def _step(self, kept: Any, first: int) -> tuple[int, Any]:
        torch, window = self.torch, self.plan.window
        center = torch.arange(first, min(first + CENTERS, len(kept)), device=self.device)
        reach = torch.randint(1, window + 1, center.shape, device=self.device)
        offsets = [offset for offset in range(-window, window + 1) if offset]
        step = torch.tensor(offsets, device=self.device)
        place = center[:, None] + step  # (B, 2 * window)
        inside = (place >= 0) & (place < len(kept)) & (step.abs() <= reach[:, None])
        context = kept[place.clamp(0, len(kept) - 1)]
        target = kept[center]
        inside &= (context != SENTENCE_END) & (target[:, None] != SENTENCE_END)
        row, column = inside.nonzero(as_tuple=True)  # sentence ends between the two are ignored
        return len(row), self._update(context[row, column], target[row])

    def _update(self, context: Any, target: Any) -> Any:
        torch = self.torch
        noise = torch.randint(
            len(self.share), (len(target), self.plan.negative), device=self.device
        )
        own = torch.rand(noise.shape, device=self.device) < self.share[noise]
        words = torch.cat([target[:, None], torch.where(own, noise, self.alias[noise])], dim=1)
        label = torch.zeros(words.shape[1], device=self.device)
        label[0] = 1
        h, rows = self.W_in[context], self.W_out[words]  # (n, H), (n, K + 1, H)
        score = torch.einsum("nh,nkh->nk", h, rows)
        weight = torch.ones_like(score)
        weight[:, 1:] = (words[:, 1:] != target[:, None]).float()
        gradient = (label - torch.sigmoid(score)) * weight * self.plan.lr_start
        loss = torch.nn.functional.softplus(torch.where(label > 0, -score, score)) * weight
        d_h = torch.einsum("nk,nkh->nh", gradient, rows)
        self.W_in.index_add_(0, context, d_h * self.damping_in[context][:, None])
        gradient *= self.damping_out[words]
        change = (gradient[:, :, None] * h[:, None]).reshape(-1, h.shape[1])
        self.W_out.index_add_(0, words.reshape(-1), change)
        return loss.sum()
