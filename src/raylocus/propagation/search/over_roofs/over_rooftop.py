"""The over-rooftop path: several knife edges in the vertical plane over the surface-height raster.

Streets that no specular path reaches are covered over the roofs. A string is stretched from the site to
the UE. Edges with no open ground between them belong to one building, which is one knife edge where
the string's lines before and after it meet (ITU-R P.526-15 §4.4 and Attachment 1, with radius 0); the
loss is that of a row of such edges. The earth is flat: at 1 km its bulge is 2 cm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.materials.knife_edge import cascaded_knife_edge_loss
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.search.over_roofs.roof_profile import Strings, stretched_strings
from raylocus.propagation.search.over_roofs.taut_strings import taut_strings


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
