"""Strings over the surface raster, pulled over the edges that only rays know of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster, height_read
from raylocus.propagation.search.over_roofs.roof_profile import MOST_EDGES, Strings, upper_hull
from raylocus.propagation.search.over_roofs.string_rays import Edges, Pieces, missed_edges, open_between

#: How often a string is pulled over what its pieces still hit; each time over one wall at least.
MOST_ROUNDS = 4
#: The raster's own edges lie within this many ground cells of the mesh's; nothing new is looked for there.
RASTER_EDGE = 1.5
#: Rays are asked whether open ground lies between edges no more than this far apart [m].
CLOSE_EDGES = 8.0
#: Rays look for edges this close to edges that rays have found, and to the ends [m].
RAY_EDGE = 0.01
#: Edges that rise by less than this above all that the raster has next to them are the raster's [m].
LOWEST_RISE = 0.5

#: Site, edges and cell of strings in columns, NaN past the cell: distance from the site [m], height [m], and how close
#: to each rays look for others [m].
_Points = Float[np.ndarray, "3 string point"]


def taut_strings(
    strings: Strings,
    scene: RayScene,
    ends: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "string 3"]],
    raster: SurfaceRaster,
) -> Strings:
    """The strings, stretched over what is in their way as well; where nothing is, they stay as they are.

    Args:
        strings: as the raster has them.
        scene: what it may not know.
        ends: the site and the cells [m].
        raster: what it knows.
    """
    site, point = ends
    resolution = raster.grid.resolution
    plan = point[:, :2] - site[:2]
    plan /= np.maximum(np.linalg.norm(plan, axis=1), 1e-9)[:, None]
    points = _widened(strings, RASTER_EDGE * resolution)
    tried, changed = np.arange(len(plan)), np.zeros(len(plan), bool)
    for _ in range(MOST_ROUNDS):
        edges = _unknown(missed_edges(scene, site, plan, _pieces(points, tried)), ends, raster)
        tried = np.unique(edges.string)
        if not len(tried):
            break
        points[:, tried] = _stretched(points[:, tried], np.searchsorted(tried, edges.string), edges)
        changed[tried] = True
    return _with(strings, points, changed, scene, (site, plan), resolution)


def _widened(strings: Strings, raster_margin: float) -> _Points:
    """The strings with room for as many edges as a string may have."""
    count, columns = strings.along.shape
    points = np.full((3, count, MOST_EDGES + 2), np.nan)
    points[0, :, :columns], points[1, :, :columns] = strings.along, strings.height
    points[2] = np.where(np.isfinite(points[0]), raster_margin, np.nan)
    points[2, :, 0] = points[2, np.arange(count), _cell(points)] = RAY_EDGE
    return points


def _cell(points: _Points) -> Int[np.ndarray, " string"]:
    """Column of the cell of each string."""
    return np.isfinite(points[0]).sum(axis=1) - 1


def _pieces(points: _Points, tried: Int[np.ndarray, " tried"]) -> Pieces:
    row, first = np.nonzero(np.isfinite(points[0, tried, 1:]))
    both = np.stack([points[:, tried[row], first], points[:, tried[row], first + 1]], axis=-1)
    return Pieces(tried[row], *both)


def _unknown(
    edges: Edges, ends: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "string 3"]], raster: SurfaceRaster
) -> Edges:
    """The edges that rise above all that the raster has next to them, by more than the slope of a roof explains."""
    resolution, (site, point) = raster.grid.resolution, ends
    read = height_read(site, point[edges.string], raster, edges.along, RASTER_EDGE * resolution)
    return edges.select(edges.height > read + max(LOWEST_RISE, resolution / 2))


def _stretched(points: _Points, place: Int[np.ndarray, " edge"], edges: Edges) -> _Points:
    """Strings over their own points and new edges; what lies below a string is no edge any more."""
    order = np.argsort(place, kind="stable")
    place = place[order]
    rank = np.arange(len(place)) - np.searchsorted(place, place)
    new = np.full((3, points.shape[1], int(rank.max()) + 1), np.nan)
    new[:, place, rank] = edges.along[order], edges.height[order], np.full(len(order), RAY_EDGE)
    every = np.concatenate([points, new], axis=2)
    every = np.take_along_axis(every, np.argsort(every[0], axis=1, kind="stable")[None], axis=2)
    rows, cell = np.arange(points.shape[1]), _cell(points)
    distance, end = points[:2, rows, cell]
    # The site is not ahead of itself, and no bend is needed to reach the cell.
    bends = upper_hull(np.nan_to_num(every[0]), _floor(every), points[1, :, 0], distance, end)
    stretched = np.full(points.shape, np.nan)
    stretched[:, :, 0] = points[:, :, 0]
    row, edge = np.nonzero(bends >= 0)
    stretched[:, row, edge + 1] = every[:, row, bends[row, edge]]
    stretched[:, rows, (bends >= 0).sum(axis=1) + 1] = points[:, rows, cell]
    return stretched


def _floor(points: _Points) -> Float[np.ndarray, "string point"]:
    """Heights; far below where there is no point."""
    return np.where(np.isfinite(points[0]), points[1], -np.inf)


def _with(
    strings: Strings,
    points: _Points,
    changed: Bool[np.ndarray, " string"],
    scene: RayScene,
    frame: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "string 2"]],
    resolution: float,
) -> Strings:
    """The strings as they are now; rays say whether edges of changed ones, and close ones, are apart."""
    columns = int(_cell(points).max(initial=1)) + 1
    points = points[:, :, :columns]
    apart = np.zeros(points.shape[1:], bool)
    apart[:, : strings.apart.shape[1]] = strings.apart[:, :columns]
    apart[:, 1] = True
    # The raster may have gaps in a thin wall askew of its cells, as if it were two.
    close = apart[:, 2:] & (np.diff(points[0], axis=1)[:, 1:] <= CLOSE_EDGES)
    string, first = np.nonzero((close | changed[:, None]) & np.isfinite(points[0, :, 2:]))
    along, height, margin = np.stack([points[:, string, first + 1], points[:, string, first + 2]], axis=-1)
    site, plan = frame
    flat = site[:2] + along[..., None] * plan[string, None]
    edges = np.concatenate([flat, height[..., None]], axis=-1)
    apart[string, first + 2] = open_between(scene, edges, margin <= RAY_EDGE, resolution)
    return Strings(points[0], points[1], apart)
