"""Worker processes on this machine: started afresh, as many as memory allows, replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from raylocus.datasets.building.task import ATTEMPTS, Outcome, Task, WorkerLostError, perform


class LocalProcesses:
    """Performs tasks in worker processes, which are spawned: a fork after Dr.Jit's or zarr's threads hangs."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Performs all tasks; those of a worker that died are tried again by others."""
        waiting = deque((task, 1) for task in tasks)
        while waiting:
            lost: list[tuple[Task, int]] = []
            yield from self._run_pool(waiting, lost)
            for task, attempt in lost:
                if attempt >= ATTEMPTS:
                    raise WorkerLostError.of(task)
            waiting.extendleft((task, attempt + 1) for task, attempt in reversed(lost))

    def _run_pool(self, waiting: deque[tuple[Task, int]], lost: list[tuple[Task, int]]) -> Iterator[Outcome]:
        """Takes tasks until none wait or the pool breaks; then `lost` holds what was under way."""
        pool = self._started()
        running: dict[Future[Outcome], tuple[Task, int]] = {}
        try:
            while (waiting or running) and not lost:
                # No more than the workers' own are submitted, so that a death costs few tasks an attempt.
                while waiting and len(running) < self.workers:
                    entry = waiting.popleft()
                    running[pool.submit(perform, entry[0])] = entry
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    entry = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        lost.append(entry)
        except BrokenProcessPool:  # it broke while a task was submitted
            lost.append(entry)
        finally:
            lost.extend(running.values())
            if lost:
                self._end()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_leave_with_parent)
        return self._pool

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _leave_with_parent() -> None:
    """Ends this worker when the process that started it is killed: nobody else would."""

    def leave() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=leave, daemon=True).start()
