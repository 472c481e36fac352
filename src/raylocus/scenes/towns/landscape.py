"""The ground of a generated town and the trees on it."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon, STRtree
from shapely.geometry import LineString

from raylocus.geo import Grid
from raylocus.scenes.towns.frames import on_grid, polygons_of, rotate, rounded, square
from raylocus.scenes.towns.style import Greenery, Relief, Street, TownStyle
from raylocus.scenes.vector_map import Terrain

#: Largest spacing of the terrain's grid [m].
TERRAIN_RESOLUTION = 8.0
#: Width of the open quay between the water and the first blocks [m].
QUAY = 22.0
#: Distance from the water to the middle of the quay's road [m].
QUAY_ROAD = 12.0
#: Waves that make up the hills.
WAVES = 12


def draw_terrain(
    side: float, relief: Relief | None, orientation: float, generator: np.random.Generator
) -> Terrain:
    """Ground over a square of this side [m]; the main slope rises across the orientation of the streets."""
    grid = Grid(side, side / np.ceil(side / TERRAIN_RESOLUTION))
    if relief is None:
        return Terrain(grid, np.zeros(grid.shape), "generated")
    along = rotate(grid.centres, -orientation)
    height = relief.rise * along[:, 1] / side + relief.hills * _hills(along, relief.wavelength, generator)
    return Terrain(grid, rounded(height - height.min()).reshape(grid.shape), "generated")


def _hills(
    points: Float[np.ndarray, "point 2"], wavelength: float, generator: np.random.Generator
) -> Float[np.ndarray, " point"]:
    """A smooth random surface of unit variance."""
    directions = generator.uniform(-np.pi, np.pi, WAVES)
    numbers = 2 * np.pi / (wavelength * generator.uniform(0.8, 1.8, WAVES))
    waves = numbers[:, None] * np.stack([np.cos(directions), np.sin(directions)], axis=-1)
    phases = generator.uniform(-np.pi, np.pi, WAVES)
    return np.sqrt(2 / WAVES) * np.cos(points @ waves.T + phases).sum(axis=1)


def draw_water(
    side: float, share: float, orientation: float, generator: np.random.Generator
) -> tuple[Polygon, ...]:
    """Sea along one side of the square, with a straight quay and a few basins cut into it."""
    if share == 0.0:
        return ()
    shore = (share * generator.uniform(0.85, 1.15) - 0.5) * side
    shapes = [shapely.box(-side, -side, side, shore)]
    for _ in range(int(generator.integers(1, 3))):
        middle, wide = generator.uniform(-0.4, 0.4) * side, generator.uniform(25, 60)
        shapes.append(
            shapely.box(middle - wide / 2, shore - 1, middle + wide / 2, shore + generator.uniform(40, 110))
        )
    sea = shapely.union_all(shapes)
    turned = shapely.transform(sea, lambda points: rotate(points, orientation))
    return tuple(shapely.get_parts(shapely.intersection(turned, square(side))))


def quay_streets(water: tuple[Polygon, ...], side: float) -> list[Street]:
    """The road along the water's edge."""
    if not water:
        return []
    edge = on_grid(shapely.buffer(shapely.union_all(water), QUAY_ROAD, join_style="mitre")).boundary
    inside = shapely.intersection(edge, square(side - 2 * QUAY_ROAD - 1))
    lines = [line for line in shapely.get_parts(shapely.line_merge(inside)) if isinstance(line, LineString)]
    return [Street(line, "primary", 8.0, 18.0) for line in lines if line.length > 30]


def dry_land(style: TownStyle, water: tuple[Polygon, ...], side: float) -> shapely.Geometry:
    """Where blocks and streets may lie."""
    if not style.water_share:
        return square(side)
    shore = on_grid(shapely.buffer(shapely.union_all(water), QUAY, join_style="mitre"))
    return shapely.difference(square(side), shore)


#: Trees per hectare of a park.
PARK_TREES = 70.0
#: Least distance from a crown to a wall [m].
WALL_DISTANCE = 0.5


def plant(
    side: float,
    greenery: Greenery,
    streets: list[Street],
    parks: list[Polygon],
    obstacles: list[shapely.Geometry],
    generator: np.random.Generator,
) -> tuple[Polygon, ...]:
    """Crowns in plan, merged where they touch.

    Args:
        side: side of the town [m].
        greenery: how many trees.
        streets: streets that may carry trees.
        parks: blocks planted as parks.
        obstacles: buildings, carriageways and water, which crowns keep clear of.
        generator: draws positions and crowns.
    """
    sown = generator.uniform(-side / 2, side / 2, (int(greenery.trees_per_hectare * side**2 / 1e4), 2))
    trunks = np.concatenate([_along_streets(streets, greenery), sown, _in_parks(parks, generator)])
    radii = generator.uniform(*greenery.crown_radius, len(trunks))
    inside = np.abs(trunks).max(axis=1, initial=0) < side / 2 - greenery.crown_radius[1]
    points, radii = shapely.points(trunks[inside]), radii[inside]
    blocked = np.zeros(len(points), bool)
    if len(points) and obstacles:
        hits, _ = STRtree(obstacles).query(points, predicate="dwithin", distance=radii + WALL_DISTANCE)
        blocked[hits] = True
    crowns = shapely.buffer(points[~blocked], radii[~blocked], quad_segs=2)
    return tuple(polygons_of(on_grid(shapely.union_all(crowns))))


def _along_streets(streets: list[Street], greenery: Greenery) -> Float[np.ndarray, "tree 2"]:
    """Trunks midway between carriageway and façade, on both sides."""
    if greenery.street_tree_spacing is None:
        return np.zeros((0, 2))
    trunks = []
    for street in streets:
        offset = (street.width + street.corridor) / 4
        for side in (-offset, offset):
            line = on_grid(shapely.offset_curve(street.line, side))
            distances = np.arange(8.0, line.length - 8.0, greenery.street_tree_spacing)
            trunks.append(shapely.get_coordinates(shapely.line_interpolate_point(line, distances)))
    return np.concatenate(trunks) if trunks else np.zeros((0, 2))


def _in_parks(parks: list[Polygon], generator: np.random.Generator) -> Float[np.ndarray, "tree 2"]:
    trunks = [np.zeros((0, 2))]
    for park in parks:
        west, south, east, north = park.bounds
        count = int(PARK_TREES * (east - west) * (north - south) / 1e4)
        drawn = generator.uniform((west, south), (east, north), (count, 2))
        trunks.append(drawn[shapely.contains_xy(park, drawn)])
    return np.concatenate(trunks)
