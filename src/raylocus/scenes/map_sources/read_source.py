"""From the word a user gives to a vector map: files, boxes, points, place names and generated towns."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame
from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.foreign_files import absence, deepmimo_folder
from raylocus.scenes.map_sources.assemble import MapExtent, Window, assemble_map, frame_of
from raylocus.scenes.map_sources.building_file import read_building_file
from raylocus.scenes.map_sources.tables import SUFFIXES
from raylocus.scenes.osm.formats import format_of, is_osm
from raylocus.scenes.tagged import Bounds, TaggedMap
from raylocus.scenes.vector_map import VectorMap

#: What starts the name of a generated town.
PROCEDURAL = "procedural:"

_NUMBERS = re.compile(r"[+-]?\d+(\.\d*)?(\s*,\s*[+-]?\d+(\.\d*)?)+")


@dataclass(frozen=True)
class SourceMap:
    """A vector map and what it covers."""

    vector_map: VectorMap
    extent: MapExtent


def source_file(source: str) -> Path | None:
    """The file that a source names; None for other kinds of source.

    Raises:
        PlaceError: the source is a folder, an archive, or a path to nothing.
    """
    path = Path(source)
    if (refusal := _refusal(source, path)) is not None:
        raise PlaceError(refusal)
    if path.is_dir():
        raise PlaceError(
            f"{source} is a folder; give the map file in it, or a place's name with its country: '{path.name}, COUNTRY'"
        )
    if path.is_file() or format_of(source) is not None or source.lower().endswith(SUFFIXES):
        return path
    return None


def _refusal(source: str, path: Path) -> str | None:
    """Why a source is no map, where its path says so; None of what may be one."""
    if path.is_dir() and path.suffix.lower() == ".gdb":
        return f"{source} is a geodatabase of Esri's; export its buildings as GeoPackage and give that file"
    kind = deepmimo_folder(path)
    if kind is not None:
        return f"{source} is a {kind} scenario, which is no map; give the map it was traced from"
    is_path = (
        source.startswith(("/", "./", "../", "~")) or source.endswith("/") or path.suffix.lower() == ".zip"
    )
    return absence(path) if is_path else None


def read_source(
    source: str, options: SourceOptions, seed: int, tile_size: float, window: Window | None = None
) -> SourceMap:
    """The map of a source other than a built-in city.

    Args:
        source: a file, `lat,lon`, `W,S,E,N`, `procedural:STYLE` or a place name.
        options: files and numbers that go with it.
        seed: decides what no map states: heights, materials, a generated town.
        tile_size: side of a generated town [m].
        window: the only part of a map that is wanted, or None for all of it.

    Raises:
        InputError: the source cannot be used; the message says why.
    """
    if source.startswith(PROCEDURAL):
        return _town(source.removeprefix(PROCEDURAL), seed, tile_size)
    tagged, bounds = _tagged_map(source, options, tile_size)
    frame, extent = frame_of(bounds)
    found = assemble_map(tagged, frame, extent, options.terrain, np.random.default_rng(seed), window)
    parameters = {**found.parameters, "bounds": ",".join(f"{value:.6f}" for value in bounds)}
    return SourceMap(dataclasses.replace(found, parameters=parameters), extent)


def extent_before_reading(source: str, radius: float, side: float) -> MapExtent | None:
    """What a source covers, where that is known before anything is read, fetched or generated.

    Args:
        source: as of `read_source`.
        radius: half of the side of the square about a point [m].
        side: of a generated town [m].

    Raises:
        PlaceError: its numbers are no place on Earth.
    """
    if source.startswith(PROCEDURAL):
        return MapExtent(side, side)
    if source_file(source) is None and _NUMBERS.fullmatch(source.strip()):
        return frame_of(requested_bounds(source, radius))[1]
    return None


def _tagged_map(source: str, options: SourceOptions, tile_size: float) -> tuple[TaggedMap, Bounds]:
    """What a source holds, and the box that is wanted of it."""
    path = source_file(source)
    if path is None:
        return _online(source, options.radius, tile_size)
    if not _is_osm(path):
        tagged = read_building_file(path, options)
        return tagged, tagged.bounds
    tagged = _read_osm(path)
    return dataclasses.replace(tagged, notes=(*tagged.notes, *_idle_options(options))), tagged.bounds


def _is_osm(path: Path) -> bool:
    """Whether a source is OpenStreetMap's; one that is missing, by its name."""
    return is_osm(path) if path.is_file() else format_of(path.name) is not None


def _idle_options(options: SourceOptions) -> list[str]:
    """What is to be said of options that go with building files only."""
    given = {"height-field": options.height_field, "roads": options.roads, "vegetation": options.vegetation}
    return [
        f"--{name} not used: it goes with building files"
        for name, value in given.items()
        if value is not None
    ]


def _town(style: str, seed: int, size: float) -> SourceMap:
    from raylocus.scenes.towns.generate import generate_town

    return SourceMap(generate_town(style, seed, size), MapExtent(size, size))


def _read_osm(path: Path) -> TaggedMap:
    from raylocus.scenes.osm.reader import read_osm

    return read_osm(path)


def _online(source: str, radius: float, tile_size: float) -> tuple[TaggedMap, Bounds]:
    from raylocus.scenes.map_sources.online import fetch_map

    bounds = _wanted_bounds(source, radius)
    frame, extent = frame_of(bounds)
    # The tiles may reach beyond the box, and their edges need neighbours.
    reach = [max(side, tile_size) / 2 + tile_size / 2 for side in (extent.width, extent.depth)]
    latitude, longitude = frame.to_wgs84(np.array([[-reach[0], -reach[1]], [reach[0], reach[1]]]))
    wide = (float(longitude[0]), float(latitude[0]), float(longitude[1]), float(latitude[1]))
    return _read_osm(fetch_map(wide)), bounds


def _wanted_bounds(source: str, radius: float) -> Bounds:
    """The box of numbers or of a place name."""
    if _NUMBERS.fullmatch(source.strip()):
        return requested_bounds(source, radius)
    from raylocus.scenes.map_sources.online import find_place

    found = find_place(source)
    return found if len(found) == 4 else requested_bounds(f"{found[0]},{found[1]}", radius)


def requested_bounds(source: str, radius: float) -> Bounds:
    """The box of `W,S,E,N`, or of the square of half side `radius` [m] around `lat,lon`.

    Raises:
        PlaceError: these are not two or four numbers, or no place on Earth.
    """
    if not _NUMBERS.fullmatch(source.strip()):
        raise PlaceError(f"{source!r} is no list of numbers; a point is lat,lon and a box is W,S,E,N")
    numbers = [float(part) for part in source.split(",")]
    if len(numbers) == 4:
        west, south, east, north = numbers
        return west, south, east, north
    if len(numbers) != 2:
        raise PlaceError(f"{source!r} has {len(numbers)} numbers; a point is lat,lon and a box is W,S,E,N")
    latitude, longitude = numbers
    if not (-84 < latitude < 84 and -180 <= longitude <= 180):
        raise PlaceError(
            f"{source!r} is no point between 84° S and 84° N; give lat,lon in degrees, latitude first"
        )
    frame = GeoFrame(latitude, longitude)
    y, x = frame.to_wgs84(np.array([[-radius, -radius], [radius, radius]]))
    return float(x[0]), float(y[0]), float(x[1]), float(y[1])
