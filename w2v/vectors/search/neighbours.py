"""Exact nearest neighbours of many rows at once: products in blocks, and a fast selection.

On a CPU a block of scores is small enough to stay in the cache, where compiled code (`top_k`) picks
the best. On a GPU (where `config.GPU` is set) the scores are sorted, but only those of the chunks
that can hold one of the best. Called by `WordVectors.neighbours`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy

from w2v import config
from w2v.backend import Array, array_module, to_cpu, to_gpu
from w2v.parallel import cores, multiplying_threads
from w2v.vectors.cosine import unit_rows

Found = tuple[int, numpy.ndarray, numpy.ndarray]
"""A row, the rows nearest to it, best first, and their scores."""

CHUNK = 128


class Sizes(NamedTuple):
    """How much is computed at a time; the answers do not depend on it.

    queries, candidates: the sides of a block on a CPU, 2 MB of scores, about a core's own cache.
    gpu_scores: the most scores at a time on a GPU, 1 GB.
    """

    queries: int = 512
    candidates: int = 1024
    gpu_scores: int = 1 << 28


SIZES = Sizes()


def nearest_rows(
    matrix: numpy.ndarray,
    asked: Sequence[int],
    topn: int,
    restrict: int | None = None,
    threads: int | None = None,
    sizes: Sizes = SIZES,
) -> Iterator[Found]:
    """For each row asked, the `topn` rows of the highest cosine among the first `restrict`.

    matrix: (V, H). The row itself is not an answer; equal scores come in rising order of the rows.
    Raises ModelFileError for NaN and infinity in the matrix.
    """
    rows = numpy.asarray(asked, numpy.int64)
    units = unit_rows(matrix[:restrict])
    search = _GPUSearch(units, sizes) if config.GPU else _CPUSearch(units, threads, sizes)
    return _in_batches(search, matrix, rows, max(0, min(topn, len(units))))


def _in_batches(
    search: "_CPUSearch | _GPUSearch", matrix: numpy.ndarray, rows: numpy.ndarray, topn: int
) -> Iterator[Found]:
    for start in range(0, len(rows), search.queries):
        batch = rows[start : start + search.queries]
        scores, near = search.best(unit_rows(matrix[batch]), batch, topn)
        for row, row_scores, row_near in zip(batch, scores, near, strict=True):
            kept = row_scores > -numpy.inf  # fewer than `topn` where there are not that many words
            yield int(row), row_near[kept], row_scores[kept]


class _CPUSearch:
    """The best of units, (V, H), for a batch of queries; each thread takes a part of them."""

    def __init__(self, units: numpy.ndarray, threads: int | None, sizes: Sizes):
        self.units, self.threads, self.sizes = units, threads or cores(), sizes
        self.queries = 4 * sizes.queries * self.threads

    def best(
        self, queries: numpy.ndarray, own: numpy.ndarray, topn: int
    ) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Scores and rows, (Q, topn) each. own: (Q,) each query's row, which is not an answer."""
        scores = numpy.full((len(queries), topn), -numpy.inf, numpy.float32)
        rows = numpy.zeros((len(queries), topn), numpy.int64)
        step = self.sizes.queries
        parts = [slice(start, start + step) for start in range(0, len(queries), step)]

        def work(part: slice) -> None:
            self._search(queries[part], own[part], scores[part], rows[part])

        if topn:
            with multiplying_threads(self.threads) as pool:
                list(pool.map(work, parts))
        return scores, rows

    def _search(
        self, queries: numpy.ndarray, own: numpy.ndarray, scores: numpy.ndarray, rows: numpy.ndarray
    ) -> None:
        from w2v.vectors.search.top_k import keep_best, sorted_best  # imports Numba

        step = self.sizes.candidates
        buffer = numpy.empty(len(queries) * step, numpy.float32)
        for start in range(0, len(self.units), step):
            candidates = self.units[start : start + step]
            shape = len(queries), len(candidates)
            block = buffer[: shape[0] * shape[1]].reshape(shape)
            numpy.matmul(queries, candidates.T, out=block)
            _exclude(block, own - start)
            keep_best(block, start, scores, rows)
        scores[:], rows[:] = sorted_best(scores, rows)


class _GPUSearch:
    """The same in array code, for CuPy."""

    def __init__(self, units: numpy.ndarray, sizes: Sizes):
        self.units = to_gpu(units)
        self.queries = max(1, min(16384, sizes.gpu_scores // max(1, len(units))))

    def best(
        self, queries: numpy.ndarray, own: numpy.ndarray, topn: int
    ) -> tuple[numpy.ndarray, numpy.ndarray]:
        scores = to_gpu(queries) @ self.units.T
        _exclude(scores, own)
        best, rows = best_columns(scores, topn)
        return to_cpu(best), to_cpu(rows)


def _exclude(scores: Array, columns: numpy.ndarray) -> None:
    """Make each query's own column, where it lies in this block, the worst."""
    inside = numpy.flatnonzero((columns >= 0) & (columns < scores.shape[1]))
    xp = array_module(scores)
    scores[xp.asarray(inside), xp.asarray(columns[inside])] = -numpy.inf


def best_columns(scores: Array, topn: int) -> tuple[Array, Array]:
    """The `topn` highest scores of each row, falling, and their columns; ties by rising column.

    scores: (Q, C). Only the `topn` chunks of the highest maximum are sorted: none of the best can
    lie in another, and of equal maxima the earlier chunk is taken.
    """
    xp = array_module(scores)
    count, width = scores.shape
    if width > CHUNK * topn:
        chunks = -(-width // CHUNK)
        padded = xp.full((count, chunks * CHUNK), -numpy.inf, scores.dtype)
        padded[:, :width] = scores
        padded = padded.reshape(count, chunks, CHUNK)
        order = xp.argsort(-padded.max(axis=2), axis=1, kind="stable")[:, :topn]
        chosen = xp.sort(order, axis=1)  # in rising order of the columns
        scores = xp.take_along_axis(padded, chosen[:, :, None], axis=1).reshape(count, topn * CHUNK)
        columns = (chosen[:, :, None] * CHUNK + xp.arange(CHUNK)).reshape(count, topn * CHUNK)
    else:
        columns = xp.broadcast_to(xp.arange(width), scores.shape)
    best = xp.argsort(-scores, axis=1, kind="stable")[:, :topn]
    return xp.take_along_axis(scores, best, axis=1), xp.take_along_axis(columns, best, axis=1)
