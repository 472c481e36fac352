"""What the viewer shows of an area: sites, ground in coarse cells, buildings, R and paths of its tiles."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from raylocus.geo import Grid
from raylocus.scenes.area import Area, AreaTile
from raylocus.scenes.coarse_ground import LAYERS, cut_ground, flat_ground
from raylocus.scenes.place import load_place
from raylocus.scenes.triangles import read_place_scene
from raylocus.viz.viewer.area_maps import area_layers, area_paths, traced_tiles
from raylocus.viz.viewer.content import ViewerContent, room_for
from raylocus.viz.viewer.meshes import PackedMesh, building_meshes
from raylocus.viz.viewer.place_content import geometry_layers
from raylocus.viz.viewer.tracks import Track

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
