"""Whole rows of a tile's grid: a piece of R, whose every layer depends on its own ground cells alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.geo import Grid


@dataclass(frozen=True)
class GridRows:
    """Rows `start` to `stop` (exclusive) of a grid, from the south; arrays over them are [y, x]."""

    grid: Grid
    start: int
    stop: int

    @classmethod
    def whole(cls, grid: Grid) -> GridRows:
        """All rows."""
        return cls(grid, 0, grid.count)

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) shape of arrays over the rows."""
        return self.stop - self.start, self.grid.count

    @property
    def count(self) -> int:
        """Ground cells in the rows."""
        return (self.stop - self.start) * self.grid.count

    @property
    def first(self) -> int:
        """Flat index, in the whole grid, of the first ground cell."""
        return self.start * self.grid.count

    @property
    def y(self) -> Float[np.ndarray, " row"]:
        """Cell-centre northings of the rows [m]."""
        return self.grid.y_coordinates[self.start : self.stop]
