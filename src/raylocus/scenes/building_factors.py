"""How each building's materials differ from their class: factors on εr and σ, drawn by the building's name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Name that the ground's factors are drawn by; buildings' have 32 bits.
GROUND_KEY = 1 << 32


@dataclass(frozen=True)
class BuildingFactors:
    """Factors on the electrical properties of every building's surfaces, of whatever class they are.

    The last entry is the ground's, and of what no building owns: the index −1 finds it.
    """

    permittivity: Float[np.ndarray, "building_or_ground"]
    """Factor on the relative permittivity."""
    conductivity: Float[np.ndarray, "building_or_ground"]
    """Factor on the conductivity."""


def draw_building_factors(
    key: Int[np.ndarray, "building"], log_permittivity: float, log_conductivity: float, seed: int
) -> BuildingFactors:
    """Log-normal factors; neither the buildings' order nor their number changes what one of them draws.

    Args:
        key: name of each building, see `Triangles.building`.
        log_permittivity: standard deviation of the factor's natural logarithm.
        log_conductivity: the same for the conductivity.
        seed: decides all draws.
    """
    names = [*key.tolist(), GROUND_KEY]
    # Philox is a counter-based generator: every key is a stream of its own, at no cost to open.
    streams = (np.random.Generator(np.random.Philox(key=[seed, name])) for name in names)
    normal = np.array([stream.standard_normal(2) for stream in streams])
    return BuildingFactors(np.exp(log_permittivity * normal[:, 0]), np.exp(log_conductivity * normal[:, 1]))
