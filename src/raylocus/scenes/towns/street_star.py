"""Streets as a star: boulevards from a round square, ring streets about it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from shapely.geometry import LineString

from raylocus.scenes.towns.style import Street


@dataclass(frozen=True)
class StreetStar:
    """Boulevards and rings; between the boulevards, streets are added outwards to keep blocks small."""

    boulevards: int = 8
    """Number of boulevards that reach the square."""
    square_radius: float = 55.0
    """Radius of the round square in the middle [m]."""
    ring_spacing: float = 110.0
    """Distance between rings [m]."""
    frontage: float = 120.0
    """Longest block along a ring before another street is cut through [m]."""
    width: float = 9.0
    """Carriageway of a street [m]."""
    corridor: float = 18.0
    """Façade to façade of a street [m]."""
    boulevard_corridor: float = 32.0
    """Façade to façade of a boulevard [m]; its carriageway takes half."""

    def draw(self, side: float, orientation: float, generator: np.random.Generator) -> list[Street]:
        """See `StreetPattern`."""
        reach = 1.1 * side
        centre = generator.uniform(-0.15, 0.15, 2) * side
        gaps = 1 + 0.2 * generator.uniform(-1, 1, self.boulevards)
        angles = orientation + 2 * np.pi * np.cumsum(gaps) / gaps.sum()
        radii = self.square_radius + self.ring_spacing * np.arange(int(reach / self.ring_spacing) + 1)
        radii[1:] += 0.1 * self.ring_spacing * generator.uniform(-1, 1, len(radii) - 1)
        # A ring street as wide as the square's radius covers the square.
        square = self._ring(centre, self.square_radius / 2)
        streets = [dataclasses.replace(square, road_class="pedestrian", corridor=self.square_radius + 8.0)]
        streets += [self._ring(centre, radius) for radius in radii[1:]]
        for angle, following in zip(angles, np.append(angles[1:], angles[0] + 2 * np.pi), strict=True):
            line = _spoke(centre, angle, self.square_radius, reach)
            streets.append(Street(line, "primary", self.boulevard_corridor / 2, self.boulevard_corridor))
            streets += self._cross_streets(centre, (angle, following), radii, generator)
        return streets

    def _ring(self, centre: Float[np.ndarray, "2"], radius: float) -> Street:
        angle = np.linspace(0, 2 * np.pi, max(24, int(radius / 4)) + 1)
        line = LineString(centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
        return Street(line, "residential", self.width, self.corridor)

    def _cross_streets(
        self,
        centre: Float[np.ndarray, "2"],
        sector: tuple[float, float],
        radii: Float[np.ndarray, "ring"],
        generator: np.random.Generator,
    ) -> list[Street]:
        streets = []
        for inner, outer in zip(radii[:-1], radii[1:], strict=True):
            pieces = int((sector[1] - sector[0]) * (inner + outer) / 2 // self.frontage)
            for cut in range(1, pieces):
                share = (cut + 0.15 * generator.uniform(-1, 1)) / pieces
                angle = sector[0] + share * (sector[1] - sector[0])
                line = _spoke(centre, angle, inner, outer)
                streets.append(Street(line, "residential", self.width, self.corridor))
        return streets


def _spoke(centre: Float[np.ndarray, "2"], angle: float, inner: float, outer: float) -> LineString:
    direction = np.array([np.cos(angle), np.sin(angle)])
    return LineString([centre + inner * direction, centre + outer * direction])
