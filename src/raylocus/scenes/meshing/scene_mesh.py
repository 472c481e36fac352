"""A vector map as labelled triangles: terrain first, then every building closed and standing on its ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.meshing.footprints import meshable
from raylocus.scenes.meshing.ground import lowest_ground, terrain_triangles
from raylocus.scenes.meshing.prisms import FLOOR, ROOF, Faces, caps, join_faces, plan_triangles, walls
from raylocus.scenes.meshing.roofs import pitched_roof
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import Building, VectorMap


@dataclass(frozen=True)
class SceneMesh:
    """The triangles of a place, each with the building it belongs to."""

    triangles: Triangles
    building: Int[np.ndarray, "triangle"]
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
    owner: Int[np.ndarray, "piece"],
    eaves: Float[np.ndarray, "piece"],
    ridge: Float[np.ndarray, "piece"],
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
    values: Float[np.ndarray, "piece"], owner: Int[np.ndarray, "piece"]
) -> Float[np.ndarray, "piece"]:
    least = np.full(int(owner.max(initial=0)) + 1, np.inf)
    np.minimum.at(least, owner, values)
    return least[owner]


def _indices(names: list[str]) -> Int[np.ndarray, "building"]:
    return np.array([MATERIALS.index(name) for name in names], np.int64)
