"""Where a place or an area lies, and how high UEs stand there: for the true positions of a log."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from raylocus.scenes.area import Area
from raylocus.scenes.place import Place
from raylocus.scenes.sites import UE_HEIGHT


def contains(place: Place | Area, xy: Float[np.ndarray, "known 2"]) -> Bool[np.ndarray, " known"]:
    """Whether points lie in the tile of a place, or the extent of an area."""
    return place.extent.contains(xy) if isinstance(place, Area) else place.tile.contains(xy)


def ue_heights(place: Place | Area, xy: Float[np.ndarray, "known 2"]) -> Float[np.ndarray, " known"]:
    """Height of UEs over the ground [m]: that of a GPS receiver is too poor. NaN where no ground is known."""
    if not isinstance(place, Area):
        heights = place.geometry_maps["terrain"].values.ravel().astype(float)
        index = place.tile.index(xy)
        return np.where(index >= 0, heights[index] + UE_HEIGHT, np.nan)
    if place.ground is None:
        return np.full(len(xy), UE_HEIGHT)
    terrain = place.ground["terrain"]
    column, row = (
        np.abs(terrain[axis].values - at[:, None]).argmin(axis=1) for axis, at in zip("xy", xy.T, strict=True)
    )
    return np.asarray(terrain.values[row, column] + UE_HEIGHT, dtype=float)
