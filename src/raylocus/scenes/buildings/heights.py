"""The height chain: `height` → `building:height` → levels × 3 m → prior, with source and deviation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from raylocus.scenes.buildings.height_prior import HeightPrior
from raylocus.scenes.tagged.lengths import parse_count, parse_length

#: Height of a storey [m].
STOREY = 3.0
#: Heights above this are typing errors [m]; the highest building on Earth has 830 m.
TALLEST = 900.0
#: Thickness of a roof that stands on posts [m].
CANOPY_THICKNESS = 0.4
#: Deviation of a tagged height [m]: a constant and a share of the height.
TAGGED_DEVIATION = (0.5, 0.03)
#: Deviation of levels × 3 m [m]: real storeys measure 2.7 to 4 m, ground floors more.
LEVELS_DEVIATION = (0.8, 0.12)


@dataclass(frozen=True)
class HeightEstimate:
    """What is known of one building's height."""

    height: float
    """m above the lowest ground under it."""
    deviation: float
    """Standard deviation [m]."""
    source: str
    """`height`, `building:height`, `levels` or `prior`."""


def tagged_height(tags: dict[str, str], tally: Counter[str]) -> HeightEstimate | None:
    """The height that the tags state; None where they state none. Unusable values are counted."""
    for key in ("height", "building:height"):
        if key in tags:
            height = parse_length(tags[key])
            if height is not None and 0 <= height <= TALLEST:
                return HeightEstimate(height, _deviation(TAGGED_DEVIATION, height), key)
            tally[f"{key} tag ignored: not a length between 0 and {TALLEST:.0f} m"] += 1
    if "building:levels" in tags:
        levels = parse_count(tags["building:levels"])
        if levels is not None and 0 < levels * STOREY <= TALLEST:
            return HeightEstimate(levels * STOREY, _deviation(LEVELS_DEVIATION, levels * STOREY), "levels")
        if levels != 0:
            tally["building:levels tag ignored: not a number of storeys"] += 1
    return None


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
