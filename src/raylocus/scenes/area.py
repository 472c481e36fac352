"""Areas on disk: frame, extent, sites, cells, tiles and the cells heard in each; a place or an area, opened alike."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool

from raylocus.errors import PlaceError, RaylocusError
from raylocus.geo import Extent, GeoFrame, Grid
from raylocus.json_text import parse_json
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import GROUND_SCHEMA
from raylocus.scenes.place import AREA_FILE, Place, deployment_of_record, deployment_record, load_place
from raylocus.scenes.place_checks import plain_record
from raylocus.scenes.sites import Deployment
from raylocus.storage import written_whole
from raylocus.xarray_store import open_dataset

#: Version of area.json; an area of another version must be built again.
AREA_SCHEMA = "raylocus.area.v1"


@dataclass(frozen=True)
class AreaTile:
    """One tile of an area: a place in a folder of the area's, whose frame is the area's, moved."""

    column: int
    """From west, 0 first."""
    row: int
    """From south, 0 first."""
    centre: tuple[float, float]
    """Its middle in the area's frame [m]."""
    folder: str
    """Its place folder, below the area's."""
    cells: tuple[int, ...]
    """Indices, in the area's deployment, of the cells heard in it: the cells of its place, in order."""


@dataclass(frozen=True)
class Area:
    """A network and the ground it serves, opened from `areas/<name>/`."""

    folder: Path
    name: str
    frame: GeoFrame
    extent: Extent
    """Where phones may be; sites may stand beyond it."""
    deployment: Deployment
    """All cells that may be heard in the extent, those of sites outside included."""
    provenance: Provenance
    tiles: tuple[AreaTile, ...] = ()
    """Places with buildings; none where only the network is known."""
    notes: tuple[str, ...] = ()
    """What was left out or assumed when the area was built."""
    attribution: str = ""
    """Licence notice to be kept with anything derived from the area; empty where there is none."""

    def grid(self, resolution: float) -> Grid:
        """The smallest square grid of that resolution [m] over the extent; `inside` says which of its cells count."""
        return self.extent.grid(resolution)

    def inside(self, grid: Grid) -> Bool[np.ndarray, "y x"]:
        """Which ground cells of a grid have their centre in the extent."""
        return self.extent.contains(grid.centres).reshape(grid.shape)

    @cached_property
    def ground(self) -> xr.Dataset | None:
        """Coarse rasters over the extent and what lies around it, opened lazily; None where no ground is known.

        Raises:
            StoreError: they are there and broken.
        """
        path = self.folder / "ground.zarr"
        return open_dataset(path, GROUND_SCHEMA) if path.exists() else None


def area_record(area: Area) -> dict[str, Any]:
    """What area.json says of an area, as plain JSON."""
    return {
        "schema": AREA_SCHEMA,
        "name": area.name,
        "frame": dataclasses.asdict(area.frame),
        "extent": dataclasses.asdict(area.extent),
        **deployment_record(area.deployment),
        "tiles": [dataclasses.asdict(tile) for tile in area.tiles],
        "provenance": dataclasses.asdict(area.provenance),
        "notes": list(area.notes),
        "attribution": area.attribution,
    }


def save_area(area: Area, folder: Path) -> None:
    """Writes area.json into a folder; the area's other files must be whole already.

    Raises:
        StorageFullError: the disk filled up.
    """
    with written_whole(folder / AREA_FILE) as aside:
        aside.write_text(json.dumps(area_record(area), indent=1))


def is_area(folder: Path) -> bool:
    """Whether a folder is an area's, and not a place's."""
    return (folder / AREA_FILE).is_file()


def open_area(folder: Path) -> Area:
    """Opens an area folder; its ground and tiles are read when they are asked for.

    Raises:
        PlaceError: there is no area in the folder, or it is of another schema version or broken.
    """
    try:
        record = parse_json((folder / AREA_FILE).read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PlaceError(
            f"no area at {folder}; make one with: raylocus scene build SOURCE --out {folder}"
        ) from error
    except ValueError as error:
        raise PlaceError(f"{folder}/{AREA_FILE} is not valid JSON; build the area again") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if found != AREA_SCHEMA:
        raise PlaceError(f"{folder} has area schema {found!r}, not {AREA_SCHEMA!r}; build it again")
    try:
        return _area(record, folder)
    except RaylocusError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PlaceError(
            f"{folder}/{AREA_FILE} is not as raylocus wrote it ({type(error).__name__}: {error}); build the area again"
        ) from error


def _area(record: dict[str, Any], folder: Path) -> Area:
    tiles = [AreaTile(**plain_record(AreaTile, _with_tuples(tile))) for tile in record["tiles"]]
    return Area(
        folder=folder,
        name=str(record["name"]),
        frame=GeoFrame(**plain_record(GeoFrame, record["frame"])),
        extent=Extent(**plain_record(Extent, record["extent"])),
        deployment=deployment_of_record(record),
        provenance=Provenance(**plain_record(Provenance, record["provenance"])),
        tiles=tuple(tiles),
        notes=tuple(record["notes"]),
        attribution=str(record["attribution"]),
    )


def _with_tuples(tile: dict[str, Any]) -> dict[str, Any]:
    return {**tile, "centre": tuple(tile["centre"]), "cells": tuple(tile["cells"])}


def open_network(folder: Path) -> Area | Place:
    """Opens the area or the place in a folder, without anything that was traced in it.

    Raises:
        PlaceError: there is neither.
    """
    return open_area(folder) if is_area(folder) else load_place(folder)


def deployment_digest(deployment: Deployment) -> str:
    """What a network is known by, all that is listed of it: sites, cells, antennas, powers."""
    return hashlib.sha256(repr(deployment).encode()).hexdigest()[:16]


def extent_of(network: Area | Place) -> Extent:
    """Where phones may be: the extent of an area, the tile of a place."""
    return network.extent if isinstance(network, Area) else Extent(*network.tile.bounds)
