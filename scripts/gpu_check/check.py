"""What the sections share: the text, the kernel that is checked, and what was found."""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow

from w2v import kernels
from w2v.config import TextConfig, TrainConfig
from w2v.corpus import SENTENCE_END, EncodedCorpus, Vocabulary
from w2v.kernels.plan import Plan
from w2v.training.run import encode_corpus


@dataclass
class Check:
    """What the sections share, and what they found."""

    data: Path
    is_dry: bool
    corpus: Path
    text: EncodedCorpus
    results: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def kernel(self, tensor: bool = False) -> Any:
        """The GPU's kernel, with tensor cores or not, or the reference in its place."""
        if self.is_dry:
            return kernels.load("reference")
        from w2v.kernels.cuda.kernel import CudaKernel

        return CudaKernel(tensor)

    def expect(self, name: str, is_met: bool) -> str:
        """Note whether something asked for was found. Returns a word for the table."""
        if not is_met and not self.is_dry:
            self.failed.append(name)
        return "ok" if is_met else "NOT MET"


def corpus_path(data: Path, folder: Path) -> Path:
    """The text in the folder of data; unpacked into `folder` where w2v cannot do that here."""
    for ending in ("", ".gz", ".zst"):
        path = data / f"wiki8.txt{ending}"
        if path.exists():
            break
    else:
        raise SystemExit(f"{data} has no wiki8.txt, wiki8.txt.gz or wiki8.txt.zst")
    if path.suffix != ".zst":
        return path
    with suppress(ImportError):
        import zstandard  # noqa: F401

        return path
    plain = folder / path.stem
    with pyarrow.input_stream(str(path), compression="zstd") as packed, open(plain, "wb") as text:
        shutil.copyfileobj(packed, text)
    return plain


def read_text(corpus: Path, is_dry: bool) -> EncodedCorpus:
    """The encoded corpus; in a dry run, its beginning."""
    text = encode_corpus(str(corpus), TextConfig(cache=not is_dry))
    if not is_dry:
        return text
    ids = np.array(text.ids[:4000])
    names, numbers = np.unique(ids, return_inverse=True)
    ids = numbers.astype(np.int32) - (names[0] == SENTENCE_END)
    counts = np.bincount(ids[ids != SENTENCE_END])
    words = [text.vocabulary.words[name] for name in names[names != SENTENCE_END]]
    return EncodedCorpus(ids, Vocabulary(words, counts))


def plan_for(check: Check, kernel: Any, text: EncodedCorpus, model: str, dim: int, **more) -> Plan:
    """The plan that `w2v train` would have, with some of its options replaced."""
    shape = more.pop("shape", None)
    schedule = kernel.schedule(model, dim, 5, 5, len(text.ids), shape)
    schedule = schedule._replace(workers=more.pop("workers", schedule.workers))
    length = more.pop("length", len(text.ids))
    config = TrainConfig(model=model, **{"sample": 1e-4, **more})
    return Plan.build(text.vocabulary.counts, config, length, schedule)


def timed(work: Callable[[], object], repeat: int = 1) -> float:
    """Seconds that the device takes for some work, after a warm-up."""
    import cupy

    work()
    cupy.cuda.Device().synchronize()
    start = time.perf_counter()
    for _ in range(repeat):
        work()
    cupy.cuda.Device().synchronize()
    return (time.perf_counter() - start) / repeat
