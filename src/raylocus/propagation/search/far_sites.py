"""Which way each site is traced, with all geometry between or over the height rasters, and the columns of far ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import SPECULAR, PathAtlas
from raylocus.propagation.search.over_roofs.over_rooftop import GroundBetween, RooftopPaths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.search.path_columns import PathColumns
from raylocus.scenes.building_records import read_named_scene
from raylocus.scenes.geometry_maps import BUILT_SHARE, MATERIALS, grid_of
from raylocus.scenes.map_geometry import topmost_surface
from raylocus.scenes.place import Place
from raylocus.scenes.triangles import Triangles

#: Treatments of a site, as R's attribute `site_treatment` lists them.
TRACED, FAR = "traced", "far"


@dataclass(frozen=True)
class SiteTreatment:
    """What is known of the ground around a tile, and which way each site takes."""

    kinds: tuple[str, ...]
    """`TRACED` or `FAR`, one a site."""
    around: SurfaceRaster | None
    """The tile and its margin; None where every site stands in the tile."""
    between: GroundBetween | None
    """What far sites see; None where there is none."""


def site_kinds(place: Place, triangles: Triangles) -> tuple[str, ...]:
    """`TRACED` for sites over the scene's ground, `FAR` for those beyond it.

    Raises:
        PlaceError: a site stands beyond the scene, and the ground between is not known.
    """
    ground = triangles.vertices[triangles.ground][..., :2].reshape(-1, 2)
    low, high = ground.min(axis=0), ground.max(axis=0)
    position = place.deployment.site_positions[:, :2]
    inside = np.all((position > low) & (position < high), axis=1)
    for number in np.flatnonzero(~inside).tolist():
        known = place.surroundings is not None and grid_of(place.surroundings).contains(position[number])
        if not known:
            x, y = position[number]
            raise PlaceError(
                f"site {place.deployment.sites[number].name} at x,y = {x:.1f},{y:.1f} m lies outside the "
                f"{place.tile.size:g} m tile; move it inside or build an area, whose tiles know the ground around them"
            )
    return tuple(TRACED if near else FAR for near in inside.tolist())


def treatments_of(place: Place) -> tuple[str, ...]:
    """The kinds of all sites of a place; its scene is read only where a site stands outside the tile."""
    if place.tile.contains(place.deployment.site_positions).all():
        return (TRACED,) * len(place.deployment.sites)
    return site_kinds(place, read_named_scene(place.scene_file))


def site_treatment(place: Place, triangles: Triangles, ue_height: float) -> SiteTreatment:
    """How the sites of a place are traced.

    Args:
        place: with its sites and surroundings.
        triangles: its scene.
        ue_height: of the UEs over the terrain [m].

    Raises:
        PlaceError: a site stands beyond the scene, and the ground between is not known.
    """
    kinds = site_kinds(place, triangles)
    outside = not place.tile.contains(place.deployment.site_positions).all()
    around = around_raster(place.tile, triangles, ue_height) if outside else None
    between = None
    if around is not None and place.surroundings is not None and FAR in kinds:
        ground = place.surroundings
        wide = SurfaceRaster(
            grid_of(ground), ground["surface"].values.astype(np.float64), ground["built"].values < BUILT_SHARE
        )
        between = GroundBetween(around, wide)
    return SiteTreatment(kinds, around, between)


def around_raster(tile: Grid, triangles: Triangles, ue_height: float) -> SurfaceRaster:
    """The scene's surface over the tile and as many whole ground cells around it as the scene reaches."""
    ground = triangles.select(triangles.ground)
    reach = np.abs(ground.vertices[..., :2]).reshape(-1, 2).max(axis=0).min() - tile.size / 2
    grid = Grid(tile.size + 2 * np.floor(max(reach, 0) / tile.resolution) * tile.resolution, tile.resolution)
    surface, terrain = (_height(part, grid) for part in (triangles, ground))
    return SurfaceRaster(grid, surface, surface <= terrain + ue_height)


def _height(triangles: Triangles, grid: Grid) -> Float[np.ndarray, "y x"]:
    height, _ = topmost_surface(triangles, grid)
    return np.nan_to_num(height, nan=-np.inf)


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
