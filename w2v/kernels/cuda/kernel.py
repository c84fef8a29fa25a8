"""The fused kernel on a GPU: compiles and starts `span.cu` through CuPy.

Called by `kernels.load("cuda")`. Weights, tables and, where it fits, the text stay on the device;
a text that does not fit is streamed in two buffers, one of which fills while the other is trained.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import cupy
import numpy

from w2v import rng
from w2v.backend import check_gpu_memory, free_gpu_bytes, gpu_name
from w2v.errors import GPUError
from w2v.kernels.contract import Result, check_arguments, check_growth
from w2v.kernels.cuda.layout import (
    RESERVED,
    SOURCE,
    Constants,
    compiler_options,
    fit_constants,
    row_stride,
    span_constants,
    spread_pieces,
)
from w2v.kernels.cuda.text_stream import UPLOADED, DeviceText, Reach, upload
from w2v.kernels.plan import PIECE, Plan, Schedule

TABLE_BYTES = 20  # for each word: keep, noise (8), damping_in, damping_out

OLDEST = 70
"""Volta: the first with independent threads in a warp, which the barriers of a warp suppose."""

OLDEST_TENSOR = 80
"""Ampere: the first whose tensor cores take tf32."""

OLDEST_BULK = 90
"""Hopper: the first with an engine that copies rows."""


class Tables(NamedTuple):
    """A plan's tables on the device, in the order of `span.cu`."""

    keep: Any  # (V,) uint32
    noise: Any  # (V, 2) uint32
    words: numpy.uint32  # V
    damping_in: Any  # (V,) float32
    damping_out: Any  # (V,) float32


class LaunchArguments(NamedTuple):
    """What `train` of `span.cu` takes, in its order."""

    ids: Any  # (n,) int32: the stream from place ids_start on
    ids_start: numpy.int64
    ids_stop: numpy.int64
    start: numpy.int64  # of the words to be trained
    stop: numpy.int64
    pieces_start: numpy.int64  # place of the first piece
    pieces: numpy.int64
    spread: numpy.int64
    W_in: Any
    W_out: Any
    keep: Any
    noise: Any
    words: numpy.uint32
    damping_in: Any
    damping_out: Any
    key: numpy.uint64
    shift: numpy.int64  # from a place to its position in the run
    lr_start: numpy.float32
    lr_end: numpy.float32
    length: numpy.float32
    ratio: numpy.float32  # negatives wanted for each shared one
    loss_every: numpy.uint32
    totals: Any  # (4,) uint64
    loss: Any  # (1,) float64


class CudaKernel:
    """The kernel on the current device."""

    block = (1 << 26) - 64 * PIECE
    """Places of the stream in one call: some tenths of a second.

    CuPy rounds pinned memory up to a power of two, into which a block fits with its windows.
    """

    def __init__(
        self,
        tensor: bool = False,
        text_room: int | None = None,
        compiler: Callable[[Constants], Any] | None = None,
        *,
        bulk: bool = False,
    ):
        """tensor, bulk: see `Constants`. text_room: bytes of the device that a text may take; all
        that are free by default. compiler: in place of `compile_kernel`.

        Raises GPUError for a card that is too old.
        """
        self.tensor, self.bulk, self.text_room = tensor, bulk, text_room
        self.compiler = compiler or compile_kernel
        self.device = cupy.cuda.Device()
        if cupy.cuda.runtime.is_hip:
            raise GPUError(
                f"the fused kernel is for NVIDIA's cards, and {gpu_name()} is not one: pass "
                "--engine layers, or leave out --gpu"
            )
        capability = int(self.device.compute_capability)
        oldest = OLDEST_BULK if bulk else OLDEST_TENSOR if tensor else OLDEST
        if capability < oldest:
            raise GPUError(
                f"{gpu_name()} is of compute capability {capability / 10}: the fused kernel "
                f"needs {oldest / 10} or newer; pass --engine layers"
            )
        self._text: DeviceText | None = None
        self._plan: Plan | None = None
        self._tables = Tables(None, None, numpy.uint32(0), None, None)
        self._kernels: dict[Constants, Any] = {}

    @property
    def shared_limit(self) -> int:
        """Bytes of shared memory that a block may have."""
        return self.device.attributes["MaxSharedMemoryPerBlockOptin"]

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
        """Spans that fit into a multiprocessor's shared memory, and how many run at once.

        Raises GPUError where they do not fit, or without a shape not even one centre word does.
        """
        limit = self.shared_limit
        if shape is None:
            constants = fit_constants(
                model, dim, window, negative, limit, self.tensor, self.bulk, fixed_window
            )
        else:
            constants = self._span_constants(model, dim, window, shape)
        if constants is None or constants.shared_bytes() > limit:
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
        w_in, w_out = (upload_rows(array, stride) for array in weights)
        return w_in, w_out

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
        constants = self._constants(plan, weights[0].shape[1])
        if any(array.strides != (4 * constants.stride, 4) for array in weights):
            raise ValueError("weights must be float32 in padded rows, as CudaKernel.place has them")
        text = self._text_of(ids)
        reach = Reach(ids, plan, seed, first_position - start)
        resident, text_start, text_stop = text.part(start, stop, reach)
        first, pieces = start // PIECE, -(-stop // PIECE) - start // PIECE
        workers = min(plan.workers, pieces)
        totals, loss = cupy.zeros(4, cupy.uint64), cupy.zeros(1, cupy.float64)
        arguments = LaunchArguments(
            resident,
            numpy.int64(text_start),
            numpy.int64(text_stop),
            numpy.int64(start),
            numpy.int64(stop),
            numpy.int64(first * PIECE),
            numpy.int64(pieces),
            numpy.int64(spread_pieces(pieces, workers)),
            *weights,
            *self._tables_of(plan),
            numpy.uint64(rng.seed_key(seed)),
            numpy.int64(first_position - start),
            numpy.float32(plan.lr_start),
            numpy.float32(plan.lr_end),
            numpy.float32(plan.length),
            numpy.float32(plan.negative / plan.shared),
            numpy.uint32(plan.loss_every),
            totals,
            loss,
        )
        shared_bytes = constants.shared_bytes()
        kernel = self._kernel(constants)
        kernel((workers,), (constants.threads,), arguments, shared_mem=shared_bytes)
        text.fetch(stop, min(2 * stop - start, len(ids)), reach)  # while the kernel runs
        _, words, pairs, measured = totals.get().tolist()
        result = Result(words, pairs, float(loss.get()[0]), measured)
        check_growth(weights, plan, result)
        return result

    def _constants(self, plan: Plan, dim: int) -> Constants:
        constants = self._span_constants(plan.model, dim, plan.window, (plan.centers, plan.shared))
        return constants._replace(least_window=plan.least_window)

    def _span_constants(
        self, model: str, dim: int, window: int, shape: tuple[int, int]
    ) -> Constants:
        limit = self.shared_limit
        return span_constants(model, dim, window, shape, limit, self.tensor, self.bulk)

    def _text_of(self, ids: numpy.ndarray) -> DeviceText:
        """The stream on the device: the one before, or a new one."""
        if self._text is None or self._text.ids is not ids:
            self._text = None  # before the next one is put beside it
            room = free_gpu_bytes() if self.text_room is None else self.text_room
            self._text = DeviceText(ids, room, self.block)
        return self._text

    def _tables_of(self, plan: Plan) -> "Tables":
        if self._plan is not plan:
            self._plan, self._tables = plan, device_tables(plan)
        return self._tables

    def _kernel(self, constants: Constants) -> Any:
        if constants not in self._kernels:
            self._kernels[constants] = self.compiler(constants)
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
    module = cupy.RawModule(code=SOURCE.read_text(), options=compiler_options(constants))
    try:
        return train_function(module, constants)
    except (cupy.cuda.compiler.CompileException, cupy.cuda.driver.CUDADriverError) as error:
        raise GPUError(
            f"the fused kernel did not compile for {gpu_name()}: --debug shows the compiler's "
            "log; --engine layers trains without it"
        ) from error


def train_function(module: Any, constants: Constants) -> Any:
    """The kernel of a compiled `span.cu`, with the shared memory that it needs."""
    kernel = module.get_function("train")
    kernel.max_dynamic_shared_size_bytes = constants.shared_bytes()
    kernel.preferred_shared_memory_carveout = 100  # percent: of a multiprocessor's cache
    return kernel


def upload_rows(array: numpy.ndarray, stride: int) -> Any:
    """Weights, (V, H) float32, on the device, as a view of rows of `stride` floats."""
    words, dim = array.shape
    rows = cupy.empty((words, stride), cupy.float32)
    step = max(1, UPLOADED // (4 * stride))
    part = numpy.zeros((min(step, words), stride), numpy.float32)
    for start in range(0, words, step):
        filled = part[: min(step, words - start)]
        filled[:, :dim] = array[start : start + step]
        rows[start : start + step].set(filled)
    return rows[:, :dim]


def device_tables(plan: Plan) -> Tables:
    """A plan's tables on the device."""
    keep, noise, damping_in, damping_out = (
        upload(numpy.ascontiguousarray(table))
        for table in (plan.keep, plan.noise.columns, plan.damping_in, plan.damping_out)
    )
    return Tables(keep, noise, numpy.uint32(len(plan.noise)), damping_in, damping_out)
