"""Surfaces of a scene: planes, facets and shared edges, derived from its triangles once for every search."""

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
