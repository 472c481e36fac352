"""A place from a vector map, and what the tiles of a larger one are made from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import PlaceError
from raylocus.provenance import Provenance
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import HeardCells
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.map_sources.assemble import MapExtent, Window
from raylocus.scenes.map_sources.read_source import SourceMap, read_source
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.tiling import TilePosition, cut_map, share_outside, tile_positions
from raylocus.scenes.vector_map import VectorMap
from raylocus.scenes.write_place import SceneContent, write_place

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
