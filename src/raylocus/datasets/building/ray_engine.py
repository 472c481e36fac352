"""Ray: the same units of work on a cluster."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from raylocus.datasets.building.task import ATTEMPTS, Outcome, Task, WorkerLostError, perform
from raylocus.errors import RaylocusError, RuntimeUnavailableError

#: Memory of a local cluster's object store [bytes]; tasks are small and answer with a few words.
OBJECT_STORE = 100 * 2**20


class RayCluster:
    """Performs tasks on a Ray cluster, whose nodes must all see the places and the dataset."""

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

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
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

    def _outcomes(self, ray: Any, waiting: deque[Task]) -> Iterator[Outcome]:
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
