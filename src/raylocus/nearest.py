"""The nearest cell of a raster where something holds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int
from scipy.ndimage import distance_transform_edt


def nearest_where(
    there: Bool[np.ndarray, "y x"],
) -> tuple[Int[np.ndarray, "y x"], Int[np.ndarray, "y x"]]:
    """Row and column of the nearest cell that is `there`, for each cell: its own where it is.

    They index an array over the cells. Where no cell is there they say nothing.
    """
    row, column = distance_transform_edt(~there, return_distances=False, return_indices=True)
    return row, column
