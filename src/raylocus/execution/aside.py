"""Work in threads beside the one that asked for it, which ends where that one fails or is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import ContextVar
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")
_NEVER = threading.Event()
#: Set once nobody waits any more for what the current thread works on.
_cancelled: ContextVar[threading.Event] = ContextVar("cancelled", default=_NEVER)


class Aside:
    """Threads for work beside the calling thread, as a context: one that an error leaves waits for none of it.

    Work that has begun then ends at its next `check_cancelled`; what has not begun is dropped.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._unwanted = threading.Event()

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._unwanted.set()
        self._pool.shutdown(cancel_futures=kind is not None)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Begins some work, as soon as a thread is free."""

        def cancellable() -> T:
            _cancelled.set(self._unwanted)
            return work()

        return self._pool.submit(cancellable)


def check_cancelled() -> None:
    """Ends work that nobody waits for; long work calls it between its parts, and in any other thread it does nothing.

    Raises:
        CancelledError: the work is an `Aside`'s, whose context an error has left.
    """
    if _cancelled.get().is_set():
        raise CancelledError
