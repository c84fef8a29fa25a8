"""What the sections share: the text, the kernel that is checked, and what was found."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from cases import NEGATIVE, WINDOW, Case, in_small
from cubins import Cubins

from w2v import kernels
from w2v.config import TextConfig, TrainConfig
from w2v.corpus import SENTENCE_END, EncodedCorpus, Vocabulary
from w2v.errors import CorpusError
from w2v.kernels.plan import Plan
from w2v.training.run import encode_corpus


@dataclass
class Check:
    """What the sections share. sections: what the earlier ones found, by name.

    kind: "full", or "small": a few small cases, or "dry": these on NumPy. folder: for what they
    write. cubins: kernels that were compiled ahead, if there are any.
    """

    data: Path
    kind: str
    folder: Path
    cubins: Cubins | None
    sections: dict[str, Any]
    failed: list[str] = field(default_factory=list)
    deadline: float = 0.0

    @property
    def is_dry(self) -> bool:
        """Whether NumPy takes the place of the GPU."""
        return self.kind == "dry"

    @property
    def is_small(self) -> bool:
        """Whether figures mean nothing."""
        return self.kind != "full"

    @cached_property
    def corpus(self) -> Path:
        """The text, packed or not."""
        return corpus_path(self.data, self.folder)

    @cached_property
    def text(self) -> EncodedCorpus:
        """The encoded corpus; in a small run, its beginning."""
        return read_text(self.corpus, self.is_small)

    def kernel(self, tensor: bool = False, bulk: bool = False) -> Any:
        """The GPU's kernel, as a variant of it or not; the reference in a dry run."""
        if self.is_dry:
            return kernels.load("reference")
        from w2v.kernels.cuda.kernel import CudaKernel

        return CudaKernel(tensor, bulk=bulk, compiler=self.cubins.load if self.cubins else None)

    def start(self, budget: float) -> float:
        """Begin a section that may take `budget` seconds. Returns the time."""
        now = time.perf_counter()
        self.failed, self.deadline = [], now + budget
        return now

    def in_time(self, cases: list[Case]) -> Iterator[Case]:
        """The cases, in a small run a few small ones, for which the budget leaves time."""
        for case in in_small(cases) if self.is_small else cases:
            if time.perf_counter() < self.deadline:
                yield case
            else:
                print(f"{case}: no time is left")
                self.failed.append(f"{case}: no time is left")

    def found(self, section: str) -> dict[str, Any]:
        """What another section has found, if it has run."""
        return self.sections.get(section, {}).get("found", {})

    def expect(self, name: str, is_met: bool, in_small: bool = False) -> str:
        """Note whether something asked for was found. Returns a word for the table.

        in_small: whether it is asked of a small run too.
        """
        if not is_met and (in_small or not self.is_small):
            self.failed.append(name)
        return "ok" if is_met else "NOT MET"


def corpus_path(data: Path, folder: Path) -> Path:
    """The text in the folder of data; unpacked into `folder` where w2v cannot do that here."""
    for ending in ("", ".gz", ".zst"):
        path = data / f"wiki8.txt{ending}"
        if path.exists():
            break
    else:
        raise CorpusError(f"{data} has no wiki8.txt, wiki8.txt.gz or wiki8.txt.zst")
    if path.suffix != ".zst":
        return path
    with suppress(ImportError):
        import zstandard  # noqa: F401

        return path
    plain = folder / path.stem
    with pyarrow.input_stream(str(path), compression="zstd") as packed, open(plain, "wb") as text:
        shutil.copyfileobj(packed, text)
    return plain


def read_text(corpus: Path, is_small: bool) -> EncodedCorpus:
    """The encoded corpus; in a small run, its beginning."""
    text = encode_corpus(str(corpus), TextConfig(cache=not is_small))
    if not is_small:
        return text
    ids = np.array(text.ids[:4000])
    names, numbers = np.unique(ids, return_inverse=True)
    ids = numbers.astype(np.int32) - (names[0] == SENTENCE_END)
    counts = np.bincount(ids[ids != SENTENCE_END])
    words = [text.vocabulary.words[name] for name in names[names != SENTENCE_END]]
    return EncodedCorpus(ids, Vocabulary(words, counts))


def plan_for(check: Check, kernel: Any, text: EncodedCorpus, case: Case, **more) -> Plan:
    """The plan that `w2v train` would have, with some of its options replaced."""
    length = len(text.ids)
    schedule = kernel.schedule(case.model, case.dim, WINDOW, NEGATIVE, length, case.shape)
    schedule = schedule._replace(workers=more.pop("workers", schedule.workers))
    length = more.pop("length", length)
    config = TrainConfig(
        model=case.model, window=WINDOW, negative=NEGATIVE, **{"sample": 1e-4, **more}
    )
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
