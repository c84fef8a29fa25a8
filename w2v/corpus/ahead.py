"""Work that runs ahead of the one who takes its results, which come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import repeat
from typing import TypeVar

Result = TypeVar("Result")

_NO_MORE = object()


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
