"""What stands on a tile, as paths over the roofs see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.geo import Grid


@dataclass(frozen=True)
class SurfaceRaster:
    """What stands on a tile, as a raster."""

    grid: Grid
    height: Float[np.ndarray, "y x"]
    """Height of the topmost surface [m]."""
    outdoor: Bool[np.ndarray, "y x"]
    """Where the UE surface lies open."""
