"""The fused kernel on the CPU: spans of the encoded corpus, trained with Numba.

`kernels.reference` says what it computes; here is the same in an order that suits the machine. Per
span: gather the rows of the context words and of the output words (shared negatives, then
targets), three small products in registers, and one write to each row. The rows of the next span
are prefetched meanwhile. CBOW has the means of the windows in place of the context rows.

Called by `kernels.load("cpu")`.
"""

import functools
import itertools
import pathlib
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy

from w2v import rng
from w2v.corpus import SENTENCE_END, encoded_corpus
from w2v.kernels import plan as plan_module
from w2v.kernels import weights as weights_module
from w2v.kernels.contract import Result, check_arguments, check_growth
from w2v.kernels.cpu.buffers import Settings, SpanBuffers, SpanRange, Words, make_scratch
from w2v.kernels.cpu.cbow import train_cbow
from w2v.kernels.cpu.jit import EXACT, MERGED
from w2v.kernels.cpu.skipgram import train_skipgram
from w2v.kernels.cpu.span import gather
from w2v.kernels.cpu.stream import draw_negatives, place_bits, read_piece
from w2v.kernels.plan import PIECE, SPAN, Plan, Schedule, span_shape
from w2v.kernels.weights import ROW
from w2v.numba_setup import numba

CHUNK = 16 * PIECE
"""Places of the stream that a thread takes at a time."""

FOLDER = pathlib.Path(__file__).parent

CONSTANTS = tuple(
    pathlib.Path(str(module.__file__))
    for module in (encoded_corpus, plan_module, rng, weights_module)
)
"""Files outside the folder of which something is compiled into the kernel."""


@numba.njit(**MERGED)
def _train_piece(train_span, ids, piece, start, stop, W_in, W_out, words, span, settings, key,
                 shift):  # fmt: skip
    """Train the spans of one piece whose first word lies in start..stop; returns the sums."""
    piece_start, piece_stop, reach_stop = read_piece(ids, piece, words, settings, key, shift)
    draw_negatives(words, piece_start, piece_stop, settings, key, shift)
    pairs, measured, loss = 0, 0, 0.0
    for number in range((piece_stop - piece_start + settings.centers - 1) // settings.centers):
        center = piece_start + number * settings.centers
        place = words.place[center]
        if place < start or place >= stop:
            continue
        count = min(settings.centers, piece_stop - center)
        row_start, row_stop = words.start[center], words.stop[center]
        for i in range(center + 1, center + count):
            row_start, row_stop = min(row_start, words.start[i]), max(row_stop, words.stop[i])
        done = min((place + shift) / settings.length, 1.0)
        rate = numpy.float32(settings.lr_start + (settings.lr_end - settings.lr_start) * done)
        measure = place_bits(key, place + shift, SPAN) % numpy.uint64(settings.loss_every) == 0
        span_range = SpanRange(
            number, center, count, row_start, row_stop - row_start, piece_stop, reach_stop
        )
        gather(span, words, W_out, span_range, rate, settings)
        new, new_loss = train_span(span, words, W_in, W_out, span_range, measure, settings)
        pairs += new
        if measure:
            measured += new
            loss += new_loss
    return pairs, measured, loss


def sources_version(
    folder: pathlib.Path = FOLDER, constants: Sequence[pathlib.Path] = CONSTANTS
) -> int:
    """A number, not 0, that changes with the source of what is compiled, or a constant in it.

    folder: of the kernel, all of whose files count. constants: files outside of it that count too.
    """
    files = [*sorted(folder.glob("*.py")), *constants]
    return zlib.crc32(b"".join(file.read_bytes() for file in files)) or 1


@functools.cache
def _compile_train_range(cbow: bool) -> Any:
    """`train_range` for one of the models as a Numba function, kept on disk.

    Numba makes it anew when this file changes or a closed-over value: `version` stands for the
    other files.
    """
    version = sources_version()

    @numba.njit(cache=True, **EXACT)
    def train_range(ids, start, stop, words, span, W_in, W_out, settings, key, shift):
        """Train the spans whose first word lies in start..stop; returns the fields of a Result."""
        assert version  # named here, it is part of Numba's key
        total, pairs, measured, loss = 0, 0, 0, 0.0
        for at in range(start, stop):
            total += ids[at] != SENTENCE_END
        for piece in range(start // PIECE * PIECE, stop, PIECE):
            if cbow:  # known when this is compiled: the other model is left out
                new_pairs, new_measured, new_loss = _train_piece(
                    train_cbow, ids, piece, start, stop, W_in, W_out, words, span, settings,
                    key, shift)  # fmt: skip
            else:
                new_pairs, new_measured, new_loss = _train_piece(
                    train_skipgram, ids, piece, start, stop, W_in, W_out, words, span, settings,
                    key, shift)  # fmt: skip
            pairs += new_pairs
            measured += new_measured
            loss += new_loss
        return total, pairs, loss, measured

    return train_range


class CpuKernel:
    """The kernel on `threads` threads, which share the weights and do not wait for one another.

    With one thread the result depends on nothing but the arguments, and is the same whatever the
    blocks a corpus is trained in.
    """

    block = 1 << 22
    """Places of the stream in one call: about a second."""

    def __init__(self, threads: int = 1):
        self.threads = threads
        self._scratch: dict[Any, list[tuple[Words, SpanBuffers]]] = {}

    def schedule(
        self,
        model: str,
        dim: int,
        window: int,
        negative: int,
        length: int,
        shape: tuple[int, int] | None = None,
        fixed_window: bool = False,
    ) -> Schedule:
        """Spans as `plan.span_shape` has them, or of a shape, on as many threads as find work."""
        centers, shared = shape or span_shape(model, window, negative, fixed_window)
        return Schedule(centers, shared, min(self.threads, -(-length // CHUNK)))

    def place(
        self, weights: tuple[numpy.ndarray, numpy.ndarray], length: int
    ) -> tuple[numpy.ndarray, numpy.ndarray]:
        """The weights where this kernel wants them: as they are."""
        return weights

    def train(
        self,
        ids: numpy.ndarray,
        start: int,
        stop: int,
        weights: tuple[numpy.ndarray, numpy.ndarray],
        plan: Plan,
        seed: int,
        first_position: int,
    ) -> Result:
        """Train the words at places start..stop of the stream `ids`, changing `weights` in place.

        ids: (n,) int32, words and SENTENCE_END; words outside start..stop are read as context.
        weights: W_in and W_out, (V, H) float32 as `kernels.weights.padded` makes them.
        first_position: place of `start` in the run, which counts over all epochs. Trained are the
        spans whose first word lies in start..stop. Raises ValueError for arrays of another form,
        DivergenceError when weights have grown without bound.
        """
        check_arguments(ids, start, stop, weights)
        stream = _plain(ids)
        W_in, W_out = (_whole_rows(array) for array in weights)
        settings = _settings(plan, weights[0].shape[1])
        arguments = W_in, W_out, settings, rng.seed_key(seed), first_position - start
        first_chunk = start // CHUNK * CHUNK
        chunks = iter(range(first_chunk, stop, CHUNK))

        train_range = _compile_train_range(plan.model == "cbow")

        def work(scratch: tuple[Words, SpanBuffers]) -> list[Result]:
            return [
                Result(
                    *train_range(
                        stream, max(start, at), min(stop, at + CHUNK), *scratch, *arguments
                    )
                )
                for at in chunks
            ]

        scratch = self._scratch_for(plan, W_in.shape[1])
        if self.threads == 1:
            done = work(scratch[0])
        else:
            with ThreadPoolExecutor(self.threads) as pool, _drained(chunks):
                done = list(itertools.chain.from_iterable(pool.map(work, scratch)))
        result = Result(*(sum(column) for column in zip(Result(0, 0, 0.0, 0), *done, strict=True)))
        check_growth(weights, plan, result)
        return result

    def _scratch_for(self, plan: Plan, width: int) -> list[tuple[Words, SpanBuffers]]:
        """Buffers for each thread, made once for a shape of span."""
        shape = plan.model, plan.window, plan.centers, plan.shared, plan.negative, width
        if shape not in self._scratch:
            self._scratch[shape] = [make_scratch(plan, width) for _ in range(self.threads)]
        return self._scratch[shape]


def _settings(plan: Plan, dim: int) -> Settings:
    return Settings(
        window=plan.window,
        least_window=plan.least_window,
        centers=plan.centers,
        shared=plan.shared,
        ratio=numpy.float32(plan.negative / plan.shared),
        keep=plan.keep,
        noise=plan.noise.columns,
        damping_in=plan.damping_in,
        damping_out=plan.damping_out,
        lr_start=float(plan.lr_start),
        lr_end=float(plan.lr_end),
        length=plan.length,
        loss_every=plan.loss_every,
        dim=dim,
    )


def _plain(ids: numpy.ndarray) -> numpy.ndarray:
    """`ids` as an array that Numba has compiled for: not read-only, as a memory map may be.

    It is the same memory and is only read. To Numba, a read-only array is another type, for which
    it would compile once more.
    """
    if not ids.flags.c_contiguous:
        raise ValueError("ids must be contiguous")
    if len(ids) == 0:
        return numpy.zeros(0, numpy.int32)
    return numpy.asarray(_Writable(ids))


class _Writable:
    """Says of an array that it can be written, and keeps it while an array is made of this."""

    def __init__(self, array: numpy.ndarray):
        self.array = array
        self.__array_interface__ = array.__array_interface__ | {"data": (array.ctypes.data, False)}


@contextmanager
def _drained(chunks: Iterator[int]) -> Iterator[None]:
    """Leave nothing to do where the block is interrupted, so that its workers end soon."""
    try:
        yield
    except BaseException:
        deque(chunks, maxlen=0)
        raise


def _whole_rows(weights: numpy.ndarray) -> numpy.ndarray:
    """The padded rows, (V, H rounded up), of which `weights` is a view."""
    step = weights.strides[0]
    aligned = step % (4 * ROW) == 0 and weights.ctypes.data % (4 * ROW) == 0
    if weights.dtype != numpy.float32 or weights.strides[1] != 4 or not aligned:
        raise ValueError(
            "weights must be float32 in padded rows, as kernels.weights.padded makes them"
        )
    return numpy.lib.stride_tricks.as_strided(weights, (len(weights), step // 4), (step, 4))
