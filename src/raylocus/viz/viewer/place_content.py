"""What the viewer shows of a place: its buildings, as many layers as there is room for, and paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xarray as xr

from raylocus.errors import InputError
from raylocus.geo import GeoFrame, Grid
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import Deployment
from raylocus.scenes.triangles import read_place_scene
from raylocus.viz.viewer.packing import PackedLayer, PackedMesh, building_meshes, packed_layer
from raylocus.viz.viewer.paths import PathLines, path_lines
from raylocus.viz.viewer.tracks import Track

#: Largest page [byte].
LIMIT = 12_000_000
#: What the page needs in addition to layers and meshes: its program and paths, and for each track [byte].
RESERVED, RESERVED_A_TRACK = 2_000_000, 100_000


@dataclass(frozen=True)
class ViewerContent:
    """Everything that a page shows."""

    name: str
    attribution: str
    """Licence notice of the map; empty where there is none."""
    frame: GeoFrame
    grid: Grid
    """Of all layers."""
    deployment: Deployment
    ground: xr.Dataset
    """`terrain` and `surface` [m] over the grid."""
    meshes: tuple[PackedMesh, ...]
    layers: tuple[PackedLayer, ...]
    paths: PathLines | None
    """None where nothing was traced."""
    tracks: tuple[Track, ...]
    notes: tuple[str, ...]
    """What was left out."""


def room_for(tracks: int) -> int:
    """What layers and meshes of a page with so many tracks may take [byte]."""
    return LIMIT - RESERVED - RESERVED_A_TRACK * tracks


#: Layers of R that the answer to a click reads, if there are any.
ALWAYS = ("rsrp", "sinr", "toa", "line_of_sight")
#: Layers of R that come next where there is room; all others follow in their order.
FIRST = (
    "rssi",
    "best_server",
    "rsrq",
    "path_gain",
    "delay_spread",
    "aoa_azimuth",
    "aod_azimuth",
    "throughput",
)


def place_content(
    place: TracedPlace, tracks: Sequence[Track] = (), layers: Sequence[str] = ()
) -> ViewerContent:
    """Gathers what the page of a place shows.

    Args:
        place: traced or not.
        tracks: phones.
        layers: layers of R, in addition to those that a click reads; as many as there is room for where left out,
            those of single beams and streams apart.

    Raises:
        InputError: there is no such layer, or the layers asked for make the page larger than `LIMIT`.
        StoreError: a map of the place is broken.
    """
    maps = place.radio_maps if place.traced else xr.Dataset()
    meshes = tuple(building_meshes(read_place_scene(place.scene_file), place.tile))
    room = room_for(len(tracks)) - sum(mesh.size for mesh in meshes)
    _check_names(maps, layers, place)
    drawn, left_out = _radio_layers(maps, layers, room)
    sites, first = place.deployment.site_positions, place.layers()[0]
    return ViewerContent(
        name=place.name,
        attribution=place.attribution,
        frame=place.frame,
        grid=place.tile,
        deployment=place.deployment,
        ground=place.geometry_maps,
        meshes=meshes,
        layers=(*drawn, *geometry_layers(place.geometry_maps)),
        paths=path_lines(first.atlas, sites, place.geometry_maps) if first.atlas_file.exists() else None,
        tracks=tuple(tracks),
        notes=_notes(left_out),
    )


def geometry_layers(maps: xr.Dataset) -> Iterator[PackedLayer]:
    """Layers of G that are known anywhere."""
    for name in maps.data_vars:
        if bool(maps[name].notnull().any()):
            yield packed_layer(maps[name], "G")


def _check_names(maps: xr.Dataset, asked: Sequence[str], place: TracedPlace) -> None:
    unknown = [name for name in asked if name not in maps.data_vars]
    if unknown:
        known = ", ".join(map(str, maps.data_vars)) or "none; trace it with: raylocus maps trace"
        raise InputError(f"there is no layer {unknown[0]!r} of R; {place.folder} has {known}")


def _radio_layers(maps: xr.Dataset, asked: Sequence[str], room: int) -> tuple[list[PackedLayer], list[str]]:
    """The layers in the page, and the names of those that are not, where none were asked for."""
    drawn: list[PackedLayer] = []
    wanted = _in_order(maps, asked)
    left_out = [] if asked else [str(name) for name in maps.data_vars if name not in wanted]
    for name in wanted:
        layer = packed_layer(maps[name], "R")
        if layer.size <= room:
            room -= layer.size
            drawn.append(layer)
        elif asked:
            raise InputError(
                f"the layers asked for make a page of more than {LIMIT / 1e6:.0f} MB, from {name} on; ask for fewer"
            )
        else:
            left_out.append(name)
    return drawn, left_out


def _in_order(maps: xr.Dataset, asked: Sequence[str]) -> list[str]:
    """Layers of R in the order in which they get room."""
    whole = [str(name) for name in maps.data_vars if not {"beam", "stream"} & set(maps[name].dims)]
    wanted = (*ALWAYS, *asked) if asked else (*ALWAYS, *FIRST, *whole)
    return [name for name in dict.fromkeys(wanted) if name in maps.data_vars]


def _notes(left_out: list[str]) -> tuple[str, ...]:
    what = f"layers of R that are not in the page (--layers puts them there): {', '.join(left_out)}"
    return (what,) if left_out else ()
