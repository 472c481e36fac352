"""Closed prisms: walls, floors and flat roofs of many buildings at once, normals outward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float, Int

WALL, ROOF, FLOOR = 0, 1, 2


@dataclass(frozen=True)
class Faces:
    """Triangles of buildings."""

    vertices: Float[np.ndarray, "triangle 3 3"]
    """Corners [m], counter-clockwise seen from outside."""
    building: Int[np.ndarray, "triangle"]
    """Index of the piece each belongs to."""
    role: Int[np.ndarray, "triangle"]
    """WALL, ROOF or FLOOR."""


def join_faces(parts: list[Faces]) -> Faces:
    """All triangles, ordered by piece, then as given."""
    building = np.concatenate([part.building for part in parts])
    order = np.argsort(building, kind="stable")
    vertices = np.concatenate([part.vertices for part in parts])
    return Faces(vertices[order], building[order], np.concatenate([part.role for part in parts])[order])


def walls(polygons: np.ndarray, bottom: Float[np.ndarray, "piece"], top: Float[np.ndarray, "piece"]) -> Faces:
    """Two triangles an edge, between two heights [m] a piece; courtyards included."""
    rings, owner = shapely.get_rings(polygons, return_index=True)
    corner, ring = shapely.get_coordinates(rings, return_index=True)
    edge = np.flatnonzero(ring[:-1] == ring[1:])
    start, end, piece = corner[edge], corner[edge + 1], owner[ring[edge]]
    low, high = bottom[piece], top[piece]
    a, b = np.column_stack([start, low]), np.column_stack([end, low])
    c, d = np.column_stack([end, high]), np.column_stack([start, high])
    vertices = np.stack([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)], axis=1).reshape(-1, 3, 3)
    return _faces(vertices, np.repeat(piece, 2), WALL)


def plan_triangles(
    polygons: np.ndarray,
) -> tuple[Float[np.ndarray, "triangle 3 2"], Int[np.ndarray, "triangle"]]:
    """The polygons as counter-clockwise triangles, and the index of the polygon of each.

    Constrained Delaunay triangles (GEOS): of all that use the outline's corners only, the least thin.
    """
    triangles, piece = shapely.get_parts(shapely.constrained_delaunay_triangles(polygons), return_index=True)
    corners = shapely.get_coordinates(shapely.orient_polygons(triangles, exterior_cw=False))
    return corners.reshape(-1, 4, 2)[:, :3], piece


def caps(
    plan: Float[np.ndarray, "triangle 3 2"],
    piece: Int[np.ndarray, "triangle"],
    height: Float[np.ndarray, "piece"],
    role: int,
) -> Faces:
    """Plan triangles at the heights of their pieces [m], facing up as ROOF and down as FLOOR."""
    flat = np.broadcast_to(height[piece][:, None, None], (len(plan), 3, 1))
    vertices = np.concatenate([plan, flat], axis=2)
    return _faces(vertices if role == ROOF else vertices[:, ::-1], piece, role)


def _faces(
    vertices: Float[np.ndarray, "triangle 3 3"], piece: Int[np.ndarray, "triangle"], role: int
) -> Faces:
    return Faces(vertices, piece.astype(np.int64), np.full(len(vertices), role, np.int64))
