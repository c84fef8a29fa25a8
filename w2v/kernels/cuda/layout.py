"""What `span.cu` is compiled with: its constants, its shared memory, and spans that fit into it.

Nothing here needs a GPU: `kernels.cuda` and the tests that compile or emulate the kernel share it.
"""

import math
from pathlib import Path
from typing import NamedTuple

from w2v.kernels.plan import PIECE, span_shape

SOURCE = Path(__file__).with_name("span.cu")

ALIGNED = 8
"""Rows are padded to a multiple of this many floats: 32 bytes, what memory is read by."""

MOST_CENTERS = 32
"""Centre words of a span at most: the kernel keeps one bit for each."""

RESERVED = 1024
"""Bytes of shared memory that CUDA takes for each block."""

SCHEDULERS, SCHEDULER_REGISTERS = 4, 1 << 14
"""Of a multiprocessor, from Volta to Hopper: each warp belongs to one scheduler, and its registers
are among the scheduler's (CUDA programming guide, compute capabilities).
"""

REGISTERS = 96
"""Registers that each thread is left with at least: spans of all usual dims do with as many."""


class Constants(NamedTuple):
    """One compilation of the kernel.

    shared: negatives of a span. threads: of a block. tensor: multiply on tensor cores, which need
    Ampere or newer and round factors to 10 bits. bulk: have the copy engine copy rows, which needs
    Hopper or newer. blocks: that a multiprocessor has to have room for, so that the compiler gives
    no thread more registers than that leaves. least_window: what a window is shrunk to at most.
    """

    model: str
    dim: int
    window: int
    centers: int
    shared: int
    threads: int
    tensor: bool = False
    bulk: bool = False
    blocks: int = 1
    least_window: int = 1

    @property
    def stride(self) -> int:
        """`row_stride`."""
        return row_stride(self.dim)

    def defines(self) -> dict[str, int]:
        """The names that `span.cu` expects from the compiler's command line."""
        return {
            "CBOW": int(self.model == "cbow"),
            "DIM": self.dim,
            "STRIDE": self.stride,
            "WINDOW": self.window,
            "LEAST_WINDOW": self.least_window,
            "CENTERS": self.centers,
            "NEGATIVES": self.shared,
            "THREADS": self.threads,
            "PIECE": PIECE,
            "TENSOR": int(self.tensor),
            "BULK": int(self.bulk),
            "BLOCKS": self.blocks,
            "SHARED_BYTES": self.shared_bytes(),
        }

    def shared_bytes(self) -> int:
        """Bytes of `struct Shared`, which the kernel itself compares with this."""
        cbow = self.model == "cbow"
        row = 16 * (up(self.dim, 4) // 4 | 1)
        rows = self.centers + 2 * self.window
        noise = up(self.shared, 8)
        columns = noise + up(self.centers, 8)
        tile = 16 if self.tensor else 8
        scores = up(self.centers if cbow else rows, tile) * ((noise if cbow else columns) + 4)
        words = PIECE + 2 * self.window
        vectors = (rows + columns) * row + (self.centers * row if cbow else 16) + 16
        numbers = (
            scores
            + 2 * self.centers
            + 2 * rows
            + 2 * columns
            + noise
            + self.centers * up(rows, 32) // 32
            + words  # ids
            + words  # sentence and reach, half a number each
            + -(-PIECE // self.centers)
            + 5
            + 2 * (self.threads // 32)
        )
        return up(up(vectors + 4 * numbers, 8) + 2 * 8, 16)


def compiler_options(constants: Constants) -> tuple[str, ...]:
    """What the compiler of `span.cu` is told."""
    return ("-std=c++17", *(f"-D{name}={value}" for name, value in constants.defines().items()))


def up(number: int, step: int) -> int:
    """The next multiple of step."""
    return -(-number // step) * step


def row_stride(dim: int) -> int:
    """Floats from one row of weights to the next in the device's memory."""
    return up(dim, ALIGNED)


def block_threads(model: str, dim: int) -> int:
    """Threads of a block: as many as find work in most of a span's products.

    Those have a thread for each vector of 4 numbers in each of some 4 groups of rows; CBOW's larger
    spans leave a multiprocessor room for fewer blocks, so that they get twice as many.
    """
    wanted = (4 if model == "skipgram" else 8) * up(dim, 4) // 4
    return min(max(up(wanted, 32), 64), 512)


def span_constants(
    model: str,
    dim: int,
    window: int,
    shape: tuple[int, int],
    limit: int,
    tensor: bool = False,
    bulk: bool = False,
) -> Constants:
    """The constants for spans of a shape. Raises ValueError for more centre words than it can have.

    shape: centre words and shared negatives. limit: bytes of shared memory that a block may have; a
    multiprocessor has RESERVED more. tensor, bulk: see `Constants`. Where shared memory has room
    for more blocks, they are as many as leave each thread REGISTERS.
    """
    if shape[0] > MOST_CENTERS:
        raise ValueError(f"a span has at most {MOST_CENTERS} centre words, not {shape[0]}")
    threads = block_threads(model, dim)
    constants = Constants(model, dim, window, *shape, threads, tensor, bulk)
    blocks = max(1, (limit + RESERVED) // (constants.shared_bytes() + RESERVED))
    while blocks > 1 and registers_left(blocks, threads) < REGISTERS:
        blocks -= 1
    return constants._replace(blocks=blocks)


def registers_left(blocks: int, threads: int) -> int:
    """Registers of each thread where a multiprocessor runs so many blocks: a multiple of 8.

    Example: 3 blocks of 7 warps are 6 on one of the schedulers, which leaves each thread 80.
    """
    warps = -(-blocks * threads // 32 // SCHEDULERS)
    return SCHEDULER_REGISTERS // (32 * warps) // 8 * 8


def fit_constants(
    model: str,
    dim: int,
    window: int,
    negative: int,
    limit: int,
    tensor: bool = False,
    bulk: bool = False,
    fixed_window: bool = False,
) -> Constants | None:
    """Constants whose spans fit into `limit` bytes of shared memory a block; None if none do.

    Spans are as on the CPU (`plan.span_shape`), halved as often as it takes.
    """
    centers, shared = span_shape(model, window, negative, fixed_window)
    centers = min(centers, MOST_CENTERS)
    while True:
        constants = span_constants(model, dim, window, (centers, shared), limit, tensor, bulk)
        if constants.shared_bytes() <= limit:
            return constants
        if centers == 1:
            return None
        centers, shared = centers // 2, max(1, shared // 2)


def spread_pieces(pieces: int, workers: int) -> int:
    """The step in which workers take the pieces of a text, prime to their number.

    Steps of the golden ratio leave any few pieces that are taken in a row far apart. One worker
    takes them in order, as the other kernels do.
    """
    if workers == 1 or pieces < 3:
        return 1
    step = round(pieces * (math.sqrt(5) - 1) / 2)
    while math.gcd(step, pieces) != 1:
        step += 1
    return step
