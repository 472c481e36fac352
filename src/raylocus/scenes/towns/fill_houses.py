"""Houses along the streets about a block, each with its front garden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon

from raylocus.scenes.towns.lots import shrink
from raylocus.scenes.towns.shapes import place, plan
from raylocus.scenes.towns.spacing import keep_apart
from raylocus.scenes.towns.structures import BuildingType, Structure


@dataclass(frozen=True)
class StreetHouses:
    """Detached or terraced houses that face the street, and sheds or barns behind them."""

    house: BuildingType
    frontage: float = 20.0
    """Street front of a lot [m]."""
    setback: float = 6.0
    """From the block's border to the house [m]."""
    width: tuple[float, float] = (9.0, 14.0)
    """Range of widths along the street [m]."""
    depth: tuple[float, float] = (8.0, 11.0)
    """Range of depths [m]."""
    gap: float = 2.5
    """Least distance between houses [m]."""
    angled: float = 0.25
    """Share of the houses with an L-shaped plan."""
    turned: float = 0.0
    """Standard deviation of a house's direction about its street's [rad]."""
    empty: float = 0.08
    """Share of the lots without a house."""
    shed: BuildingType | None = None
    """Type of the buildings behind the houses."""
    shed_share: float = 0.0
    """Share of the lots with a shed."""
    shed_scale: float = 0.6
    """Size of a shed relative to a house."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        middle = self.setback + self.depth[1] / 2
        houses = self._row(block, middle, 1.0, 1 - self.empty, generator)
        behind = middle + self.depth[1] * (0.7 + 0.5 * self.shed_scale)
        sheds = self._row(block, behind, self.shed_scale, self.shed_share, generator) if self.shed else []
        garden = shrink([block], min(1.0, 0.5 * self.setback))[0]
        kept = keep_apart(houses + sheds, garden, self.gap)
        structures = self.house.erect([houses[index] for index in kept if index < len(houses)], generator)
        if self.shed is not None:
            far = [sheds[index - len(houses)] for index in kept if index >= len(houses)]
            structures += self.shed.erect(far, generator)
        return structures

    def _row(
        self, block: Polygon, inset: float, scale: float, share: float, generator: np.random.Generator
    ) -> list[Polygon]:
        """Plans along the block's border, `inset` metres inside it."""
        footprints = []
        for centre, angle in _along(shrink([block], inset)[0], self.frontage, generator):
            width, depth = scale * generator.uniform(*self.width), scale * generator.uniform(*self.depth)
            name = "l" if generator.random() < self.angled else "bar"
            turn = angle + self.turned * generator.standard_normal()
            if generator.random() < share:
                footprints.append(place(plan(name, width, depth, 0.55 * depth), centre, turn))
        return footprints


def _along(
    land: Polygon, step: float, generator: np.random.Generator
) -> list[tuple[Float[np.ndarray, "2"], float]]:
    """Points about every `step` metres along a polygon's outline, and the outline's direction there [rad]."""
    if land.is_empty:
        return []
    outline = land.exterior
    count = max(1, int(outline.length / step))
    distances = (np.arange(count) + generator.uniform()) * outline.length / count
    before = shapely.get_coordinates(shapely.line_interpolate_point(outline, distances - 1.0))
    here = shapely.get_coordinates(shapely.line_interpolate_point(outline, distances))
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(outline, np.minimum(distances + 1.0, outline.length))
    )
    direction = np.arctan2(*(after - before).T[::-1])
    return [(point, float(angle)) for point, angle in zip(here, direction, strict=True)]
