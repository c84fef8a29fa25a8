"""Small matrix products with their sums held in vector registers, as LLVM code.

A span multiplies matrices of a few dozen rows: too small for a BLAS call, and Numba's own loops
keep their sums in memory. Here a *tile* of, say, 6 rows by 4 vectors of sums stays in registers
while the shared dimension is walked once. The shape of a tile is fixed in the code, those of the
matrices are not: one compiled kernel serves every dim, window and span.
"""

from typing import NamedTuple

import numpy
from llvmlite import binding, ir
from numba import config

from w2v.kernels.cpu.llvm import (
    INT,
    LANES,
    VECTOR,
    broadcast,
    emits,
    fused_multiply_add,
    load_vector,
    pointer,
    row_at,
    store_vector,
)


def _max_rows() -> dict[int, int]:
    """Most rows of a tile by its vectors: its sums, a row of b and a broadcast of a fit registers.

    A vector of LANES floats takes one register of 512 bits, two of 256 or four of 128.
    """
    chosen = config.CPU_FEATURES  # type: ignore[attr-defined]
    features = chosen if chosen is not None else binding.get_host_cpu_features().flatten()
    if "+avx512f" in features and "-prefer-256-bit" in features:
        return {1: 12, 2: 12, 3: 8, 4: 6}  # 32 of 512 bits
    if "+avx512vl" in features:
        return {1: 12, 2: 6}  # 32 of 256 bits
    if "+avx2" in features or "+neon" in features:
        return {1: 6}  # 16 of 256 bits, or 32 of 128
    return {1: 2}  # 16 of 128 bits


MAX_ROWS = _max_rows()
MAX_VECTORS = max(MAX_ROWS)
ROW_COUNTS = {
    vectors: [rows for rows in (12, 8, 6, 4, 2, 1) if rows <= most]
    for vectors, most in MAX_ROWS.items()
}
"""The heights a tile may have: few, because each is code to compile."""


class Matrix(NamedTuple):
    """Numbers of an array: element (i, k) is at first + i * row + k * step."""

    values: numpy.ndarray
    first: int
    row: int
    step: int


class Rows(NamedTuple):
    """Rows of weights that a product is added to: row i is ids[first + i], of `width` floats.

    rate: what row i is multiplied with before, at first + i.
    """

    weights: numpy.ndarray
    width: int
    ids: numpy.ndarray
    first: int
    rate: numpy.ndarray


class Tile(NamedTuple):
    """Where a tile lies in a product, in rows and vectors of LANES, and how many it has."""

    row: int
    vector: int
    rows: int
    vectors: int


class Ranges(NamedTuple):
    """The k over which a tile sums: start..stop, then start_2..stop_2; one of them may be empty."""

    start: int
    stop: int
    start_2: int
    stop_2: int


def _sum_tile(builder, rows, vectors, tile, a, b, ranges):
    """Emit the loop over k; returns the sums, [row][vector], of a[row, k] * b[k, vector].

    rows, vectors: the tile's, as numbers of Python's. a, b: Matrix, of values in LLVM.
    """
    a_offset = builder.add(a.first, builder.mul(tile.row, a.row))
    b_offset = builder.add(b.first, builder.mul(tile.vector, INT(LANES)))
    start, stop, start_2, stop_2 = ranges
    first_empty = builder.icmp_signed("==", start, stop)
    initial = builder.select(first_empty, start_2, start)
    before = builder.block
    loop = builder.append_basic_block("k")
    done = builder.append_basic_block("k.done")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(INT)
    k.add_incoming(initial, before)
    sums = [[builder.phi(VECTOR) for _ in range(vectors)] for _ in range(rows)]
    b_at = builder.add(b_offset, builder.mul(k, b.row))
    b_row = [
        load_vector(builder, b.values, builder.add(b_at, INT(v * LANES))) for v in range(vectors)
    ]
    a_at = builder.add(a_offset, builder.mul(k, a.step))
    results = []
    for row in range(rows):
        scalar = builder.load(pointer(builder, a.values, a_at))
        spread = broadcast(builder, scalar)
        pairs = zip(b_row, sums[row], strict=True)
        results.append([fused_multiply_add(builder, spread, vector, old) for vector, old in pairs])
        a_at = builder.add(a_at, a.row)
    following = builder.add(k, INT(1))
    jump = builder.icmp_signed("==", following, stop)
    following = builder.select(jump, start_2, following)
    finished = builder.icmp_signed("==", following, stop_2)
    zero = ir.Constant(VECTOR, [0.0] * LANES)
    k.add_incoming(following, builder.block)
    for row in range(rows):
        for v in range(vectors):
            sums[row][v].add_incoming(zero, before)
            sums[row][v].add_incoming(results[row][v], builder.block)
    builder.cbranch(finished, done, loop)
    builder.position_at_end(done)
    return results


def _for_each_shape(builder, tile, emit):
    """Emit a switch on a tile's size with `emit(rows, vectors)` for each size that it may have."""
    after = builder.append_basic_block("tile.done")
    size = builder.add(builder.mul(tile.vectors, INT(16)), tile.rows)
    switch = builder.switch(size, after)
    for vector_count, row_counts in ROW_COUNTS.items():
        for row_count in row_counts:
            block = builder.append_basic_block(f"tile.{row_count}x{vector_count}")
            switch.add_case(INT(vector_count * 16 + row_count), block)
            builder.position_at_end(block)
            emit(row_count, vector_count)
            builder.branch(after)
    builder.position_at_end(after)


@emits("ttttt")
def tile_set(builder, tile, c, a, b, ranges):
    """c[i, j] = sum over k of a[i, k] * b[k, j], for one tile. c, a, b: Matrix."""

    def emit(rows, vectors):
        at = builder.add(c.first, builder.mul(tile.row, c.row))
        at = builder.add(at, builder.mul(tile.vector, INT(LANES)))
        for row in _sum_tile(builder, rows, vectors, tile, a, b, ranges):
            for v, vector in enumerate(row):
                store_vector(builder, vector, c.values, builder.add(at, INT(v * LANES)))
            at = builder.add(at, c.row)

    _for_each_shape(builder, tile, emit)


@emits("ttttt")
def tile_add(builder, tile, c, a, b, ranges):
    """c[i, j] += rate[i] * (sum over k of a[i, k] * b[k, j]), for one tile. c: Rows. a, b: Matrix.

    Rows are added one after the other, so that one that occurs twice gets both sums.
    """

    def emit(rows, vectors):
        first = builder.add(c.first, tile.row)
        column = builder.mul(tile.vector, INT(LANES))
        for m, row in enumerate(_sum_tile(builder, rows, vectors, tile, a, b, ranges)):
            place = builder.add(first, INT(m))
            factor = broadcast(builder, builder.load(pointer(builder, c.rate, place)))
            at = row_at(builder, c.ids, place, c.width, column)
            for v, vector in enumerate(row):
                here = builder.add(at, INT(v * LANES))
                old = load_vector(builder, c.weights, here)
                new = fused_multiply_add(builder, factor, vector, old)
                store_vector(builder, new, c.weights, here)

    _for_each_shape(builder, tile, emit)
