"""Streets as a village has them: a winding through road with lanes that end in the fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry import LineString

from raylocus.scenes.towns.frames import Warp, rotate
from raylocus.scenes.towns.style import Street


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
