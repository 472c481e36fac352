"""Footprints made fit for meshing, the prisms that stand on them, and their pitched roofs and pyramids.

A roof closes a prism whose walls end at the eaves: it brings its gables along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Bool, Float, Int
from shapely import Polygon

#: Coordinates are rounded to this [m]; OSM's own step is 1 cm.
PRECISION = 0.01
#: Corners nearer than this to the line of their neighbours are left out [m].
STRAIGHT = 0.05
#: A ring whose corners keep this far from its other sides crosses nothing when they are rounded [m].
CLEAR = 4 * PRECISION
#: Pieces below this are left out [m²].
SMALLEST_AREA = 0.5
#: A footprint is a rectangle where it fills this share of its smallest enclosing one.
RECTANGLE = 0.93
#: A ridge shorter than this share of the length is a point: the roof is a pyramid.
SHORTEST_RIDGE = 0.05
#: Triangles with their role.
_Triangles = list[tuple[np.ndarray, int]]


def meshable(footprints: Sequence[Polygon]) -> tuple[np.ndarray, Int[np.ndarray, " piece"]]:
    """Simple polygons, outer rings counter-clockwise, and the index of the footprint each comes from."""
    shapes = np.empty(len(footprints), object)
    shapes[:] = list(footprints)
    pieces, owner = shapely.get_parts(_on_grid(shapely.simplify(shapes, STRAIGHT)), return_index=True)
    kept = (shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON) & (
        shapely.area(pieces) >= SMALLEST_AREA
    )
    oriented = shapely.orient_polygons(shapely.set_precision(pieces[kept], 0.0), exterior_cw=False)
    return oriented, owner[kept]


def _on_grid(shapes: np.ndarray) -> np.ndarray:
    """The shapes with coordinates on the grid, still simple: `shapely.set_precision`, and in the same order."""
    rounded = shapely.set_precision(shapes, PRECISION, mode="pointwise")
    plain = (
        (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON)
        & (shapely.get_num_interior_rings(shapes) == 0)
        & (shapely.minimum_clearance(shapes) > CLEAR)
        & shapely.is_valid(rounded)
        & ~(shapely.is_empty(rounded) | _with_repeated_corners(rounded))
    )
    # To round the corners is all that happens to a ring that keeps well away from itself, and much faster.
    rounded[~plain] = shapely.set_precision(shapes[~plain], PRECISION)
    rounded[plain] = _clockwise(rounded[plain])
    return rounded


def _with_repeated_corners(polygons: np.ndarray) -> Bool[np.ndarray, " polygon"]:
    corner, owner = shapely.get_coordinates(polygons, return_index=True)
    again = np.all(corner[1:] == corner[:-1], axis=1) & (owner[1:] == owner[:-1])
    found = np.zeros(len(polygons), bool)
    found[owner[1:][again]] = True
    return found


def _clockwise(polygons: np.ndarray) -> np.ndarray:
    """Polygons without holes as `shapely.set_precision` leaves them: clockwise, begun at the corner after the first."""
    corner, owner = shapely.get_coordinates(polygons, return_index=True)
    last = np.flatnonzero(np.diff(owner, append=-1))
    first = np.append(0, last[:-1] + 1)
    index = np.arange(len(corner))
    onward, back = index + 1, (first + last)[owner] - index - 1
    onward[last], back[last] = first + 1, last - 1
    counter = shapely.is_ccw(shapely.get_exterior_ring(polygons))
    turned = corner[np.where(counter[owner], back, onward)]
    return np.asarray(shapely.set_coordinates(polygons.copy(), turned))


WALL, ROOF, FLOOR = 0, 1, 2


@dataclass(frozen=True)
class Faces:
    """Triangles of buildings."""

    vertices: Float[np.ndarray, "triangle 3 3"]
    """Corners [m], counter-clockwise seen from outside."""
    building: Int[np.ndarray, " triangle"]
    """Index of the piece each belongs to."""
    role: Int[np.ndarray, " triangle"]
    """WALL, ROOF or FLOOR."""


def join_faces(parts: list[Faces]) -> Faces:
    """All triangles, ordered by piece, then as given."""
    building = np.concatenate([part.building for part in parts])
    order = np.argsort(building, kind="stable")
    vertices = np.concatenate([part.vertices for part in parts])
    return Faces(vertices[order], building[order], np.concatenate([part.role for part in parts])[order])


def walls(
    polygons: np.ndarray, bottom: Float[np.ndarray, " piece"], top: Float[np.ndarray, " piece"]
) -> Faces:
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
) -> tuple[Float[np.ndarray, "triangle 3 2"], Int[np.ndarray, " triangle"]]:
    """The polygons as counter-clockwise triangles, and the index of the polygon of each.

    Constrained Delaunay triangles (GEOS): of all that use the outline's corners only, the least thin.
    """
    triangles, piece = shapely.get_parts(shapely.constrained_delaunay_triangles(polygons), return_index=True)
    corners = shapely.get_coordinates(shapely.orient_polygons(triangles, exterior_cw=False))
    return corners.reshape(-1, 4, 2)[:, :3], piece


def caps(
    plan: Float[np.ndarray, "triangle 3 2"],
    piece: Int[np.ndarray, " triangle"],
    height: Float[np.ndarray, " piece"],
    role: int,
) -> Faces:
    """Plan triangles at the heights of their pieces [m], facing up as ROOF and down as FLOOR."""
    flat = np.broadcast_to(height[piece][:, None, None], (len(plan), 3, 1))
    vertices = np.concatenate([plan, flat], axis=2)
    return _faces(vertices if role == ROOF else vertices[:, ::-1], piece, role)


def _faces(
    vertices: Float[np.ndarray, "triangle 3 3"], piece: Int[np.ndarray, " triangle"], role: int
) -> Faces:
    return Faces(vertices, piece.astype(np.int64), np.full(len(vertices), role, np.int64))


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
