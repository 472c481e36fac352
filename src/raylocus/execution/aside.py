"""Work in other processes while this one goes on; an error here, or an interruption, ends them at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Generic, TypeVar

from raylocus.execution.engines import leave_with_parent
from raylocus.execution.memory import keep_freed_memory
from raylocus.execution.task import WorkerLostError

T = TypeVar("T")
#: These processes are nicer than this one by so much, as it goes on when they are done: one has a third of its time.
YIELDING = 5


class Begun(Generic[T]):
    """Work under way in a process of its own."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        context = multiprocessing.get_context("forkserver")
        self._name, (self._answer, answer) = name, context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_answered, args=(work, answer), daemon=True)
        self.process.start()
        # The process alone holds the other end, so that its death is the end of the pipe.
        answer.close()

    def result(self) -> T:
        """What came of it, once it is there.

        Raises:
            WorkerLostError: the process died.
            As the work itself.
        """
        try:
            value, error = self._answer.recv()
        except EOFError as gone:
            raise WorkerLostError(
                f"the process that worked out {self._name} died, perhaps for lack of memory; "
                "end what else runs here and run the command again"
            ) from gone
        if error is not None:
            raise error
        found: T = value
        return found


class Aside:
    """Other processes that work meanwhile, as a context: an error that leaves it ends what they work on."""

    def __init__(self) -> None:
        self._begun: list[BaseProcess] = []

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._begun:
            if kind is not None:
                process.kill()
            process.join()

    def begin(self, work: Callable[[], T], name: str) -> Begun[T]:
        """Begins some work, which can be pickled, in a process of its own; `name` is what messages call it.

        The process is forked from the fork server, see `preloading.begin_to_load`: threads of this one, such as
        zarr's, would otherwise hang in it.
        """
        begun = Begun(work, name)
        self._begun.append(begun.process)
        return begun


def _answered(work: Callable[[], T], answer: Connection) -> None:
    os.nice(YIELDING)
    # An interruption is the asking process's to answer, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_with_parent()
    keep_freed_memory()
    try:
        answer.send((work(), None))
    except Exception as error:
        answer.send((None, error))
