"""Building types, and what heights buildings of each have where none is stated."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Kinds that the priors know; `unknown` covers `building=yes`.
BUILDING_TYPES = ("outbuilding", "house", "apartments", "commercial", "industrial", "worship", "unknown")

_VALUES = {
    "outbuilding": "garage garages shed hut carport roof greenhouse kiosk service farm_auxiliary stable container "
    "toilets bunker transformer_tower sty cowshed guardhouse boathouse tent allotment_house outbuilding",
    "house": "house detached semidetached_house semi bungalow cabin farm terrace static_caravan houseboat villa",
    "apartments": "apartments residential dormitory hotel tower",
    "commercial": "commercial office retail public civic school university college hospital government supermarket "
    "kindergarten train_station transportation museum theatre library parking mixed fire_station "
    "commerce education medical entertainment",
    "industrial": "industrial warehouse hangar factory manufacture barn storage_tank silo works depot",
    "worship": "church cathedral chapel mosque temple synagogue shrine monastery religious basilica",
}
_TYPE_OF = {value: kind for kind, values in _VALUES.items() for value in values.split()}


def building_type(tags: dict[str, str]) -> str:
    """One of `BUILDING_TYPES`, from `building` or, for parts, `building:part`."""
    value = tags.get("building") or tags.get("building:part") or "yes"
    if value == "yes" and "shop" in tags:
        return "commercial"
    return _TYPE_OF.get(value, "unknown")


#: Median height [m] by building type, for (north_america, europe, east_asia, elsewhere).
MEDIAN_HEIGHT = {
    "outbuilding": (3.0, 2.8, 2.8, 2.8),
    "house": (5.5, 7.0, 7.0, 5.5),
    "apartments": (11.0, 15.0, 24.0, 12.0),
    "commercial": (8.0, 11.0, 14.0, 8.0),
    "industrial": (8.0, 8.0, 9.0, 7.0),
    "worship": (12.0, 14.0, 9.0, 11.0),
}
#: Standard deviation of the height's natural logarithm.
LOG_DEVIATION = {
    "outbuilding": 0.2,
    "house": 0.25,
    "apartments": 0.4,
    "commercial": 0.5,
    "industrial": 0.35,
    "worship": 0.4,
    "unknown": 0.45,
}
#: A footprint below this is a shed, above the other a large building [m²].
SHED_AREA, LARGE_AREA = 35.0, 500.0
#: Built share within 100 m where `building=yes` turns from houses into town blocks.
LOOSE_SHARE, DENSE_SHARE = 0.15, 0.4
#: No drawn height is below or above these [m].
LOWEST, HIGHEST = 2.2, 90.0

_REGION_COLUMN = {"north_america": 0, "europe": 1, "east_asia": 2, "elsewhere": 3}


@dataclass(frozen=True)
class HeightPrior:
    """A lognormal law of one building's height."""

    median: float
    """m."""
    log_deviation: float
    """Standard deviation of the natural logarithm."""

    def draw(self, standard_normal: float) -> float:
        """Height [m] at a standard normal draw."""
        return min(max(self.median * math.exp(self.log_deviation * standard_normal), LOWEST), HIGHEST)

    @property
    def error_deviation(self) -> float:
        """Standard deviation of truth minus draw [m]: both follow the law, so √2 times its own."""
        return math.sqrt(2) * self.median * self.log_deviation


def height_prior(kind: str, area: float, built_share: float, region: str) -> HeightPrior:
    """The law of a building's height.

    Args:
        kind: one of BUILDING_TYPES.
        area: of the footprint [m²].
        built_share: share of the ground within 100 m that is built over.
        region: one of REGIONS.
    """
    column = _REGION_COLUMN[region]
    if kind != "unknown":
        return HeightPrior(MEDIAN_HEIGHT[kind][column], LOG_DEVIATION[kind])
    if area < SHED_AREA:
        return HeightPrior(MEDIAN_HEIGHT["outbuilding"][column], LOG_DEVIATION["unknown"])
    house, block = MEDIAN_HEIGHT["house"][column], MEDIAN_HEIGHT["apartments"][column]
    density = min(max((built_share - LOOSE_SHARE) / (DENSE_SHARE - LOOSE_SHARE), 0.0), 1.0)
    size = min(max((area - 150.0) / (LARGE_AREA - 150.0), 0.0), 1.0)
    # Small houses in a dense quarter stay low: the footprint has to allow for a block.
    weight = density * (0.3 + 0.7 * size) + 0.4 * (1 - density) * size
    return HeightPrior(house + weight * (block - house), LOG_DEVIATION["unknown"])
