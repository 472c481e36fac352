"""Places from a vector map: one, or a grid of tiles that share a frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from raylocus.errors import PlaceError
from raylocus.provenance import Provenance
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.map_sources.assemble import Window
from raylocus.scenes.map_sources.read_source import SourceMap, read_source
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.site_files import tiles_with_cells
from raylocus.scenes.tiling import TilePosition, cut_map, share_outside, tile_positions
from raylocus.scenes.vector_map import VectorMap
from raylocus.scenes.write_place import SceneContent, write_place

#: What a tile of open country says.
OPEN_NOTE = "no building stands in the tile: drawn sites stand on masts, in the water where no ground is dry"
#: Shares of a tile outside the map above this are said.
SHARE_SAID = 0.001


def build_map_tiles(
    source: str,
    folder: Path,
    configuration: SceneConfiguration,
    provenance: Callable[[SceneConfiguration], Provenance],
    progress: Callable[[Place], None],
) -> list[Place]:
    """Builds the wanted tile as `folder`, or all of a map as `folder-COLUMN-ROW`.

    Args:
        source: any but a built-in city.
        folder: where.
        configuration: tile, grid and deployment; with a centre, only that tile is built, and with a file of
            sites only tiles that hold one.
        provenance: of a tile, from its configuration.
        progress: called with each place as it is whole.

    Raises:
        InputError: the source cannot be used.
        PlaceError: no tile lies on the map, or no site fits into one.
    """
    window = None if configuration.centre is None else Window(configuration.centre, configuration.side)
    found = read_source(source, configuration.options, configuration.seed, configuration.tile_size, window)
    positions = _positions(found, configuration)
    wanted, without = _with_sites(found, positions, configuration)
    if without:
        note = f"tiles of the map without a cell of the file of sites, left out: {without}"
        found = dataclasses.replace(found, vector_map=_noted(found.vector_map, note))
    places = []
    for position in wanted:
        target = folder if len(positions) == 1 else Path(f"{folder}-{position.column}-{position.row}")
        tile = dataclasses.replace(configuration, centre=position.centre)
        place = _build_tile(found, target, tile, provenance(tile))
        if place is not None:
            places.append(place)
            progress(place)
    if not places:
        raise PlaceError(
            f"no tile of {source} holds a building or any of its map; move the tile (--tile X,Y) or give a larger map"
        )
    return places


def _with_sites(
    found: SourceMap, positions: list[TilePosition], configuration: SceneConfiguration
) -> tuple[list[TilePosition], int]:
    """The tiles with cells of the file of sites, and how many others there are; all where no tile has one."""
    if configuration.sites is None or len(positions) == 1:
        return positions, 0
    frames = [found.vector_map.frame.moved(*position.centre) for position in positions]
    held = tiles_with_cells(configuration.sites, frames, configuration.tile)
    wanted = [position for position, holds in zip(positions, held, strict=True) if holds] or positions
    return wanted, len(positions) - len(wanted)


def _noted(vector_map: VectorMap, note: str) -> VectorMap:
    return dataclasses.replace(vector_map, notes=(*vector_map.notes, note))


def vector_map_content(vector_map: VectorMap, configuration: SceneConfiguration) -> SceneContent:
    """Meshes and geometry maps of a map that is centred on the tile."""
    mesh, maps = mesh_and_maps(vector_map, configuration.side, configuration.tile)
    return SceneContent(mesh, maps, vector_map.frame, vector_map.notes, vector_map.attribution)


def _positions(found: SourceMap, configuration: SceneConfiguration) -> list[TilePosition]:
    if configuration.centre is not None:
        return [TilePosition(0, 0, configuration.centre)]
    return tile_positions(found.extent, configuration.tile_size)


def _build_tile(
    found: SourceMap, folder: Path, configuration: SceneConfiguration, provenance: Provenance
) -> Place | None:
    """One tile, reused where it is whole already; None where it lies outside the map."""
    whole = _whole_already(folder, provenance)
    if whole is not None:
        return whole
    centre = configuration.centre or (0.0, 0.0)
    cut = cut_map(found.vector_map, centre, configuration.side)
    outside = share_outside(found.extent, centre, configuration.tile_size)
    if outside == 1 and not cut.buildings:
        return None
    noted = dataclasses.replace(cut, notes=(*cut.notes, *_tile_notes(cut, outside)))
    return write_place(folder, vector_map_content(noted, configuration), configuration, provenance)


def _tile_notes(cut: VectorMap, outside: float) -> list[str]:
    """What is to be said of one tile of a map."""
    notes = [] if cut.buildings else [OPEN_NOTE]
    if outside > SHARE_SAID:
        notes.append(f"{outside:.0%} of the tile lies outside the map and is open ground")
    return notes


def _whole_already(folder: Path, provenance: Provenance) -> Place | None:
    try:
        place = load_place(folder)
    except PlaceError:
        return None
    return place if place.provenance.digest == provenance.digest else None
