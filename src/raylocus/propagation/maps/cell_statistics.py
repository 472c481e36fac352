"""Sums, first and strongest over the paths of each ground cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class GroundCellGroups:
    """Paths of one site, sorted by ground cell, in groups of one ground cell each."""

    count: int
    """Ground cells of the rows of the grid."""
    cells: Int[np.ndarray, "group"]
    """Ground cell of each group, ascending."""
    starts: Int[np.ndarray, "group"]
    """First path of each group."""
    paths: int

    @classmethod
    def of(cls, ground_cell: Int[np.ndarray, "path"], count: int) -> GroundCellGroups:
        """Groups of sorted ground cells."""
        cells, starts = np.unique(ground_cell, return_index=True)
        return cls(count, cells, starts, len(ground_cell))

    def total(self, values: Float[np.ndarray, "path"]) -> Float[np.ndarray, "group"]:
        """Sum over each group's paths."""
        return np.add.reduceat(values, self.starts) if self.paths else np.zeros(0)

    def totals(self, values: Float[np.ndarray, "path column"]) -> Float[np.ndarray, "group column"]:
        """Column sums over each group's paths, as one sparse product."""
        return self.weighted(np.ones(self.paths, values.dtype)) @ values

    def weighted(self, weights: Shaped[np.ndarray, "path"]) -> csr_matrix:
        """The sparse matrix that sums weighted paths of each group."""
        return csr_matrix((weights, *self._entries), (len(self.cells), self.paths))

    @cached_property
    def _entries(self) -> tuple[Int[np.ndarray, "path"], Int[np.ndarray, "bound"]]:
        """Columns of the sparse matrix's entries, and where its rows begin; in scipy's own width, lest it copy."""
        bounds = np.append(self.starts, self.paths).astype(np.int32)
        return np.arange(self.paths, dtype=np.int32), bounds

    def least(self, values: Float[np.ndarray, "path"]) -> Float[np.ndarray, "group"]:
        """Smallest value of each group."""
        return np.minimum.reduceat(values, self.starts) if self.paths else np.zeros(0)

    def strongest(self, power: Float[np.ndarray, "path"]) -> Int[np.ndarray, "group"]:
        """Index of the path of each group with the most power, the last of equals."""
        if not self.paths:
            return np.zeros(0, np.int64)
        most = self.repeat(np.maximum.reduceat(power, self.starts))
        return np.maximum.reduceat(np.where(power == most, np.arange(self.paths), -1), self.starts)

    def repeat(self, values: Shaped[np.ndarray, "group"]) -> Shaped[np.ndarray, "path"]:
        """Each group's value at each of its paths."""
        return np.repeat(values, np.diff(np.append(self.starts, self.paths)))

    def spread(self, values: Float[np.ndarray, "group"]) -> Float[np.ndarray, "cell"]:
        """Group values over all ground cells, NaN where there is no path."""
        out = np.full(self.count, np.nan, np.float32)
        out[self.cells] = values
        return out
