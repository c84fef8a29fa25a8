"""Threads: how many there may be, pools whose results come in order, and reading ahead."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from typing import TypeVar

Result = TypeVar("Result")

_NO_MORE = object()


def cores() -> int:
    """The processor cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def useful_threads(wanted: int | None) -> int:
    """A thread for each core, or fewer if so many are wanted: more would only take memory."""
    return min(wanted or cores(), cores())


def in_order(
    pool: ThreadPoolExecutor, tasks: Iterable[Callable[[], Result]], ahead: int
) -> Iterator[Result]:
    """The results of the tasks in order, with `ahead` of them under way."""
    under_way: deque[Future[Result]] = deque()
    for task in tasks:
        under_way.append(pool.submit(task))
        if len(under_way) > ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def read_ahead(items: Iterable[Result], ahead: int) -> Iterator[Result]:
    """The same items, made in a thread of their own, `ahead` of them before they are asked for."""
    with ThreadPoolExecutor(1) as reader:
        take = partial(next, iter(items), _NO_MORE)
        for item in in_order(reader, repeat(take), ahead):
            if item is _NO_MORE:
                return
            yield item


@contextmanager
def multiplying_threads(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool in which a matrix product stays on the thread that asks for it.

    For work that falls into many products: threads that share one product wait for the slowest of
    them at each block; on a busy machine, that took twice as long.
    """
    from threadpoolctl import threadpool_limits  # NumPy has no way to do this

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        yield pool
