"""Streets as a grid, straight or warped, with avenues; and as a village has them, a winding road with lanes."""

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
class StreetTree:
    """A through road, lanes off it, and shorter lanes off those."""

    lanes: int = 7
    """Lanes off the through road in each kilometre of it."""
    lane_length: tuple[float, float] = (90.0, 260.0)
    """Range of lane lengths [m]."""
    width: float = 5.0
    """Carriageway of a lane [m]."""
    corridor: float = 8.0
    """Fence to fence along a lane [m]."""
    warp: float = 25.0
    """Amplitude of the bends [m]."""

    def draw(self, side: float, orientation: float, generator: np.random.Generator) -> list[Street]:
        """See `StreetPattern`."""
        reach = 0.75 * side
        warp = Warp.sample(self.warp, generator)
        through = Street(self._bend([(-reach, 0.0), (reach, 0.0)], orientation, warp), "primary", 6.5, 11.0)
        lanes = []
        for x in self._starts(reach, generator):
            up = generator.choice([-1.0, 1.0])
            end = (x + generator.uniform(-40, 40), up * generator.uniform(*self.lane_length))
            lanes.append([(x, 0.0), end])
            if abs(end[1]) > 0.6 * self.lane_length[1]:
                share = generator.uniform(0.5, 0.8)
                start = (x + share * (end[0] - x), share * end[1])
                lanes.append(
                    [start, (start[0] + generator.choice([-1.0, 1.0]) * generator.uniform(60, 130), start[1])]
                )
        bent = [self._bend(lane, orientation, warp) for lane in lanes]
        return [through, *(Street(line, "residential", self.width, self.corridor) for line in bent)]

    def _starts(self, reach: float, generator: np.random.Generator) -> Float[np.ndarray, " lane"]:
        """Starts of the lanes along the through road, evenly spread with a random offset [m]."""
        count = max(2, round(self.lanes * 2 * reach / 1000))
        even = (np.arange(count) + 0.5) / count * 2 - 1
        return reach * (even + generator.uniform(-0.6, 0.6, count) / count)

    def _bend(self, ends: list[tuple[float, float]], orientation: float, warp: Warp) -> LineString:
        straight = shapely.get_coordinates(shapely.segmentize(LineString(ends), 15.0))
        return LineString(rotate(warp(straight), orientation))


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
