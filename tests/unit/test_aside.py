"""Work beside the calling thread: all of it is done, or none of it waited for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from raylocus.execution.aside import Aside, check_cancelled


def endless() -> None:
    """Work that only a cancellation ends; a minute where there is none, so that a test fails and does not hang."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        check_cancelled()
        time.sleep(0.001)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_ends_what_has_begun_and_drops_what_has_not(error: type[BaseException]) -> None:
    with pytest.raises(error), Aside(1) as aside:
        begun = aside.submit(endless)
        waiting = aside.submit(endless)
        raise error
    assert isinstance(begun.exception(), CancelledError)
    assert waiting.cancelled() or isinstance(waiting.exception(), CancelledError)


def test_without_an_error_all_work_is_done() -> None:
    with Aside(2) as aside:
        parts = [aside.submit(lambda number=number: number**2) for number in range(5)]
    assert [part.result() for part in parts] == [0, 1, 4, 9, 16]


def test_a_cancellation_is_the_asides_own() -> None:
    """Neither the calling thread nor the threads of another one see it."""
    other_goes_on = threading.Event()

    def long() -> str:
        assert other_goes_on.wait(60)
        check_cancelled()
        return "done"

    with Aside(1) as other:
        result = other.submit(long)
        with pytest.raises(ValueError), Aside(1) as aside:
            aside.submit(endless)
            raise ValueError
        check_cancelled()
        other_goes_on.set()
    assert result.result() == "done"
