"""Records of a site file to a deployment: what the file does not say is assumed, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.geo import Grid, wrap_angle
from raylocus.scenes.site_import.listed_pcis import listed_pcis
from raylocus.scenes.site_import.records import SiteRecord
from raylocus.scenes.sites import ISOTROPIC, AntennaArray, Carrier, Cell, Deployment, ElementPattern, Site
from raylocus.scenes.siting.macro import MacroLayout, antenna_height, array_on
from raylocus.scenes.siting.pci_plan import groups_of, plan_pcis
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing

#: Downtilt of cells whose file has none [rad]; 6°.
DEFAULT_DOWNTILT = 0.105
#: Lowest antenna centre above the roof of a building that its coordinates lie in [m].
LOWEST_OVER_ROOF = 2.0
#: Carrier of LTE cells: 15 kHz, 10 MHz.
LTE_CARRIER = Carrier(numerology=0, resource_blocks=50, technology="LTE")
#: Carrier of NR cells in FR2: 120 kHz, 100 MHz (TS 38.104 Table 5.3.2-2).
FR2_CARRIER = Carrier(numerology=3, resource_blocks=66)
#: Lower end of FR2 [Hz] (TS 38.104 Table 5.1-1).
LOWEST_FR2 = 24.25e9


@dataclass(frozen=True)
class LocatedCell:
    """A record and where it lies in the frame."""

    record: SiteRecord
    x: float
    """m."""
    y: float
    """m."""


@dataclass(frozen=True)
class GroundMaps:
    """The geometry maps with their grid."""

    maps: xr.Dataset
    tile: Grid

    def at(self, x: float, y: float) -> GroundMaps:
        """Themselves, wherever the antenna stands."""
        return self


@runtime_checkable
class Ground(Protocol):
    """Where antennas stand."""

    def at(self, x: float, y: float) -> GroundMaps:
        """Maps that hold a point [m]."""


def assemble_deployment(
    path: Path,
    cells: Sequence[LocatedCell],
    antennas: Sequence[ElementPattern | None],
    ground: Ground,
    notes: Counter[str],
    generator: np.random.Generator,
) -> Deployment:
    """The deployment of cells of one network or several, with a carrier for each of their frequencies and operators.

    Args:
        path: the file, for messages.
        cells: its cells in the tile.
        antennas: measured pattern of each, see `named_antennas`.
        ground: heights under the antennas.
        notes: counts what is assumed.
        generator: draws azimuths and PCIs that the file does not state.

    Raises:
        PlaceError: two cells share a PCI.
    """
    records = [cell.record for cell in cells]
    places = [(cell.record.site, round(cell.x, 1), round(cell.y, 1), cell.record.height) for cell in cells]
    numbers = {place: number for number, place in enumerate(dict.fromkeys(places))}
    owner = np.array([numbers[place] for place in places])
    first = np.unique(owner, return_index=True)[1]
    sites = [_site(number, cells[index], ground, notes) for number, index in enumerate(first.tolist())]
    carriers = [_carrier(record) for record in records]
    distinct = tuple(dict.fromkeys(carriers))
    index = np.array([distinct.index(carrier) for carrier in carriers])
    azimuths = _azimuths(records, owner, index, notes, generator)
    positions = np.array([(cell.x, cell.y) for cell in cells])
    pcis = np.zeros(len(cells), np.int64)
    for number, carrier in enumerate(distinct):
        own = np.flatnonzero(index == number)
        planned = plan_pcis(positions[own], azimuths[own], owner[own], generator, groups_of(carrier))
        pcis[own] = listed_pcis(path, [records[cell] for cell in own], positions[own], planned, notes)
    notes["cells without downtilt, taken as 6°"] += sum(record.downtilt is None for record in records)
    notes["cells without power, taken as 46 dBm"] += sum(record.power_dbm is None for record in records)
    notes["sites at estimated positions"] += sum(site.deviation > 0 for site in sites)
    _count_carriers(records, distinct, notes)
    made = [
        _cell(record, antenna, site, azimuth, pci, carrier, distinct[carrier])
        for record, antenna, site, azimuth, pci, carrier in zip(
            records,
            antennas,
            owner.tolist(),
            azimuths.tolist(),
            pcis.tolist(),
            index.tolist(),
            strict=True,
        )
    ]
    return Deployment(distinct, tuple(sites), tuple(made))


def _site(number: int, cell: LocatedCell, everywhere: Ground, notes: Counter[str]) -> Site:
    """A site at its height above the ground, and never inside a building."""
    ground = everywhere.at(cell.x, cell.y)
    index = int(ground.tile.index(np.array([cell.x, cell.y])))
    terrain, surface = (float(ground.maps[name].values.flat[index]) for name in ("terrain", "surface"))
    inside = bool(ground.maps["footprint"].values.flat[index])
    if cell.record.height is None:
        z = antenna_height(ground.maps, ground.tile, index, MacroLayout())
        notes["sites without height, put on the roof or on a mast of 25 m"] += 1
    else:
        z = terrain + cell.record.height
        if inside and z < surface + LOWEST_OVER_ROOF:
            z = surface + LOWEST_OVER_ROOF
            notes["sites inside a building, lifted 2 m above its roof"] += 1
    name = cell.record.site or f"site-{number}"
    return Site(name, (cell.x, cell.y, round(z, 2)), cell.record.deviation)


def _azimuths(
    records: Sequence[SiteRecord],
    owner: Int[np.ndarray, " cell"],
    carrier: Int[np.ndarray, " cell"],
    notes: Counter[str],
    generator: np.random.Generator,
) -> Float[np.ndarray, " cell"]:
    """The azimuths [rad], spread evenly over a site's cells of a carrier where the file has none; see `_cell`."""
    azimuths = np.zeros(len(records))
    for site in np.unique(owner):
        first = generator.uniform(-np.pi, np.pi)
        for number in np.unique(carrier[owner == site]):
            cells = np.flatnonzero((owner == site) & (carrier == number)).tolist()
            for rank, index in enumerate(cells):
                stated = records[index].azimuth
                azimuths[index] = first + 2 * np.pi * rank / len(cells) if stated is None else stated
    notes["cells without azimuth, taken as antennas that send alike all round"] += sum(
        one.azimuth is None for one in records
    )
    return azimuths


def _cell(
    record: SiteRecord,
    antenna: ElementPattern | None,
    site: int,
    azimuth: float,
    pci: int,
    index: int,
    carrier: Carrier,
) -> Cell:
    """A cell; where its azimuth is not known, no pattern can be aimed: it sends alike all round, in one beam."""
    antenna = antenna if record.azimuth is not None else ISOTROPIC
    usual = array_on(carrier, AntennaArray())
    array = AntennaArray(
        record.rows or usual.rows, record.columns or usual.columns, record.beams or usual.beams
    )
    return Cell(
        pci=pci,
        site=site,
        azimuth=wrap_angle(azimuth),
        downtilt=DEFAULT_DOWNTILT if record.downtilt is None else record.downtilt,
        power_dbm=46.0 if record.power_dbm is None else record.power_dbm,
        # A measured pattern is that of the whole antenna.
        array=array if antenna is None else AntennaArray(1, 1, 1),
        carrier=index,
        pattern=antenna or ElementPattern(),
        identity=record.identity,
        assumed=_assumed(record),
    )


def _assumed(record: SiteRecord) -> str:
    """What of a cell's names the file does not state."""
    lacking = {"pci": record.pci is None, "frequency": record.frequency is None, "technology": record.unnamed}
    return ", ".join(name for name, absent in lacking.items() if absent)


def _count_carriers(records: Sequence[SiteRecord], carriers: Sequence[Carrier], notes: Counter[str]) -> None:
    """Counts what is assumed of the carriers and of the antennas' arrays."""
    for carrier in carriers:
        own = [record for record in records if _carrier(record) == carrier]
        megahertz, usual = carrier.frequency / 1e6, array_on(carrier, AntennaArray())
        notes[f"cells of any channel, for want of one taken at {megahertz:g} MHz"] += sum(
            record.frequency is None for record in own
        )
        notes[f"cells of any technology, for want of one taken as {carrier.technology}"] += sum(
            record.unnamed for record in own
        )
        notes[f"cells at the middle of their band, {megahertz:g} MHz"] += sum(
            record.by_band for record in own
        )
        width = SUBCARRIERS_PER_RESOURCE_BLOCK * subcarrier_spacing(carrier.numerology) / 1e3
        notes[f"cells of a carrier taken as {carrier.resource_blocks} resource blocks of {width:g} kHz"] += (
            len(own)
        )
        notes[
            f"cells without antenna array, taken as {usual.rows} × {usual.columns} with {usual.beams} beams"
        ] += sum(
            record.azimuth is not None and None in (record.rows, record.columns, record.beams)
            for record in own
        )


def _carrier(record: SiteRecord) -> Carrier:
    carrier = LTE_CARRIER if record.lte else Carrier()
    if not record.lte and record.frequency is not None and record.frequency >= LOWEST_FR2:
        carrier = FR2_CARRIER
    carrier = replace(carrier, channel=record.channel, operator=record.operator)
    return carrier if record.frequency is None else replace(carrier, frequency=record.frequency)
