"""Diffraction over a smooth spherical earth: ITU-R P.526-15 §3.1.1 (first term) and §3.2 (any distance)."""

from __future__ import annotations

import numpy as np

from raylocus.units import SPEED_OF_LIGHT

#: Relative permittivity and conductivity [S/m] of land.
LAND_PERMITTIVITY, LAND_CONDUCTIVITY = 22.0, 0.003


def spherical_earth_loss(
    distance: float, transmitter: float, receiver: float, wavelength: float, earth_radius: float
) -> float:
    """Loss over free space [dB] for horizontal polarisation over land (§3.2); 0 with enough clearance.

    Args:
        distance: m.
        transmitter: height of the transmitting antenna over the surface [m].
        receiver: height of the receiving antenna over the surface [m].
        wavelength: wavelength [m].
        earth_radius: effective radius of the earth [m].
    """
    horizon = np.sqrt(2 * earth_radius) * (np.sqrt(transmitter) + np.sqrt(receiver))
    if distance >= horizon:
        return first_term_loss(distance, transmitter, receiver, wavelength, earth_radius)
    clearance, required = _clearance(distance, transmitter, receiver, wavelength, earth_radius)
    if clearance > required:
        return 0.0
    grazing_radius = 0.5 * (distance / (np.sqrt(transmitter) + np.sqrt(receiver))) ** 2
    at_horizon = first_term_loss(distance, transmitter, receiver, wavelength, grazing_radius)
    return (1 - clearance / required) * max(at_horizon, 0.0)


def first_term_loss(
    distance: float, transmitter: float, receiver: float, wavelength: float, earth_radius: float
) -> float:
    """First term of the residue series [dB] (§3.1.1); arguments as above."""
    megahertz, kilometres, radius = SPEED_OF_LIGHT / wavelength / 1e6, distance / 1e3, earth_radius / 1e3
    admittance = (
        0.36
        * (radius * megahertz) ** (-1 / 3)
        * ((LAND_PERMITTIVITY - 1) ** 2 + (18000 * LAND_CONDUCTIVITY / megahertz) ** 2) ** -0.25
    )
    beta = (1 + 1.6 * admittance**2 + 0.67 * admittance**4) / (1 + 4.5 * admittance**2 + 1.53 * admittance**4)
    x = 2.188 * beta * megahertz ** (1 / 3) * radius ** (-2 / 3) * kilometres
    decay = 11 + 10 * np.log10(x) - 17.6 * x if x >= 1.6 else -20 * np.log10(x) - 5.6488 * x**1.425
    heights = 9.575e-3 * beta * megahertz ** (2 / 3) * radius ** (-1 / 3) * np.array([transmitter, receiver])
    return float(-decay - sum(_height_gain(beta * height, admittance) for height in heights))


def _height_gain(height: float, admittance: float) -> float:
    """G(Y) [dB] of a normalised height."""
    if height > 2:
        gain = 17.6 * np.sqrt(height - 1.1) - 5 * np.log10(height - 1.1) - 8
    else:
        gain = 20 * np.log10(height + 0.1 * height**3)
    return float(max(gain, 2 + 20 * np.log10(admittance)))


def _clearance(
    distance: float, transmitter: float, receiver: float, wavelength: float, earth_radius: float
) -> tuple[float, float]:
    """Smallest height of the ray over the curved earth, and the one that no loss needs [m]."""
    total = transmitter + receiver
    contrast = (transmitter - receiver) / total
    bulge = distance**2 / (4 * earth_radius * total)
    angle = np.pi / 3 + np.arccos(1.5 * contrast * np.sqrt(3 * bulge / (bulge + 1) ** 3)) / 3
    before = distance / 2 * (1 + 2 * np.sqrt((bulge + 1) / (3 * bulge)) * np.cos(angle))
    after = distance - before
    height = (
        (transmitter - before**2 / (2 * earth_radius)) * after
        + (receiver - after**2 / (2 * earth_radius)) * before
    ) / distance
    return height, 0.552 * np.sqrt(before * after * wavelength / distance)
