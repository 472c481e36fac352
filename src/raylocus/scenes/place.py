"""A place on disk: its frame, tile, deployment and geometry maps."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from raylocus.errors import PlaceError, RaylocusError
from raylocus.geo import GeoFrame, Grid
from raylocus.json_text import parse_json
from raylocus.provenance import Provenance
from raylocus.scenes.foreign_files import archive
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA, load_coarse_ground
from raylocus.scenes.place_checks import check_deployment, check_maps, plain_record
from raylocus.scenes.radio_properties import SceneMaterials, materials_of_record, materials_record
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, ElementPattern, PatternCuts, Site
from raylocus.storage import written_whole
from raylocus.xarray_store import load_dataset

#: Version of place.json; a place of another version must be built again.
PLACE_SCHEMA = "raylocus.place.v3"
#: The version before, of one carrier, which is read as well.
_ONE_CARRIER = "raylocus.place.v2"
#: Name of the file that makes a folder an area, which is no place.
AREA_FILE = "area.json"
#: Store of a place's surroundings.
SURROUNDINGS = "surroundings.zarr"


@dataclass(frozen=True)
class Place:
    """One tile of the world with its sites, opened from `places/<name>/`."""

    folder: Path
    name: str
    frame: GeoFrame
    tile: Grid
    """Tile side and the resolution of the geometry maps."""
    deployment: Deployment
    provenance: Provenance
    notes: tuple[str, ...] = ()
    """What was repaired, merged, left out or assumed when the place was built."""
    attribution: str = ""
    """Licence notice to be kept with anything derived from the place; empty where there is none."""
    materials: SceneMaterials = field(default_factory=SceneMaterials)
    """What is set instead of the ITU's properties of each material class."""
    map_error: dict[str, Any] = field(default_factory=dict)
    """How the place differs from a map, every draw of `scenes.map_errors` as plain JSON; empty where it is the map."""

    @property
    def scene_file(self) -> Path:
        """The Mitsuba scene, loadable by plain `sionna.rt.load_scene`."""
        return self.folder / "scene.xml"

    @cached_property
    def geometry_maps(self) -> xr.Dataset:
        """G: the geometry maps, see `scenes.geometry_maps`. Raises StoreError where they are missing or broken."""
        path = self.folder / "geometry.zarr"
        maps = load_dataset(path, GEOMETRY_SCHEMA)
        check_maps(maps, path, self.tile, {}, ("terrain", "surface", "height"))
        return maps

    @cached_property
    def surroundings(self) -> xr.Dataset | None:
        """Coarse rasters of the ground up to sites far outside the tile; None where they are not known.

        Raises:
            StoreError: they are there and broken.
        """
        return load_coarse_ground(self.folder / SURROUNDINGS)


def place_record(place: Place) -> dict[str, Any]:
    """What place.json says of a place, as plain JSON."""
    return {
        "schema": PLACE_SCHEMA,
        "name": place.name,
        "frame": dataclasses.asdict(place.frame),
        "tile": {"size": place.tile.size, "resolution": place.tile.resolution},
        **deployment_record(place.deployment),
        "provenance": dataclasses.asdict(place.provenance),
        "notes": list(place.notes),
        "attribution": place.attribution,
        "materials": materials_record(place.materials, place.deployment.carriers[0].frequency),
        "map_error": place.map_error,
    }


def deployment_record(deployment: Deployment) -> dict[str, Any]:
    """What place.json and area.json say of a network, as plain JSON."""
    return {
        "carriers": [dataclasses.asdict(carrier) for carrier in deployment.carriers],
        "sites": [dataclasses.asdict(site) for site in deployment.sites],
        "cells": [_stated(dataclasses.asdict(cell)) for cell in deployment.cells],
    }


def _stated(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell's record, without the field that says that something is assumed where nothing is."""
    return {name: value for name, value in cell.items() if name != "assumed" or value}


def save_place(place: Place) -> None:
    """Writes place.json; the folder's other files must be whole already."""
    with written_whole(place.folder / "place.json") as aside:
        aside.write_text(json.dumps(place_record(place), indent=1))


def load_place(folder: Path) -> Place:
    """Opens a place folder.

    Raises:
        PlaceError: there is no place in the folder, or it is of another schema version.
    """
    try:
        record = parse_json((folder / "place.json").read_text())
    except FileNotFoundError as error:
        raise PlaceError(no_place(folder)) from error
    except NotADirectoryError as error:
        what = (
            archive(folder) or f"{folder} is a file and no place; a place is a folder with place.json in it"
        )
        raise PlaceError(what) from error
    except ValueError as error:
        raise PlaceError(f"{folder}/place.json is not valid JSON; build the place again") from error
    return place_of_record(record, folder)


def no_place(folder: Path) -> str:
    """A sentence on a folder in which there is no place.json, and what to give or do instead."""
    if (folder / AREA_FILE).is_file():
        return (
            f"{folder} is an area, and a place is needed; give one of its tiles, a folder in {folder}/tiles"
        )
    inside = sorted(file.parent.name for file in folder.glob("*/place.json"))
    if inside:
        more = " …" if len(inside) > 3 else ""
        return f"no place at {folder}, but in it: {', '.join(inside[:3])}{more}; give {folder / inside[0]}"
    return f"no place at {folder}; make one with: raylocus scene build SOURCE --out {folder}"


def place_of_record(record: Any, folder: Path) -> Place:
    """The place that a record of `place_record` describes.

    Raises:
        PlaceError: the record is of another schema version, or says what no place can be.
    """
    if not isinstance(record, dict):
        raise PlaceError(f"{folder}/place.json is no record of a place; build the place again")
    if record.get("schema") == _ONE_CARRIER and isinstance(record.get("carrier"), dict):
        record = {**record, "schema": PLACE_SCHEMA, "carriers": [_known_carrier(record["carrier"])]}
    if record.get("schema") != PLACE_SCHEMA:
        raise PlaceError(
            f"{folder} has place schema {record.get('schema')!r}, not {PLACE_SCHEMA!r}; build it again"
        )
    try:
        return _place(record, folder)
    except PlaceError:
        raise
    except (RaylocusError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PlaceError(
            f"{folder}/place.json is not as raylocus wrote it ({type(error).__name__}: {error}); "
            "build the place again"
        ) from error


def _place(record: dict[str, Any], folder: Path) -> Place:
    tile = Grid(**plain_record(Grid, record["tile"]))
    return Place(
        folder=folder,
        name=str(record["name"]),
        frame=GeoFrame(**plain_record(GeoFrame, record["frame"])),
        tile=tile,
        deployment=deployment_of_record(record),
        provenance=Provenance(**plain_record(Provenance, record["provenance"])),
        notes=tuple(record.get("notes", ())),
        attribution=record.get("attribution", ""),
        materials=materials_of_record(record.get("materials", {})),
        map_error=record.get("map_error", {}),
    )


def _known_carrier(record: dict[str, Any]) -> dict[str, Any]:
    """A carrier of the version before, in which 50 resource blocks of 180 kHz were how LTE was written."""
    lte = (record.get("numerology"), record.get("resource_blocks")) == (0, 50)
    return {**record, "technology": "LTE"} if lte else record


def _pattern(record: dict[str, Any]) -> ElementPattern:
    if record.get("cuts") is not None:
        cuts = {name: tuple(losses) for name, losses in record["cuts"].items()}
        record = {**record, "cuts": PatternCuts(**plain_record(PatternCuts, cuts))}
    return ElementPattern(**plain_record(ElementPattern, record))


def _cell(record: dict[str, Any]) -> Cell:
    array = AntennaArray(**plain_record(AntennaArray, record["array"]))
    pattern = _pattern(record.get("pattern", {}))
    return Cell(**plain_record(Cell, {**record, "array": array, "pattern": pattern}))


def deployment_of_record(record: dict[str, Any]) -> Deployment:
    """The network that a record of `deployment_record` describes.

    Raises:
        PlaceError: it says what no network can be.
        KeyError, TypeError, ValueError: it is no such record.
    """
    cells = [_cell(cell) for cell in record["cells"]]
    sites = [
        Site(**plain_record(Site, {**site, "position": tuple(site["position"])})) for site in record["sites"]
    ]
    carriers = [Carrier(**plain_record(Carrier, carrier)) for carrier in record["carriers"]]
    deployment = Deployment(tuple(carriers), tuple(sites), tuple(cells))
    check_deployment(deployment)
    return deployment
