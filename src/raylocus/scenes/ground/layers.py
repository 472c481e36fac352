"""Roads, vegetation and water as dense grids over a tile."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float, Int, Shaped
from shapely.geometry.base import BaseGeometry

from raylocus.geo import Grid
from raylocus.nearest import nearest_where
from raylocus.scenes.vector_map import ROAD_CLASSES, VectorMap

#: Segments of a quarter circle where a road bends.
CORNER_SEGMENTS = 4


def ground_layers(vector_map: VectorMap, tile: Grid) -> dict[str, Float[np.ndarray, "y x"]]:
    """`road`, `road_class`, `vegetation` and `water`, as in `UNKNOWN_LAYERS`.

    A cell belongs to what covers its centre; where roads cross, to the higher class. A road too narrow
    to cover any centre takes the cells it runs through.
    """
    road_class = _road_class(vector_map, tile)
    return {
        "road": np.isfinite(road_class).astype(np.float32),
        "road_class": road_class,
        "vegetation": _covered(vector_map.vegetation, tile).astype(np.float32),
        "water": _covered(vector_map.water, tile).astype(np.float32),
    }


def road_distance(road: Float[np.ndarray, "y x"], tile: Grid) -> Float[np.ndarray, "y x"]:
    """Distance from each cell to the nearest that is road [m]; NaN where none is."""
    if not road.any():
        return np.full(road.shape, np.nan)
    # As scipy's own distances, which take six arrays more.
    row, column = nearest_where(road != 0)
    row -= np.arange(road.shape[0], dtype=row.dtype)[:, None]
    column -= np.arange(road.shape[1], dtype=column.dtype)
    row *= row
    column *= column
    row += column
    distance = np.sqrt(row)
    distance *= tile.resolution
    return distance


def _road_class(vector_map: VectorMap, tile: Grid) -> Float[np.ndarray, "y x"]:
    classes = np.array([ROAD_CLASSES.index(road.road_class) for road in vector_map.roads], np.int64)
    lines = np.array([road.line for road in vector_map.roads], dtype=object)
    width = np.array([road.width for road in vector_map.roads])
    # Half a cell on either side at least, or a footway would be a dotted line.
    carriageways = shapely.buffer(
        lines, np.maximum(width, tile.resolution) / 2, cap_style="flat", quad_segs=CORNER_SEGMENTS
    )
    shapes = [*vector_map.pavements, *carriageways]
    values = [ROAD_CLASSES.index("pedestrian")] * len(vector_map.pavements) + classes.tolist()
    # What is burnt later stays: the higher class, which has the lower index.
    order = np.argsort(-np.array(values), kind="stable")
    classes_burnt = burnt([shapes[index] for index in order], [values[index] + 1 for index in order], tile)
    # A table look-up: the classes of all values of a byte, 0 being off the roads.
    class_of = np.arange(-1.0, 255.0, dtype=np.float32)
    class_of[0] = np.nan
    return class_of[classes_burnt]


def _covered(shapes: Sequence[BaseGeometry], tile: Grid) -> np.ndarray:
    """Where a cell's centre lies in one of the shapes."""
    return burnt(shapes, [1] * len(shapes), tile) > 0


def burnt(
    shapes: Sequence[BaseGeometry], values: Sequence[float | int], tile: Grid, kind: str = "uint8"
) -> Shaped[np.ndarray, "y x"]:
    """The value of the last shape that holds each cell's centre; 0 where there is none.

    Args:
        shapes: areas [m].
        values: one each.
        tile: the cells.
        kind: type of the values, `uint8` or `float32`.
    """
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    west, south, east, north = tile.bounds
    near = shapely.intersects(np.array(shapes, dtype=object), shapely.box(west, south, east, north))
    if not near.any():
        return np.zeros(tile.shape, kind)
    # Rows ascend with y, as everywhere in raylocus.
    transform = Affine(tile.resolution, 0, west, 0, tile.resolution, south)
    owner, outlines = _outlines(np.array(shapes, dtype=object)[near])
    pairs = zip(outlines, np.array(values)[near][owner].tolist(), strict=True)
    return np.asarray(rasterize(pairs, out_shape=tile.shape, transform=transform, dtype=kind))


def _outlines(
    shapes: np.ndarray,
) -> tuple[Int[np.ndarray, " polygon"], list[dict[str, object]]]:
    """Every polygon of the shapes as GeoJSON, which rasterio takes, and the index of its shape."""
    # All at once: shapely's own `__geo_interface__`, a shape at a time, takes longer than the burning.
    polygons, owner = shapely.get_parts(shapes, return_index=True)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    corner, ring = shapely.get_coordinates(rings, return_index=True)
    corners, first_corner = corner.tolist(), _firsts(ring, len(rings))
    closed = [corners[start:end] for start, end in itertools.pairwise(first_corner)]
    first_ring = itertools.pairwise(_firsts(polygon, len(polygons)))
    return owner, [{"type": "Polygon", "coordinates": closed[start:end]} for start, end in first_ring]


def _firsts(owner: Int[np.ndarray, " member"], count: int) -> list[int]:
    """Where the members of each owner start in a list sorted by owner, and where the last ones end."""
    starts: list[int] = np.searchsorted(owner, np.arange(count + 1)).tolist()
    return starts
