"""Pitched roofs over four-cornered footprints, and pyramids over convex ones.

A roof closes a prism whose walls end at the eaves: it brings its gables along.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon

from raylocus.scenes.meshing.prisms import ROOF, WALL, Faces

#: A footprint is a rectangle where it fills this share of its smallest enclosing one.
RECTANGLE = 0.93
#: A ridge shorter than this share of the length is a point: the roof is a pyramid.
SHORTEST_RIDGE = 0.05

#: Triangles with their role.
_Triangles = list[tuple[np.ndarray, int]]


def pitched_roof(piece: int, footprint: Polygon, shape: str, eaves: float, ridge: float) -> Faces | None:
    """Roof and gables of one building; None where the shape does not fit the footprint.

    Args:
        piece: index that the triangles carry.
        footprint: outline, counter-clockwise.
        shape: `gabled`, `hipped`, `pyramidal` or `skillion`.
        eaves: z where the walls end [m].
        ridge: z of the highest line or point [m].
    """
    if footprint.interiors:
        return None
    corner = shapely.get_coordinates(footprint.exterior)[:-1]
    if shape == "pyramidal":
        convex = footprint.area > 0.999 * footprint.convex_hull.area
        triangles = _pyramid(corner, eaves, ridge) if convex else None
    else:
        triangles = (
            _SHAPES[shape](_long_side_first(corner), eaves, ridge)
            if _is_rectangle(footprint, corner)
            else None
        )
    if triangles is None:
        return None
    vertices, roles = zip(*triangles, strict=True)
    return Faces(np.stack(vertices), np.full(len(roles), piece, np.int64), np.array(roles, np.int64))


def _is_rectangle(footprint: Polygon, corner: Float[np.ndarray, "corner 2"]) -> bool:
    return len(corner) == 4 and footprint.area > RECTANGLE * shapely.minimum_rotated_rectangle(footprint).area


def _long_side_first(corner: Float[np.ndarray, "4 2"]) -> Float[np.ndarray, "4 2"]:
    first, second = np.linalg.norm(corner[1] - corner[0]), np.linalg.norm(corner[2] - corner[1])
    return corner if first >= second else np.roll(corner, -1, axis=0)


def _gabled(corner: Float[np.ndarray, "4 2"], eaves: float, ridge: float) -> _Triangles:
    a, b, c, d = _at(corner, eaves)
    east, west = _at(np.array([(corner[1] + corner[2]) / 2, (corner[3] + corner[0]) / 2]), ridge)
    sides = [*_quad(a, b, east, west), *_quad(c, d, west, east)]
    return [*_as(ROOF, sides), *_as(WALL, [(b, c, east), (d, a, west)])]


def _hipped(corner: Float[np.ndarray, "4 2"], eaves: float, ridge: float) -> _Triangles:
    length, width = np.linalg.norm(corner[1] - corner[0]), np.linalg.norm(corner[2] - corner[1])
    inset = width / 2 / length
    if 1 - 2 * inset < SHORTEST_RIDGE:
        return _pyramid(corner, eaves, ridge)
    a, b, c, d = _at(corner, eaves)
    one, other = (corner[3] + corner[0]) / 2, (corner[1] + corner[2]) / 2
    west, east = _at(np.array([one + inset * (other - one), other + inset * (one - other)]), ridge)
    return _as(ROOF, [*_quad(a, b, east, west), *_quad(c, d, west, east), (b, c, east), (d, a, west)])


def _skillion(corner: Float[np.ndarray, "4 2"], eaves: float, ridge: float) -> _Triangles:
    a, b, c, d = _at(corner, eaves)
    _, _, high_c, high_d = _at(corner, ridge)
    gables = [(b, c, high_c), *_quad(c, d, high_d, high_c), (d, a, high_d)]
    return [*_as(ROOF, _quad(a, b, high_c, high_d)), *_as(WALL, gables)]


def _pyramid(corner: Float[np.ndarray, "corner 2"], eaves: float, ridge: float) -> _Triangles:
    base = _at(corner, eaves)
    apex = np.array([*shapely.get_coordinates(shapely.centroid(Polygon(corner)))[0], ridge])
    return _as(ROOF, [(base[index - 1], base[index], apex) for index in range(len(base))])


_SHAPES: dict[str, Callable[[np.ndarray, float, float], _Triangles]] = {
    "gabled": _gabled,
    "hipped": _hipped,
    "skillion": _skillion,
}


def _at(plan: Float[np.ndarray, "corner 2"], z: float) -> Float[np.ndarray, "corner 3"]:
    return np.column_stack([plan, np.full(len(plan), z)])


def _quad(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    return [(a, b, c), (a, c, d)]


def _as(role: int, triangles: list[tuple[np.ndarray, ...]]) -> _Triangles:
    return [(np.stack(triangle), role) for triangle in triangles]
