"""A worker that dies takes no unit of work with it; one that dies again and again is reported.

What is here is imported by every worker, so it imports little.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from raylocus.execution.engines import LocalProcesses
from raylocus.execution.task import WorkerLostError


@dataclass(frozen=True)
class DyingTask:
    """Writes a file; its worker dies as long as there is no file that says that one has."""

    file: Path
    deaths: int
    place_index: int = 0

    @property
    def name(self) -> str:
        return self.file.name

    def perform(self) -> None:
        died = len(list(self.file.parent.glob(f"{self.name}.died.*")))
        if died < self.deaths:
            self.file.with_name(f"{self.name}.died.{died}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.file.touch()


def test_the_unit_of_a_lost_worker_is_tried_again(tmp_path: Path) -> None:
    tasks = [DyingTask(tmp_path / "a", 1), DyingTask(tmp_path / "b", 0), DyingTask(tmp_path / "c", 0)]
    with LocalProcesses(1) as engine:
        done = {outcome.task.name for outcome in engine.run(tasks)}
    assert done == {"a", "b", "c"} == {file.name for file in tmp_path.iterdir()} - {"a.died.0"}


def test_a_unit_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    with LocalProcesses(1) as engine, pytest.raises(WorkerLostError, match=r"3 times at a, .*--workers"):
        list(engine.run([DyingTask(tmp_path / "a", 99)]))
