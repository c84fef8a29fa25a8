"""The fused kernel on a GPU: compiles and starts `span.cu` through CuPy.

Called by `kernels.load("cuda")`. Weights, tables and, where it fits, the text stay on the device;
a text that does not fit is streamed in two buffers, one of which fills while the other is trained.
"""

from typing import Any

import cupy
import cupyx
import numpy

from w2v import rng
from w2v.backend import check_gpu_memory, free_gpu_bytes, gpu_name
from w2v.corpus import SENTENCE_END
from w2v.errors import GPUError
from w2v.kernels.contract import Result, check_arguments, check_growth
from w2v.kernels.cuda.layout import (
    RESERVED,
    SOURCE,
    Constants,
    fit_constants,
    plan_constants,
    row_stride,
    spread_pieces,
)
from w2v.kernels.plan import PIECE, Plan, Schedule
from w2v.kernels.reference import kept_places

TABLE_BYTES = 20  # for each word: keep, noise (8), damping_in, damping_out
COPIED_ROWS = 1 << 16  # rows of weights that are copied to the device at a time

OLDEST = 70
"""Volta: the first with independent threads in a warp, which the barriers of a warp suppose."""

OLDEST_TENSOR = 80
"""Ampere: the first whose tensor cores take tf32."""


class CudaKernel:
    """The kernel on the current device."""

    block = 1 << 26
    """Places of the stream in one call: some tenths of a second."""

    def __init__(self, tensor: bool = False):
        """tensor: see `Constants`. Raises GPUError for a card that is too old."""
        self.tensor = tensor
        self.device = cupy.cuda.Device()
        capability = int(self.device.compute_capability)
        oldest = OLDEST_TENSOR if tensor else OLDEST
        if capability < oldest:
            raise GPUError(
                f"{gpu_name()} is of compute capability {capability / 10}: the fused kernel "
                f"needs {oldest / 10} or newer; pass --engine layers"
            )
        self._text: DeviceText | None = None
        self._plan: Plan | None = None
        self._tables: list[Any] = []
        self._kernels: dict[Constants, Any] = {}

    def schedule(self, model: str, dim: int, window: int, negative: int, length: int) -> Schedule:
        """Spans that fit into a multiprocessor's shared memory, and how many run at once.

        Raises GPUError where not even one centre word fits.
        """
        limit = self.device.attributes["MaxSharedMemoryPerBlockOptin"]
        constants = fit_constants(model, dim, window, negative, limit)
        if constants is None:
            raise GPUError(
                f"rows of dim {dim} with a window of {window} do not fit into the "
                f"{limit // 1024} KB of a multiprocessor's shared memory: lower --dim or --window, "
                "or pass --engine layers"
            )
        multiprocessors = self.device.attributes["MultiProcessorCount"]
        workers = multiprocessors * self._blocks_each(constants)
        return Schedule(constants.centers, constants.shared, min(workers, -(-length // PIECE)))

    def place(self, weights: tuple[numpy.ndarray, numpy.ndarray], length: int) -> tuple[Any, Any]:
        """The weights, (V, H) float32, on the device, in rows padded as `span.cu` wants them.

        length: of the stream that they will be trained on. Raises GPUError if there is not enough
        memory for both, or for two buffers of the stream.
        """
        words, dim = weights[0].shape
        stride = row_stride(dim)
        needed = words * (2 * 4 * stride + TABLE_BYTES) + min(4 * length, 2 * 4 * self.block)
        check_gpu_memory(needed, words, dim)
        placed = []
        for array in weights:
            rows = cupy.zeros((words, stride), cupy.float32)
            for first in range(0, words, COPIED_ROWS):  # in parts, which need little room beside it
                part = slice(first, first + COPIED_ROWS)
                rows[part, :dim] = cupy.asarray(array[part])
            placed.append(rows[:, :dim])
        return placed[0], placed[1]

    def train(
        self,
        ids: numpy.ndarray,
        start: int,
        stop: int,
        weights: tuple[Any, Any],
        plan: Plan,
        seed: int,
        first_position: int,
    ) -> Result:
        """Train the words at places start..stop of the stream `ids`, changing `weights` in place.

        ids: (n,) int32 on the host, words and SENTENCE_END. weights: from `place`. The rest is as
        in `kernels.cpu`. The order in which blocks add to a row is theirs: two runs do not give the
        same bits.
        """
        check_arguments(ids, start, stop, weights)
        if start == stop:
            return Result(0, 0, 0.0, 0)
        if self._plan is not plan:
            self._plan, self._tables = plan, device_tables(plan)
        if self._text is None or self._text.ids is not ids:
            self._text = None  # before the next one is put beside it
            self._text = DeviceText(ids, free_gpu_bytes(), self.block)
        reach = Reach(ids, plan, seed, first_position - start)
        part, begin, end = self._text.part(start, stop, reach)
        constants = plan_constants(plan, weights[0].shape[1], self.tensor)
        if any(array.strides != (4 * constants.stride, 4) for array in weights):
            raise ValueError("weights must be float32 in padded rows, as CudaKernel.place has them")
        first, pieces = start // PIECE, -(-stop // PIECE) - start // PIECE
        workers = min(plan.workers, pieces)
        totals, loss = cupy.zeros(4, cupy.uint64), cupy.zeros(1, cupy.float64)
        keep, noise, damping_in, damping_out = self._tables
        numbers = numpy.array([begin, end, start, stop, first * PIECE, pieces], numpy.int64)
        rates = numpy.array(
            [plan.lr_start, plan.lr_end, plan.length, plan.negative / plan.shared], numpy.float32
        )
        self._kernel(constants)(
            (workers,),
            (constants.threads,),
            (
                part,
                *numbers,
                numpy.int64(spread_pieces(pieces, workers)),
                *weights,
                keep,
                noise,
                numpy.uint32(len(plan.noise)),
                damping_in,
                damping_out,
                numpy.uint64(rng.seed_key(seed)),
                numpy.int64(first_position - start),
                *rates,
                numpy.uint32(plan.loss_every),
                totals,
                loss,
            ),
            shared_mem=constants.shared_bytes(),
        )
        self._text.fetch(stop, min(2 * stop - start, len(ids)), reach)  # while the kernel runs
        _, words, pairs, measured = totals.get().tolist()
        result = Result(words, pairs, float(loss.get()[0]), measured)
        check_growth(weights, plan, result)
        return result

    def _kernel(self, constants: Constants) -> Any:
        if constants not in self._kernels:
            self._kernels[constants] = compile_kernel(constants)
        return self._kernels[constants]

    def _blocks_each(self, constants: Constants) -> int:
        """Blocks that a multiprocessor runs at the same time."""
        kernel = self._kernel(constants)
        blocks = cupy.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor(
            kernel.kernel.ptr, constants.threads, constants.shared_bytes()
        )
        limit = self.device.attributes["MaxSharedMemoryPerMultiprocessor"]
        return max(1, min(blocks, limit // (constants.shared_bytes() + RESERVED)))


def compile_kernel(constants: Constants) -> Any:
    """`span.cu` for these constants and the current device; CuPy keeps it on disk.

    Raises GPUError if the compiler refuses it.
    """
    options = ("-std=c++17", *(f"-D{name}={value}" for name, value in constants.defines().items()))
    module = cupy.RawModule(code=SOURCE.read_text(), options=options)
    try:
        kernel = module.get_function("train")
        kernel.max_dynamic_shared_size_bytes = constants.shared_bytes()
    except (cupy.cuda.compiler.CompileException, cupy.cuda.driver.CUDADriverError) as error:
        raise GPUError(
            f"the fused kernel did not compile for {gpu_name()}: --debug shows the compiler's "
            "log; --engine layers trains without it"
        ) from error
    return kernel


def device_tables(plan: Plan) -> list[Any]:
    """A plan's tables on the device: keep, noise, damping_in and damping_out."""
    tables = plan.keep, plan.noise.columns, plan.damping_in, plan.damping_out
    return [cupy.asarray(numpy.ascontiguousarray(table)) for table in tables]


class Reach:
    """How far beyond a range the windows of its words can reach, in places of the stream."""

    def __init__(self, ids: numpy.ndarray, plan: Plan, seed: int, shift: int):
        self.ids, self.plan, self.seed, self.shift = ids, plan, seed, shift

    def around(self, start: int, stop: int) -> tuple[int, int]:
        """The range from whose words all spans that begin in start..stop are made."""
        begin = start // PIECE * PIECE
        end = min(-(-stop // PIECE) * PIECE, len(self.ids))
        before, behind = begin, end
        while before > 0 and not self._is_enough(before, begin):
            before = max(0, before - PIECE)
        while behind < len(self.ids) and not self._is_enough(end, behind):
            behind = min(len(self.ids), behind + PIECE)
        return before, behind

    def _is_enough(self, begin: int, end: int) -> bool:
        """Whether a sentence ends there, or a whole window of words is kept."""
        if (self.ids[begin:end] == SENTENCE_END).any():
            return True
        kept = kept_places(self.ids, begin, end, self.plan, self.seed, self.shift)
        return len(kept) >= self.plan.window


class DeviceText:
    """A stream of ids on the device: whole if it fits into `room` bytes, else part by part.

    ids: (n,) int32 on the host. block: places of a part, about.
    """

    def __init__(self, ids: numpy.ndarray, room: int, block: int):
        self.ids = ids
        self.is_whole = ids.nbytes <= room
        if self.is_whole:
            self.whole = cupy.asarray(numpy.ascontiguousarray(ids))
            return
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.parts: list[Part] = [Part(), Part()]
        self.turn = 0

    def part(self, start: int, stop: int, reach: Reach) -> tuple[Any, int, int]:
        """Device ids that hold all that start..stop needs, and the places of their ends."""
        if self.is_whole:
            return self.whole, 0, len(self.ids)
        if self.parts[self.turn].wanted != (start, stop):
            self._fill(self.parts[self.turn], start, stop, reach)
        part = self.parts[self.turn]
        self.turn = 1 - self.turn
        cupy.cuda.get_current_stream().wait_event(part.is_there)
        return part.device, part.begin, part.end

    def fetch(self, start: int, stop: int, reach: Reach) -> None:
        """Begin to bring a part that is likely to be asked for next, and return."""
        if not self.is_whole and start < stop:
            self._fill(self.parts[self.turn], start, stop, reach)

    def _fill(self, part: "Part", start: int, stop: int, reach: Reach) -> None:
        part.wanted = start, stop
        part.begin, part.end = reach.around(start, stop)
        length = part.end - part.begin
        if part.pinned is None or len(part.pinned) < length:
            part.pinned = cupyx.empty_pinned(length, numpy.int32)
            part.device = cupy.empty(length, cupy.int32)
            # The memory may have been another array's, on which the device still works.
            self.stream.wait_event(cupy.cuda.get_current_stream().record())
        part.pinned[:length] = self.ids[part.begin : part.end]
        part.device[:length].set(part.pinned[:length], stream=self.stream)
        part.is_there = self.stream.record()


class Part:
    """A buffer of a text that is streamed: pinned memory on the host, and its copy."""

    wanted: tuple[int, int] | None = None
    begin: int = 0
    end: int = 0
    pinned: Any = None
    device: Any = None
    is_there: Any = None
