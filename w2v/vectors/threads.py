"""Threads that multiply matrices each for itself, for work that falls into many products.

Threads that share one product wait for the slowest of them at each block; on a busy machine, that
took twice as long.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def multiplying_threads(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool in which a matrix product stays on the thread that asks for it."""
    from threadpoolctl import threadpool_limits  # NumPy has no way to do this

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        yield pool
