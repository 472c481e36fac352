"""Cells that a measurement's own files list with positions, and the area that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.geo import Extent, GeoFrame
from raylocus.network.formats.log_format import LogFile
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.area import Area, save_area
from raylocus.scenes.sites import ISOTROPIC, Carrier, Cell, Deployment, Site
from raylocus.storage import written_whole

#: Height of antennas of which nothing is known [m].
USUAL_HEIGHT = 25.0


@dataclass(frozen=True)
class ListedCell:
    """One cell, or one receiver that stands for one."""

    site: str
    """Name of its site; cells of one name stand at one point."""
    latitude: float
    longitude: float
    deviation: float
    """Standard deviation of the position along an axis [m]; 0 where it was surveyed."""
    pci: int
    identity: int
    """Its number in the reports of the same file."""


@runtime_checkable
class CellLister(Protocol):
    """A format whose files list their cells."""

    carrier: Carrier
    """Carrier of all of them."""

    def cells(self, file: LogFile) -> list[ListedCell]:
        """The cells of a file, or of what lies next to it.

        Raises:
            InputError: there are none.
        """


def area_of_cells(
    cells: Sequence[ListedCell], carrier: Carrier, file: Path, folder: Path, margin: float
) -> Area:
    """Writes the area of listed cells, without a map; nothing is known of azimuths, heights and powers.

    Args:
        cells: the cells.
        carrier: their carrier.
        file: where they are from.
        folder: the area's folder; what stood there is replaced.
        margin: ground around the outermost sites [m].

    Raises:
        InputError: there is no cell.
        StorageFullError: the disk filled up.
    """
    if not cells:
        raise InputError(f"{file} lists no cell with a position, so that it makes no area")
    latitude, longitude = np.array([(cell.latitude, cell.longitude) for cell in cells]).T
    frame = GeoFrame(
        float((latitude.min() + latitude.max()) / 2), float((longitude.min() + longitude.max()) / 2)
    )
    xy = frame.to_local(latitude, longitude)
    extent = Extent(*(xy.min(axis=0) - margin).tolist(), *(xy.max(axis=0) + margin).tolist())
    notes = ("no map, azimuth, height or power is known: antennas send all around from 25 m",)
    provenance = Provenance.collect(
        {"cells": file.name, "margin": margin}, None, {file.name: hash_file(file)}
    )
    area = Area(folder, folder.name, frame, extent, _deployment(cells, carrier, xy), provenance, notes=notes)
    with written_whole(folder) as aside:
        aside.mkdir()
        save_area(area, aside)
    return area


def _deployment(cells: Sequence[ListedCell], carrier: Carrier, xy: Float[np.ndarray, "cell 2"]) -> Deployment:
    first = {cell.site: number for number, cell in reversed(list(enumerate(cells)))}
    order = {site: rank for rank, site in enumerate(sorted(first, key=first.__getitem__))}
    sites = [
        Site(name, (*xy[first[name]].tolist(), USUAL_HEIGHT), cells[first[name]].deviation) for name in order
    ]
    made = [
        Cell(cell.pci, order[cell.site], 0.0, 0.0, pattern=ISOTROPIC, identity=cell.identity)
        for cell in cells
    ]
    return Deployment((carrier,), tuple(sites), tuple(made))
