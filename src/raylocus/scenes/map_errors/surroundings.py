"""What stands around buildings as it may be: the ground, parked cars and trees, and where sites stand on it."""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from shapely import Polygon, affinity

from raylocus.geo import Grid
from raylocus.scenes.ground.terrain import FLAT
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.meshing.scene_mesh import TERRAIN_STEP
from raylocus.scenes.sites import Deployment
from raylocus.scenes.siting.spacing import disc_window
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import CLUTTER, ROAD_CLASSES, Building, Terrain
from raylocus.scenes.world import gaussian_fields

#: Antennas stay this far above what is below and around them, and as far inside the tile [m].
CLEARANCE, AROUND = 1.5, 4.0
#: Length, width and height of a car [m]; below a UE's antenna, so that the ground around it stays outdoors.
CAR = (4.5, 1.8, 1.45)
#: Cars stand on the roads of these classes, this far from the kerb [m].
PARKED_ON, KERB = ("primary", "residential", "service"), 1.2
#: Crown radius of a tree [m].
CROWN_RADIUS = 3.0
#: Trees stand at least this far from buildings [m].
TREE_DISTANCE = 4.0


def terrain_of_mesh(ground: Triangles, source: str) -> Terrain:
    """The terrain that a place's ground triangles were made of: heights at their corners.

    Args:
        ground: a square of terrain, flat or a regular grid of triangles.
        source: as in `Terrain`.
    """
    corner = ground.vertices.reshape(-1, 3)
    axis = np.unique(np.round(corner[:, 0], 3))
    side = float(axis[-1] - axis[0])
    if len(axis) == 2:
        # A flat square; finer, so that its error can be shaped.
        step = side / np.ceil(side / TERRAIN_STEP)
        grid = Grid(round(side / step + 1) * step, step)
        return Terrain(grid, np.full(grid.shape, corner[0, 2]), source)
    step = side / (len(axis) - 1)
    grid = Grid(len(axis) * step, step)
    column, row = np.round((corner[:, :2] + side / 2) / step).astype(int).T
    height = np.zeros(grid.shape)
    height[row, column] = corner[:, 2]
    return Terrain(grid, height, source)


def draw_terrain(terrain: Terrain, law: MapErrorLaw, generator: np.random.Generator) -> Terrain:
    """The terrain with an error of the law's spread for its source; zero on average."""
    spread = law.terrain_error(terrain.source)
    if spread == 0:
        return terrain
    (error,) = gaussian_fields(1, terrain.grid, law.terrain_distance, generator)
    source = "generated" if terrain.source == FLAT else terrain.source
    return dataclasses.replace(
        terrain, height=terrain.height + spread * (error - error.mean()), source=source
    )


def draw_sites(
    deployment: Deployment,
    maps: tuple[xr.Dataset, xr.Dataset],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> Deployment:
    """The deployment with its sites where they may truly stand; its antennas are as listed.

    Args:
        deployment: as listed.
        maps: G as mapped and as it is; antennas rise and fall with the ground and stay above roofs.
        grid: their grid.
        law: how wrong positions are.
        generator: decides the positions.
    """
    positions = _moved(deployment.site_positions, maps, grid, law, generator)
    sites = tuple(
        dataclasses.replace(site, position=tuple(position))
        for site, position in zip(deployment.sites, positions.tolist(), strict=True)
    )
    return dataclasses.replace(deployment, sites=sites)


def _moved(
    listed: Float[np.ndarray, "site 3"],
    maps: tuple[xr.Dataset, xr.Dataset],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> Float[np.ndarray, "site 3"]:
    spread = law.severity * np.array([law.site_error, law.site_error, law.antenna_height_error])
    moved = listed + spread * generator.standard_normal(listed.shape)
    # Of the ground around the tile too little is known to move a site on it.
    outside = ~grid.contains(listed)
    moved[outside] = listed[outside]
    edge = grid.size / 2 - AROUND
    inside = np.abs(listed[:, :2]).max(axis=1) < edge
    moved[inside, :2] = np.clip(moved[inside, :2], -edge, edge)
    if law.severity == 0:
        return listed
    mapped, true = (each["terrain"].values.ravel() for each in maps)
    cell, old = grid.index(moved), grid.index(listed)
    moved[:, 2] += np.where(outside, 0.0, true[cell] - mapped[old])
    surface = maps[1]["surface"].values
    for site in np.flatnonzero(~outside).tolist():
        below = surface[disc_window(grid, moved[site, :2], AROUND)]
        moved[site, 2] = max(moved[site, 2], float(below.max()) + CLEARANCE)
    return np.round(moved, 2)


def draw_cars(
    maps: xr.Dataset, grid: Grid, law: MapErrorLaw, generator: np.random.Generator
) -> tuple[Building, ...]:
    """Cars parked along the kerbs of streets, none in another."""
    street = np.isin(maps["road_class"].values, [ROAD_CLASSES.index(name) for name in PARKED_ON])
    street &= maps["footprint"].values == 0
    inwards = distance_transform_edt(street) * grid.resolution
    kerb = np.flatnonzero(street & (inwards <= KERB + grid.resolution))
    wanted = generator.poisson(law.severity * law.cars_per_road_area * street.sum() * grid.resolution**2)
    along = _direction_along(inwards)
    cars: list[Polygon] = []
    for cell in generator.permutation(kerb)[:wanted].tolist():
        car = _car(grid.centres[cell], float(along.flat[cell]))
        if grid.contains(np.array(car.exterior.coords)).all():
            cars.append(car)
    kept = _apart(cars)
    return tuple(
        Building(f"car/{number}", car, CAR[2], 0.0, CLUTTER, wall_material="metal", roof_material="metal")
        for number, car in enumerate(kept)
    )


def draw_trees(
    maps: xr.Dataset, grid: Grid, law: MapErrorLaw, generator: np.random.Generator
) -> Float[np.ndarray, "tree 2"]:
    """Positions (x, y) of trees on open ground, off carriageways, buildings and water [m]."""
    built = maps["footprint"].values > 0
    away = distance_transform_edt(~built) * grid.resolution if built.any() else np.full(grid.shape, np.inf)
    carriageway = maps["road_class"].values < ROAD_CLASSES.index("pedestrian")
    open_ground = (away > TREE_DISTANCE) & ~carriageway & ~(maps["water"].values > 0)
    open_ground &= ~(maps["vegetation"].values > 0)
    wanted = generator.poisson(
        law.severity * law.trees_per_open_area * open_ground.sum() * grid.resolution**2
    )
    cells = generator.permutation(np.flatnonzero(open_ground))[:wanted]
    return grid.centres[cells]


def with_crowns(
    vegetation: Float[np.ndarray, "y x"], trees: Float[np.ndarray, "tree 2"], grid: Grid
) -> Float[np.ndarray, "y x"]:
    """The layer with 1 under the crowns of more trees."""
    covered = np.nan_to_num(vegetation).astype(np.float32)
    for x, y in trees:
        near = np.hypot(grid.y_coordinates[:, None] - y, grid.x_coordinates[None, :] - x) < CROWN_RADIUS
        covered[near] = 1.0
    return covered


def _direction_along(inwards: Float[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
    """Direction of the street at each cell [rad]: across the way from its kerb."""
    y, x = np.gradient(inwards)
    return np.arctan2(x, -y)


def _car(centre: Float[np.ndarray, "2"], direction: float) -> Polygon:
    shape = shapely.box(-CAR[0] / 2, -CAR[1] / 2, CAR[0] / 2, CAR[1] / 2)
    turned = affinity.rotate(shape, direction, origin=(0, 0), use_radians=True)
    return affinity.translate(turned, *centre.tolist())


def _apart(shapes: list[Polygon]) -> list[Polygon]:
    """The shapes that touch none before them."""
    if not shapes:
        return []
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    gone: Bool[np.ndarray, " shape"] = np.zeros(len(shapes), bool)
    for first, second in sorted(zip(one.tolist(), other.tolist(), strict=True)):
        if first < second and not gone[first]:
            gone[second] = True
    return [shape for shape, left in zip(shapes, gone, strict=True) if not left]
