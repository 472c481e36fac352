"""Which building each triangle of a scene belongs to, under names that do not depend on the other buildings."""

from __future__ import annotations

import dataclasses
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.triangles import Triangles, mesh_names, read_place_scene, welded

#: A building's corner is known to a tenth of a metre [m].
CORNER_TOLERANCE = 0.1


@dataclass(frozen=True)
class BuildingIndex:
    """The buildings of a scene."""

    of_triangle: Int[np.ndarray, "triangle"]
    """Index of each triangle's building, in as few bytes as hold it; −1 for the ground and what no one owns."""
    key: Int[np.ndarray, "building"]
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


def _names_of_bodies(triangles: Triangles) -> Int[np.ndarray, "triangle"]:
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


def _bodies(vertices: Float[np.ndarray, "triangle 3 3"]) -> Int[np.ndarray, "triangle"]:
    vertex, count = welded(vertices), len(vertices)
    # A graph of triangles and corners; triangles come first, so theirs are the first labels.
    pairs = np.repeat(np.arange(count), 3), count + vertex.ravel()
    size = count + int(vertex.max()) + 1
    links = coo_matrix((np.ones(len(pairs[0])), pairs), shape=(size, size))
    body: Int[np.ndarray, "triangle"] = connected_components(links, directed=False)[1][:count]
    return body
