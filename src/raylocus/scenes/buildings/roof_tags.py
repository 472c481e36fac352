"""Roof shapes and heights from OSM's roof tags (Simple 3D Buildings)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from shapely import Polygon

from raylocus.scenes.tagged import parse_count, parse_length

#: Values of roof:shape that are meshed as such, and others that look alike from a radio's distance.
ROOF_SHAPES = {
    "gabled": "gabled",
    "half-hipped": "gabled",
    "half_hipped": "gabled",
    "gambrel": "gabled",
    "saltbox": "gabled",
    "hipped": "hipped",
    "mansard": "hipped",
    "pyramidal": "pyramidal",
    "pyramid": "pyramidal",
    "dome": "pyramidal",
    "onion": "pyramidal",
    "cone": "pyramidal",
    "skillion": "skillion",
    "lean_to": "skillion",
}
#: Slope of a pitched roof whose height is not tagged [rad].
DEFAULT_SLOPE = math.radians(35)
#: Height of a roof storey [m], and the part of a building's height that a roof takes at most.
ROOF_STOREY, LARGEST_SHARE = 2.5, 0.6
#: Deviation of a tagged roof height: a constant [m]; of one by roof storeys or slope: a share of it.
TAGGED_DEVIATION, GUESSED_DEVIATION = 0.5, 0.3
#: A footprint is convex where it fills this share of its hull.
CONVEX = 0.95
#: Roofs above this are typing errors [m].
HIGHEST_ROOF = 200.0


@dataclass(frozen=True)
class Roof:
    """What the tags say of a roof, before it is put on walls."""

    shape: str
    """One of ROOF_SHAPES' values, or `flat`."""
    rise: float
    """From the eaves to the top [m]; above 0 for a flat roof where storeys in it are tagged."""
    deviation: float
    """Standard deviation of the rise [m]."""
    stated: bool
    """Whether `roof:height` or `roof:levels` gives the rise, and not the slope."""
    shape_tagged: bool = True
    """Whether `roof:shape` is there at all."""

    def over_storeys(self, eaves: float) -> float:
        """The rise over storeys that end at `eaves` [m]; without a tag at most `LARGEST_SHARE` of the whole."""
        return self.rise if self.stated else min(self.rise, eaves * LARGEST_SHARE / (1 - LARGEST_SHARE))

    def below_top(self, height: float) -> tuple[str, float]:
        """Roof shape and roof height [m] where the top is known.

        Args:
            height: of the whole building above what it stands on [m].
        """
        rise = min(self.rise, LARGEST_SHARE * height)
        return (self.shape, rise) if self.shape != "flat" and rise > 0 else ("flat", 0.0)

    def above_eaves(self, height: float, eaves: float, bottom: float) -> tuple[str, float]:
        """Roof shape and roof height [m] where the storeys end at the eaves; a shape that nobody tagged is gabled.

        Args:
            height: of the top [m].
            eaves: where the walls end [m].
            bottom: where they start [m].
        """
        shape = self.shape if self.shape_tagged else "gabled"
        rise = height - max(eaves, bottom)
        if bottom > 0:
            rise = min(rise, LARGEST_SHARE * (height - bottom))
        return (shape, rise) if shape != "flat" and rise > 0 else ("flat", 0.0)


#: A roof of which nothing is tagged.
FLAT_ROOF = Roof("flat", 0.0, 0.0, stated=False)


def roof_of(tags: dict[str, str], footprint: Polygon) -> Roof:
    """The roof of a building: `roof:height`, else `roof:levels` × 2.5 m, else by slope where it is pitched.

    Args:
        tags: of the building.
        footprint: its outline [m].
    """
    shape, tagged = ROOF_SHAPES.get(tags.get("roof:shape", ""), "flat"), "roof:shape" in tags
    rise = parse_length(tags.get("roof:height", ""))
    if rise is not None and 0 <= rise <= HIGHEST_ROOF:
        return Roof(shape, rise, TAGGED_DEVIATION, True, tagged)
    levels = parse_count(tags.get("roof:levels", "")) or 0.0
    if 0 < levels * ROOF_STOREY <= HIGHEST_ROOF:
        return Roof(shape, levels * ROOF_STOREY, GUESSED_DEVIATION * levels * ROOF_STOREY, True, tagged)
    if shape == "flat":
        return FLAT_ROOF
    rise = _default_rise(shape, footprint)
    return Roof(shape, rise, GUESSED_DEVIATION * rise, False, tagged)


def _default_rise(shape: str, footprint: Polygon) -> float:
    width = _width(footprint)
    run = width if shape == "skillion" else width / 2
    return run * math.tan(DEFAULT_SLOPE / 2 if shape == "skillion" else DEFAULT_SLOPE)


def _width(footprint: Polygon) -> float:
    """The shorter side of a convex footprint; of another, the width of a strip as long round and as large [m]."""
    if footprint.area > CONVEX * footprint.convex_hull.area:
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(footprint))
        return min(math.dist(corners[i], corners[i + 1]) for i in (0, 1)) if len(corners) > 3 else 0.0
    around = shapely.length(footprint.exterior)
    return float(around - math.sqrt(max(around**2 - 16 * footprint.area, 0.0))) / 4
