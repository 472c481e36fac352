"""Launch directions chosen by the ground they serve.

A specular path over vertical walls, unfolded, is a straight line from the site to a point at the
UE's height. Directions are therefore aimed at points around the site at the heights that the ground
has, where uniform directions waste most rays on the sky and the near ground. A small uniform part
keeps tilted reflectors in reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

#: Inverse powers of the root of x⁴ = x + 1: the three-dimensional R3 sequence (Roberts 2018).
_R3 = 1.2207440846057596 ** -np.arange(1.0, 4.0)
#: Uniform rays for each aimed one.
UNIFORM_SHARE = 1 / 6
#: A tile whose ground differs by more than this needs twice the rays [m].
HILLY = 4.0


@dataclass(frozen=True)
class LaunchDirections:
    """Rays of one site: towards the ground and uniform."""

    height: float
    """z of the site [m]."""
    ground: Float[np.ndarray, " height"]
    """Sorted heights of the UE surface [m]."""
    radius: float
    """Longest unfolded path in plan [m]."""
    aimed_rays: int
    uniform_rays: int

    @property
    def count(self) -> int:
        """Rays in all."""
        return self.aimed_rays + self.uniform_rays

    def vectors(self, shift: Float[np.ndarray, "3"], rays: slice) -> Float[np.ndarray, "ray 3"]:
        """Unit launch directions of some of the rays, their sequence shifted at random."""
        aimed = low_discrepancy(
            slice(min(rays.start, self.aimed_rays), min(rays.stop, self.aimed_rays)), shift
        )
        rest = low_discrepancy(
            slice(max(rays.start, self.aimed_rays), max(rays.stop, self.aimed_rays)), shift
        )
        return np.concatenate([self._aimed(aimed).T, uniform_directions(rest).T], axis=1).T

    def _aimed(self, point: Float[np.ndarray, "ray 3"]) -> Float[np.ndarray, "ray 3"]:
        # Evenly spread in radius, so that near cells, whose paths touch more surfaces, get more rays.
        radius, azimuth = self.radius * point[:, 0], 2 * np.pi * point[:, 1]
        height = self.ground.astype(np.float32)[(point[:, 2] * len(self.ground)).astype(np.int64)]
        target = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height - self.height])
        return (target / np.maximum(np.sqrt(radius**2 + target[2] ** 2), 1e-9)).T


def directions_for(
    height: float, surface: Float[np.ndarray, "y x"], radius: float, cell_area: float, rays_per_cell: float
) -> LaunchDirections:
    """Directions for a site over a UE surface.

    Args:
        height: z of the site [m].
        surface: z of the UE surface over the tile [m].
        radius: longest unfolded path in plan [m].
        cell_area: area of a ground cell [m²].
        rays_per_cell: rays for every ground cell within the radius, on average.
    """
    ground = np.sort(surface, axis=None)
    aimed = int(rays_per_cell * np.pi * radius**2 / cell_area)
    if ground[-1] - ground[0] > HILLY:
        aimed *= 2
    return LaunchDirections(height, ground, radius, aimed, int(UNIFORM_SHARE * aimed))


def uniform_directions(point: Float[np.ndarray, "ray two_or_more"]) -> Float[np.ndarray, "ray 3"]:
    """Unit vectors spread over the sphere as the points' first two coordinates are over the unit square."""
    z, azimuth = 2 * point[:, 0] - 1, 2 * np.pi * point[:, 1]
    horizontal = np.sqrt(1 - z**2)
    return np.stack([horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), z]).T


def horizontal_directions(point: Float[np.ndarray, "ray two_or_more"]) -> Float[np.ndarray, "ray 3"]:
    """Unit vectors, the denser the nearer to the horizon, where distant walls are: their density is 1/√|4z|."""
    height = 2 * point[:, 0] - 1
    return uniform_directions(np.column_stack([(1 + height * np.abs(height)) / 2, point[:, 1]]))


def low_discrepancy(which: slice, shift: Float[np.ndarray, "3"]) -> Float[np.ndarray, "count 3"]:
    """Points of the shifted sequence, spread evenly over the unit cube, in single precision."""
    number = np.arange(which.start + 1, which.stop + 1)
    turns = [start + step * number for start, step in zip(shift.tolist(), _R3.tolist(), strict=True)]
    point = np.stack([(each - np.floor(each)).astype(np.float32) for each in turns])
    # Rounded to single precision, what is just below one must not become one.
    return np.minimum(point, np.float32(1 - 2**-24)).T
