"""The antenna of the phone, as a configuration names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raylocus.geo import azimuth_from_compass
from raylocus.propagation.antennas.panels import ElementPattern, Panel, isotropic_element, sector_element

#: Patterns by name: gain 1 in every direction, and the element of TR 38.901 Table 7.3-1.
PATTERNS: dict[str, ElementPattern] = {"isotropic": isotropic_element, "tr38901": sector_element}


@dataclass(frozen=True)
class UeAntenna:
    """A phone held upright; the default has four ports, two dual-polarised isotropic elements λ/2 apart."""

    rows: int = 1
    """Elements above each other."""
    columns: int = 2
    """Elements beside each other."""
    polarization: Literal["V", "H", "VH", "cross"] = "VH"
    """Polarisations of each element."""
    pattern: Literal["isotropic", "tr38901"] = "isotropic"
    """Pattern of each element."""
    bearing: float = 90.0
    """Where it faces [degrees clockwise from north]."""

    def panel(self) -> Panel:
        """The antenna as an array."""
        return Panel(
            self.rows,
            self.columns,
            self.polarization,
            PATTERNS[self.pattern],
            azimuth_from_compass(self.bearing),
        )

    def __str__(self) -> str:
        elements = f"{self.rows}x{self.columns} {self.pattern} elements, {self.polarization}"
        return f"{elements}, facing {self.bearing:g} degrees clockwise from north"
