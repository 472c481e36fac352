"""Ragged columns against the same rows as lists, and columns of one length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raylocus.ragged import Columns, Rows

LENGTHS = st.lists(st.integers(0, 4), max_size=6)


def rows_as_lists(rows: Rows) -> list[list[int]]:
    return [list(range(start, stop)) for start, stop in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]


@given(LENGTHS)
def test_every_element_knows_its_row(lengths: list[int]) -> None:
    rows = Rows.of(np.array(lengths, np.int64))
    lists = rows_as_lists(rows)
    assert rows.lengths.tolist() == lengths
    assert rows.row.tolist() == [row for row, each in enumerate(lists) for _ in each]
    assert rows.first.tolist() == [each[0] for each in lists for _ in each]
    assert rows.rank.tolist() == [rank for each in lists for rank in range(len(each))]
    assert rows.starts.tolist() == [each[0] for each in lists if each]


@given(LENGTHS)
def test_selected_rows_hold_what_they_held(lengths: list[int]) -> None:
    rows = Rows.of(np.array(lengths, np.int64))
    lists = rows_as_lists(rows)
    chosen = [index for index in reversed(range(len(lengths))) for _ in range(index % 3)]
    elements, selected = rows.select(np.array(chosen, np.int64))
    assert elements.tolist() == [element for index in chosen for element in lists[index]]
    assert selected.lengths.tolist() == [lengths[index] for index in chosen]


@given(LENGTHS)
def test_kept_elements_stay_in_their_rows_and_empty_rows_go(lengths: list[int]) -> None:
    rows = Rows.of(np.array(lengths, np.int64))
    kept = np.arange(rows.offsets[-1])[::2]
    counts = [len(set(each) & set(kept.tolist())) for each in rows_as_lists(rows)]
    assert rows.keep(kept).lengths.tolist() == [count for count in counts if count]


@given(st.lists(LENGTHS, min_size=1, max_size=4))
def test_joined_rows_come_one_after_the_other(parts: list[list[int]]) -> None:
    joined = Rows.joined([Rows.of(np.array(part, np.int64)).offsets for part in parts])
    assert joined.lengths.tolist() == [length for part in parts for length in part]


@dataclass(frozen=True)
class Inner(Columns):
    """Columns inside of others."""

    number: np.ndarray


@dataclass(frozen=True)
class Outer(Columns):
    """Columns of several kinds."""

    number: np.ndarray
    inner: Inner
    absent: np.ndarray | None = None


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=8), st.data())
def test_rows_of_columns_are_rows_of_each(values: list[int], data: st.DataObject) -> None:
    number = np.array(values)
    columns = Outer(number, Inner(np.stack([number, -number], axis=1)))
    index = np.array(data.draw(st.lists(st.integers(0, len(values) - 1), max_size=9)), np.int64)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    for rows in (index, mask, slice(1, None)):
        found = columns.select(rows)
        assert np.array_equal(found.number, number[rows]) and found.absent is None
        assert np.array_equal(found.inner.number[:, 1], -number[rows])


@given(st.lists(LENGTHS, min_size=1, max_size=4))
def test_joined_columns_are_cut_again_into_what_they_were(parts: list[list[int]]) -> None:
    joined = Inner.concatenate([Inner(np.array(part, np.int64)) for part in parts])
    assert joined.number.tolist() == [number for part in parts for number in part]
    assert Inner.names() == ("number",) and Outer.names() == ("number", "inner", "absent")
