"""Whether each building of a written place is a closed surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.triangles import mesh_names, read_place_scene

#: Corners nearer than this are one [m].
CORNER_TOLERANCE = 1e-3


def open_edges(vertices: Float[np.ndarray, "triangle 3 3"]) -> int:
    """Edges that triangles run along more often one way than the other: 0 for a closed surface."""
    corners = np.round(vertices.reshape(-1, 3) / CORNER_TOLERANCE).astype(np.int64)
    distinct, index = np.unique(corners, axis=0, return_inverse=True)
    triangle = index.reshape(-1, 3)
    start, end = triangle.ravel(), np.roll(triangle, -1, axis=1).ravel()
    undirected = np.minimum(start, end) * len(distinct) + np.maximum(start, end)
    _, edge = np.unique(undirected, return_inverse=True)
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
