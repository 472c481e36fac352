"""Streets as a grid: straight or warped, aligned or staggered, with avenues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry import LineString

from raylocus.scenes.towns.frames import Warp, rotate
from raylocus.scenes.towns.style import Street

#: Distance between the points of a warped street [m].
STEP = 20.0


@dataclass(frozen=True)
class StreetGrid:
    """Rows of streets joined by cross streets."""

    block: tuple[float, float]
    """Distance between street centres (along the rows, across the rows) [m]."""
    jitter: float = 0.1
    """Relative standard deviation of those distances."""
    width: float = 8.0
    """Carriageway of a street [m]."""
    corridor: float = 16.0
    """Façade to façade of a street, without front gardens [m]."""
    avenue_every: int = 0
    """Every n-th street is an avenue; 0 for none."""
    avenue_corridor: float = 28.0
    """Façade to façade of an avenue [m]; its carriageway takes half."""
    staggered: bool = False
    """Whether every row has cross streets of its own, which gives T-junctions."""
    missing: float = 0.0
    """Share of the cross streets that were never built."""
    warp: float = 0.0
    """Amplitude of the bends [m]; 0 for straight streets."""
    road_class: str = "residential"
    """Class of the streets that are no avenues."""

    def draw(self, side: float, orientation: float, generator: np.random.Generator) -> list[Street]:
        """See `StreetPattern`."""
        reach = 0.75 * side
        rows = self._positions(reach, self.block[1], generator)
        columns = self._positions(reach, self.block[0], generator)
        warp = Warp.sample(self.warp, generator)
        streets = [
            self._street([(-reach, y), (reach, y)], self._is_avenue(number), orientation, warp)
            for number, y in enumerate(rows)
        ]
        for low, high in zip(rows[:-1], rows[1:], strict=True):
            here = self._positions(reach, self.block[0], generator) if self.staggered else columns
            for number, x in enumerate(here):
                # An avenue goes on beyond the next row, which a staggered cross street does not.
                avenue = self._is_avenue(number) and not self.staggered
                if generator.random() >= self.missing:
                    streets.append(self._street([(x, low), (x, high)], avenue, orientation, warp))
        return streets

    def _positions(
        self, reach: float, spacing: float, generator: np.random.Generator
    ) -> Float[np.ndarray, " street"]:
        count = int(np.ceil(2 * reach / spacing)) + 2
        steps = spacing * np.clip(1 + self.jitter * generator.standard_normal(count), 0.6, 1.5)
        return -reach - generator.uniform(0, spacing) + np.cumsum(steps)

    def _is_avenue(self, number: int) -> bool:
        return self.avenue_every > 0 and number % self.avenue_every == 0

    def _street(
        self, ends: list[tuple[float, float]], avenue: bool, orientation: float, warp: Warp
    ) -> Street:
        line = shapely.segmentize(LineString(ends), STEP) if self.warp else LineString(ends)
        bent = LineString(rotate(warp(shapely.get_coordinates(line)), orientation))
        if avenue:
            return Street(bent, "primary", self.avenue_corridor / 2, self.avenue_corridor)
        return Street(bent, self.road_class, self.width, self.corridor)
