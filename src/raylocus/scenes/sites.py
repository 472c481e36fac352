"""Sites, cells and their antennas: what an operator knows of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.scenes.cell_names.candidates import (
    Candidates,
    CellNames,
    CellTable,
    candidate_cells,
    check_distinct,
)
from raylocus.scenes.cell_names.channels import technology_codes
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing

#: Height of UEs over the terrain [m] that places are traced at unless their configuration says otherwise.
UE_HEIGHT = 1.5


@dataclass(frozen=True)
class AntennaArray:
    """A sector's panel: rows × columns of TR 38.901 elements and its SSB beams."""

    rows: int = 4
    """Elements in a column; they are summed with the electrical downtilt."""
    columns: int = 8
    """Elements in a row; SSB beams are steered in azimuth across them."""
    beams: int = 8
    """SSB beams, spread evenly over the sector (L_max = 8 in FR1, TS 38.213 §4.1)."""
    polarization: str = "V"
    """V, H, VH or cross (±45°); VH and cross have two ports an element (TR 38.901 §7.3.2)."""


@dataclass(frozen=True)
class PatternCuts:
    """Measured losses below an antenna's maximum [dB], at even steps around it."""

    azimuth: tuple[float, ...]
    """Clockwise from boresight, at the horizon."""
    elevation: tuple[float, ...]
    """Downward from the horizon, ahead."""


@dataclass(frozen=True)
class ElementPattern:
    """Power pattern of an antenna element; the default is that of TR 38.901 Table 7.3-1."""

    beamwidth_azimuth: float = 65.0
    """Half-power beamwidth φ_3dB [degrees]."""
    beamwidth_elevation: float = 65.0
    """Half-power beamwidth θ_3dB [degrees]."""
    side_lobe_floor: float = 30.0
    """SLA_V: how far the elevation cut falls at most [dB]."""
    back_lobe_floor: float = 30.0
    """A_max: how far the azimuth cut, and both together, fall at most [dB]."""
    gain: float = 8.0
    """G_E,max [dBi]."""
    cuts: PatternCuts | None = None
    """Measured cuts of a whole antenna, which stand for beam widths and side-lobe floor."""


#: 0 dBi in every direction.
ISOTROPIC = ElementPattern(side_lobe_floor=0.0, back_lobe_floor=0.0, gain=0.0)


@dataclass(frozen=True)
class Cell:
    """One sector of a site on one carrier."""

    pci: int
    """Physical cell identity, 0..1007 (TS 38.211 §7.4.2.1), 0..503 in LTE (TS 36.211 §6.11)."""
    site: int
    """Index of its site in the deployment."""
    azimuth: float
    """Boresight [rad], counter-clockwise from east."""
    downtilt: float
    """Boresight below the horizon [rad]."""
    power_dbm: float = 46.0
    """Total transmit power over the carrier [dBm]."""
    array: AntennaArray = AntennaArray()
    carrier: int = 0
    """Index of its carrier in the deployment."""
    pattern: ElementPattern = ElementPattern()
    """Of each element of the array."""
    identity: int | None = None
    """Global identity: E-UTRAN cell identity, 28 bits, or NR cell identity, 36 bits (TS 23.003 §19.6)."""
    assumed: str = ""
    """What its list does not state, of `pci`, `frequency` and `technology`: no log is held to what stands there."""


@dataclass(frozen=True)
class Carrier:
    """A carrier of one or more cells."""

    frequency: float = 3.5e9
    """Centre frequency [Hz]."""
    numerology: int = 1
    """μ of TS 38.211 §4.2: 30 kHz."""
    resource_blocks: int = 106
    """Resource blocks of the carrier: 40 MHz at 30 kHz."""
    technology: str = "NR"
    """One of `cell_names.technologies.TECHNOLOGIES`."""
    channel: int | None = None
    """Downlink EARFCN (TS 36.101 §5.7.3) or NR-ARFCN (TS 38.104 §5.4.2.1)."""
    operator: str = ""
    """Whose it is, as MCC and MNC such as `262-1`; empty where that does not matter."""

    @property
    def name(self) -> str:
        """Technology and frequency, and the operator where known, as `LTE at 806 MHz of 262-1`."""
        owner = f" of {self.operator}" if self.operator else ""
        return f"{self.technology} at {self.frequency / 1e6:g} MHz{owner}"

    @property
    def half_width(self) -> float:
        """Half of its bandwidth [Hz]."""
        spacing = subcarrier_spacing(self.numerology)
        return self.resource_blocks * SUBCARRIERS_PER_RESOURCE_BLOCK * spacing / 2


@dataclass(frozen=True)
class Site:
    """One mast or rooftop position."""

    name: str
    position: tuple[float, float, float]
    """Antenna centre (x, y, z) [m] in the local frame."""
    deviation: float = 0.0
    """Standard deviation of the horizontal position along each axis [m]; 0 where it was surveyed."""


@dataclass(frozen=True)
class Layer:
    """The cells of one carrier."""

    deployment: Deployment
    """Its cells on their carrier alone, at all the sites of the whole, whose indices stay."""
    cells: Int[np.ndarray, " layer_cell"]
    """Index of each cell in the whole."""


@dataclass(frozen=True)
class Deployment:
    """All carriers, sites and cells of a place or an area."""

    carriers: tuple[Carrier, ...]
    sites: tuple[Site, ...]
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        if not self.carriers or not self.sites or not self.cells:
            raise PlaceError("a deployment needs at least one carrier, one site and one cell")
        _check_carriers(self.carriers)
        check_distinct(self.cell_table, self.site_of_cell)

    def __hash__(self) -> int:
        # What is kept of a deployment is looked up by it for every phone: few differ in these alone.
        return hash((self.sites[0], len(self.sites), len(self.cells)))

    @property
    def carrier(self) -> Carrier:
        """The only carrier. Raises PlaceError where there are several; see `layers`."""
        if len(self.carriers) > 1:
            names = ", ".join(carrier.name for carrier in self.carriers)
            raise PlaceError(f"there are several carriers ({names}) where one is needed; choose one of them")
        return self.carriers[0]

    def layers(self) -> tuple[Layer, ...]:
        """The deployment of each carrier that has cells, in their order."""
        if len(self.carriers) == 1:
            return (Layer(self, np.arange(len(self.cells))),)
        return tuple(self._layer(index) for index in np.unique(self.carrier_of_cell).tolist())

    def _layer(self, index: int) -> Layer:
        cells = np.flatnonzero(self.carrier_of_cell == index)
        own = tuple(replace(self.cells[cell], carrier=0) for cell in cells.tolist())
        return Layer(Deployment((self.carriers[index],), self.sites, own), cells)

    @cached_property
    def site_positions(self) -> Float[np.ndarray, "site 3"]:
        """Antenna centres [m]."""
        return np.array([site.position for site in self.sites])

    @cached_property
    def pcis(self) -> Int[np.ndarray, " cell"]:
        """PCI of each cell."""
        return np.array([cell.pci for cell in self.cells])

    @cached_property
    def site_of_cell(self) -> Int[np.ndarray, " cell"]:
        """Site index of each cell."""
        return np.array([cell.site for cell in self.cells])

    @cached_property
    def carrier_of_cell(self) -> Int[np.ndarray, " cell"]:
        """Carrier index of each cell."""
        return np.array([cell.carrier for cell in self.cells])

    @cached_property
    def cell_table(self) -> CellTable:
        """What distinguishes the cells in reports: PCI, identity (−1 unknown), technology and channel."""
        assumed = {cell.carrier: cell.assumed for cell in self.cells if cell.assumed}
        pairs = [(carrier, assumed.get(index, "")) for index, carrier in enumerate(self.carriers)]
        return CellTable(
            pci=self.pcis,
            identity=np.array([-1 if cell.identity is None else cell.identity for cell in self.cells]),
            planned=np.array(["pci" in cell.assumed for cell in self.cells]),
            carrier=self.carrier_of_cell,
            technology=technology_codes(
                ["" if "technology" in said else one.technology for one, said in pairs]
            ),
            channel=np.array([-1 if each.channel is None else each.channel for each in self.carriers]),
            frequency=np.array([carrier.frequency for carrier in self.carriers]),
            half_width=np.array([np.inf if "frequency" in said else one.half_width for one, said in pairs]),
        )

    @cached_property
    def frequencies(self) -> tuple[float, ...]:
        """Different frequencies of the carriers [Hz], in their order."""
        return tuple(dict.fromkeys(carrier.frequency for carrier in self.carriers))

    @property
    def beam_count(self) -> int:
        """The largest number of SSB beams of any cell; beam axes have this length."""
        return max(cell.array.beams for cell in self.cells)

    def candidates(self, names: CellNames) -> Candidates:
        """The cells that each token of reports may be of, see `cell_names.candidates`."""
        return candidate_cells(names, self.cell_table)


def _check_carriers(carriers: tuple[Carrier, ...]) -> None:
    """Refuses two carriers of one name."""
    channels: dict[tuple[str, int], Carrier] = {}
    for each in carriers:
        other = each if each.channel is None else channels.setdefault((each.technology, each.channel), each)
        if other is not each and other.frequency != each.frequency:
            raise PlaceError(
                f"two carriers have the {each.technology} channel {each.channel}: {other.name} and {each.name}; "
                "correct the channel number of one"
            )
    if len({(one.technology, one.frequency, one.operator) for one in carriers}) < len(carriers):
        raise PlaceError("two carriers of one technology have one frequency; give their cells one carrier")
