"""Buildings of a place as indexed meshes, one a material."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.triangles import Triangles
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
    triangles: int


def building_meshes(triangles: Triangles, tile: Grid) -> list[PackedMesh]:
    """What stands on the ground within a tile; the ground itself is drawn from G.

    Args:
        triangles: the place's scene.
        tile: what touches it is kept.
    """
    standing = triangles.select(~triangles.ground).crop((0.0, 0.0), tile.size)
    return [
        _mesh(standing.select(standing.material == index), name)
        for index, name in enumerate(MATERIALS)
        if (standing.material == index).any()
    ]


def _mesh(triangles: Triangles, material: str) -> PackedMesh:
    steps = np.round(triangles.vertices / STEP).astype(np.int64)
    steps = steps[(steps != np.roll(steps, 1, axis=1)).any(axis=2).all(axis=1)]
    # Corners in the order of their first use: successive triangles share them, so indices differ little.
    corners, first, index = np.unique(steps.reshape(-1, 3), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return PackedMesh(
        material,
        packed(corners[order].T * STEP, STEP),
        packed(rank[index.reshape(-1)], 1.0),
        len(steps),
    )
