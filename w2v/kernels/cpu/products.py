"""Products of a span's matrices, cut into tiles whose sums stay in registers.

While a product is computed, the rows that the next span needs are prefetched.
"""

from typing import NamedTuple

import numpy

from w2v.kernels.cpu.jit import EXACT, INLINED
from w2v.kernels.cpu.llvm import LANES
from w2v.kernels.cpu.tiles import MAX_VECTORS, ROW_COUNTS, tile_add, tile_set
from w2v.kernels.cpu.vectors import prefetch
from w2v.kernels.weights import ROW
from w2v.numba_setup import numba

_ROW_COUNTS = numpy.array(
    [(ROW_COUNTS[vectors] + [0] * 6)[:6] for vectors in range(1, MAX_VECTORS + 1)]
)


class Soon(NamedTuple):
    """Rows that the next span needs: of `weights`, those of ids[start:stop]."""

    weights: numpy.ndarray
    ids: numpy.ndarray
    start: int
    stop: int


@numba.njit(**EXACT)
def _prefetch_share(soon, done, after, height):
    """Ask for the share of `soon` that falls to the rows done..after of a product's `height`.

    A core waits when it asks for more lines at once than it can have under way (16, say).
    """
    width, count = soon.weights.shape[1], soon.stop - soon.start
    for n in range(soon.start + count * done // height, soon.start + count * after // height):
        for offset in range(0, width, ROW):
            prefetch(soon.weights, soon.ids[n] * width + offset)


@numba.njit(**INLINED)
def _vectors_of_tile(left):
    """Vectors of the next tile when `left` are cut evenly into tiles of at most MAX_VECTORS."""
    tiles = (left + MAX_VECTORS - 1) // MAX_VECTORS
    return (left + tiles - 1) // tiles


@numba.njit(**INLINED)
def _tile_rows(left, vectors):
    """The most rows, of those that a tile of `vectors` may have, that are not more than `left`."""
    for rows in _ROW_COUNTS[_vectors_of_tile(vectors) - 1]:
        if 0 < rows <= left:
            return rows
    return 1


@numba.njit(**INLINED)
def _band_range(row, rows, offset, low, high, limit):
    """Where the band lies for a tile's rows: the k of row i are i + low to i + high, inclusive."""
    start = min(max(row + low, 0), limit)
    stop = max(min(row + rows + high, limit), start)
    return offset + start, offset + stop


@numba.njit(**EXACT)
def set_product(c, c_first, height, a, a_row, b, full, soon):
    """c[c_first:][:height] = a @ b, with `full` columns of a, whose rows are a_row apart."""
    c_row, b_row = c.shape[1], b.shape[1]
    vectors = b_row // LANES
    row = 0
    while row < height:
        rows = _tile_rows(height - row, vectors)
        vector = 0
        while vector < vectors:
            width = _vectors_of_tile(vectors - vector)
            tile_set(rows, width, c, (c_first + row) * c_row + vector * LANES, c_row,
                     a, row * a_row, a_row, 1, b, vector * LANES, b_row,
                     0, full, full, full)  # fmt: skip
            vector += width
        _prefetch_share(soon, row, row + rows, height)
        row += rows


@numba.njit(**EXACT)
def add_product(c, c_rows, c_first, height, rate, a, a_first, a_row, a_step, b,
                full, offset, low, high, limit, soon):  # fmt: skip
    """c[c_rows[c_first + i]] += rate[c_first + i] * (a @ b)[i] for i < height.

    a's element (i, k) is at a_first + i * a_row + k * a_step. Row i of `a` is zero but for
    k < full and in its band: k = offset + (i + low to i + high), cut to offset and offset + limit.
    """
    c_row, b_row = c.shape[1], b.shape[1]
    vectors = b_row // LANES
    row = 0
    while row < height:
        rows = _tile_rows(height - row, vectors)
        start, stop = _band_range(row, rows, offset, low, high, limit)
        vector = 0
        while vector < vectors and (full > 0 or stop > start):
            width = _vectors_of_tile(vectors - vector)
            tile_add(rows, width, c, c_rows, c_first + row, vector * LANES, c_row, rate,
                     a, a_first + row * a_row, a_row, a_step, b, vector * LANES, b_row,
                     0, full, start, stop)  # fmt: skip
            vector += width
        _prefetch_share(soon, row, row + rows, height)
        row += rows
