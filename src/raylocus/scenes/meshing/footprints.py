"""Footprints fit for meshing: on a grid of centimetres, without hairline edges, split where they fall apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Int
from shapely import Polygon

#: Coordinates are rounded to this [m]; OSM's own step is 1 cm.
PRECISION = 0.01
#: Corners nearer than this to the line of their neighbours are left out [m].
STRAIGHT = 0.05
#: Pieces below this are left out [m²].
SMALLEST_AREA = 0.5


def meshable(footprints: Sequence[Polygon]) -> tuple[np.ndarray, Int[np.ndarray, "piece"]]:
    """Simple polygons, outer rings counter-clockwise, and the index of the footprint each comes from."""
    shapes = np.empty(len(footprints), object)
    shapes[:] = list(footprints)
    rounded = shapely.set_precision(shapely.simplify(shapes, STRAIGHT), PRECISION)
    pieces, owner = shapely.get_parts(rounded, return_index=True)
    kept = (shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON) & (
        shapely.area(pieces) >= SMALLEST_AREA
    )
    oriented = shapely.orient_polygons(shapely.set_precision(pieces[kept], 0.0), exterior_cw=False)
    return oriented, owner[kept]
