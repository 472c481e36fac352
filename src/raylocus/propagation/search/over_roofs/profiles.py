"""The surface raster, and what it says on the straight ways between a site and ground cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid

#: Ground cells whose profiles are held at once; bounds the memory to about 100 MB at 512 m and 2 m.
CHUNK = 4096
#: Height of what is no obstacle [m].
_NOTHING = -np.inf


@dataclass(frozen=True)
class SurfaceRaster:
    """What stands on a tile, as a raster."""

    grid: Grid
    height: Float[np.ndarray, "y x"]
    """Height of the topmost surface [m]."""
    outdoor: Bool[np.ndarray, "y x"]
    """Where the UE surface lies open."""


@dataclass(frozen=True)
class Profiles:
    """What the raster says on the straight way from a site to each ground cell."""

    along: Float[np.ndarray, "cell step"]
    """Horizontal distance from the site at which it is read [m]."""
    height: Float[np.ndarray, "cell step"]
    """Height of the surface there [m]; −∞ within a ground cell of either end and outside the tile."""
    open_before: Int[np.ndarray, "cell step"]
    """How many of the steps up to this one are open ground."""
    half_step: Float[np.ndarray, "#cell #step"]
    """Half the distance between the steps [m]."""

    def select(self, chosen: Int[np.ndarray, " chosen"]) -> Profiles:
        """Some of the ways."""
        half = np.broadcast_to(self.half_step, (len(self.along), self.half_step.shape[1]))
        return Profiles(self.along[chosen], self.height[chosen], self.open_before[chosen], half[chosen])


def read_profiles(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], raster: SurfaceRaster
) -> Profiles:
    """The profiles from a site to each point.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        raster: what is read.
    """
    grid, outdoor = raster.grid, raster.outdoor
    plan = point[:, :2] - site[:2]
    distance = plan_distance(site, point)
    share = _profile_shares(distance, grid)
    index = grid.index(site[:2] + share[..., None] * plan[:, None])
    along = share * distance[:, None]
    height = _profile_heights(index, along, distance, raster)
    open_before = np.cumsum((index < 0) | outdoor.ravel()[np.maximum(index, 0)], axis=1)
    return Profiles(along, height, open_before, along[:, :1])


def height_read(
    site: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "edge 3"],
    raster: SurfaceRaster,
    along: Float[np.ndarray, " edge"],
    reach: float,
) -> Float[np.ndarray, " edge"]:
    """The most that the profile to each point reads within a distance [m] of a place on the way; −∞ where nothing.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        raster: what is read.
        along: the places, as distances from the site [m].
        reach: how far before and behind them [m].
    """
    read = np.full(len(point), _NOTHING)
    for start in range(0, len(point), CHUNK):
        part = slice(start, start + CHUNK)
        profiles = read_profiles(site, point[part], raster)
        near = np.abs(profiles.along - along[part, None]) <= reach
        read[part] = np.where(near, profiles.height, _NOTHING).max(axis=1, initial=_NOTHING)
    return read


def _profile_shares(distance: Float[np.ndarray, " cell"], grid: Grid) -> Float[np.ndarray, "cell step"]:
    """Shares of the way at which each profile is read, a ground cell apart and short ways finer; some past the end.

    Of each way by itself, so that neither other ways nor the direction change what is read.
    """
    steps = np.maximum(np.ceil(distance / grid.resolution), grid.count)
    return (np.arange(int(steps.max(initial=1))) + 0.5) / steps[:, None]


def _profile_heights(
    index: Int[np.ndarray, "cell step"],
    along: Float[np.ndarray, "cell step"],
    distance: Float[np.ndarray, " cell"],
    raster: SurfaceRaster,
) -> Float[np.ndarray, "cell step"]:
    height = np.where(index >= 0, raster.height.ravel()[np.maximum(index, 0)], _NOTHING)
    # The roof that carries the site and the ground cell of the UE are not obstacles to themselves, nor is what
    # lies beyond.
    near = np.minimum(along, distance[:, None] - along) < raster.grid.resolution
    return np.where(near, _NOTHING, height)


def plan_distance(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"]
) -> Float[np.ndarray, " cell"]:
    """Distance in plan from a site to each point [m], never 0."""
    return np.maximum(np.linalg.norm(point[:, :2] - site[:2], axis=1), 1e-9)
