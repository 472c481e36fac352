"""Imports an operator's sites and cells from a CSV file into a place's frame."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import InputError, PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.scenes.site_import.assembly import Ground, LocatedCell, assemble_deployment
from raylocus.scenes.site_import.columns import SiteColumns, read_columns
from raylocus.scenes.site_import.opencellid import is_opencellid, read_opencellid
from raylocus.scenes.site_import.records import SiteRecord
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class SiteFile:
    """A file of sites, and how to read it."""

    path: Path
    """A CSV file with a header, or OpenCelliD's."""
    network: str | None = None
    """Which of its networks, e.g. `EARFCN 6300` or `LTE 262-1`; needed where the tile has several."""
    columns: SiteColumns = SiteColumns()
    """Names of its columns where they are not found by themselves."""


@dataclass(frozen=True)
class SiteImport:
    """What came of a site file."""

    deployment: Deployment
    notes: tuple[str, ...]
    """What was left out or assumed, one sentence each, counted."""


def import_sites(
    file: SiteFile, frame: GeoFrame, maps: xr.Dataset, tile: Grid, generator: np.random.Generator
) -> SiteImport:
    """The cells of a file that stand in the tile.

    Args:
        file: the file, its network and its columns.
        frame: the place's georeferenced frame.
        maps: the geometry maps, for the ground and roofs under the antennas.
        tile: their grid.
        generator: chance of azimuths and PCIs that the file does not state.

    Raises:
        InputError: the file cannot be read (the message names the line), or the place is not georeferenced.
        PlaceError: no cell stands in the tile, several networks do and none is chosen, or two cells share a PCI.
    """
    path = file.path
    records = read_site_file(path, file.columns)
    positions = frame.to_local(
        np.array([record.latitude for record in records]), np.array([record.longitude for record in records])
    )
    inside = np.flatnonzero(tile.contains(positions))
    if not len(inside):
        raise PlaceError(_nowhere(path, records, positions))
    located = [LocatedCell(records[index], *positions[index].tolist()) for index in inside]
    chosen = _one_network(path, located, file.network)
    notes = Counter({"cells outside the tile, left out": len(records) - len(inside)})
    deployment = assemble_deployment(path, chosen, Ground(maps, tile), notes, generator)
    return SiteImport(deployment, tuple(f"{text}: {count}" for text, count in notes.items() if count))


def read_site_file(path: Path, columns: SiteColumns) -> list[SiteRecord]:
    """Every cell of a file, of any of the known forms.

    Raises:
        InputError: the file cannot be read or holds no 4G or 5G cell; the message names the line.
    """
    first = _first_line(path)
    records = read_opencellid(path) if is_opencellid(first.split(",")) else read_columns(path, columns)
    if not records:
        raise InputError(f"{path} holds no LTE or NR cell; give a file of 4G or 5G cells")
    return records


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.readline().strip()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a CSV file of sites") from error


def _nowhere(path: Path, records: list[SiteRecord], positions: Float[np.ndarray, "cell 2"]) -> str:
    away = np.linalg.norm(positions, axis=1)
    nearest = records[int(away.argmin())]
    if all(abs(one.latitude) <= np.pi / 2 and abs(one.longitude) <= np.pi for one in records):
        return f"no cell of {path} stands in the tile, and its coordinates look like radians; give degrees"
    return (
        f"none of the {len(records)} cells of {path} stands in the tile; the nearest is {away.min() / 1000:.1f} km "
        f"from its centre, at {nearest.latitude:.5f},{nearest.longitude:.5f}: build the place there"
    )


def _one_network(path: Path, cells: list[LocatedCell], network: str | None) -> list[LocatedCell]:
    """The cells of one network; a deployment has one carrier."""
    found = Counter(cell.record.network for cell in cells)
    listed = ", ".join(f"{name!r} (cells: {count})" for name, count in found.most_common())
    if network is None and len(found) > 1:
        raise PlaceError(
            f"the cells of {path} in the tile are of several networks, {listed}; choose one by its name"
        )
    if network is not None and network not in found:
        raise PlaceError(f"{path} has no cell of {network!r} in the tile; it has {listed}")
    return [cell for cell in cells if network in (None, cell.record.network)]
