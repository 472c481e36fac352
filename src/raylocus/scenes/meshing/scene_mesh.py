"""A vector map as labelled triangles: terrain first, then every building closed and standing on its ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float, Int

from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.ground.terrain import FLAT, terrain_height
from raylocus.scenes.meshing.prisms import (
    FLOOR,
    ROOF,
    Faces,
    caps,
    join_faces,
    meshable,
    pitched_roof,
    plan_triangles,
    walls,
)
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import Building, Terrain, VectorMap

#: Longest side of a terrain triangle's legs [m].
TERRAIN_STEP = 16.0
#: Walls reach this far below the lowest ground, so that no ray slips under them [m].
FOUNDATION = 0.5


def terrain_triangles(terrain: Terrain, side: float) -> Float[np.ndarray, "triangle 3 3"]:
    """A square of the side `side` [m] around the origin, facing up; two triangles where it is flat."""
    steps = 1 if np.ptp(terrain.height) == 0 else int(np.ceil(side / TERRAIN_STEP))
    axis = np.linspace(-side / 2, side / 2, steps + 1)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    corner = np.column_stack(
        [x.ravel(), y.ravel(), terrain_height(terrain, np.column_stack([x.ravel(), y.ravel()]))]
    )
    index = np.arange((steps + 1) ** 2).reshape(steps + 1, steps + 1)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    return np.stack([corner[np.stack([a, b, c], -1)], corner[np.stack([a, c, d], -1)]], axis=1).reshape(
        -1, 3, 3
    )


def lowest_ground(
    terrain: Terrain, polygons: np.ndarray
) -> tuple[Float[np.ndarray, " polygon"], Float[np.ndarray, " polygon"]]:
    """Lowest ground [m] at each polygon's corners, and a z below all ground under and around it."""
    if terrain.source == FLAT or np.ptp(terrain.height) == 0:
        ground = np.full(len(polygons), float(terrain.height.flat[0]))
        return ground, ground - FOUNDATION
    corner, owner = shapely.get_coordinates(polygons, return_index=True)
    lowest = np.full(len(polygons), np.inf)
    np.minimum.at(lowest, owner, terrain_height(terrain, corner))
    return lowest, np.minimum(lowest, _lowest_around(terrain, polygons)) - FOUNDATION


def _lowest_around(terrain: Terrain, polygons: np.ndarray) -> Float[np.ndarray, " polygon"]:
    """Lowest ground in the bounding box of each polygon, a terrain triangle wider all round."""
    grid = terrain.grid
    bounds = shapely.bounds(polygons)
    reach = np.array([-TERRAIN_STEP, -TERRAIN_STEP, TERRAIN_STEP, TERRAIN_STEP])
    west, south = grid.bounds[:2]
    pixel = (bounds + reach - np.array([west, south, west, south])) / grid.resolution
    low = np.clip(np.floor(pixel[:, :2]), 0, grid.count - 1).astype(int)
    high = np.clip(np.ceil(pixel[:, 2:]), 1, grid.count).astype(int)
    windows = (terrain.height[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(low, high, strict=True))
    return np.array([window.min() for window in windows])


@dataclass(frozen=True)
class SceneMesh:
    """The triangles of a place, each with the building it belongs to."""

    triangles: Triangles
    building: Int[np.ndarray, " triangle"]
    """Index into the map's buildings, −1 for terrain."""
    buildings: tuple[Building, ...]


def scene_mesh(vector_map: VectorMap, side: float) -> SceneMesh:
    """Meshes a map and a square of ground of the side `side` [m] under it."""
    ground = terrain_triangles(vector_map.terrain, side)
    faces = building_faces(vector_map)
    walls_of = _indices([building.wall_material for building in vector_map.buildings])
    roofs_of = _indices([building.roof_material for building in vector_map.buildings])
    material = np.where(faces.role == ROOF, roofs_of[faces.building], walls_of[faces.building])
    earth = np.full(len(ground), MATERIALS.index("ground"))
    triangles = Triangles(
        np.concatenate([ground, faces.vertices]),
        np.concatenate([earth, material]),
        np.concatenate([np.ones(len(ground), bool), np.zeros(len(material), bool)]),
    )
    return SceneMesh(
        triangles, np.concatenate([np.full(len(ground), -1), faces.building]), vector_map.buildings
    )


def building_faces(vector_map: VectorMap) -> Faces:
    """Every building as a closed surface, numbered as in the map; too small ones have no triangles."""
    buildings = vector_map.buildings
    if not buildings:
        return Faces(np.zeros((0, 3, 3)), np.zeros(0, np.int64), np.zeros(0, np.int64))
    pieces, owner = meshable([building.footprint for building in buildings])
    # All pieces and parts of one building stand on the same ground.
    ground, sunk = (_least_by_owner(values, owner) for values in lowest_ground(vector_map.terrain, pieces))
    height, rise, start = (
        np.array([getattr(building, name) for building in buildings])[owner]
        for name in ("height", "roof_height", "min_height")
    )
    bottom, top = np.where(start > 0, ground + start, sunk), ground + height
    roofs = _pitched_roofs(buildings, pieces, owner, top - rise, top)
    pitched = np.zeros(len(pieces), bool)
    pitched[[roof.building[0] for roof in roofs]] = True
    eaves = np.where(pitched, top - rise, top)
    plan, piece = plan_triangles(pieces)
    flat = ~pitched[piece]
    flat_roofs = caps(plan[flat], piece[flat], top, ROOF)
    faces = join_faces([walls(pieces, bottom, eaves), flat_roofs, *roofs, caps(plan, piece, bottom, FLOOR)])
    return join_faces([Faces(faces.vertices, owner[faces.building], faces.role)])


def _pitched_roofs(
    buildings: tuple[Building, ...],
    pieces: np.ndarray,
    owner: Int[np.ndarray, " piece"],
    eaves: Float[np.ndarray, " piece"],
    ridge: Float[np.ndarray, " piece"],
) -> list[Faces]:
    shaped = [index for index in range(len(pieces)) if buildings[owner[index]].roof_shape != "flat"]
    roofs = (
        pitched_roof(
            index, pieces[index], buildings[owner[index]].roof_shape, float(eaves[index]), float(ridge[index])
        )
        for index in shaped
        if ridge[index] > eaves[index]
    )
    return [roof for roof in roofs if roof is not None]


def _least_by_owner(
    values: Float[np.ndarray, " piece"], owner: Int[np.ndarray, " piece"]
) -> Float[np.ndarray, " piece"]:
    least = np.full(int(owner.max(initial=0)) + 1, np.inf)
    np.minimum.at(least, owner, values)
    return least[owner]


def _indices(names: list[str]) -> Int[np.ndarray, " building"]:
    return np.array([MATERIALS.index(name) for name in names], np.int64)
