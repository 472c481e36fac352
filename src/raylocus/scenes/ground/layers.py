"""Roads, vegetation and water as dense grids over a tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt
from shapely.geometry.base import BaseGeometry

from raylocus.geo import Grid
from raylocus.scenes.vector_map import ROAD_CLASSES, VectorMap


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
    layer = np.full(tile.shape, np.nan)
    for index, name in reversed(list(enumerate(ROAD_CLASSES))):
        roads = [road for road in vector_map.roads if road.road_class == name]
        lines = np.array([road.line for road in roads], dtype=object)
        width = np.array([road.width for road in roads])
        # Half a cell on either side at least, or a footway would be a dotted line.
        shapes = list(shapely.buffer(lines, np.maximum(width, tile.resolution) / 2, cap_style="flat"))
        if name == "pedestrian":
            shapes += vector_map.pavements
        layer[_covered(shapes, tile)] = index
    return layer


def _covered(shapes: Sequence[BaseGeometry], tile: Grid) -> np.ndarray:
    """Where a cell's centre lies in one of the shapes."""
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    present = [(shape, 1) for shape in shapes if not shape.is_empty]
    if not present:
        return np.zeros(tile.shape, bool)
    corner = -tile.size / 2
    # Rows ascend with y, as everywhere in raylocus.
    transform = Affine(tile.resolution, 0, corner, 0, tile.resolution, corner)
    return rasterize(present, out_shape=tile.shape, transform=transform, dtype="uint8").astype(bool)
