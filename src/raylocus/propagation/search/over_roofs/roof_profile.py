"""What stands between a site and ground cells, read along straight lines from the surface raster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.propagation.search.over_roofs.profiles import (
    CHUNK,
    Profiles,
    SurfaceRaster,
    plan_distance,
    read_profiles,
)

#: More edges than this on one string are not resolved: a string ends at the cell all the same.
MOST_EDGES = 24
#: Ground this far below a string, and at least half a step of its profile, is a valley between two hills [m].
VALLEY_DEPTH = 1.0


@dataclass(frozen=True)
class Strings:
    """Strings stretched from a site over all that stands in the way to ground cells (ITU-R P.526-15 §4.4).

    The points of a string are the site, the edges it bends at, and the cell; NaN past the cell.
    """

    along: Float[np.ndarray, "cell point"]
    """Horizontal distance from the site [m]."""
    height: Float[np.ndarray, "cell point"]
    """m."""
    apart: Bool[np.ndarray, "cell point"]
    """Whether open ground, or a valley, lies between a point and the one before: only then it is another obstacle."""


def stretched_strings(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], raster: SurfaceRaster
) -> Strings:
    """The string from a site to each point.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        raster: what they are stretched over.
    """
    starts = range(0, len(point), CHUNK) or range(1)
    parts = [_stretched(site, point[start : start + CHUNK], raster) for start in starts]
    columns = max(part.along.shape[1] for part in parts)
    return Strings(
        np.concatenate([_widened(part.along, columns, np.nan) for part in parts]),
        np.concatenate([_widened(part.height, columns, np.nan) for part in parts]),
        np.concatenate([_widened(part.apart, columns, False) for part in parts]),
    )


def _widened(values: Shaped[np.ndarray, "cell point"], columns: int, missing: float | bool) -> np.ndarray:
    return np.pad(values, [(0, 0), (0, columns - values.shape[1])], constant_values=missing)


def _stretched(
    site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], raster: SurfaceRaster
) -> Strings:
    return strings_over(read_profiles(site, point, raster), site, point)


def strings_over(
    profiles: Profiles, site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"]
) -> Strings:
    """The strings from a site [m] to points [m] over what their profiles say."""
    distance, start = plan_distance(site, point), float(site[2])
    edges = upper_hull(profiles.along, profiles.height, start, distance, point[:, 2])
    return _strings(edges, profiles, start, distance, point[:, 2])


def upper_hull(
    along: Float[np.ndarray, "cell step"],
    height: Float[np.ndarray, "cell step"],
    start: Float[np.ndarray, " cell"] | float,
    distance: Float[np.ndarray, " cell"],
    end: Float[np.ndarray, " cell"],
) -> Int[np.ndarray, "cell edge"]:
    """Steps at which each string bends, in order; −1 past the last.

    From every edge the string goes on to the step seen at the steepest angle, until that is the cell.

    Args:
        along: horizontal distance of each step from the site [m].
        height: what stands there [m].
        start: height of the site [m].
        distance: horizontal distance of the cell from the site [m].
        end: height of the cell [m].
    """
    edges = np.full((len(along), MOST_EDGES), -1, np.int64)
    row = np.arange(len(along))
    x, z = np.zeros(len(along)), np.zeros(len(along)) + start
    for count in range(MOST_EDGES):
        ahead = along[row] - x[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(ahead > 1e-6, (height[row] - z[:, None]) / ahead, -np.inf)
        # The last of equals: a flat roof is left at its far edge.
        best = slope.shape[1] - 1 - slope[:, ::-1].argmax(axis=1)
        bends = slope[np.arange(len(row)), best] > (end[row] - z) / np.maximum(distance[row] - x, 1e-9)
        row, best = row[bends], best[bends]
        if not len(row):
            break
        edges[row, count] = best
        x, z = along[row, best], height[row, best]
    return edges


def _strings(
    edges: Int[np.ndarray, "cell edge"],
    profiles: Profiles,
    start: float,
    distance: Float[np.ndarray, " cell"],
    end: Float[np.ndarray, " cell"],
) -> Strings:
    """Site, edges and cell as columns."""
    along, height, open_before = profiles.along, profiles.height, profiles.open_before
    count = (edges >= 0).sum(axis=1)
    cell, columns = np.arange(len(edges)), int(count.max(initial=0)) + 2
    x, z = (np.full((len(edges), columns), np.nan) for _ in range(2))
    x[:, 0], z[:, 0] = 0.0, start
    row, edge = np.nonzero(edges >= 0)
    step = edges[row, edge]
    x[row, edge + 1], z[row, edge + 1] = along[row, step], height[row, step]
    x[cell, count + 1], z[cell, count + 1] = distance, end
    passed = np.zeros((len(edges), columns), np.int64)
    passed[row, edge + 1] = open_before[row, step]
    hilly = np.unique(row[np.diff(open_before, axis=1, prepend=0)[row, step] > 0])
    if len(hilly):
        hills = profiles.select(hilly)
        valleys = _valleys_before(edges[hilly], hills, x[hilly], z[hilly])
        hill, bend = np.nonzero(edges[hilly] >= 0)
        passed[hilly[hill], bend + 1] = valleys[hill, edges[hilly][hill, bend]]
    apart = np.diff(passed, axis=1, prepend=0) > 0
    apart[:, 1] = True
    return Strings(x, z, apart)


def _valleys_before(
    edges: Int[np.ndarray, "cell edge"],
    profiles: Profiles,
    x: Float[np.ndarray, "cell point"],
    z: Float[np.ndarray, "cell point"],
) -> Int[np.ndarray, "cell step"]:
    """How many of the steps up to each are open ground that lies clearly below the string through x and z.

    Where a string lies on the ground it bends at one step after the other of the same hill. They are one
    obstacle (ITU-R P.526-15, Attachment 1 to Annex 1: string points that are consecutive samples).
    """
    along = profiles.along
    bent = np.zeros(along.shape, np.int64)
    row, edge = np.nonzero(edges >= 0)
    np.add.at(bent, (row, edges[row, edge]), 1)
    # The piece of the string over each step: that before an edge for the edge itself.
    piece = np.cumsum(bent, axis=1) - bent
    start, end, low, high = (
        np.take_along_axis(values, piece + shift, axis=1) for values in (x, z) for shift in (0, 1)
    )
    string = low + (high - low) * (along - start) / np.maximum(end - start, 1e-9)
    depth = np.maximum(VALLEY_DEPTH, profiles.half_step)
    is_open = np.diff(profiles.open_before, axis=1, prepend=0) > 0
    return np.cumsum(is_open & (profiles.height < string - depth), axis=1)
