"""How threads compute: how many PyTorch works with, and what they take for 0."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Generator[int, None, None]:
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
def tiny_is_zero() -> Generator[None, None, None]:
    """Takes numbers below the normal range (1.2e-38 in single precision) for 0 in this thread.

    Processors work on them a hundred times as long, and powers of a likelihood are full of them.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
