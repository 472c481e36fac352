"""Columns of one length, and ragged ones: values of all rows one after the other, and the offsets where rows begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Int

Selected = TypeVar("Selected", bound="Columns")


@dataclass(frozen=True)
class Columns:
    """A dataclass whose fields are arrays of one length, or `Columns` themselves; None where there is none."""

    def select(
        self: Selected, rows: Int[np.ndarray, " selected"] | Bool[np.ndarray, " row"] | slice
    ) -> Selected:
        """Some of the rows, by index (in that order) or by mask."""
        return type(self)(**{name: _selected(getattr(self, name), rows) for name in self.names()})

    @classmethod
    def concatenate(cls: type[Selected], parts: Sequence[Selected]) -> Selected:
        """The rows of all parts, one after the other; there must be at least one part."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in cls.names()})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of the columns, in order."""
        return tuple(field.name for field in fields(cls))


def _selected(column: Any, rows: Any) -> Any:
    if column is None:
        return None
    return column.select(rows) if isinstance(column, Columns) else column[rows]


@dataclass(frozen=True)
class Rows:
    """The rows of ragged columns: elements `offsets[i]:offsets[i + 1]` are of row i."""

    offsets: Int[np.ndarray, " row_plus_1"]
    """Ascending, from 0 to the number of elements."""

    @classmethod
    def of(cls, lengths: Int[np.ndarray, " row"]) -> Rows:
        """Rows of these lengths."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(offsets)

    @classmethod
    def joined(cls, parts: Sequence[Int[np.ndarray, " _"]]) -> Rows:
        """The rows of all parts, given by their offsets, one after the other."""
        return cls.of(np.concatenate([np.diff(part) for part in parts]))

    @cached_property
    def lengths(self) -> Int[np.ndarray, " row"]:
        """Number of elements of each row."""
        return self.offsets[1:] - self.offsets[:-1]

    @cached_property
    def row(self) -> Int[np.ndarray, " element"]:
        """Row of each element."""
        return np.arange(len(self.offsets) - 1).repeat(self.lengths)

    @cached_property
    def first(self) -> Int[np.ndarray, " element"]:
        """First element of each element's row."""
        return self.offsets[:-1].repeat(self.lengths)

    @cached_property
    def rank(self) -> Int[np.ndarray, " element"]:
        """Number of elements before each in its row."""
        return np.arange(self.offsets[-1]) - self.first

    @cached_property
    def starts(self) -> Int[np.ndarray, " filled_row"]:
        """First element of each row that has any."""
        return self.offsets[:-1][self.lengths > 0]

    def select(self, rows: Int[np.ndarray, " selected"]) -> tuple[Int[np.ndarray, " element"], Rows]:
        """Elements of some rows, in that order, and the rows that they make."""
        chosen = Rows.of(self.lengths[rows])
        return self.offsets[:-1][rows][chosen.row] + chosen.rank, chosen

    def keep(self, elements: Int[np.ndarray, " kept"]) -> Rows:
        """The rows of some elements (ascending); rows left with none are dropped."""
        lengths = np.bincount(self.row[elements], minlength=len(self.offsets) - 1)
        return Rows.of(lengths[lengths > 0])
