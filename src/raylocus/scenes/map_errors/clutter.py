"""What no map knows: parked cars along the kerbs, and trees."""

from __future__ import annotations

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from shapely import Polygon, affinity

from raylocus.geo import Grid
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.vector_map import CLUTTER, ROAD_CLASSES, Building

#: Length, width and height of a car [m]; below a UE's antenna, so that the ground around it stays outdoors.
CAR = (4.5, 1.8, 1.45)
#: Cars stand on the roads of these classes, this far from the kerb [m].
PARKED_ON, KERB = ("primary", "residential", "service"), 1.2
#: Crown radius of a tree [m].
CROWN_RADIUS = 3.0
#: Trees stand at least this far from buildings [m].
TREE_DISTANCE = 4.0


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
