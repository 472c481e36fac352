"""One map to many tiles: where they lie, and what of the map each holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from raylocus.scenes.ground.terrain import cut_terrain
from raylocus.scenes.map_sources.assemble import MapExtent
from raylocus.scenes.vector_map import VectorMap


@dataclasses.dataclass(frozen=True)
class TilePosition:
    """One tile of the grid over a map."""

    column: int
    """From west, 0 first."""
    row: int
    """From south, 0 first."""
    centre: tuple[float, float]
    """In the map's frame [m]."""


def tile_positions(extent: MapExtent, size: float) -> list[TilePosition]:
    """Tiles of the side `size` [m] over a map, centred on it.

    Along each axis as many as fit best: at the map's edge at most half a tile in all is open ground or
    left out. A map smaller than a tile gets one.
    """
    columns, rows = (max(1, round(side / size)) for side in (extent.width, extent.depth))
    return [
        TilePosition(column, row, ((column - (columns - 1) / 2) * size, (row - (rows - 1) / 2) * size))
        for row in range(rows)
        for column in range(columns)
    ]


def share_outside(extent: MapExtent, centre: tuple[float, float], size: float) -> float:
    """Share of a tile of the side `size` [m] that lies outside the map, 0 to 1."""
    covered = 1.0
    for side, middle in zip((extent.width, extent.depth), centre, strict=True):
        low, high = max(middle - size / 2, -side / 2), min(middle + size / 2, side / 2)
        covered *= max(high - low, 0) / size
    return 1 - covered


def cut_map(vector_map: VectorMap, centre: tuple[float, float], size: float) -> VectorMap:
    """What touches a square of the side `size` [m], in the frame centred on it; shapes stay whole."""
    window = shapely.box(
        centre[0] - size / 2, centre[1] - size / 2, centre[0] + size / 2, centre[1] + size / 2
    )
    return dataclasses.replace(
        vector_map,
        frame=vector_map.frame.moved(*centre),
        buildings=_holders_within(vector_map.buildings, "footprint", window, centre),
        roads=_holders_within(vector_map.roads, "line", window, centre),
        terrain=cut_terrain(vector_map.terrain, centre, size),
        water=_shapes_within(vector_map.water, window, centre),
        vegetation=_shapes_within(vector_map.vegetation, window, centre),
        pavements=_shapes_within(vector_map.pavements, window, centre),
    )


def _holders_within(
    holders: Sequence[Any], field: str, window: BaseGeometry, centre: tuple[float, float]
) -> tuple[Any, ...]:
    """The dataclasses whose shape in `field` touches the window, moved."""
    near = _near([getattr(holder, field) for holder in holders], window)
    if not any(centre):
        return tuple(holders[index] for index in near)
    return tuple(
        dataclasses.replace(holders[index], **{field: _moved(getattr(holders[index], field), centre)})
        for index in near
    )


def _shapes_within(
    shapes: Sequence[Any], window: BaseGeometry, centre: tuple[float, float]
) -> tuple[Any, ...]:
    return tuple(_moved(shapes[index], centre) for index in _near(shapes, window))


def _near(shapes: Sequence[BaseGeometry], window: BaseGeometry) -> list[int]:
    array = np.empty(len(shapes), object)
    array[:] = list(shapes)
    return [int(index) for index in np.flatnonzero(shapely.intersects(array, window))]


def _moved(shape: BaseGeometry, centre: tuple[float, float]) -> BaseGeometry:
    return shape if centre == (0, 0) else affinity.translate(shape, -centre[0], -centre[1])
