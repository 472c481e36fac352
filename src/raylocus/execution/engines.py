"""Where units of work run: worker processes of this machine, as many as fit, or Ray."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import psutil

from raylocus.errors import RaylocusError, RuntimeUnavailableError
from raylocus.execution.side_by_side import worker_count
from raylocus.execution.task import ATTEMPTS, Task, TaskOutcome, WorkerLostError, perform

#: Memory of a worker before it has read a place [bytes]: Python and its libraries.
WORKER_BASE = 700 * 2**20
#: Share of the free memory that workers may take.
SHARE = 0.8


def workers_that_fit(needed: int) -> int:
    """As many workers as there are CPUs, or fewer where memory is short; one at least.

    Args:
        needed: memory of one worker [bytes].
    """
    return max(1, min(worker_count(), int(SHARE * available_memory() // needed)))


def available_memory() -> int:
    """Memory that can be taken without swapping [bytes], also where a control group allows less."""
    free = psutil.virtual_memory().available
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return max(free, 0)


class LocalProcesses:
    """Performs tasks in worker processes, which are spawned: a fork after Dr.Jit's or zarr's threads hangs."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        """Performs all tasks; those of a worker that died are tried again by others."""
        waiting = deque((task, 1) for task in tasks)
        while waiting:
            lost: list[tuple[Task, int]] = []
            yield from self._run_pool(waiting, lost)
            for task, attempt in lost:
                if attempt >= ATTEMPTS:
                    raise WorkerLostError.of(task)
            waiting.extendleft((task, attempt + 1) for task, attempt in reversed(lost))

    def _run_pool(
        self, waiting: deque[tuple[Task, int]], lost: list[tuple[Task, int]]
    ) -> Iterator[TaskOutcome]:
        """Takes tasks until none wait or the pool breaks; then `lost` holds what was under way."""
        pool = self._started()
        running: dict[Future[TaskOutcome], tuple[Task, int]] = {}
        try:
            while (waiting or running) and not lost:
                # No more than the workers' own are submitted, so that a death costs few tasks an attempt.
                while waiting and len(running) < self.workers:
                    running[pool.submit(perform, waiting[0][0])] = waiting[0]
                    waiting.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    entry = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        lost.append(entry)
        except BrokenProcessPool:  # it broke while a task was submitted
            lost.append(waiting.popleft())
        finally:
            lost.extend(running.values())
            if lost:
                self._end()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=leave_with_parent)
        return self._pool

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def leave_with_parent() -> None:
    """Ends this worker when the process that started it is killed: nobody else would."""

    def leave() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


#: Memory of a local cluster's object store [bytes]; tasks are small and answer with a few words.
OBJECT_STORE = 100 * 2**20


class RayCluster:
    """Performs tasks on a Ray cluster, whose nodes must all see the files."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        """Names the cluster; it is joined or started when there is work.

        Args:
            workers: CPUs of the cluster that is started here, and half the most tasks under way on any.
            address: address of a running cluster; None starts one on this machine.
        """
        self.workers, self.address = workers, address
        self._ray: Any = None

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *error: object) -> None:
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        """Performs all tasks; Ray tries those of a worker that died again."""
        if not tasks:
            return
        self._ray = self._ray or self._started()
        yield from self._outcomes(self._ray, deque(tasks))

    def _started(self) -> Any:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ModuleNotFoundError as error:
            raise RuntimeUnavailableError("Ray is not installed; run: pip install 'raylocus[ray]'") from error
        local: dict[str, Any] = {
            "num_cpus": self.workers,
            "object_store_memory": OBJECT_STORE,
            "include_dashboard": False,
        }
        try:
            ray.init(
                address=self.address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if self.address else local),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RuntimeUnavailableError(
                f"no Ray cluster at {self.address or 'this machine'}: {reason}"
            ) from error
        return ray

    def _outcomes(self, ray: Any, waiting: deque[Task]) -> Iterator[TaskOutcome]:
        remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(perform)
        running: dict[Any, Task] = {}
        while waiting or running:
            while waiting and len(running) < 2 * self.workers:
                task = waiting.popleft()
                running[remote.remote(task)] = task
            done, _ = ray.wait(list(running), num_returns=1)
            task = running.pop(done[0])
            try:
                yield ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                raise cause if isinstance(cause, RaylocusError) else error from None
            except ray.exceptions.RayError as error:
                raise WorkerLostError.of(task) from error
