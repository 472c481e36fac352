"""A place on disk: its frame, tile, deployment and geometry maps."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA
from raylocus.scenes.radio_properties import SceneMaterials, materials_of_record, materials_record
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.storage import open_dataset, written_whole

#: Version of place.json; a place of another version must be built again.
PLACE_SCHEMA = "raylocus.place.v2"


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
    """What was mended, merged, left out or assumed when the place was built."""
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
        """G: the geometry maps, see `scenes.geometry_maps`."""
        return open_dataset(self.folder / "geometry.zarr", GEOMETRY_SCHEMA).load()


def place_record(place: Place) -> dict[str, Any]:
    """What place.json says of a place, as plain JSON."""
    return {
        "schema": PLACE_SCHEMA,
        "name": place.name,
        "frame": dataclasses.asdict(place.frame),
        "tile": dataclasses.asdict(place.tile),
        "carrier": dataclasses.asdict(place.deployment.carrier),
        "sites": [dataclasses.asdict(site) for site in place.deployment.sites],
        "cells": [dataclasses.asdict(cell) for cell in place.deployment.cells],
        "provenance": dataclasses.asdict(place.provenance),
        "notes": list(place.notes),
        "attribution": place.attribution,
        "materials": materials_record(place.materials, place.deployment.carrier.frequency),
        "map_error": place.map_error,
    }


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
        record = json.loads((folder / "place.json").read_text())
    except FileNotFoundError as error:
        raise PlaceError(
            f"no place at {folder}; make one with: raylocus scene build SOURCE --out {folder}"
        ) from error
    except ValueError as error:
        raise PlaceError(f"{folder}/place.json is not valid JSON; build the place again") from error
    return place_of_record(record, folder)


def place_of_record(record: dict[str, Any], folder: Path) -> Place:
    """The place that a record of `place_record` describes.

    Raises:
        PlaceError: the record is of another schema version.
    """
    if record.get("schema") != PLACE_SCHEMA:
        raise PlaceError(
            f"{folder} has place schema {record.get('schema')!r}, not {PLACE_SCHEMA!r}; build it again"
        )
    return Place(
        folder=folder,
        name=record["name"],
        frame=GeoFrame(**record["frame"]),
        tile=Grid(**record["tile"]),
        deployment=_deployment(record),
        provenance=Provenance(**record["provenance"]),
        notes=tuple(record.get("notes", ())),
        attribution=record.get("attribution", ""),
        materials=materials_of_record(record.get("materials", {})),
        map_error=record.get("map_error", {}),
    )


def _deployment(record: dict[str, Any]) -> Deployment:
    cells = [Cell(**{**cell, "array": AntennaArray(**cell["array"])}) for cell in record["cells"]]
    sites = [Site(site["name"], tuple(site["position"])) for site in record["sites"]]
    return Deployment(Carrier(**record["carrier"]), tuple(sites), tuple(cells))
