"""ITU-R P.526-15 §4.5: the delta-Bullington method for a general terrestrial path.

The recommendation's own method for terrain, and a second opinion on paths over roofs: its correction
(10 dB for any obstacle that costs more than a few dB) was fitted to paths of kilometres over hills.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.propagation.materials.knife_edge import fresnel_parameter, knife_edge_loss
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


#: Median effective earth radius [m] (ITU-R P.526-15 §2).
EFFECTIVE_EARTH_RADIUS = 8.5e6


@dataclass(frozen=True)
class TerrainProfile:
    """Ground between two antennas, both ends included."""

    along: Float[np.ndarray, " step"]
    """Distance from the transmitter [m], ascending from 0."""
    height: Float[np.ndarray, " step"]
    """Height above sea level [m]."""
    transmitter: float
    """Height of the transmitting antenna above sea level [m]."""
    receiver: float
    """Height of the receiving antenna above sea level [m]."""

    @property
    def distance(self) -> float:
        """Length of the path [m]."""
        return float(self.along[-1])


def delta_bullington_loss(
    profile: TerrainProfile, wavelength: float, earth_radius: float = EFFECTIVE_EARTH_RADIUS
) -> float:
    """Diffraction loss over free space [dB] for horizontal polarisation over land (§4.5.2).

    Args:
        profile: ground and antennas.
        wavelength: wavelength [m].
        earth_radius: effective radius of the earth [m].
    """
    actual = bullington_loss(profile, wavelength, earth_radius)
    transmitter, receiver = effective_heights(profile)
    smooth = TerrainProfile(profile.along, np.zeros_like(profile.height), transmitter, receiver)
    over_smooth = bullington_loss(smooth, wavelength, earth_radius)
    spherical = spherical_earth_loss(profile.distance, transmitter, receiver, wavelength, earth_radius)
    return actual + max(spherical - over_smooth, 0.0)


def bullington_loss(
    profile: TerrainProfile, wavelength: float, earth_radius: float = EFFECTIVE_EARTH_RADIUS
) -> float:
    """Loss of Bullington's equivalent edge with the general correction [dB] (§4.5.1)."""
    along, distance = profile.along[1:-1], profile.distance
    beyond = distance - along
    height = profile.height[1:-1] + along * beyond / (2 * earth_radius)
    sight = (profile.receiver - profile.transmitter) / distance
    from_transmitter = np.max((height - profile.transmitter) / along)
    if from_transmitter < sight:
        excess = height - (profile.transmitter + sight * along)
        nu = np.max(fresnel_parameter(excess, along, beyond, wavelength))
    else:
        from_receiver = np.max((height - profile.receiver) / beyond)
        edge = (profile.receiver - profile.transmitter + from_receiver * distance) / (
            from_transmitter + from_receiver
        )
        excess = (from_transmitter - sight) * edge
        nu = fresnel_parameter(excess, edge, distance - edge, wavelength)
    single = float(knife_edge_loss(np.asarray(nu)))
    return single + (1 - np.exp(-single / 6)) * (10 + 0.02 * distance / 1000)


def effective_heights(profile: TerrainProfile) -> tuple[float, float]:
    """Heights of transmitter and receiver over the smooth surface fitted to the ground [m] (§4.5.2)."""
    along, height, distance = profile.along, profile.height, profile.distance
    step = np.diff(along)
    area = np.sum(step * (height[1:] + height[:-1]))
    moment = np.sum(
        step * (height[1:] * (2 * along[1:] + along[:-1]) + height[:-1] * (along[1:] + 2 * along[:-1]))
    )
    near, far = (2 * area * distance - moment) / distance**2, (moment - area * distance) / distance**2
    inner = along[1:-1]
    excess = height[1:-1] - (profile.transmitter * (distance - inner) + profile.receiver * inner) / distance
    highest = float(np.max(excess))
    if highest > 0:
        before, after = np.max(excess / inner), np.max(excess / (distance - inner))
        near -= highest * before / (before + after)
        far -= highest * after / (before + after)
    return profile.transmitter - min(near, height[0]), profile.receiver - min(far, height[-1])
