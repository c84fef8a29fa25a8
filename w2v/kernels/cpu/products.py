"""Products of a span's matrices, cut into tiles whose sums stay in registers.

While a product is computed, the rows that the next span needs are prefetched.
"""

from typing import NamedTuple

import numpy

from w2v.kernels.cpu.jit import EXACT, INLINED
from w2v.kernels.cpu.llvm import LANES
from w2v.kernels.cpu.tiles import (
    MAX_VECTORS,
    ROW_COUNTS,
    Matrix,
    Ranges,
    Tile,
    tile_add,
    tile_set,
)
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


class Band(NamedTuple):
    """Where row i of a factor may be other than zero: at k < full, and in its band.

    The band is k = offset + (i + low to i + high, both included), cut to offset..offset + limit.
    """

    full: int
    offset: int
    low: int
    high: int
    limit: int


@numba.njit(**INLINED)
def _band_ranges(band, row, rows):
    """The k that the rows of a tile need."""
    start = min(max(row + band.low, 0), band.limit)
    stop = max(min(row + rows + band.high, band.limit), start)
    return Ranges(0, band.full, band.offset + start, band.offset + stop)


@numba.njit(**EXACT)
def set_product(c, c_first, height, a, b, full, soon):
    """c[c_first:][:height] = a[:, :full] @ b, of arrays of whole vectors."""
    columns = b.shape[1]
    target = Matrix(c, c_first * c.shape[1], c.shape[1], 1)
    left, right = Matrix(a, 0, a.shape[1], 1), Matrix(b, 0, columns, 1)
    ranges = Ranges(0, full, full, full)
    vectors = columns // LANES
    row = 0
    while row < height:
        rows = _tile_rows(height - row, vectors)
        vector = 0
        while vector < vectors:
            width = _vectors_of_tile(vectors - vector)
            tile_set(Tile(row, vector, rows, width), target, left, right, ranges)
            vector += width
        _prefetch_share(soon, row, row + rows, height)
        row += rows


@numba.njit(**EXACT)
def add_product(c, height, a, b, band, soon):
    """c[i] += rate[i] * (a @ b)[i] for i < height. c: Rows. a: Matrix. b: of whole vectors.

    band: where `a` is other than zero.
    """
    right = Matrix(b, 0, b.shape[1], 1)
    vectors = b.shape[1] // LANES
    row = 0
    while row < height:
        rows = _tile_rows(height - row, vectors)
        ranges = _band_ranges(band, row, rows)
        vector = 0
        while vector < vectors and (band.full > 0 or ranges.stop_2 > ranges.start_2):
            width = _vectors_of_tile(vectors - vector)
            tile_add(Tile(row, vector, rows, width), c, a, right, ranges)
            vector += width
        _prefetch_share(soon, row, row + rows, height)
        row += rows
