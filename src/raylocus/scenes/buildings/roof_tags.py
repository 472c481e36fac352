"""Roof shapes and heights from OSM's roof tags (Simple 3D Buildings)."""

from __future__ import annotations

import math

import shapely
from shapely import Polygon

from raylocus.scenes.tagged.lengths import parse_count, parse_length

#: Values of roof:shape that are meshed as such, and others that look alike from a radio's distance.
ROOF_SHAPES = {
    "gabled": "gabled",
    "half-hipped": "gabled",
    "gambrel": "gabled",
    "saltbox": "gabled",
    "hipped": "hipped",
    "mansard": "hipped",
    "pyramidal": "pyramidal",
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


def roof_of(tags: dict[str, str], footprint: Polygon, height: float) -> tuple[str, float]:
    """Roof shape and roof height [m]; (`flat`, 0) where no pitched roof is tagged.

    Args:
        tags: of the building.
        footprint: its outline [m].
        height: of the whole building above what it stands on [m].
    """
    shape = ROOF_SHAPES.get(tags.get("roof:shape", ""), "flat")
    if shape == "flat" or height <= 0:
        return "flat", 0.0
    rise = parse_length(tags.get("roof:height", ""))
    if rise is None:
        levels = parse_count(tags.get("roof:levels", ""))
        rise = levels * ROOF_STOREY if levels else _default_rise(shape, footprint)
    rise = min(rise, LARGEST_SHARE * height)
    return (shape, rise) if rise > 0 else ("flat", 0.0)


def _default_rise(shape: str, footprint: Polygon) -> float:
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(footprint))
    if len(corners) < 4:
        return 0.0
    sides = [math.dist(corners[index], corners[index + 1]) for index in (0, 1)]
    run = min(sides) if shape == "skillion" else min(sides) / 2
    return run * math.tan(DEFAULT_SLOPE / 2 if shape == "skillion" else DEFAULT_SLOPE)
