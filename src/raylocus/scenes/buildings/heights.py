"""The height chain: `height` → `building:height` → levels × 3 m and the roof → prior, with source and deviation."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from raylocus.scenes.buildings.height_prior import HeightPrior
from raylocus.scenes.buildings.roof_tags import FLAT_ROOF, Roof
from raylocus.scenes.tagged.features import parse_count, parse_length

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
    """Where the walls end, as storeys tell [m]; None where they do not."""


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
