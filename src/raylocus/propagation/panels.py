"""Antenna panels as they are mounted: element patterns, polarisations and array phases of every port.

Ports are ordered as in Sionna's PlanarArray: all elements of the first polarisation, then those of the
second; elements column by column from the panel's right (as seen from behind), each from top to bottom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from raylocus.errors import InputError
from raylocus.propagation.antennas import element_gain_db, in_antenna_frame
from raylocus.scenes.sites import Cell
from raylocus.units import from_decibel

#: Power gain (linear) of an element at zenith and azimuth angles [rad] in its own frame.
ElementPattern = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Slant of each port of an element [rad], 0 is vertical (TR 38.901 §7.3.2); order as in Sionna.
SLANTS = {"V": (0.0,), "H": (np.pi / 2,), "VH": (0.0, np.pi / 2), "cross": (-np.pi / 4, np.pi / 4)}


def isotropic_element(
    zenith: Float[np.ndarray, "n"], azimuth: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    """Gain 1 in every direction."""
    return np.ones(np.broadcast_shapes(zenith.shape, azimuth.shape))


def sector_element(zenith: Float[np.ndarray, "n"], azimuth: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """TR 38.901 Table 7.3-1, linear."""
    return from_decibel(element_gain_db(zenith, azimuth))


@dataclass(frozen=True)
class Panel:
    """A planar array with its orientation; the default is one vertical isotropic element."""

    rows: int = 1
    columns: int = 1
    polarization: str = "V"
    """A key of `SLANTS`."""
    element: ElementPattern = isotropic_element
    azimuth: float = 0.0
    """Boresight [rad], counter-clockwise from east."""
    downtilt: float = 0.0
    """Boresight below the horizon [rad]."""
    spacing: float = 0.5
    """Distance of neighbouring rows and columns [wavelengths]."""

    def __post_init__(self) -> None:
        if self.polarization not in SLANTS:
            raise InputError(
                f"there is no polarisation {self.polarization!r}; choose one of {', '.join(SLANTS)}"
            )

    @property
    def port_count(self) -> int:
        """Ports: elements times polarisations."""
        return self.rows * self.columns * len(SLANTS[self.polarization])


def sector_panel(cell: Cell) -> Panel:
    """The panel of a sector: TR 38.901 elements λ/2 apart, mechanically tilted."""
    array = cell.array
    return Panel(array.rows, array.columns, array.polarization, sector_element, cell.azimuth, cell.downtilt)


def element_positions(panel: Panel) -> Float[np.ndarray, "element 2"]:
    """(y, z) of each element in the panel's frame [wavelengths]: y to the left of boresight, z up."""
    y = (np.arange(panel.columns) - (panel.columns - 1) / 2) * panel.spacing
    z = ((panel.rows - 1) / 2 - np.arange(panel.rows)) * panel.spacing
    return np.stack([np.repeat(y, panel.rows), np.tile(z, panel.columns)], axis=-1)


def separate_phases(
    panel: Panel, direction: Float[np.ndarray, "path 3"]
) -> tuple[Complex[np.ndarray, "path column"], Complex[np.ndarray, "path row"]]:
    """exp(j2π r̂·d) of each column and of each row at d [wavelengths], for a plane wave from or to r̂.

    An element's phase is the product of its column's and its row's (TR 38.901 eq. 7.5-22).
    """
    local = in_antenna_frame(direction, panel.azimuth, panel.downtilt)
    y, z = element_positions(panel).T
    return _progression(local[:, 1], y[:: panel.rows]), _progression(local[:, 2], z[: panel.rows])


def _progression(
    cosine: Float[np.ndarray, "path"], position: Float[np.ndarray, "element"]
) -> Complex[np.ndarray, "path element"]:
    """exp(j2π u d) at evenly spaced d: two exponentials a path, the others are products of them."""
    phases = np.empty((len(cosine), len(position)), complex)
    phases[:, 0] = np.exp(2j * np.pi * position[0] * cosine)
    if len(position) > 1:
        step = np.exp(2j * np.pi * (position[1] - position[0]) * cosine)
        for element in range(1, len(position)):
            phases[:, element] = phases[:, element - 1] * step
    return phases


def array_phases(panel: Panel, direction: Float[np.ndarray, "path 3"]) -> Complex[np.ndarray, "path element"]:
    """exp(j2π r̂·d) of each element, see `separate_phases`."""
    across, upward = separate_phases(panel, direction)
    return (across[:, :, None] * upward[:, None, :]).reshape(len(direction), panel.rows * panel.columns)


def polarization_responses(
    panel: Panel, direction: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path polarization 2"]:
    """Field pattern (θ̂, φ̂) of each polarisation of an element, in the global frame.

    Polarisation model 2 of TR 38.901 §7.3.2: F = √G (cos ζ θ̂' + sin ζ φ̂') in the element's frame, which
    in the global basis is turned by ψ, the angle from θ̂ to θ̂' (eq. 7.1-15): by ζ + ψ in all.
    """
    local = in_antenna_frame(direction, panel.azimuth, panel.downtilt)
    zenith = np.arccos(np.clip(local[:, 2], -1, 1))
    amplitude = np.sqrt(panel.element(zenith, np.arctan2(local[:, 1], local[:, 0])))
    cosine, sine = _turn(panel, direction, local)
    parts = [
        np.stack(
            [np.cos(slant) * cosine - np.sin(slant) * sine, np.cos(slant) * sine + np.sin(slant) * cosine], 1
        )
        for slant in SLANTS[panel.polarization]
    ]
    return amplitude[:, None, None] * np.stack(parts, axis=1)


def _turn(
    panel: Panel, direction: Float[np.ndarray, "path 3"], local: Float[np.ndarray, "path 3"]
) -> tuple[Float[np.ndarray, "path"], Float[np.ndarray, "path"]]:
    """cos ψ = θ̂'·θ̂ and sin ψ = θ̂'·φ̂."""
    axes = in_antenna_frame(np.eye(3), panel.azimuth, panel.downtilt)  # columns: the element's axes
    horizontal = np.hypot(local[:, 0], local[:, 1])
    # θ̂' is −z' less its part along r̂; straight above or below, where any will do, it is ±x'.
    along = np.where(horizontal > 1e-9, -1 / np.maximum(horizontal, 1e-9), np.sign(local[:, 2]))
    axis = np.where((horizontal > 1e-9)[:, None], axes[:, 2], axes[:, 0])
    flat = np.hypot(direction[:, 0], direction[:, 1])
    east = np.divide(direction[:, 0], flat, out=np.ones_like(flat), where=flat > 0)
    north = np.divide(direction[:, 1], flat, out=np.zeros_like(flat), where=flat > 0)
    towards = east * axis[:, 0] + north * axis[:, 1]
    cosine = along * (direction[:, 2] * towards - flat * axis[:, 2])
    return cosine, along * (east * axis[:, 1] - north * axis[:, 0])


def port_responses(
    panel: Panel, direction: Float[np.ndarray, "path 3"]
) -> Complex[np.ndarray, "path port 2"]:
    """Field pattern (θ̂, φ̂) of every port towards each direction."""
    phases, fields = array_phases(panel, direction), polarization_responses(panel, direction)
    return np.einsum("pe,psb->pseb", phases, fields).reshape(len(direction), panel.port_count, 2)
