"""Antenna panels of sites and UEs, and beam codebooks: any set of weights is a set of gains on a direction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from raylocus.errors import InputError
from raylocus.geo import azimuth_from_compass
from raylocus.propagation.antennas.antennas import (
    beam_azimuths,
    element_gain_db,
    in_antenna_frame,
    phase_progression,
    zenith_and_azimuth,
)
from raylocus.scenes.sites import AntennaArray, Cell, ElementPattern
from raylocus.units import from_decibel

#: Power gain (linear) of an element at zenith and azimuth angles [rad] in its own frame.
ElementGain = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Slant of each port of an element [rad], 0 is vertical (TR 38.901 §7.3.2); order as in Sionna.
SLANTS = {"V": (0.0,), "H": (np.pi / 2,), "VH": (0.0, np.pi / 2), "cross": (-np.pi / 4, np.pi / 4)}


def isotropic_element(
    zenith: Float[np.ndarray, " n"], azimuth: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Gain 1 in every direction."""
    return np.ones(np.broadcast_shapes(zenith.shape, azimuth.shape))


def sector_element(
    zenith: Float[np.ndarray, " n"],
    azimuth: Float[np.ndarray, " n"],
    pattern: ElementPattern = ElementPattern(),
) -> Float[np.ndarray, " n"]:
    """A pattern, by default that of TR 38.901 Table 7.3-1, linear."""
    return from_decibel(element_gain_db(zenith, azimuth, pattern))


@dataclass(frozen=True)
class Panel:
    """A planar array with its orientation; the default is one vertical isotropic element."""

    rows: int = 1
    columns: int = 1
    polarization: str = "V"
    """A key of `SLANTS`."""
    element: ElementGain = isotropic_element
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
    """The panel of a sector: its elements λ/2 apart, mechanically tilted."""
    array = cell.array
    element = partial(sector_element, pattern=cell.pattern)
    return Panel(array.rows, array.columns, array.polarization, element, cell.azimuth, cell.downtilt)


def element_positions(panel: Panel) -> Float[np.ndarray, "element 2"]:
    """(y, z) of each element in the panel's frame [wavelengths]: y to the left of boresight, z up."""
    y = (np.arange(panel.columns) - (panel.columns - 1) / 2) * panel.spacing
    z = ((panel.rows - 1) / 2 - np.arange(panel.rows)) * panel.spacing
    return np.stack([np.repeat(y, panel.rows), np.tile(z, panel.columns)], axis=-1)


def separate_phases(
    panel: Panel, direction: Float[np.ndarray, "path 3"]
) -> tuple[Complex[np.ndarray, "column path"], Complex[np.ndarray, "row path"]]:
    """exp(j2π r̂·d) of each column and of each row at d [wavelengths], for a plane wave from or to r̂.

    An element's phase is the product of its column's and its row's (TR 38.901 eq. 7.5-22). Here and below,
    directions in single precision give answers in single precision.
    """
    local = in_antenna_frame(direction, panel.azimuth, panel.downtilt)
    y, z = element_positions(panel).T
    across, upward = y[:: panel.rows], z[: panel.rows]
    return phase_progression(local[:, 1], across), phase_progression(local[:, 2], upward)


def array_phases(panel: Panel, direction: Float[np.ndarray, "path 3"]) -> Complex[np.ndarray, "path element"]:
    """exp(j2π r̂·d) of each element, see `separate_phases`."""
    across, upward = separate_phases(panel, direction)
    return (across[:, None] * upward).reshape(panel.rows * panel.columns, len(direction)).T


def polarization_responses(
    panel: Panel, direction: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path polarization 2"]:
    """Field pattern (θ̂, φ̂) of each polarisation of an element, in the global frame.

    Polarisation model 2 of TR 38.901 §7.3.2: F = √G (cos ζ θ̂' + sin ζ φ̂') in the element's frame, which
    in the global basis is turned by ψ, the angle from θ̂ to θ̂' (eq. 7.1-15): by ζ + ψ in all.
    """
    local = in_antenna_frame(direction, panel.azimuth, panel.downtilt)
    amplitude = np.sqrt(panel.element(*zenith_and_azimuth(local)))
    cosine, sine = _turn(panel, direction, local)
    parts = [
        np.stack([math.cos(slant) * cosine - math.sin(slant) * sine,
                  math.cos(slant) * sine + math.sin(slant) * cosine])
        for slant in SLANTS[panel.polarization]
    ]  # fmt: skip
    return np.moveaxis(amplitude.astype(direction.dtype) * np.stack(parts), -1, 0)


def _turn(
    panel: Panel, direction: Float[np.ndarray, "path 3"], local: Float[np.ndarray, "path 3"]
) -> tuple[Float[np.ndarray, " path"], Float[np.ndarray, " path"]]:
    """cos ψ = θ̂'·θ̂ and sin ψ = θ̂'·φ̂."""
    ahead, _, up = in_antenna_frame(np.eye(3), panel.azimuth, panel.downtilt).T.tolist()
    horizontal, flat = np.hypot(local[:, 0], local[:, 1]), np.hypot(direction[:, 0], direction[:, 1])
    # θ̂' is −z' less its part along r̂; straight above or below, where any will do, it is ±x'.
    steep = horizontal <= max(1e-9, 10 * np.finfo(horizontal.dtype).eps)
    along = np.where(steep, np.sign(local[:, 2]), -1 / np.where(steep, 1, horizontal))
    axis = [
        np.where(steep, forward, upward).astype(along.dtype)
        for forward, upward in zip(ahead, up, strict=True)
    ]
    east = np.divide(direction[:, 0], flat, out=np.ones_like(flat), where=flat > 0)
    north = np.divide(direction[:, 1], flat, out=np.zeros_like(flat), where=flat > 0)
    towards = east * axis[0] + north * axis[1]
    cosine = along * (direction[:, 2] * towards - flat * axis[2])
    return cosine, along * (east * axis[1] - north * axis[0])


def port_responses(
    panel: Panel, direction: Float[np.ndarray, "path 3"]
) -> Complex[np.ndarray, "path port 2"]:
    """Field pattern (θ̂, φ̂) of every port towards each direction."""
    phases = array_phases(panel, direction).T
    fields = np.moveaxis(polarization_responses(panel, direction), 0, -1)
    ports = (fields[:, None] * phases[:, None]).reshape(panel.port_count, 2, len(direction))
    return np.moveaxis(ports, -1, 0)


def dft_codebook(
    rows: int, columns: int, row_oversampling: int = 1, column_oversampling: int = 1
) -> Complex[np.ndarray, "beam element"]:
    """The DFT beams of 38.214 §5.2.2.2.1: Kronecker products of oversampled DFT vectors, unit norm.

    Beam l·O_z·rows + m is the product of column vector l and row vector m. Elements are in the order of
    `panels`; the weight of an element multiplies the signal that it sends.
    """
    across = _dft_vectors(columns, column_oversampling)
    upward = _dft_vectors(rows, row_oversampling)
    return np.einsum("lc,mr->lmcr", across, upward).reshape(len(across) * len(upward), columns * rows)


def ssb_codebook(array: AntennaArray) -> Complex[np.ndarray, "beam element"]:
    """Weights of the SSB beams: columns steered to each beam's azimuth, rows in phase, unit norm."""
    y, _ = element_positions(Panel(array.rows, array.columns)).T
    steer = np.sin(beam_azimuths(array))
    return np.exp(-2j * np.pi * steer[:, None] * y) / np.sqrt(len(y))


def codebook_gains(
    panel: Panel, weights: Complex[np.ndarray, "beam element"], direction: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path beam"]:
    """Linear power gain of each beam towards each direction, the polarisation's turn included.

    The same weights on every polarisation, whose powers are averaged: a port is a mixture of both.
    """
    field = (polarization_responses(panel, direction) ** 2).sum(axis=-1).mean(axis=-1)
    return field[:, None] * np.abs(array_phases(panel, direction) @ weights.T) ** 2


def _dft_vectors(elements: int, oversampling: int) -> Complex[np.ndarray, "beam element"]:
    beam = np.arange(elements * oversampling)
    turns = np.outer(beam, np.arange(elements)) / (elements * oversampling)
    return np.exp(2j * np.pi * turns) / np.sqrt(elements)


#: Patterns by name: gain 1 in every direction, and the element of TR 38.901 Table 7.3-1.
PATTERNS: dict[str, ElementGain] = {"isotropic": isotropic_element, "tr38901": sector_element}


@dataclass(frozen=True)
class UeAntenna:
    """A phone held upright; the default has four ports, two dual-polarised isotropic elements λ/2 apart."""

    rows: int = 1
    """Elements above each other."""
    columns: int = 2
    """Elements next to each other."""
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
