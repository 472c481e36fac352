"""How threads compute: how many PyTorch works with, what they take for 0, and work that is done side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")
S = TypeVar("S")


@contextmanager
def one_thread() -> Iterator[int]:
    """Holds PyTorch to one thread: on small tensors, threads wait for each other more than they work.

    Yields:
        The threads that it had before: how much can be done side by side.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


@contextmanager
def tiny_is_zero() -> Iterator[None]:
    """Takes numbers below the normal range (1.2e-38 in single precision) for 0 in this thread.

    Processors work on them a hundred times as long, and powers of a likelihood are full of them.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def side_by_side(work: Callable[[T], S], items: Sequence[T], threads: int) -> list[S]:
    """The result of some work for each item, in their order; so many items are worked on at a time.

    What the work draws or adds up must not depend on what is done at the same time.
    """
    if min(threads, len(items)) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
