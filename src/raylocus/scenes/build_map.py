"""Places from a map: the tiles that it is cut into, and what is built of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from raylocus.errors import PlaceError
from raylocus.provenance import Provenance
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import HeardCells
from raylocus.scenes.ground.terrain import cut_terrain
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.map_sources.assemble import MapExtent, Window
from raylocus.scenes.map_sources.read_source import SourceMap, read_source
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.vector_map import VectorMap
from raylocus.scenes.write_place import SceneContent, write_place

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


#: What a tile of open country says.
OPEN_NOTE = "no building stands in the tile: drawn sites stand on masts, in the water where no ground is dry"
#: Shares of a tile outside the map above this are said.
SHARE_SAID = 0.001


@dataclass(frozen=True)
class SourceTiles:
    """A map that was read, and the tiles that it makes."""

    found: SourceMap
    positions: tuple[TilePosition, ...]


def source_tiles(source: str, configuration: SceneConfiguration, side: float | None = None) -> SourceTiles:
    """Reads a source: the wanted tile, or all of the map.

    Args:
        source: any but a built-in city.
        configuration: tile and grid; with a centre, only that tile is wanted.
        side: of a generated town [m]; None for the tile's.

    Raises:
        InputError: the source cannot be used.
    """
    window = None if configuration.centre is None else Window(configuration.centre, configuration.side)
    found = read_source(
        source, configuration.options, configuration.seed, side or configuration.tile_size, window
    )
    return SourceTiles(found, tuple(_positions(found, configuration)))


def build_map_tile(
    source: SourceTiles,
    folder: Path,
    configuration: SceneConfiguration,
    provenance: Provenance,
    heard: HeardCells,
) -> Place:
    """Builds the only tile of a map as `folder`, or leaves it where it is whole already.

    Args:
        source: what was read.
        folder: where.
        configuration: tile, grid and deployment.
        provenance: of the tile.
        heard: which cells of a network that reaches beyond the tile are kept.

    Raises:
        PlaceError: the tile lies outside the map, or no site fits into it.
    """
    whole = whole_already(folder, provenance)
    if whole is not None:
        return whole
    centre, found = configuration.centre or (0.0, 0.0), source.found
    cut = cut_map(found.vector_map, centre, configuration.side)
    if share_outside(found.extent, centre, configuration.tile_size) == 1 and not cut.buildings:
        raise PlaceError(
            f"the tile at {centre[0]:g},{centre[1]:g} m holds no building and none of the map; move the tile "
            "(--tile X,Y) or give a larger map"
        )
    noted = with_tile_notes(cut, found.extent, configuration)
    return write_place(folder, vector_map_content(noted, configuration), configuration, provenance, heard)


def vector_map_content(vector_map: VectorMap, configuration: SceneConfiguration) -> SceneContent:
    """Meshes and geometry maps of a map that is centred on the tile."""
    mesh, maps = mesh_and_maps(vector_map, configuration.side, configuration.tile)
    return SceneContent(mesh, maps, vector_map.frame, vector_map.notes, vector_map.attribution)


def _positions(found: SourceMap, configuration: SceneConfiguration) -> list[TilePosition]:
    if configuration.centre is not None:
        return [TilePosition(0, 0, configuration.centre)]
    return tile_positions(found.extent, configuration.tile_size)


def with_tile_notes(cut: VectorMap, extent: MapExtent, configuration: SceneConfiguration) -> VectorMap:
    """A tile of a map with what is to be said of it.

    Args:
        cut: the tile's part of the map.
        extent: the map's.
        configuration: the tile's.
    """
    outside = share_outside(extent, configuration.centre or (0.0, 0.0), configuration.tile_size)
    notes = [] if cut.buildings else [OPEN_NOTE]
    if outside > SHARE_SAID:
        notes.append(f"{outside:.0%} of the tile lies outside the map and is open ground")
    return dataclasses.replace(cut, notes=(*cut.notes, *notes))


def whole_already(folder: Path, provenance: Provenance) -> Place | None:
    """The place that stands in a folder if it is of that provenance, else None."""
    try:
        place = load_place(folder)
    except PlaceError:
        return None
    return place if place.provenance.digest == provenance.digest else None
