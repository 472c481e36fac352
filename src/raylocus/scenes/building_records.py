"""The buildings of a written place: their records, the triangles of each, and whether each is closed."""

from __future__ import annotations

import dataclasses
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from raylocus.errors import PlaceError
from raylocus.json_text import parse_json
from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.triangles import Triangles, mesh_names, read_place_scene, welded
from raylocus.scenes.vector_map import Building

#: Name of the file in a place's folder.
BUILDINGS_FILE = "meshes/buildings.json"


def write_building_records(mesh: SceneMesh, folder: Path) -> None:
    """Writes one record a building: its tags' outcome and its rows in each PLY.

    `triangles` maps a mesh's name to [first, past the last]: within a mesh, a building's triangles follow
    each other. `footprint` is well-known text in the place's frame [m].
    """
    ranges = _triangle_ranges(mesh)
    footprints = shapely.to_wkt([building.footprint for building in mesh.buildings], rounding_precision=6)
    records = [
        {
            "identifier": building.identifier,
            "height": round(building.height, 3),
            "min_height": round(building.min_height, 3),
            "height_source": building.height_source,
            "height_deviation": round(building.height_deviation, 3),
            "wall_material": building.wall_material,
            "roof_material": building.roof_material,
            "roof_shape": building.roof_shape,
            "roof_height": round(building.roof_height, 3),
            "footprint": footprint,
            "triangles": ranges.get(index, {}),
        }
        for index, (building, footprint) in enumerate(zip(mesh.buildings, footprints, strict=True))
    ]
    # All at once, which takes half as long, then a line each: quotes are escaped in strings, so these are none.
    lines = json.dumps(records, sort_keys=True)[1:-1].replace('}, {"', '},\n{"')
    (folder / BUILDINGS_FILE).write_text(f"[\n{lines}\n]\n")


def read_building_records(folder: Path) -> list[dict[str, Any]]:
    """The records of a place; empty where its source was a bare mesh.

    Raises:
        PlaceError: the file is broken.
    """
    path = folder / BUILDINGS_FILE
    try:
        records: list[dict[str, Any]] = parse_json(path.read_text()) if path.exists() else []
    except ValueError as error:
        raise PlaceError(f"{path} is not valid JSON; build the place again") from error
    return records


def read_buildings(folder: Path) -> tuple[Building, ...]:
    """The buildings of a place, as its map had them."""
    names = {each.name for each in dataclasses.fields(Building)} - {"footprint"}
    return tuple(
        Building(
            footprint=shapely.from_wkt(record["footprint"]),
            **{name: value for name, value in record.items() if name in names},
        )
        for record in read_building_records(folder)
    )


def _triangle_ranges(mesh: SceneMesh) -> dict[int, dict[str, list[int]]]:
    ranges: dict[int, dict[str, list[int]]] = {}
    for name, chosen in mesh_names(mesh.triangles).items():
        owner = mesh.building[chosen]
        first = np.flatnonzero(np.diff(owner, prepend=-2))
        past = np.append(first[1:], len(owner))
        for start, stop in zip(first.tolist(), past.tolist(), strict=True):
            if owner[start] >= 0:
                ranges.setdefault(int(owner[start]), {})[name] = [start, stop]
    return ranges


#: A building's corner is known to a tenth of a metre [m].
CORNER_TOLERANCE = 0.1


@dataclass(frozen=True)
class BuildingIndex:
    """The buildings of a scene."""

    of_triangle: Int[np.ndarray, " triangle"]
    """Index of each triangle's building, in as few bytes as hold it; −1 for the ground and what no one owns."""
    key: Int[np.ndarray, " building"]
    """Lasting name of each building, see `Triangles.building`; ascending."""


def read_named_scene(scene_file: Path) -> Triangles:
    """Reads a place's scene with the name of each triangle's building, where the place has records of them."""
    triangles = read_place_scene(scene_file)
    records = read_building_records(scene_file.parent)
    if not records:
        return triangles
    rows = {name: np.flatnonzero(chosen) for name, chosen in mesh_names(triangles).items()}
    building = np.full(len(triangles.material), -1)
    for record in records:
        for name, (first, past) in record["triangles"].items():
            building[rows[name][first:past]] = zlib.crc32(record["identifier"].encode())
    return dataclasses.replace(triangles, building=building)


def building_index(triangles: Triangles) -> BuildingIndex:
    """The buildings of a scene: those named, or every body of triangles that share corners if none are."""
    name = _names_of_bodies(triangles) if triangles.building is None else triangles.building
    key, of_name = np.unique(name[name >= 0], return_inverse=True)
    of_triangle = np.full(len(name), -1, np.int16 if len(key) < 1 << 15 else np.int32)
    of_triangle[name >= 0] = of_name
    return BuildingIndex(of_triangle, key)


def _names_of_bodies(triangles: Triangles) -> Int[np.ndarray, " triangle"]:
    """Names after where each body stands: the lowest corner of its box."""
    standing, name = np.flatnonzero(~triangles.ground), np.full(len(triangles.ground), -1)
    if not len(standing):
        return name
    corners = triangles.vertices[standing]
    body = _bodies(corners)
    low = np.full((body.max() + 1, 3), np.inf)
    np.minimum.at(low, body, corners.min(axis=1))
    where = np.round(low / CORNER_TOLERANCE).astype(np.int64)
    name[standing] = np.array([zlib.crc32(each.tobytes()) for each in where])[body]
    return name


def _bodies(vertices: Float[np.ndarray, "triangle 3 3"]) -> Int[np.ndarray, " triangle"]:
    vertex, count = welded(vertices), len(vertices)
    # A graph of triangles and corners; triangles come first, so theirs are the first labels.
    pairs = np.repeat(np.arange(count), 3), count + vertex.ravel()
    size = count + int(vertex.max()) + 1
    links = coo_matrix((np.ones(len(pairs[0])), pairs), shape=(size, size))
    body: Int[np.ndarray, " triangle"] = connected_components(links, directed=False)[1][:count]
    return body


def open_edges(vertices: Float[np.ndarray, "triangle 3 3"]) -> int:
    """Edges that triangles run along more often one way than the other: 0 for a closed surface."""
    import trimesh  # which only building a place needs, not reading one

    # `trimesh.Trimesh.is_watertight` refuses edges of four faces, which solids that touch along an edge have.
    start, end = np.asarray(trimesh.geometry.faces_to_edges(welded(vertices))).T
    _, edge = np.unique(np.sort([start, end], axis=0), axis=1, return_inverse=True)
    return int(np.count_nonzero(np.bincount(edge.ravel(), np.where(start < end, 1, -1))))


def open_buildings(folder: Path) -> tuple[int, list[str]]:
    """Number of buildings of a place folder with triangles, and the identifiers of those that are not closed."""
    records = [record for record in read_building_records(folder) if record["triangles"]]
    if not records:
        return 0, []
    triangles = read_place_scene(folder / "scene.xml")
    meshes = {name: triangles.vertices[chosen] for name, chosen in mesh_names(triangles).items()}
    leaking = [
        record["identifier"]
        for record in records
        if open_edges(
            np.concatenate([meshes[name][first:past] for name, (first, past) in record["triangles"].items()])
        )
    ]
    return len(records), leaking
