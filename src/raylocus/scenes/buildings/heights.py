"""The height chain: `height` → `building:height` → levels × 3 m and the roof → prior by type and region."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from raylocus.geo import GeoFrame
from raylocus.scenes.buildings.roof_tags import FLAT_ROOF, Roof
from raylocus.scenes.tagged import parse_count, parse_length

#: Regions with customs of their own; everything else is `elsewhere`.
REGIONS = ("north_america", "europe", "east_asia", "elsewhere")
#: (south, north, west, east) [degrees] of each region, coarse: only customs hang on it.
_BOXES = {
    "north_america": (24.0, 72.0, -170.0, -50.0),
    "europe": (35.0, 72.0, -25.0, 45.0),
    "east_asia": (18.0, 50.0, 100.0, 150.0),
}
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
#: Height of a storey [m].
STOREY = 3.0
#: Heights above this are typing errors [m]; the highest building on Earth has 830 m.
TALLEST = 900.0
#: Thickness of a roof that stands on posts [m].
CANOPY_THICKNESS = 0.4
#: Deviation of a tagged height [m]: a constant and a share of the height.
TAGGED_DEVIATION = (0.5, 0.03)
#: Deviation of levels × 3 m [m]: real storeys measure 2.7 to 4 m, ground floors more. Two thirds of the buildings
#: with both tags in the real extracts lie within it (`benchmarks/storeys_against_heights.py`).
LEVELS_DEVIATION = (1.0, 0.2)


def building_type(tags: dict[str, str]) -> str:
    """A kind that `LOG_DEVIATION` has, from `building` or, for parts, `building:part`."""
    value = tags.get("building") or tags.get("building:part") or "yes"
    if value == "yes" and "shop" in tags:
        return "commercial"
    return _TYPE_OF.get(value, "unknown")


def region_of(frame: GeoFrame) -> str:
    """One of `REGIONS`; `elsewhere` for a purely local frame."""
    latitude, longitude = frame.origin_latitude, frame.origin_longitude
    if latitude is None or longitude is None:
        return "elsewhere"
    for name, (south, north, west, east) in _BOXES.items():
        if south <= latitude <= north and west <= longitude <= east:
            return name
    return "elsewhere"


#: Median height [m] by building type, for each of `REGIONS`.
MEDIAN_HEIGHT = {
    "outbuilding": (3.0, 2.8, 2.8, 2.8),
    "house": (5.5, 7.0, 7.0, 5.5),
    "apartments": (11.0, 15.0, 24.0, 12.0),
    "commercial": (8.0, 11.0, 14.0, 8.0),
    "industrial": (8.0, 8.0, 9.0, 7.0),
    "worship": (12.0, 14.0, 9.0, 11.0),
}


#: Standard deviation of the height's natural logarithm by building type; `unknown` covers `building=yes`.
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
        kind: as `building_type` gives it.
        area: of the footprint [m²].
        built_share: share of the ground within 100 m that is built over.
        region: as `region_of` gives it.
    """
    column = REGIONS.index(region)
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


@dataclass(frozen=True)
class HeightEstimate:
    """What is known of one building's height."""

    height: float
    """m above the lowest ground under it."""
    deviation: float
    """Standard deviation [m]."""
    source: str
    """`height`, `building:height`, `levels` or `prior`."""
    eaves: float | None = None
    """Where the walls end, by the number of storeys [m]; None where they do not."""


def tagged_height(tags: dict[str, str], tally: Counter[str], roof: Roof = FLAT_ROOF) -> HeightEstimate | None:
    """The height that the tags state; None where they state none. Unusable values are counted.

    Args:
        tags: of the building.
        tally: counts what cannot be used.
        roof: what comes on top of storeys (Simple 3D Buildings: `building:levels` are those below the roof).
    """
    for key in ("height", "building:height"):
        if key in tags:
            height = parse_length(tags[key])
            if height is not None and 0 <= height <= TALLEST:
                return HeightEstimate(height, _deviation(TAGGED_DEVIATION, height), key)
            tally[f"{key} tag ignored: not a length between 0 and {TALLEST:.0f} m"] += 1
    return _from_storeys(tags["building:levels"], tally, roof) if "building:levels" in tags else None


def _from_storeys(text: str, tally: Counter[str], roof: Roof) -> HeightEstimate | None:
    levels = parse_count(text)
    if levels is None or not 0 <= levels * STOREY <= TALLEST:
        tally["building:levels tag ignored: not a number of storeys"] += 1
        return None
    eaves = levels * STOREY
    rise = roof.over_storeys(eaves)
    if not 0 < eaves + rise <= TALLEST:
        return None
    deviation = math.hypot(_deviation(LEVELS_DEVIATION, eaves), roof.deviation if rise > 0 else 0.0)
    return HeightEstimate(eaves + rise, deviation, "levels", eaves)


def prior_height(prior: HeightPrior, standard_normal: float, bottom: float) -> HeightEstimate:
    """A drawn height; a part that starts above the ground is a storey high at least."""
    height = max(prior.draw(standard_normal), bottom + STOREY if bottom > 0 else 0.0)
    return HeightEstimate(height, prior.error_deviation, "prior")


def is_canopy(tags: dict[str, str]) -> bool:
    """Whether it is a roof without walls, whose bottom no tag states."""
    values = (tags.get("building"), tags.get("building:part"))
    return "roof" in values and not {"min_height", "building:min_level"} & set(tags)


def bottom_height(tags: dict[str, str]) -> float:
    """`min_height`, else `building:min_level` × 3 m, else 0 [m]."""
    bottom = parse_length(tags.get("min_height", ""))
    if bottom is None:
        bottom = (parse_count(tags.get("building:min_level", "")) or 0.0) * STOREY
    return max(bottom, 0.0)


def below_ground(tags: dict[str, str]) -> bool:
    """Underground by its location or layer, or without any storey or height above ground."""
    layer = parse_count(tags["layer"]) if "layer" in tags else None
    if (layer is not None and layer < 0) or tags.get("location") == "underground":
        return True
    if tags.get("amenity") == "parking" and tags.get("parking") == "underground":
        return True
    if tags.get("building") == "underground" or tags.get("building:part") == "underground":
        return True
    if "height" in tags:
        return parse_length(tags["height"]) == 0
    return parse_count(tags.get("building:levels", "")) == 0 and "building:levels:underground" in tags


def _deviation(law: tuple[float, float], height: float) -> float:
    return law[0] + law[1] * height
