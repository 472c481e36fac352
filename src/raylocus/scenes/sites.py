"""Sites, cells and their antennas: what an operator knows of a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError

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
class Cell:
    """One sector of a site."""

    pci: int
    """Physical cell identity, 0..1007 (TS 38.211 §7.4.2.1)."""
    site: int
    """Index of its site in the deployment."""
    azimuth: float
    """Boresight [rad], counter-clockwise from east."""
    downtilt: float
    """Boresight below the horizon [rad]."""
    power_dbm: float = 46.0
    """Total transmit power over the carrier [dBm]."""
    array: AntennaArray = AntennaArray()


@dataclass(frozen=True)
class Carrier:
    """The carrier that every cell of a deployment uses."""

    frequency: float = 3.5e9
    """Centre frequency [Hz]."""
    numerology: int = 1
    """μ of TS 38.211 §4.2: 30 kHz."""
    resource_blocks: int = 106
    """Resource blocks of the carrier: 40 MHz at 30 kHz."""


@dataclass(frozen=True)
class Site:
    """One mast or rooftop position."""

    name: str
    position: tuple[float, float, float]
    """Antenna centre (x, y, z) [m] in the local frame."""


@dataclass(frozen=True)
class Deployment:
    """All sites and cells of a place."""

    carrier: Carrier
    sites: tuple[Site, ...]
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        if not self.sites or not self.cells:
            raise PlaceError("a deployment needs at least one site and one cell")
        if len({cell.pci for cell in self.cells}) != len(self.cells):
            raise PlaceError("two cells of the deployment share a PCI; give each its own")

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

    @property
    def beam_count(self) -> int:
        """The largest number of SSB beams of any cell; beam axes have this length."""
        return max(cell.array.beams for cell in self.cells)

    def cells_of(self, pcis: Int[np.ndarray, " token"]) -> Int[np.ndarray, " token"]:
        """Cell index of each PCI.

        Raises:
            PlaceError: a PCI is not of this deployment.
        """
        order = np.argsort(self.pcis, kind="stable")
        found = order[np.clip(np.searchsorted(self.pcis[order], pcis), 0, len(order) - 1)]
        unknown = np.unique(np.asarray(pcis)[self.pcis[found] != pcis])
        if len(unknown):
            raise PlaceError(
                f"the reports name PCI {unknown[0]}, which this place does not have; "
                "give the place the reports were made in"
            )
        return found
