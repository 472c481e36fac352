"""Work side by side in threads of this process: results in order, items taken when their turn comes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count() -> int:
    """Items that are worked on at once: one a processor that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Results of `work` on items, in order; so many are in work at once.

    Items are taken only when their turn comes, and results are held only until they are asked for.

    Args:
        work: called with an item; must not change anything that others see.
        items: what is worked on.
        workers: items in work at once, as many as there are processors by default; one is worked on by the thread
            that asks.
    """
    workers, waiting_items = workers or worker_count(), iter(items)
    if workers < 2:
        yield from map(work, waiting_items)
        return
    with ThreadPoolExecutor(workers) as threads:
        running = deque(threads.submit(work, item) for item in islice(waiting_items, workers))
        while running:
            result = running.popleft().result()
            running.extend(threads.submit(work, item) for item in islice(waiting_items, 1))
            yield result


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in a thread of its own while the one before is worked on."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(list, islice(items, 1))
        while item := coming.result():
            coming = thread.submit(list, islice(items, 1))
            yield from item
