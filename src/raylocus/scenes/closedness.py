"""Whether each building of a written place is a closed surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.triangles import mesh_names, read_place_scene, welded


def open_edges(vertices: Float[np.ndarray, "triangle 3 3"]) -> int:
    """Edges that triangles run along more often one way than the other: 0 for a closed surface."""
    # `trimesh.Trimesh.is_watertight` refuses edges of four faces, which solids that touch along an edge have.
    start, end = trimesh.geometry.faces_to_edges(welded(vertices)).T
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
