"""The over-rooftop path: several knife edges in the vertical plane over the surface-height raster.

Streets that no specular path reaches are covered over the roofs. A string is stretched from the site to
the UE. Edges with no open ground between them belong to one building, which is one knife edge where
the string's lines before and after it meet (ITU-R P.526-15 §4.4 and Attachment 1, with radius 0); the
loss is that of a row of such edges. The earth is flat: at 1 km its bulge is 2 cm.

To a tile from a site far outside it, the string goes over coarse ground first and over fine ground before the UE:
What stands before the UE decides, so its last 200 m are read from a raster as fine as the tile's; the way before is
read from one of 16 m that holds the highest roof of each cell. The earth's bulge is added, which flat rasters lack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.materials.knife_edge import cascaded_knife_edge_loss
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.over_roofs.profiles import CHUNK, Profiles, SurfaceRaster, plan_distance
from raylocus.propagation.search.over_roofs.roof_profile import Strings, stretched_strings, strings_over
from raylocus.propagation.search.over_roofs.taut_strings import taut_strings
from raylocus.scenes.configuration import FINE_REACH


@dataclass(frozen=True)
class RooftopPaths:
    """One path a ground cell, from one site."""

    loss_db: Float[np.ndarray, " cell"]
    """Diffraction loss over free space [dB]; 0 where nothing is in the way."""
    obstacles: Int[np.ndarray, " cell"]
    """Buildings that the path goes over; 0 where the raster leaves the line of sight free."""
    length: Float[np.ndarray, " cell"]
    """Length of the string [m]."""
    departure: Float[np.ndarray, "cell 3"]
    """Unit vector from the site to the first edge."""
    arrival: Float[np.ndarray, "cell 3"]
    """Unit vector from the last edge to the UE."""


@dataclass(frozen=True)
class Obstacles:
    """Site, one vertex a building, and cell of each string; NaN past the cell."""

    along: Float[np.ndarray, "cell vertex"]
    """Horizontal distance from the site [m]."""
    height: Float[np.ndarray, "cell vertex"]
    """m."""


def over_rooftop_paths(
    site: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "cell 3"],
    raster: SurfaceRaster,
    wavelength: float,
    scene: RayScene | None = None,
) -> RooftopPaths:
    """The path over the roofs from a site to each point.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        raster: what is in the way.
        wavelength: wavelength [m].
        scene: for what the raster misses; None where only the raster is known.
    """
    strings = stretched_strings(site, point, raster)
    if scene is not None:
        strings = taut_strings(strings, scene, (site, point), raster)
    return paths_along(strings, site, point, wavelength)


def paths_along(
    strings: Strings, site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], wavelength: float
) -> RooftopPaths:
    """The paths along strings that are stretched from a site [m] to each point [m]."""
    obstacles = isolated_obstacles(strings)
    step, rise = np.diff(strings.along, axis=1), np.diff(strings.height, axis=1)
    last = np.isfinite(step).sum(axis=1) - 1
    plan = point[:, :2] - site[:2]
    plan /= np.maximum(np.linalg.norm(plan, axis=1), 1e-9)[:, None]
    cell = np.arange(len(point))
    return RooftopPaths(
        loss_db=cascaded_knife_edge_loss(obstacles.along, obstacles.height, wavelength),
        obstacles=np.isfinite(obstacles.along).sum(axis=1) - 2,
        length=np.nansum(np.hypot(step, rise), axis=1),
        departure=_direction(plan, step[:, 0], rise[:, 0]),
        arrival=_direction(plan, step[cell, last], rise[cell, last]),
    )


def isolated_obstacles(strings: Strings) -> Obstacles:
    """One vertex for all edges of a string that have no open ground between them.

    It lies where the line that comes to the first of them meets the line that leaves the last.
    """
    x, z = strings.along, strings.height
    first, last, count = _groups(strings)
    row, group = np.nonzero(first > 0)
    start, end = first[row, group], last[row, group]
    slope = np.diff(z, axis=1) / np.diff(x, axis=1)
    before, after = slope[row, start - 1], slope[row, end]
    bend = before - after
    # Edges that are nearly in one line: rounding leaves no corner where the lines meet, or one far away.
    straight = bend <= 0
    way = z[row, end] - z[row, start] + before * x[row, start] - after * x[row, end]
    met = np.clip(way / np.where(straight, 1.0, bend), x[row, start], x[row, end])
    along, height = (np.full((len(x), first.shape[1] + 1), np.nan) for _ in range(2))
    along[:, 0], height[:, 0] = x[:, 0], z[:, 0]
    along[row, group] = met
    height[row, group] = z[row, start] + before * (met - x[row, start])
    cell, end_of_string = np.arange(len(x)), np.isfinite(x).sum(axis=1) - 1
    along[cell, count + 1], height[cell, count + 1] = x[cell, end_of_string], z[cell, end_of_string]
    return Obstacles(along, height)


def _groups(
    strings: Strings,
) -> tuple[Int[np.ndarray, "cell group"], Int[np.ndarray, "cell group"], Int[np.ndarray, " cell"]]:
    """First and last edge of every building of a string (0 where there is none, from column 1), and their number."""
    cell, before_last = np.nonzero(np.isfinite(strings.along[:, 2:]))
    edge = before_last + 1
    group = np.cumsum(strings.apart, axis=1)[cell, edge]
    size = (len(strings.along), int(group.max(initial=0)) + 1)
    last, count = np.zeros(size, np.int64), np.zeros(size[0], np.int64)
    np.maximum.at(last, (cell, group), edge)
    np.maximum.at(count, cell, group)
    first = np.where(last > 0, strings.along.shape[1], 0)
    np.minimum.at(first, (cell, group), edge)
    return first, last, count


def _direction(
    plan: Float[np.ndarray, "cell 2"], step: Float[np.ndarray, " cell"], rise: Float[np.ndarray, " cell"]
) -> Float[np.ndarray, "cell 3"]:
    length = np.hypot(step, rise)
    return np.column_stack([plan * (step / length)[:, None], rise / length])


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
