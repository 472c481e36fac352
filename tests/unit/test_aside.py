"""Work in other processes: what comes of it, and how it ends."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from raylocus.errors import InputError
from raylocus.execution.aside import Aside
from raylocus.execution.task import WorkerLostError


def square(number: int) -> int:
    return number**2


def refuse() -> None:
    raise InputError("there is no bound here")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def long(mark: Path) -> None:
    """Says its process, and works for a minute."""
    mark.with_suffix(".partial").write_text(str(os.getpid()))
    mark.with_suffix(".partial").rename(mark)
    time.sleep(60)


def test_without_an_error_all_work_is_done() -> None:
    with Aside() as aside:
        begun = [aside.begin(partial(square, number), "a square") for number in (2, 3)]
        assert [each.result() for each in begun] == [4, 9]


@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt])
def test_an_error_ends_what_has_begun(error: type[BaseException], tmp_path: Path) -> None:
    mark = tmp_path / "process"
    with pytest.raises(error), Aside() as aside:
        aside.begin(partial(long, mark), "much")
        until = time.monotonic() + 50
        while not mark.exists() and time.monotonic() < until:
            time.sleep(0.01)
        raise error
    assert not psutil.pid_exists(int(mark.read_text()))


def test_what_the_work_raises_and_its_death_are_said_by_its_result() -> None:
    with Aside() as aside:
        refused, died = aside.begin(refuse, "nothing"), aside.begin(die, "the bound")
        with pytest.raises(InputError, match="no bound here"):
            refused.result()
        with pytest.raises(WorkerLostError, match="the process that worked out the bound died"):
            died.result()
