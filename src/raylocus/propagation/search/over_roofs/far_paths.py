"""The path to a tile from a site far outside it: over coarse ground first, over fine ground before the UE.

What stands before the UE decides, so its last 200 m are read from a raster as fine as the tile's; the way before is
read from one of 16 m that holds the highest roof of each cell. The earth's bulge is added, which flat rasters lack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.propagation.search.over_roofs.over_rooftop import RooftopPaths, paths_along
from raylocus.propagation.search.over_roofs.profiles import CHUNK, Profiles, SurfaceRaster, plan_distance
from raylocus.propagation.search.over_roofs.roof_profile import strings_over

#: The way before the UE that is read from the fine raster [m].
FINE_REACH = 200.0
#: Effective radius of the earth [m] (ITU-R P.526-15 §1.1: the median in temperate climates).
EFFECTIVE_EARTH = 8.5e6


@dataclass(frozen=True)
class GroundBetween:
    """What stands between far sites and a tile."""

    near: SurfaceRaster
    """The tile and its margin."""
    beyond: SurfaceRaster
    """Everything up to the sites, in coarse cells that hold their highest surface."""


def far_paths(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], ground: GroundBetween, wavelength: float
) -> RooftopPaths:
    """The path from a far site to each point; it is straight where nothing is in the way.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        ground: what is in the way.
        wavelength: wavelength [m].
    """
    starts = range(0, len(point), CHUNK) or range(1)
    parts = [_paths(site, point[start : start + CHUNK], ground, wavelength) for start in starts]
    names = ("loss_db", "obstacles", "length", "departure", "arrival")
    return RooftopPaths(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _paths(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], ground: GroundBetween, wavelength: float
) -> RooftopPaths:
    return paths_along(strings_over(far_profiles(site, point, ground), site, point), site, point, wavelength)


def far_profiles(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], ground: GroundBetween
) -> Profiles:
    """What the rasters say on the straight way from a far site to each point.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        ground: the rasters.
    """
    plan = point[:, :2] - site[:2]
    distance = plan_distance(site, point)
    back, half_step = _steps_back(float(distance.max(initial=0.0)), ground)
    along = distance[:, None] - back
    position = point[:, None, :2] - (back[:, None] / distance[:, None, None]) * plan[:, None]
    coarse, beyond = ground.beyond.grid.resolution, int(np.count_nonzero(back >= FINE_REACH))
    height, is_open = (
        np.concatenate(each, axis=1)
        for each in zip(
            _read(ground.beyond, position[:, :beyond]),
            _read_finest(ground, position[:, beyond:]),
            strict=True,
        )
    )
    ends = (along < coarse) | (back < ground.near.grid.resolution)
    height = np.where(ends, -np.inf, height + along * back / (2 * EFFECTIVE_EARTH))
    return Profiles(along, height, np.cumsum(is_open, axis=1), half_step)


def _steps_back(
    longest: float, ground: GroundBetween
) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, "1 step"]]:
    """Distances from the UE at which ways are read, from the site on, and half the distance between them [m]."""
    fine, coarse = ground.near.grid.resolution, ground.beyond.grid.resolution
    few, many = round(FINE_REACH / fine), int(np.ceil(max(longest - FINE_REACH, 0) / coarse))
    back = np.concatenate([(np.arange(few) + 0.5) * fine, few * fine + (np.arange(many) + 0.5) * coarse])
    half = np.repeat([fine / 2, coarse / 2], [few, many])
    return back[::-1], half[None, ::-1]


def _read(
    raster: SurfaceRaster, position: Float[np.ndarray, "*shape 2"]
) -> tuple[Float[np.ndarray, "*shape"], Bool[np.ndarray, "*shape"]]:
    """Heights, −∞ off the raster, and whether the ground is open."""
    index = raster.grid.index(position)
    known, index = index >= 0, np.maximum(index, 0)
    return np.where(known, raster.height.ravel()[index], -np.inf), ~known | raster.outdoor.ravel()[index]


def _read_finest(
    ground: GroundBetween, position: Float[np.ndarray, "cell step 2"]
) -> tuple[Float[np.ndarray, "cell step"], Bool[np.ndarray, "cell step"]]:
    height, is_open = _read(ground.near, position)
    off = ~ground.near.grid.contains(position)
    height[off], is_open[off] = _read(ground.beyond, position[off])
    return height, is_open
