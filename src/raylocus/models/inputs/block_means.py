"""Means of rasters over blocks of ground cells."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def block_mean(
    values: Float[np.ndarray, "*lead y x"], factor: int
) -> Float[np.ndarray, "*lead rows columns"]:
    """Means over squares of `factor` cells along a side, which divides the grid."""
    *lead, height, width = values.shape
    return values.reshape(*lead, height // factor, factor, width // factor, factor).mean((-3, -1))
