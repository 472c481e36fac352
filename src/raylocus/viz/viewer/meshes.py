"""Buildings of a place as indexed meshes, one a material."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.triangles import Triangles, welded
from raylocus.viz.viewer.packing import PackedArray, packed

#: Steps of coordinates [m].
STEP = 0.05


@dataclass(frozen=True)
class PackedMesh:
    """Triangles of one material."""

    material: str
    corners: PackedArray
    """[axis, corner] [m]."""
    index: PackedArray
    """Corners of each triangle, one after the other."""

    @property
    def size(self) -> int:
        """Characters that the mesh takes."""
        return len(self.corners.text) + len(self.index.text)


def building_meshes(triangles: Triangles, tile: Grid) -> list[PackedMesh]:
    """What stands on the ground of a tile, whole; the ground itself is drawn from G.

    Args:
        triangles: the place's scene.
        tile: connected triangles are kept where any corner of them lies in it.
    """
    standing = triangles.select(~triangles.ground)
    standing = standing.select(_of_tile(standing, tile))
    return [
        _mesh(standing.select(standing.material == index), name)
        for index, name in enumerate(MATERIALS)
        if (standing.material == index).any()
    ]


def _of_tile(triangles: Triangles, tile: Grid) -> Bool[np.ndarray, " triangle"]:
    """Which triangles are connected to one with a corner in the tile."""
    corner = welded(triangles.vertices)
    part = _connected(corner)
    inside = np.zeros(int(part.max(initial=-1)) + 1, bool)
    inside[part[tile.contains(triangles.vertices).any(axis=1)]] = True
    return inside[part]


def _connected(corner: Int[np.ndarray, "triangle 3"]) -> Int[np.ndarray, " triangle"]:
    """Number of the connected part that each triangle belongs to."""
    ends = corner[:, [0, 1]].T, corner[:, [1, 2]].T
    row, column = (np.concatenate(pair) for pair in zip(*ends, strict=True))
    count = int(corner.max(initial=-1)) + 1
    edges = coo_matrix((np.ones(len(row), bool), (row, column)), shape=(count, count))
    parts = connected_components(edges, directed=False)[1]
    return parts[corner[:, 0]].astype(np.int64)


def _mesh(triangles: Triangles, material: str) -> PackedMesh:
    steps = np.round(triangles.vertices / STEP).astype(np.int64)
    # Triangles that rounding makes a line are left out.
    steps = steps[(steps != np.roll(steps, 1, axis=1)).any(axis=2).all(axis=1)]
    corners, first, index = np.unique(steps.reshape(-1, 3), axis=0, return_index=True, return_inverse=True)
    # Corners in the order of their first use: successive triangles share them, so indices differ little.
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return PackedMesh(material, packed(corners[order].T * STEP, STEP), packed(rank[index.reshape(-1)], 1.0))
