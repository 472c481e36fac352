"""Arrays and meshes as the page holds them: steps of a stated size, in the fewest bytes, deflated, in base64."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.triangles import Triangles, welded

#: Integers that levels are stored in, the smallest that fits.
KINDS = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True)
class PackedArray:
    """Values as `low + step · level`; the highest level of the type is "missing" where anything is missing."""

    shape: tuple[int, ...]
    bytes_per_level: int
    """1, 2 or 4."""
    low: float
    step: float
    missing: int | None
    """Level of missing values; None where there are none."""
    text: str
    """Differences of successive levels along the last axis, lowest bytes of all of them first, deflated (zlib), in
    base64."""

    def record(self) -> dict[str, Any]:
        """What the page has to know to read the text."""
        return {
            "shape": self.shape,
            "bytes": self.bytes_per_level,
            "low": self.low,
            "step": self.step,
            "missing": self.missing,
        }


def packed(values: Float[np.ndarray, "*shape"] | Int[np.ndarray, "*shape"], step: float) -> PackedArray:
    """Packs values; each comes back to within half a step, and missing stays missing.

    Args:
        values: NaN is missing; whole numbers are exact at a step of 1.
        step: size of a level, in the unit of the values.

    Raises:
        InputError: a value is infinite, or the values span more levels than can be stored.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    low = float(values[known].min()) if known.any() else 0.0
    levels = np.round((values[known] - low) / step)
    kind = _kind(float(levels.max(initial=0)) + (not known.all()))
    missing = None if known.all() else int(np.iinfo(kind).max)
    stored = np.full(values.shape, missing or 0, kind)
    stored[known] = levels.astype(kind)
    return PackedArray(values.shape, np.dtype(kind).itemsize, low, step, missing, _text(stored))


def _kind(highest: float) -> type[np.unsignedinteger[Any]]:
    for kind in KINDS:
        if highest <= np.iinfo(kind).max:
            return kind
    raise InputError("values for the page are infinite or span too many steps; trace the maps again")


def _text(levels: UInt[np.ndarray, "*shape"]) -> str:
    # Neighbours differ little: their differences, which wrap around, deflate to half of what levels do.
    change = np.diff(levels, axis=-1, prepend=levels.dtype.type(0))
    planes = np.ascontiguousarray(change).reshape(-1).view(np.uint8).reshape(-1, levels.dtype.itemsize).T
    return base64.b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), 6)).decode()


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
