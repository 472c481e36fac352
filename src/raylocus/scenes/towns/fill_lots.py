"""Blocks covered lot by lot: party walls or narrow gaps, with towers on some of the lots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from raylocus.scenes.towns.frames import polygons_of
from raylocus.scenes.towns.lots import cut_into_lots, fit_to_build, shrink
from raylocus.scenes.towns.structures import BuildingType, Structure

#: Narrowest building [m].
NARROWEST = 4.0
#: Smallest floor of a tower [m²].
SMALLEST_TOWER_FLOOR = 220.0


@dataclass(frozen=True)
class BuiltLots:
    """One building on each lot."""

    building: BuildingType
    lot_area: float
    """Typical lot [m²]."""
    narrowest_lot: float = 8.0
    """m."""
    gap: float = 0.0
    """Distance from a building to its lot's border [m]; 0 for party walls."""
    empty: float = 0.0
    """Share of lots that are car parks or gardens."""
    tower: BuildingType | None = None
    """Type of the towers that rise from some lots."""
    tower_share: float = 0.0
    """Share of the lots with a tower."""
    tower_setback: float = 5.0
    """Distance from a tower to the edge of its podium [m]."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        lots = cut_into_lots(block, self.lot_area, self.narrowest_lot, generator)
        plots = fit_to_build(shrink(lots, self.gap) if self.gap else lots, NARROWEST)
        built = generator.random(len(plots)) >= self.empty
        wants_tower = generator.random(len(plots)) < self.tower_share
        low = [plots[index] for index in np.flatnonzero(built & ~wants_tower)]
        podiums, floors = self._with_tower([plots[index] for index in np.flatnonzero(built & wants_tower)])
        towers = self.tower.erect(floors, generator) if self.tower else []
        return self.building.erect(low + podiums, generator) + towers

    def _with_tower(self, plots: list[Polygon]) -> tuple[list[Polygon], list[Polygon]]:
        """Podiums and the floors of towers; a plot too small for a tower is all podium."""
        podiums, floors = [], []
        for plot, floor in zip(plots, shrink(plots, self.tower_setback), strict=True):
            tall = floor.area >= SMALLEST_TOWER_FLOOR
            podiums += polygons_of(shapely.difference(plot, floor)) if tall else [plot]
            floors += [floor] if tall else []
        return podiums, floors
