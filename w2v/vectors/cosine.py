"""Lengths of vectors and cosines: what questions, searches and scores have in common."""

import numpy

from w2v.errors import ModelFileError

COSMUL_EPSILON = 1e-6
"""Added to the divisor of 3CosMul, as in gensim; 0.001 in Levy and Goldberg 2014."""

BLOCK = 1 << 16  # rows whose lengths are computed at a time


def cosine(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """The cosine of two vectors, (H,); 0 where one is zero."""
    units = unit_rows(numpy.stack([a, b]))
    return float(units[0] @ units[1])


def row_lengths(matrix: numpy.ndarray) -> numpy.ndarray:
    """(V,) float64 the length of each row, and 1 for a row of zeros. matrix: (V, H).

    Raises ModelFileError for NaN, infinity, and lengths that float32 does not hold.
    """
    squares = numpy.empty(len(matrix))
    for start in range(0, len(matrix), BLOCK):
        block = matrix[start : start + BLOCK]
        # in float64, where the square of no float32 leaves the range
        numpy.einsum(
            "vh,vh->v", block, block, dtype=numpy.float64, out=squares[start : start + BLOCK]
        )
    check_finite(squares)
    lengths = numpy.sqrt(squares)
    if lengths.max(initial=0) > numpy.finfo(numpy.float32).max:
        raise ModelFileError(
            f"the vector in row {int(lengths.argmax()):,} is {lengths.max():g} long, more than "
            "float32 holds: divide the vectors by their largest number"
        )
    lengths[lengths == 0] = 1
    return lengths


def unit_rows(matrix: numpy.ndarray) -> numpy.ndarray:
    """Rows at length 1; a row of zeros stays one. matrix: (V, H)."""
    return matrix / row_lengths(matrix)[:, None].astype(matrix.dtype)


def check_finite(numbers: numpy.ndarray) -> None:
    """Raise ModelFileError for NaN or infinity: a mapped file was not read when it was opened."""
    if not numpy.isfinite(numbers).all():
        raise ModelFileError(
            "the model is damaged: a vector holds NaN or infinity; make its file anew"
        )
