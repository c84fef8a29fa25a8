"""W_in and W_out: rows that suit vector registers, and the values that training starts with."""

import numpy

ROW = 16
"""Rows of weights are padded to a multiple of this many floats: 64 bytes, a cache line."""


def padded(rows: int, dim: int) -> numpy.ndarray:
    """Zeros, (rows, dim) float32, as a view of rows padded to whole cache lines and aligned."""
    width = -(-dim // ROW) * ROW
    buffer = numpy.zeros(rows * width + ROW, dtype=numpy.float32)
    skip = (-buffer.ctypes.data % (4 * ROW)) // 4
    return buffer[skip : skip + rows * width].reshape(rows, width)[:, :dim]


def initial_weights(words: int, dim: int, seed: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """W_in uniform in +-1/dim, as gensim's, and W_out zero; (words, dim) float32, padded."""
    w_in, w_out = padded(words, dim), padded(words, dim)
    random = numpy.random.default_rng(seed)
    w_in[:] = (random.random((words, dim), dtype=numpy.float32) * 2 - 1) / dim
    return w_in, w_out
