"""Wedges: the edges of a scene at which first-order diffraction happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.geometry.surfaces import COPLANAR_COSINE, SharedEdges, Surfaces

#: Shorter edges carry no field worth a path [m].
SHORTEST_EDGE = 0.5


@dataclass(frozen=True)
class Wedges:
    """Edges between two faces of one material that are not in one plane and that no third face touches.

    Faces are ordered and normals turned so that the interior angle is at most π and the direction
    e satisfies n₀ × e = t₀, with t₀ pointing from the edge into face 0 (the convention of
    Kouyoumjian and Pathak 1974, and of Sionna).
    """

    origin: Float[np.ndarray, "wedge 3"]
    """One end [m]."""
    direction: Float[np.ndarray, "wedge 3"]
    """Unit vector along the edge, from the origin to the other end."""
    length: Float[np.ndarray, " wedge"]
    """m."""
    normals: Float[np.ndarray, "wedge 2 3"]
    """Outward unit normals of face 0 and face n."""
    material: Int[np.ndarray, " wedge"]
    """Index into MATERIALS of both faces."""
    building: Int[np.ndarray, " wedge"]
    """Index of the building that face 0 belongs to; −1 for the ground."""

    def __len__(self) -> int:
        return len(self.length)


def find_wedges(surfaces: Surfaces, building: Int[np.ndarray, " triangle"]) -> Wedges:
    """All wedges of a scene; free-floating and coplanar edges are none, nor those of more faces than two.

    Args:
        surfaces: of the scene.
        building: index of the building that each triangle belongs to; −1 for the ground.
    """
    vertices, normal, bent = surfaces.vertices, surfaces.normal, _bent_edges(surfaces)
    first, second, start = bent.triangle, bent.neighbour, vertices[bent.triangle, bent.start]
    end = vertices[bent.triangle, bent.end]
    length = np.linalg.norm(end - start, axis=1)
    middles = vertices.mean(axis=1)
    face_0 = _outward(normal[first], middles[second] - start)
    face_n = _outward(normal[second], middles[first] - start)
    along = (end - start) / length[:, None]
    into_face_0 = middles[first] - start
    into_face_0 -= np.einsum("ei,ei->e", into_face_0, along)[:, None] * along
    backwards = np.einsum("ei,ei->e", np.cross(face_0, along), into_face_0) < 0
    return Wedges(
        np.where(backwards[:, None], end, start),
        np.where(backwards[:, None], -along, along),
        length,
        np.stack([face_0, face_n], axis=1),
        surfaces.material[first],
        building[first],
    )


def wedge_faces(surfaces: Surfaces) -> Int[np.ndarray, "wedge 2"]:
    """The triangles of face 0 and face n of each of `find_wedges`'s wedges."""
    bent = _bent_edges(surfaces)
    return np.stack([bent.triangle, bent.neighbour], axis=1)


def _bent_edges(surfaces: Surfaces) -> SharedEdges:
    vertices, material, edge = surfaces.vertices, surfaces.material, surfaces.edges
    first, second = edge.triangle, edge.neighbour
    bent, alike = surfaces.alignment < COPLANAR_COSINE, material[first] == material[second]
    length = np.linalg.norm(vertices[first, edge.end] - vertices[first, edge.start], axis=1)
    # Where houses of a row touch, four faces meet and what is seen from outside is no edge but a wall that goes on.
    kept = np.flatnonzero(bent & alike & (length > SHORTEST_EDGE) & (edge.count == 2))
    return SharedEdges(first[kept], second[kept], edge.start[kept], edge.end[kept], edge.count[kept])


def _outward(
    normal: Float[np.ndarray, "edge 3"], towards_other_face: Float[np.ndarray, "edge 3"]
) -> Float[np.ndarray, "edge 3"]:
    inward = np.einsum("ei,ei->e", normal, towards_other_face) > 0
    return np.where(inward[:, None], -normal, normal)
