"""Roads, vegetation and water as dense grids over a tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float, UInt8
from scipy.ndimage import distance_transform_edt
from shapely.geometry.base import BaseGeometry

from raylocus.geo import Grid
from raylocus.scenes.vector_map import ROAD_CLASSES, VectorMap

#: Segments of a quarter circle where a road bends.
CORNER_SEGMENTS = 4


def ground_layers(vector_map: VectorMap, tile: Grid) -> dict[str, Float[np.ndarray, "y x"]]:
    """`road`, `road_class`, `road_distance` [m], `vegetation` and `water`, as in `UNKNOWN_LAYERS`.

    A cell belongs to what covers its centre; where roads cross, to the higher class. A road too narrow
    to cover any centre takes the cells it runs through.
    """
    road_class = _road_class(vector_map, tile)
    road = np.isfinite(road_class)
    distance = distance_transform_edt(~road) * tile.resolution if road.any() else np.full(tile.shape, np.nan)
    return {
        "road": road.astype(float),
        "road_class": road_class,
        "road_distance": distance,
        "vegetation": _covered(vector_map.vegetation, tile).astype(float),
        "water": _covered(vector_map.water, tile).astype(float),
    }


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
    burnt = _burnt([shapes[index] for index in order], [values[index] + 1 for index in order], tile)
    return np.where(burnt > 0, burnt - 1.0, np.nan)


def _covered(shapes: Sequence[BaseGeometry], tile: Grid) -> np.ndarray:
    """Where a cell's centre lies in one of the shapes."""
    return _burnt(shapes, [1] * len(shapes), tile) > 0


def _burnt(shapes: Sequence[BaseGeometry], values: Sequence[int], tile: Grid) -> UInt8[np.ndarray, "y x"]:
    """The value of the last shape that holds each cell's centre; 0 where there is none."""
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    half = tile.size / 2
    near = shapely.intersects(np.array(shapes, dtype=object), shapely.box(-half, -half, half, half))
    present = [pair for pair, close in zip(zip(shapes, values, strict=True), near, strict=True) if close]
    if not present:
        return np.zeros(tile.shape, np.uint8)
    # Rows ascend with y, as everywhere in raylocus.
    transform = Affine(tile.resolution, 0, -half, 0, tile.resolution, -half)
    return np.asarray(rasterize(present, out_shape=tile.shape, transform=transform, dtype="uint8"))
