"""What the viewer shows of an area: sites, ground in coarse cells, buildings, R and paths of its tiles."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Int

from raylocus.geo import Grid
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.scenes.area import Area, AreaTile
from raylocus.scenes.geometry_maps import LAYERS, cut_ground, flat_ground
from raylocus.scenes.place import load_place
from raylocus.scenes.triangles import read_place_scene
from raylocus.viz.viewer.packing import PackedLayer, PackedMesh, building_meshes, packed_layer
from raylocus.viz.viewer.paths import ALONG_SIDE, PathLines, joined_lines, path_lines
from raylocus.viz.viewer.place_content import ALWAYS, FIRST, ViewerContent, geometry_layers, room_for
from raylocus.viz.viewer.tracks import Track


@dataclass(frozen=True)
class TracedTile:
    """A tile that has R, and where it lies in the page."""

    place: TracedPlace
    tile: AreaTile
    cells: Int[np.ndarray, " cell"]
    """Index in the area of each of its cells."""
    sites: Int[np.ndarray, " site"]
    """Index in the area of each of its sites."""
    here: Int[np.ndarray, " ground"]
    """Flat indices of the page's ground cells whose middles lie in it."""
    there: Int[np.ndarray, " ground"]
    """Its own ground cells at those middles."""


def traced_tiles(area: Area, grid: Grid) -> list[TracedTile]:
    """The tiles of an area that have R.

    Raises:
        PlaceError: a tile's place is missing or broken.
    """
    found = []
    for tile in area.tiles:
        place = open_place(area.folder / tile.folder)
        if place.traced:
            index = place.tile.index(grid.centres - np.array(tile.centre))
            cells = np.array(tile.cells, int)
            sites = np.unique([area.deployment.cells[cell].site for cell in tile.cells]).astype(int)
            here = np.flatnonzero(index >= 0)
            found.append(TracedTile(place, tile, cells, sites, here, index[here]))
    return found


def area_layers(tiles: Sequence[TracedTile], area: Area, grid: Grid, room: int) -> Iterator[PackedLayer]:
    """Layers of R of cells and sites, the important ones first, as many as there is room for [byte].

    The page's ground cells are larger than the tiles': each has the values at its middle.

    Raises:
        StoreError: a map of a tile is broken.
    """
    for name in (*ALWAYS, *FIRST):
        owners = [
            tile
            for tile in tiles
            if {"cell", "site"} & set(tile.place.radio_maps.get(name, xr.DataArray()).dims)
        ]
        if owners:
            layer = packed_layer(_over_area(name, owners, area, grid), "R")
            if layer.size > room:
                return
            room -= layer.size
            yield layer


def area_paths(tiles: Sequence[TracedTile], area: Area, grid: Grid) -> PathLines | None:
    """Paths at the first carrier to the points of one lattice over the area; None where no tile has an atlas."""
    parts = []
    for tile in tiles:
        place = tile.place.layers()[0]
        if place.atlas_file.exists():
            along = max(1, round(ALONG_SIDE * place.tile.size / grid.size))
            own = path_lines(place.atlas, place.deployment.site_positions, place.geometry_maps, along)
            shift = np.array([*tile.tile.centre, 0.0])
            cell = grid.index(place.tile.centres[own.cell] + shift[:2])
            parts.append(replace(own, cell=cell, site=tile.sites[own.site], point=own.point + shift))
    return joined_lines(parts) if parts else None


def _over_area(name: str, tiles: Sequence[TracedTile], area: Area, grid: Grid) -> xr.DataArray:
    """A layer over the page's grid, of all cells or sites of the area; NaN where a tile does not have them."""
    like = tiles[0].place.radio_maps[name]
    of_cells = "cell" in like.dims
    count = len(area.deployment.cells if of_cells else area.deployment.sites)
    whole = np.full((count, grid.count**2), np.nan, np.float32)
    for tile in tiles:
        values = tile.place.radio_maps[name].values
        rows = tile.cells if of_cells else tile.sites
        whole[rows[:, None], tile.here] = values.reshape(len(values), -1)[:, tile.there]
    axes = ("cell" if of_cells else "site", "y", "x")
    return xr.DataArray(whole.reshape(count, *grid.shape), dims=axes, attrs=like.attrs, name=name)


#: Ground cells along the longer side of an area.
CELLS = 256
#: Share of the page's room that buildings may take, so that there is some for R.
MESH_SHARE = 0.5


def area_content(area: Area, tracks: Sequence[Track] = ()) -> ViewerContent:
    """Gathers what the page of an area shows.

    Args:
        area: with tiles or without.
        tracks: phones.

    Raises:
        PlaceError: a tile's place is missing or broken.
        StoreError: the ground is broken.
    """
    grid = area.grid(float(math.ceil(max(area.extent.size) / CELLS)))
    ground = _ground(area, grid)
    room = room_for(len(tracks))
    meshes, left_out = _tile_meshes(area, int(MESH_SHARE * room))
    traced = traced_tiles(area, grid)
    drawn = area_layers(traced, area, grid, room - sum(mesh.size for mesh in meshes))
    named = f"tiles whose buildings are not in the page, which would be too large: {left_out}; view them one by one"
    return ViewerContent(
        name=area.name,
        attribution=area.attribution,
        frame=area.frame,
        grid=grid,
        deployment=area.deployment,
        ground=ground,
        meshes=tuple(meshes),
        layers=(*drawn, *geometry_layers(ground)),
        paths=area_paths(traced, area, grid),
        tracks=tuple(tracks),
        notes=(named,) if left_out else (),
    )


def _ground(area: Area, grid: Grid) -> xr.Dataset:
    if area.ground is None:
        return flat_ground(grid)
    here = cut_ground(area.ground, grid)
    return here.assign_coords(x=grid.x_coordinates, y=grid.y_coordinates)[list(LAYERS)]


def _tile_meshes(area: Area, room: int) -> tuple[list[PackedMesh], int]:
    """Buildings of the tiles nearest to the middle, as many as there is room for; and how many tiles are left out."""
    middle = np.array(area.extent.centre)
    tiles = sorted(area.tiles, key=lambda tile: float(np.linalg.norm(np.array(tile.centre) - middle)))
    meshes: list[PackedMesh] = []
    for index, tile in enumerate(tiles):
        found = _moved_buildings(area, tile)
        room -= sum(mesh.size for mesh in found)
        if room < 0:
            return meshes, len(tiles) - index
        meshes += found
    return meshes, 0


def _moved_buildings(area: Area, tile: AreaTile) -> list[PackedMesh]:
    place = load_place(area.folder / tile.folder)
    triangles = read_place_scene(place.scene_file)
    moved = dataclasses.replace(triangles, vertices=triangles.vertices + np.array([*tile.centre, 0.0]))
    return building_meshes(moved, dataclasses.replace(place.tile, centre=tile.centre))
