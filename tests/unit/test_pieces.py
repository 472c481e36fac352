"""Work in pieces gives what work in one piece gives: order, cuts, laziness, and errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import MemoryBudgetError
from raylocus.execution import side_by_side as threads
from raylocus.execution.side_by_side import ahead, side_by_side
from raylocus.propagation.rays import pieces
from raylocus.propagation.rays.pieces import GIBIBYTE, in_pieces, piece_length, piece_slices


@given(st.integers(0, 500), st.integers(1, 70))
def test_slices_cover_every_item_once_and_in_order(count: int, length: int) -> None:
    slices = piece_slices(count, length)
    assert [index for each in slices for index in range(count)[each]] == list(range(count))
    assert all(1 <= each.stop - each.start <= length for each in slices)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("length", [3, 17, 1000])
def test_neither_cuts_nor_threads_change_a_result(
    workers: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "worker_count", lambda: workers)
    monkeypatch.setattr(pieces, "SMALLEST_PIECE", 4)
    values = np.random.default_rng(1).normal(size=101)
    done = in_pieces(lambda part: np.sqrt(np.abs(values[part])), len(values), length)
    assert np.array_equal(np.concatenate(done), np.sqrt(np.abs(values)))
    assert max(map(len, done)) <= length


def test_a_budget_holds_its_pieces_of_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "worker_count", lambda: 4)
    assert piece_length(1.0, 1024, "one ray") == GIBIBYTE // 4096
    with pytest.raises(MemoryBudgetError, match="does not hold one ray.*raise memory_budget to 4 or more"):
        piece_length(1.0, GIBIBYTE, "one ray")


def test_results_come_in_order_whoever_ends_first() -> None:
    def work(item: int) -> int:
        time.sleep(0.01 * (item == 0))
        return item * item

    assert list(side_by_side(work, range(8))) == [item * item for item in range(8)]
    assert list(side_by_side(work, [])) == []


def test_items_are_taken_only_when_their_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "worker_count", lambda: 2)
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    results = side_by_side(lambda item: item, items())
    assert next(results) == 0 and len(taken) <= 3
    assert next(results) == 1 and len(taken) <= 4


def test_the_next_item_is_made_meanwhile_and_by_one_thread() -> None:
    made: list[tuple[int, int]] = []

    def items() -> Iterator[int]:
        for item in range(5):
            made.append((item, threading.get_ident()))
            yield item

    assert list(ahead(items())) == list(range(5))
    assert [item for item, _ in made] == list(range(5))
    assert {thread for _, thread in made} != {threading.get_ident()} and len(
        {thread for _, thread in made}
    ) == 1


@pytest.mark.parametrize("how", ["pieces", "side by side", "ahead"])
def test_an_error_of_a_piece_is_the_callers(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "SMALLEST_PIECE", 1)

    def fail(item: object) -> int:
        raise ValueError("of a piece")

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("of a piece")

    with pytest.raises(ValueError, match="of a piece"):
        if how == "pieces":
            in_pieces(fail, 8, 2)
        elif how == "ahead":
            list(ahead(broken()))
        else:
            list(side_by_side(fail, range(4)))
