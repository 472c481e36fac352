"""Paths of the atlas to some ground cells, as lines in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import OVER_ROOFTOP, REFRACTED, PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import interaction_points, point_paths
from raylocus.propagation.atlas.ue_paths import UePaths, ground_cell_points, paths_at
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.search.over_roofs.roof_profile import stretched_strings
from raylocus.ragged import Rows
from raylocus.units import to_decibel
from raylocus.viz.viewer.packing import PackedArray, packed

#: Ground cells along each side of the tile whose paths are kept, at the most.
ALONG_SIDE = 32
#: Strongest paths kept of each site at each of them.
STRONGEST = 6
#: Steps of coordinates [m] and of levels [dB].
STEP, LEVEL_STEP = 0.1, 0.5
#: Directions are parallel where the sine of the angle between them is less than this.
LEAST_SINE = 1e-4
#: A path over roofs is drawn where its line is as long as the path, to this [m].
TOLERANCE = 0.5


@dataclass(frozen=True)
class PathLines:
    """Lines of paths, sorted by ground cell, site and falling power."""

    cell: Int[np.ndarray, " path"]
    """Flat index of the ground cell."""
    site: Int[np.ndarray, " path"]
    kind: Int[np.ndarray, " path"]
    """As in the atlas."""
    gain: Float[np.ndarray, " path"]
    """dB, between isotropic antennas."""
    length: Float[np.ndarray, " path"]
    """m."""
    points: Rows
    """Points of each path."""
    point: Float[np.ndarray, "point 3"]
    """From the site to the UE [m]."""
    left_out: int
    """Strong paths whose points the atlas leaves open."""

    def packed(self) -> dict[str, PackedArray]:
        """The columns as the page holds them."""
        return {
            "cell": packed(self.cell, 1.0),
            "site": packed(self.site, 1.0),
            "kind": packed(self.kind, 1.0),
            "gain": packed(self.gain, LEVEL_STEP),
            "length": packed(self.length, STEP),
            "count": packed(self.points.lengths, 1.0),
            "point": packed(self.point.T, STEP),
        }


def path_lines(
    atlas: PathAtlas,
    sites: Float[np.ndarray, "site 3"],
    geometry_maps: xr.Dataset,
    along: int = ALONG_SIDE,
) -> PathLines:
    """The strongest paths from every site to a lattice of outdoor ground cells.

    Args:
        atlas: the place's.
        sites: antenna centres [m].
        geometry_maps: G.
        along: most points of the lattice along a side.
    """
    terrain, surface = (geometry_maps[name].values.astype(float) for name in ("terrain", "surface"))
    outdoor = geometry_maps["footprint"].values == 0
    ends = ground_cell_points(atlas.grid, terrain, atlas.ue_height)
    raster = SurfaceRaster(atlas.grid, surface, outdoor)
    cells = lattice(atlas.grid, outdoor, along)
    return joined_lines(
        [_of_site(atlas, site, sites[site], ends, cells, raster) for site in range(len(sites))]
    )


def lattice(grid: Grid, outdoor: Bool[np.ndarray, "y x"], along: int) -> Int[np.ndarray, " chosen"]:
    """Of each square of ground cells the first that is outdoors, if any; flat indices, ascending."""
    stride = -(-grid.count // along)
    row, column = np.nonzero(outdoor)
    square = (row // stride) * grid.count + column // stride
    _, first = np.unique(square, return_index=True)
    return np.sort(row[first] * grid.count + column[first])


def _of_site(
    atlas: PathAtlas,
    site: int,
    position: Float[np.ndarray, "3"],
    ends: Float[np.ndarray, "ground_cell 3"],
    cells: Int[np.ndarray, " chosen"],
    raster: SurfaceRaster,
) -> PathLines:
    some, gain = _strongest(paths_at(atlas, site, ends[cells], ends))
    points = _points(some, position, ends[cells], raster)
    whole = points.lengths > 0
    return PathLines(
        cell=cells[some.ue[whole]],
        site=np.full(int(whole.sum()), site),
        kind=some.paths.kind[whole],
        gain=gain[whole],
        length=some.paths.length[whole],
        points=Rows.of(points.lengths[whole]),
        point=points.point,
        left_out=int((~whole).sum()),
    )


def _strongest(found: UePaths) -> tuple[UePaths, Float[np.ndarray, " path"]]:
    """The strongest paths to each UE, and their gains [dB]."""
    gain = to_decibel(point_paths(found).gain)
    order = np.lexsort([-gain, found.ue])
    strong = order[Rows.of(np.bincount(found.ue, minlength=found.ue_count)).rank < STRONGEST]
    strong = strong[np.isfinite(gain[strong])]
    return UePaths(found.ue[strong], found.ue_count, reorder(found.paths, strong)), gain[strong]


@dataclass(frozen=True)
class _Points:
    """Points of some paths from site to UE; none where they are not known."""

    lengths: Int[np.ndarray, " path"]
    point: Float[np.ndarray, "point 3"]


def _points(
    found: UePaths,
    site: Float[np.ndarray, "3"],
    ends: Float[np.ndarray, "chosen 3"],
    raster: SurfaceRaster,
) -> _Points:
    paths, end = found.paths, ends[found.ue]
    between = _over_roofs(paths, site, end, raster)
    reflected = interaction_points(found, site, ends)
    between[:, : reflected.shape[1]] = np.where(
        np.isnan(reflected), between[:, : reflected.shape[1]], reflected
    )
    points = np.concatenate([np.broadcast_to(site, (len(end), 1, 3)), between, end[:, None]], axis=1)
    known = ~np.isnan(points[..., 0])
    straight = (paths.kind == REFRACTED) | paths.line_of_sight
    known &= (straight | (known.sum(axis=1) > 2))[:, None]
    return _Points(known.sum(axis=1), points[known])


def _over_roofs(
    paths: PathAtlas, site: Float[np.ndarray, "3"], end: Float[np.ndarray, "path 3"], raster: SurfaceRaster
) -> Float[np.ndarray, "path point 3"]:
    """Points of paths over roofs: of the raster's string where it is as long as the path, else where two legs meet."""
    over = np.flatnonzero(paths.kind == OVER_ROOFTOP)
    some, end = reorder(paths, over), end[over]
    strings = stretched_strings(site, end, raster)
    distance = np.hypot(*(end - site)[:, :2].T)
    share = strings.along / np.maximum(distance, 1e-9)[:, None]
    inner = np.isfinite(strings.along) & (strings.along > 0) & (share < 1)
    flat = site[:2] + share[..., None] * (end - site)[:, None, :2]
    point = np.where(inner[..., None], np.concatenate([flat, strings.height[..., None]], axis=-1), np.nan)
    length = np.nansum(np.hypot(np.diff(strings.along, axis=1), np.diff(strings.height, axis=1)), axis=1)
    # Nothing in the way, as from far sites: a point on the straight line stands for no edge.
    free = ~inner.any(axis=1)
    point[free, 0] = (site + end[free]) / 2
    point[np.abs(length - some.length) > TOLERANCE] = np.nan
    bent = np.isnan(point[..., 0]).all(axis=1)
    point[bent, 0] = _turn(site, reorder(some, np.flatnonzero(bent)), end[bent])
    depth = max(point.shape[1], paths.material.shape[1] + 1)
    points = np.full((len(paths.length), depth, 3), np.nan)
    points[over, : point.shape[1]] = point
    return points


def _turn(
    site: Float[np.ndarray, "3"], paths: PathAtlas, end: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path 3"]:
    """Where the first and the last leg of a path meet, as if one edge turned it; NaN where they do not."""
    first, last = paths.departure.astype(float), -paths.arrival.astype(float)
    cosine = np.einsum("pi,pi->p", first, last)
    step = end - site
    ahead, back = np.einsum("pi,pi->p", step, first), np.einsum("pi,pi->p", step, last)
    square = np.maximum(1 - cosine**2, LEAST_SINE**2)
    # Least squares of site + t·first = end + r·last.
    t, r = (ahead - cosine * back) / square, (cosine * ahead - back) / square
    met = (site + t[:, None] * first + end + r[:, None] * last) / 2
    length = np.linalg.norm(met - site, axis=1) + np.linalg.norm(end - met, axis=1)
    good = (t > 0) & (r > 0) & (np.abs(length - paths.length) < TOLERANCE)
    return np.where(good[:, None], met, np.nan)


def joined_lines(parts: list[PathLines]) -> PathLines:
    """Lines of several sites or tiles as one, in the order that a page reads."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("cell", "site", "kind", "gain", "length")
    }
    rows = Rows.joined([part.points.offsets for part in parts])
    order = np.lexsort([-columns["gain"], columns["site"], columns["cell"]])
    element, points = rows.select(order)
    return PathLines(
        **{name: column[order] for name, column in columns.items()},
        points=points,
        point=np.concatenate([part.point for part in parts])[element],
        left_out=sum(part.left_out for part in parts),
    )
