"""Imports an operator's sites and cells from a CSV file into a place's frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError, PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.scenes.site_import.assembly import Ground, LocatedCell, assemble_deployment
from raylocus.scenes.site_import.columns import SiteColumns
from raylocus.scenes.site_import.csv_text import read_lines
from raylocus.scenes.site_import.opencellid import family_columns, headerless_columns, read_opencellid
from raylocus.scenes.site_import.pattern_files import ENDINGS, named_antennas, read_patterns
from raylocus.scenes.site_import.planner_list import read_planner_list
from raylocus.scenes.site_import.records import SiteList, SiteRecord, table_of
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class SiteFile:
    """A file of sites, and how to read it."""

    path: Path
    """A planner's or operator's CSV file, or one of the OpenCelliD family."""
    network: str | None = None
    """Which of its networks, e.g. `EARFCN 6300` or `LTE 262-1`; all where left out."""
    columns: SiteColumns = SiteColumns()
    """Names of its columns where they are not found by themselves."""
    patterns: Path | None = None
    """Folder with the measured patterns of the antennas that it names."""

    @cached_property
    def listed(self) -> SiteList:
        """Its cells, read once, see `read_site_list`."""
        return read_site_list(self.path, self.columns)


def pattern_paths(file: SiteFile) -> dict[str, Path]:
    """The pattern files that go with a file of sites, by name."""
    folder = file.patterns
    found = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    return {f"pattern {each.name}": each for each in found if each.suffix.lower() in ENDINGS}


@dataclass(frozen=True)
class SiteImport:
    """What came of a site file."""

    deployment: Deployment
    notes: tuple[str, ...]
    """What was left out or assumed, one sentence each, counted."""


def import_sites(
    file: SiteFile, frame: GeoFrame, ground: Ground, tile: Grid, generator: np.random.Generator
) -> SiteImport:
    """The cells of a file that stand in the tile.

    Args:
        file: the file, its network and its columns.
        frame: the place's georeferenced frame.
        ground: the geometry maps, for the ground and roofs under the antennas.
        tile: the square that is wanted.
        generator: draws azimuths and PCIs that the file does not state.

    Raises:
        InputError: the file cannot be read (the message names the line), or the place is not georeferenced.
        PlaceError: no cell stands in the tile, or two cells share a PCI.
    """
    # Where the place is comes first: without it no list of cells can be used.
    frame.to_local(np.zeros(1), np.zeros(1))
    path, listed = file.path, file.listed
    records = listed.records
    positions = _positions(records, frame)
    located = _within(records, positions, tile)
    if not located:
        raise PlaceError(_nowhere(path, records, positions, frame, tile))
    chosen = _of_network(path, located, file.network)
    notes = Counter(
        {
            "cells outside the tile, left out": len(records) - len(located),
            "cells of other networks, left out": len(located) - len(chosen),
        }
    )
    chosen = _each_once(chosen, notes)
    patterns = {} if file.patterns is None else read_patterns(file.patterns)
    antennas = named_antennas(path, [cell.record for cell in chosen], patterns, notes)
    deployment = assemble_deployment(path, chosen, antennas, ground, notes, generator)
    counted = tuple(f"{text}: {count}" for text, count in notes.items() if count)
    return SiteImport(deployment, (*(f"{path.name}: {note}" for note in listed.notes), *counted))


def _each_once(cells: list[LocatedCell], notes: Counter[str]) -> list[LocatedCell]:
    """The cells without further lines of a cell, such as its bands where no channel is listed."""
    first: dict[object, LocatedCell] = {}
    for number, cell in enumerate(cells):
        one = cell.record
        names = (
            one.network,
            one.site,
            round(cell.x, 1),
            round(cell.y, 1),
            one.azimuth,
            one.pci,
            one.identity,
        )
        first.setdefault(number if one.pci is None else names, cell)
    notes["further lines of a cell, left out"] += len(cells) - len(first)
    return list(first.values())


def _positions(records: Sequence[SiteRecord], frame: GeoFrame) -> Float[np.ndarray, "cell 2"]:
    return frame.to_local(
        np.array([record.latitude for record in records]), np.array([record.longitude for record in records])
    )


def _within(
    records: Sequence[SiteRecord], positions: Float[np.ndarray, "cell 2"], tile: Grid
) -> list[LocatedCell]:
    """The cells that stand in a tile."""
    inside = np.flatnonzero(tile.contains(positions)).tolist()
    return [LocatedCell(records[index], *positions[index].tolist()) for index in inside]


def read_site_list(path: Path, columns: SiteColumns) -> SiteList:
    """Every cell of a file, of any of the known forms, and what was read, left out and not used.

    A column map says that the file is an operator's list, whatever its header is like.

    Raises:
        InputError: the file cannot be read or holds no 4G or 5G cell; the message names the line.
    """
    lines = read_lines(path)
    first = lines.lines[0][1]
    given = headerless_columns(first)
    table = table_of(lines, given)
    family = family_columns(table.header, lines) if columns == SiteColumns() else None
    listed = read_planner_list(table, columns) if family is None else read_opencellid(table, family)
    if not listed.records:
        left = "; ".join(note for note in listed.notes if "left out" in note)
        found = f" ({left})" if left else ""
        raise InputError(f"{path} holds no LTE or NR cell{found}; give a file of 4G or 5G cells")
    return listed


def _nowhere(
    path: Path,
    records: Sequence[SiteRecord],
    positions: Float[np.ndarray, "cell 2"],
    frame: GeoFrame,
    tile: Grid,
) -> str:
    away = np.linalg.norm(positions, axis=1)
    nearest = records[int(away.argmin())]
    if all(abs(one.latitude) <= np.pi / 2 and 0 < abs(one.longitude) <= np.pi for one in records):
        return f"no cell of {path} stands in {_square(tile)}, and its coordinates look like radians; give degrees"
    if _swapped(records, frame, tile):
        return (
            f"no cell of {path} stands in {_square(tile)}, but with latitude and longitude exchanged some would; "
            "name the columns with --site-columns latitude=COLUMN,longitude=COLUMN"
        )
    return (
        f"none of the {len(records)} cells of {path} stands in {_square(tile)}; the nearest is "
        f"{away.min() / 1000:.1f} km from its centre, at {nearest.latitude:.5f},{nearest.longitude:.5f}: build there"
    )


def _square(tile: Grid) -> str:
    """The ground that cells are kept on: a tile, or an area with its reach."""
    return f"the square of {tile.size:g} m that is looked at"


def _swapped(records: Sequence[SiteRecord], frame: GeoFrame, tile: Grid) -> bool:
    """Whether cells would stand in the tile if their coordinates were exchanged."""
    latitude = np.array([record.longitude for record in records if abs(record.longitude) <= 90])
    longitude = np.array([record.latitude for record in records if abs(record.longitude) <= 90])
    return bool(len(latitude)) and bool(tile.contains(frame.to_local(latitude, longitude)).any())


def _of_network(path: Path, cells: list[LocatedCell], network: str | None) -> list[LocatedCell]:
    """The cells of one network, or of all where none is chosen."""
    found = Counter(cell.record.network for cell in cells)
    if network is not None and network not in found:
        listed = ", ".join(f"{name!r} (cells: {count})" for name, count in found.most_common())
        raise PlaceError(
            f"{path} has no cell of {network!r} there; choose with --network from what it has: {listed}"
        )
    return [cell for cell in cells if network in (None, cell.record.network)]
