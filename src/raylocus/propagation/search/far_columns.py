"""The paths of a site far outside the tile as columns of the atlas."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.atlas.atlas import SPECULAR, PathAtlas
from raylocus.propagation.search.over_roofs.over_rooftop import RooftopPaths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.search.path_columns import PathColumns
from raylocus.scenes.geometry_maps import MATERIALS

#: The ground reflects towards a UE where it lies within this of the UE's own ground [m].
LEVEL = 2.0


def far_columns(
    columns: PathColumns,
    site: int,
    position: Float[np.ndarray, "3"],
    cell: Int[np.ndarray, " path"],
    found: RooftopPaths,
    raster: SurfaceRaster,
) -> list[PathAtlas]:
    """Straight paths and those off the ground where nothing is in the way, paths over the roofs elsewhere.

    Args:
        columns: what the tile's paths have in common.
        site: index of the site.
        position: antenna centre [m].
        cell: ground cells, open ones.
        found: the path to each.
        raster: the tile's, which says where open ground reflects.
    """
    clear, hidden = np.flatnonzero(found.obstacles == 0), np.flatnonzero(found.obstacles > 0)
    straight = columns.plain(
        site, SPECULAR, cell[clear], found.length[clear], found.departure[clear], found.arrival[clear]
    )
    over = RooftopPaths(*(values[hidden] for values in vars(found).values()))
    reached = np.ones(len(hidden))
    return [
        straight,
        _off_the_ground(columns, site, position, cell[clear], raster),
        columns.over_rooftop(site, cell[hidden], over, reached),
    ]


def _off_the_ground(
    columns: PathColumns,
    site: int,
    position: Float[np.ndarray, "3"],
    cell: Int[np.ndarray, " path"],
    raster: SurfaceRaster,
) -> PathAtlas:
    """Reflections off level ground through the UE's own: open where the path meets it, or outside the tile."""
    point = columns.point[cell]
    ground = point[:, 2] - columns.ue_height
    above = position[2] - ground
    share = above / np.maximum(above + columns.ue_height, 1e-9)
    met = position[:2] + share[:, None] * (point[:, :2] - position[:2])
    index = raster.grid.index(met)
    known, at = index >= 0, np.maximum(index, 0)
    level = np.abs(raster.height.ravel()[at] - ground) < LEVEL
    kept = np.flatnonzero((above > 0) & (~known | (raster.outdoor.ravel()[at] & level)))
    down = np.column_stack([met - position[:2], -above])[kept]
    up = np.column_stack([point[:, :2] - met, np.full(len(point), columns.ue_height)])[kept]
    legs = [np.linalg.norm(leg, axis=1) for leg in (down, up)]
    directions = (leg / length[:, None] for leg, length in zip((down, up), legs, strict=True))
    part = columns.plain(site, SPECULAR, cell[kept], legs[0] + legs[1], *directions)
    part.normals[:, 0, 2] = 1.0
    part.material[:, 0] = MATERIALS.index("ground")
    return part
