"""ITU-R P.526-15 §4.5: the delta-Bullington method for a general terrestrial path.

The recommendation's own method for terrain, and a second opinion on paths over roofs: its correction
(10 dB for any obstacle that costs more than a few dB) was fitted to paths of kilometres over hills.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.propagation.oracles.spherical_earth import spherical_earth_loss
from raylocus.propagation.search.knife_edge import fresnel_parameter, knife_edge_loss

#: Median effective earth radius [m] (ITU-R P.526-15 §2).
EFFECTIVE_EARTH_RADIUS = 8.5e6


@dataclass(frozen=True)
class TerrainProfile:
    """Ground between two antennas, both ends included."""

    along: Float[np.ndarray, "step"]
    """Distance from the transmitter [m], ascending from 0."""
    height: Float[np.ndarray, "step"]
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
