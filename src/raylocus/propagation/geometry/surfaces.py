"""Surfaces of a scene, planes, facets, shared edges and wedges, derived from its triangles once for every search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from raylocus.scenes.triangles import Triangles, welded

#: Neighbouring triangles whose normals differ by less are one facet (cosine of 0.1°).
COPLANAR_COSINE = np.cos(np.deg2rad(0.1))
#: Shorter edges carry no field worth a path [m].
SHORTEST_EDGE = 0.5


def unit_normals(vertices: Float[np.ndarray, "triangle 3 3"]) -> Float[np.ndarray, "triangle 3"]:
    """Geometric unit normals; degenerate triangles get the zero vector."""
    normal = np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)


@dataclass(frozen=True)
class SharedEdges:
    """Edges that two triangles have in common."""

    triangle: Int[np.ndarray, " edge"]
    neighbour: Int[np.ndarray, " edge"]
    start: Int[np.ndarray, " edge"]
    """Corner 0, 1 or 2 of `triangle` where the edge begins."""
    end: Int[np.ndarray, " edge"]
    """Corner of `triangle` where the edge ends."""
    count: Int[np.ndarray, " edge"]
    """How many triangles meet at the edge: two, unless solids touch there."""


def shared_edges(vertices: Float[np.ndarray, "triangle 3 3"]) -> SharedEdges:
    """Pairs of triangles that share two vertices; where more than two meet, neighbours in the list are paired."""
    vertex = welded(vertices)
    pairs = np.array([[0, 1], [1, 2], [2, 0]])
    edges = np.sort(vertex[:, pairs], axis=-1).reshape(-1, 2)
    key = edges[:, 0] * (vertex.max() + 1) + edges[:, 1]
    order = np.argsort(key, kind="stable")
    shared = np.flatnonzero(np.diff(key[order]) == 0)
    first, second = order[shared], order[shared + 1]
    _, edge, count = np.unique(key, return_inverse=True, return_counts=True)
    return SharedEdges(first // 3, second // 3, pairs[first % 3, 0], pairs[first % 3, 1], count[edge[first]])


@dataclass(frozen=True, eq=False)
class Surfaces:
    """The surfaces of a scene, indexed by triangle; every property is derived when first asked for, and kept."""

    triangles: Triangles

    @property
    def vertices(self) -> Float[np.ndarray, "triangle 3 3"]:
        """Corners of each triangle [m]."""
        return self.triangles.vertices

    @property
    def material(self) -> Int[np.ndarray, " triangle"]:
        """Index into MATERIALS."""
        return self.triangles.material

    @property
    def corner(self) -> Float[np.ndarray, "triangle 3"]:
        """A point of each triangle's plane [m]."""
        return self.vertices[:, 0]

    @cached_property
    def normal(self) -> Float[np.ndarray, "triangle 3"]:
        """Unit normal of each triangle's plane."""
        return unit_normals(self.vertices)

    @cached_property
    def area(self) -> Float[np.ndarray, " triangle"]:
        """Area of each triangle [m²]."""
        first, second = self.vertices[:, 1] - self.corner, self.vertices[:, 2] - self.corner
        return np.linalg.norm(np.cross(first, second), axis=1) / 2

    @cached_property
    def edges(self) -> SharedEdges:
        """Pairs of triangles that share two vertices."""
        return shared_edges(self.vertices)

    @cached_property
    def alignment(self) -> Float[np.ndarray, " edge"]:
        """|cosine| of the angle between the two planes that meet at each shared edge."""
        normal, edges = self.normal, self.edges
        return np.abs(np.einsum("ei,ei->e", normal[edges.triangle], normal[edges.neighbour]))

    @cached_property
    def facet(self) -> Int[np.ndarray, " triangle"]:
        """Facet of each triangle: neighbours over a shared edge with the same plane share it.

        A wall that a mesh splits into triangles reflects one path, not one a triangle.
        """
        coplanar, count = self.alignment > COPLANAR_COSINE, len(self.vertices)
        pairs = self.edges.triangle[coplanar], self.edges.neighbour[coplanar]
        links = coo_matrix((np.ones(coplanar.sum()), pairs), shape=(count, count))
        return connected_components(links, directed=False)[1].astype(np.int64)


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
