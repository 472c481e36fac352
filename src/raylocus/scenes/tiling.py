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

#: Fields of a map that hold areas.
AREAS = ("water", "vegetation", "pavements")


@dataclasses.dataclass(frozen=True)
class TilePosition:
    """One tile of the grid over a map."""

    column: int
    """From west, 0 first."""
    row: int
    """From south, 0 first."""
    centre: tuple[float, float]
    """In the map's frame [m]."""


def tile_counts(extent: MapExtent, size: float) -> tuple[int, int]:
    """Columns and rows of tiles of the side `size` [m]: as many as fit best, at least one.

    At the map's edge at most half a tile in all is open ground or left out.
    """
    return max(1, round(extent.width / size)), max(1, round(extent.depth / size))


def tile_positions(extent: MapExtent, size: float) -> list[TilePosition]:
    """Tiles of the side `size` [m] over a map, centred on it."""
    columns, rows = tile_counts(extent, size)
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


class IndexedMap:
    """A map whose parts are found by where they are: of many pieces cut out of it each costs what it holds."""

    def __init__(self, vector_map: VectorMap) -> None:
        self._map = vector_map
        self._buildings = _Index([building.footprint for building in vector_map.buildings])
        self._roads = _Index([road.line for road in vector_map.roads])
        self._areas = {name: _Index(getattr(vector_map, name)) for name in AREAS}

    def cut(self, centre: tuple[float, float], size: float) -> VectorMap:
        """What touches a square of the side `size` [m], in the frame centred on it; shapes stay whole."""
        half, whole = size / 2, self._map
        window = shapely.box(centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)
        buildings = [whole.buildings[index] for index in self._buildings.near(window)]
        roads = [whole.roads[index] for index in self._roads.near(window)]
        areas: dict[str, Any] = {
            name: tuple(_moved(getattr(whole, name)[index], centre) for index in found.near(window))
            for name, found in self._areas.items()
        }
        return dataclasses.replace(
            whole,
            frame=whole.frame.moved(*centre),
            buildings=_holders_moved(buildings, "footprint", centre),
            roads=_holders_moved(roads, "line", centre),
            terrain=cut_terrain(whole.terrain, centre, size),
            **areas,
        )


def cut_map(vector_map: VectorMap, centre: tuple[float, float], size: float) -> VectorMap:
    """One piece of a map, see `IndexedMap.cut`."""
    return IndexedMap(vector_map).cut(centre, size)


class _Index:
    """Shapes by where they are."""

    def __init__(self, shapes: Sequence[BaseGeometry]) -> None:
        array = np.empty(len(shapes), object)
        array[:] = list(shapes)
        self._tree = shapely.STRtree(array)

    def near(self, window: BaseGeometry) -> list[int]:
        """Indices of the shapes that touch a window, ascending."""
        return np.sort(self._tree.query(window, predicate="intersects")).tolist()


def _holders_moved(holders: Sequence[Any], field: str, centre: tuple[float, float]) -> tuple[Any, ...]:
    """The dataclasses with their shape in `field` moved."""
    if not any(centre):
        return tuple(holders)
    return tuple(
        dataclasses.replace(holder, **{field: _moved(getattr(holder, field), centre)}) for holder in holders
    )


def _moved(shape: BaseGeometry, centre: tuple[float, float]) -> BaseGeometry:
    return shape if centre == (0, 0) else affinity.translate(shape, -centre[0], -centre[1])
