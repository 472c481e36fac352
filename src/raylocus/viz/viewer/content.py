"""What the viewer's page of a place holds, gathered within a limit of size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xarray as xr

from raylocus.errors import InputError
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.triangles import read_place_scene
from raylocus.viz.viewer.layers import PackedLayer, packed_layer
from raylocus.viz.viewer.meshes import PackedMesh, building_meshes
from raylocus.viz.viewer.paths import PathLines, path_lines
from raylocus.viz.viewer.tracks import Track

#: Largest page [byte].
LIMIT = 12_000_000
#: What the page needs in addition to layers: its program, meshes, paths and tracks [byte]; 400 kB for each track.
RESERVED, RESERVED_A_TRACK = 2_000_000, 100_000
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


@dataclass(frozen=True)
class ViewerContent:
    """Everything that the page of a place shows."""

    place: TracedPlace
    meshes: tuple[PackedMesh, ...]
    layers: tuple[PackedLayer, ...]
    paths: PathLines | None
    """None where the place was not traced."""
    tracks: tuple[Track, ...]
    notes: tuple[str, ...]
    """What was left out."""


def viewer_content(
    place: TracedPlace,
    tracks: Sequence[Track] = (),
    layers: Sequence[str] = (),
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
    maps = place.radio_maps if place.radio_file.exists() else xr.Dataset()
    room = LIMIT - RESERVED - RESERVED_A_TRACK * len(tracks)
    drawn, notes = _radio_layers(maps, layers, room, place)
    atlas = place.atlas if place.atlas_file.exists() else None
    sites = place.deployment.site_positions
    return ViewerContent(
        place,
        tuple(building_meshes(read_place_scene(place.scene_file), place.tile)),
        (*drawn, *_geometry_layers(place.geometry_maps)),
        path_lines(atlas, sites, place.geometry_maps) if atlas else None,
        tuple(tracks),
        notes,
    )


def _geometry_layers(maps: xr.Dataset) -> Iterator[PackedLayer]:
    for name in maps.data_vars:
        layer = maps[name]
        if bool(layer.notnull().any()):
            yield packed_layer(layer, "G")


def _radio_layers(
    maps: xr.Dataset, asked: Sequence[str], room: int, place: TracedPlace
) -> tuple[list[PackedLayer], tuple[str, ...]]:
    unknown = [name for name in asked if name not in maps.data_vars]
    if unknown:
        known = ", ".join(map(str, maps.data_vars)) or "none; trace it with: raylocus maps trace"
        raise InputError(f"there is no layer {unknown[0]!r} of R; {place.folder} has {known}")
    drawn: list[PackedLayer] = []
    left_out = []
    for name in asked_order(maps, asked):
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
    single = [str(name) for name in maps.data_vars if {"beam", "stream"} & set(maps[name].dims)]
    missing = left_out if asked else left_out + single
    what = f"layers of R that are not in the page (--layers puts them there): {', '.join(missing)}"
    return drawn, (what,) if missing else ()


def asked_order(maps: xr.Dataset, asked: Sequence[str]) -> list[str]:
    """Layers of R in the order in which they get room."""
    whole = [str(name) for name in maps.data_vars if not {"beam", "stream"} & set(maps[name].dims)]
    wanted = (*ALWAYS, *asked) if asked else (*ALWAYS, *FIRST, *whole)
    return [name for name in dict.fromkeys(wanted) if name in maps.data_vars]
