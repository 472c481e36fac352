"""Launch directions chosen by the ground they serve.

A specular path over vertical walls, unfolded, is a straight line from the site to a point at the
UE's height. Directions aimed at points spread evenly over that plane therefore send the same
number of rays through every ground cell, at any distance and after any number of wall reflections,
where uniform directions waste most rays on the sky and the near ground. A small uniform part keeps
tilted reflectors in reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

#: The plastic number's inverse powers: the two-dimensional R2 sequence (Roberts 2018).
_R2 = np.array([0.7548776662466927, 0.5698402909980532])
#: Planes nearer to the site's height than this serve hardly any solid angle and are left out [m].
SMALLEST_DROP = 2.0


@dataclass(frozen=True)
class LaunchDirections:
    """Rays of one site and their density, which tells how many rays a fully visible cell would get."""

    drops: tuple[float, ...]
    """Heights of the site above each target plane [m]; negative where the plane is above the site."""
    radius: float
    """Radius of each plane's target disc [m]: the longest path, unfolded, in plan."""
    rays_per_plane: int
    uniform_rays: int

    @property
    def count(self) -> int:
        """Rays in all."""
        return self.rays_per_plane * len(self.drops) + self.uniform_rays

    def shifts(self, generator: np.random.Generator) -> Float[np.ndarray, "set 2"]:
        """The chance in them: a shift of the sequence of each plane, and of the uniform rays."""
        return generator.random((len(self.drops) + 1, 2))

    def vectors(self, shifts: Float[np.ndarray, "set 2"], rays: slice) -> Float[np.ndarray, "ray 3"]:
        """Unit launch directions of some of the rays."""
        parts, begin = [], 0
        for number, shift in enumerate(shifts):
            uniform = number == len(self.drops)
            end = begin + (self.uniform_rays if uniform else self.rays_per_plane)
            own = slice(max(rays.start, begin) - begin, min(rays.stop, end) - begin)
            if own.stop > own.start:
                point = _low_discrepancy(own, shift)
                parts.append(_uniform(point) if uniform else self._aimed(self.drops[number], point))
            begin = end
        return np.concatenate(parts)

    def density(self, direction: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
        """Rays per steradian in each unit direction."""
        total = np.full(len(direction), self.uniform_rays / (4 * np.pi))
        for drop in self.drops:
            with np.errstate(divide="ignore", invalid="ignore"):
                length = -drop / direction[:, 2]
                horizontal = length * np.hypot(direction[:, 0], direction[:, 1])
            served = (length > 0) & (horizontal < self.radius)
            # dA/dω of a plane at perpendicular distance h seen at length d: d³/h.
            area = np.where(served, length, 0.0) ** 3 / abs(drop)
            total += self.rays_per_plane / (np.pi * self.radius**2) * area
        return total

    def _aimed(self, drop: float, point: Float[np.ndarray, "ray 2"]) -> Float[np.ndarray, "ray 3"]:
        radius, azimuth = self.radius * np.sqrt(point[:, 0]), 2 * np.pi * point[:, 1]
        target = np.stack(
            [radius * np.cos(azimuth), radius * np.sin(azimuth), np.full(len(point), -drop)], axis=-1
        )
        return target / np.linalg.norm(target, axis=1, keepdims=True)


def directions_for(
    height: float, surface: Float[np.ndarray, "y x"], radius: float, cell_area: float, rays_per_cell: float
) -> LaunchDirections:
    """Directions for a site over a UE surface.

    Args:
        height: z of the site [m].
        surface: z of the UE surface over the tile [m]; a hilly one gets a target plane each quartile.
        radius: longest unfolded path in plan [m].
        cell_area: area of a ground cell [m²].
        rays_per_cell: rays through every fully visible ground cell.
    """
    hilly = float(np.ptp(surface)) > 2 * SMALLEST_DROP
    planes = np.quantile(surface, [0, 0.25, 0.5, 0.75, 1.0]) if hilly else np.array([np.median(surface)])
    drops = tuple(float(height - z) for z in planes if abs(height - z) >= SMALLEST_DROP)
    aimed = int(rays_per_cell * np.pi * radius**2 / cell_area)
    # Where planes are stacked, each cell is served by the rays of two or three of them.
    per_plane = aimed if len(drops) == 1 else 2 * aimed // max(len(drops), 1)
    return LaunchDirections(drops, radius, per_plane, uniform_rays=aimed // 6)


def _uniform(point: Float[np.ndarray, "ray 2"]) -> Float[np.ndarray, "ray 3"]:
    """Points of the unit square to directions, evenly over the sphere."""
    z, azimuth = 2 * point[:, 0] - 1, 2 * np.pi * point[:, 1]
    horizontal = np.sqrt(1 - z**2)
    return np.stack([horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), z], axis=-1)


def _low_discrepancy(which: slice, shift: Float[np.ndarray, "2"]) -> Float[np.ndarray, "count 2"]:
    return (shift + np.arange(which.start + 1, which.stop + 1)[:, None] * _R2) % 1.0
