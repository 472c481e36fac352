"""Footprints fit for meshing: on a grid of centimetres, without hairline edges, split where they fall apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Bool, Int
from shapely import Polygon

#: Coordinates are rounded to this [m]; OSM's own step is 1 cm.
PRECISION = 0.01
#: Corners nearer than this to the line of their neighbours are left out [m].
STRAIGHT = 0.05
#: A ring whose corners keep this far from its other sides crosses nothing when they are rounded [m].
CLEAR = 4 * PRECISION
#: Pieces below this are left out [m²].
SMALLEST_AREA = 0.5


def meshable(footprints: Sequence[Polygon]) -> tuple[np.ndarray, Int[np.ndarray, "piece"]]:
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


def _with_repeated_corners(polygons: np.ndarray) -> Bool[np.ndarray, "polygon"]:
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
