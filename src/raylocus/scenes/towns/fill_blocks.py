"""Buildings that fill blocks: lot by lot, or as closed perimeters around courtyards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from raylocus.scenes.towns.frames import cut_into_lots, fit_to_build, on_grid, polygons_of, shrink
from raylocus.scenes.towns.style import BuildingType, Structure

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
        podiums: list[Polygon] = []
        floors: list[Polygon] = []
        for plot, floor in zip(plots, shrink(plots, self.tower_setback), strict=True):
            tall = floor.area >= SMALLEST_TOWER_FLOOR
            podiums += polygons_of(shapely.difference(plot, floor)) if tall else [plot]
            floors += [floor] if tall else []
        return podiums, floors


@dataclass(frozen=True)
class PerimeterBlocks:
    """A closed ring of houses about one green courtyard, with wings and rear buildings in some blocks."""

    building: BuildingType
    depth: float = 13.0
    """Depth of the houses [m]."""
    lot_area: float = 500.0
    """Typical lot [m²]."""
    rear: float = 0.3
    """Share of the lots that have a rear building in the courtyard."""
    gap: float = 0.04
    """Share of the lots that were never built, through which one looks into the courtyard."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        court = on_grid(shapely.buffer(block, -self.depth * generator.uniform(0.9, 1.1), join_style="mitre"))
        rear_land = on_grid(shapely.buffer(court, -0.7 * self.depth, join_style="mitre"))
        lots = cut_into_lots(block, self.lot_area, 10.0, generator, jitter=0.06)
        built = np.flatnonzero(generator.random(len(lots)) >= self.gap)
        houses = shapely.difference([lots[index] for index in built], court)
        behind = np.flatnonzero(generator.random(len(lots)) < self.rear)
        rears = shapely.intersection([lots[index] for index in behind], rear_land)
        parts = polygons_of(houses) + shrink(polygons_of(rears), 2.0)
        return self.building.erect(fit_to_build(parts, NARROWEST), generator)


@dataclass(frozen=True)
class CourtyardHouses:
    """Old houses that cover their lots except for a small court or light well in each."""

    building: BuildingType
    lot_area: float = 420.0
    """Typical lot [m²]."""
    depth: tuple[float, float] = (7.0, 11.0)
    """Range of the depth of the wings about a court [m]."""
    smallest_court: float = 25.0
    """A smaller court is built over [m²]."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        lots = fit_to_build(cut_into_lots(block, self.lot_area, 9.0, generator, jitter=0.18), NARROWEST)
        depths = generator.uniform(*self.depth, len(lots))
        courts = [shrink([lot], depth)[0] for lot, depth in zip(lots, depths.tolist(), strict=True)]
        footprints = [
            lot if court.area < self.smallest_court else Polygon(lot.exterior, [court.exterior.coords])
            for lot, court in zip(lots, courts, strict=True)
        ]
        return self.building.erect(footprints, generator)
