"""Work in pieces: cut by a memory budget, run side by side, put together in order.

Every item (a ray, a pair of edge and ground cell, a row of the tile) is computed from itself alone, so
results depend neither on the cut nor on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from raylocus.errors import MemoryBudgetError
from raylocus.execution.side_by_side import side_by_side, worker_count

Result = TypeVar("Result")
#: Fewer items are not spread over more processors.
SMALLEST_PIECE = 1 << 14
#: Bytes of the unit that budgets are given in.
GIBIBYTE = 1 << 30


def piece_length(budget: float, each: float | int, what: str) -> int:
    """How many items one piece may have, so that all pieces in work fit into the budget.

    Args:
        budget: memory for the work [GiB].
        each: what one item takes [byte].
        what: the item's name, for the error.

    Raises:
        MemoryBudgetError: not even one item fits.
    """
    length = int(budget * GIBIBYTE / (each * worker_count()))
    if length < 1:
        needed = each * worker_count() / GIBIBYTE
        raise MemoryBudgetError(
            f"a memory budget of {budget:g} GiB does not hold {what}, the smallest piece of the work; "
            f"raise memory_budget to {needed:.2g} or more"
        )
    return length


def piece_slices(count: int, length: int) -> list[slice]:
    """Consecutive slices of at most that length that cover `count` items."""
    return [slice(start, min(start + length, count)) for start in range(0, count, length)]


def in_pieces(work: Callable[[slice], Result], count: int, length: int) -> list[Result]:
    """Results of `work` on consecutive slices, in order; pieces run side by side.

    Args:
        work: called with a slice of the items; must not change anything that others see.
        count: number of items.
        length: most items of a piece, see `piece_length`.
    """
    # Smaller where that keeps every processor busy, but not so small that the calls themselves cost.
    slices = piece_slices(count, min(length, max(-(-count // worker_count()), SMALLEST_PIECE)))
    return list(side_by_side(work, slices, min(worker_count(), len(slices))))
