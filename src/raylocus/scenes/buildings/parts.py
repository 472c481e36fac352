"""Buildings that share ground: parts instead of outlines where they exist (OSM's Simple 3D Buildings), and overlaps.

Duplicates are merged, lower buildings give way to higher ones.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float, Int
from shapely import Polygon

from raylocus.scenes.tagged import Feature, parse_length
from raylocus.scenes.vector_map import Building

#: A part belongs to an outline that holds this share of it.
SHARE_OF_PART = 0.5
#: What the parts leave of an outline stays a building where it is this share of it.
SHARE_LEFT = 0.1
#: Slivers narrower than this between parts and outline are no building [m].
NARROW = 1.0
#: Tag by which a part names its outline, so that all parts of a building get one wall material.
OUTLINE = "raylocus:outline"
#: Tags of an outline that hold for its parts too, where they say nothing else.
INHERITED = ("building", "building:material", "building:facade:material", "facade:material", "shop")
#: An outline's height is that of its highest part where that reaches this share of it.
SHARE_OF_HEIGHT = 0.9


def shared_ground(
    shapes: np.ndarray, others: np.ndarray
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"], Float[np.ndarray, " pair"]]:
    """Every pair of a shape and another whose insides meet.

    Args:
        shapes: polygons.
        others: polygons, the same array for pairs within it.

    Returns:
        Index among `shapes`, by which the pairs are ordered; index among `others`; the area that they share [m²].
    """
    one, other = shapely.STRtree(others).query(shapes)
    if others is shapes:
        once = one < other
        one, other = one[once], other[once]
    shapely.prepare(shapes)
    meeting = shapely.intersects(shapes[one], others[other])
    one, other = one[meeting], other[meeting]
    inside = ~shapely.touches(shapes[one], others[other])
    one, other = one[inside], other[inside]
    shapely.destroy_prepared(shapes)
    common = shapely.intersection(shapes[one], others[other])
    return one, other, shapely.area(common) if len(one) else np.zeros(0)


#: Footprints whose intersection is this share of their union are one building drawn twice.
DUPLICATE = 0.8


#: Overlaps below this are drawing noise [m²].
SMALLEST_OVERLAP = 0.5


#: What an overlap leaves of a building stays where it is at least this large [m²].
SMALLEST_REST = 2.0


#: The better a height's source, the further left.
SOURCES = ("height", "building:height", "levels", "prior")


def without_overlaps(buildings: Sequence[Building], tally: Counter[str]) -> tuple[Building, ...]:
    """The buildings without any two that fill the same space.

    Stacked parts, one starting at or above the top of the other, share their ground rightly and stay.
    """
    shapes = np.empty(len(buildings), object)
    shapes[:] = [building.footprint for building in buildings]
    area = shapely.area(shapes)
    gone: set[int] = set()
    taken: dict[int, list[int]] = {}
    for first, second, shared in zip(*(each.tolist() for each in shared_ground(shapes, shapes)), strict=True):
        if shared <= SMALLEST_OVERLAP:
            continue
        low, high = sorted((first, second), key=lambda index: (buildings[index].height, -index))
        if not _same_space(buildings[low], buildings[high]):
            continue
        if shared / (area[first] + area[second] - shared) > DUPLICATE:
            gone.add(_worse(buildings, first, second))
            tally["building left out: drawn twice"] += 1
        elif buildings[high].min_height <= buildings[low].min_height:
            taken.setdefault(low, []).append(high)
    return tuple(
        piece
        for index, building in enumerate(buildings)
        if index not in gone
        for piece in _remaining(
            building, [buildings[high] for high in taken.get(index, []) if high not in gone], tally
        )
    )


def _same_space(low: Building, high: Building) -> bool:
    return low.min_height < high.height and high.min_height < low.height


def _worse(buildings: Sequence[Building], first: int, second: int) -> int:
    """The one whose height is less surely known; of equals the later."""
    return max(first, second, key=lambda index: (SOURCES.index(buildings[index].height_source), index))


def _remaining(building: Building, higher: list[Building], tally: Counter[str]) -> list[Building]:
    if not higher:
        return [building]
    tally["overlapping building cut back to what a higher one leaves"] += 1
    left = building.footprint.difference(shapely.union_all([each.footprint for each in higher]))
    pieces = [
        piece
        for piece in (left.geoms if hasattr(left, "geoms") else [left])
        if isinstance(piece, Polygon) and piece.area >= SMALLEST_REST
    ]
    # A cut roof has lost its shape.
    changed = dataclasses.replace(building, roof_shape="flat", roof_height=0.0)
    names = (
        [building.identifier]
        if len(pieces) == 1
        else [f"{building.identifier}~{i}" for i in range(len(pieces))]
    )
    return [
        dataclasses.replace(changed, identifier=name, footprint=piece)
        for name, piece in zip(names, pieces, strict=True)
    ]


def is_part(feature: Feature) -> bool:
    """Whether a feature is a part only, with an outline elsewhere."""
    return feature.tags.get("building:part", "no") != "no" and feature.tags.get("building", "no") == "no"


def replace_outlines_by_parts(features: Sequence[Feature], tally: Counter[str]) -> list[Feature]:
    """The features with every outline that has parts replaced by what the parts leave of it.

    Args:
        features: polygons, parts and outlines mixed.
        tally: counts the outlines replaced.
    """
    parts = [feature for feature in features if is_part(feature)]
    outlines = [feature for feature in features if not is_part(feature)]
    if not parts or not outlines:
        return list(features)
    shapes, whole = np.empty(len(parts), object), np.empty(len(outlines), object)
    shapes[:], whole[:] = [part.geometry for part in parts], [outline.geometry for outline in outlines]
    owner, inside, common = shared_ground(whole, shapes)
    belongs = common > SHARE_OF_PART * shapely.area(shapes)[inside]
    rests: list[Feature] = []
    for index, outline in enumerate(outlines):
        own = inside[belongs & (owner == index)].tolist()
        rests += _rest(outline, [parts[part] for part in own], tally) if own else [outline]
        for part in own:
            parts[part] = _with_outline(parts[part], outline)
    return rests + parts


def _with_outline(part: Feature, outline: Feature) -> Feature:
    inherited = {key: outline.tags[key] for key in INHERITED if key in outline.tags}
    return Feature(part.identifier, {**inherited, **part.tags, OUTLINE: outline.identifier}, part.geometry)


def _rest(outline: Feature, parts: list[Feature], tally: Counter[str]) -> list[Feature]:
    tally["building outline replaced by its parts"] += 1
    left = outline.geometry.difference(shapely.union_all([part.geometry for part in parts]))
    left = left.buffer(-NARROW / 2, join_style="mitre").buffer(NARROW / 2, join_style="mitre")
    if left.area < SHARE_LEFT * outline.geometry.area:
        return []
    tags = {key: value for key, value in outline.tags.items() if not key.startswith("roof:")}
    if _height_is_of_a_part(outline, parts):
        tally["rest of an outline given a prior height: its own height is that of a part"] += 1
        tags = {key: value for key, value in tags.items() if key not in ("height", "building:height")}
    pieces = left.geoms if hasattr(left, "geoms") else [left]
    return [
        Feature(f"{outline.identifier}-rest{number}", tags, piece)
        for number, piece in enumerate(pieces)
        if isinstance(piece, Polygon) and piece.area > NARROW**2
    ]


def _height_is_of_a_part(outline: Feature, parts: list[Feature]) -> bool:
    whole = parse_length(outline.tags.get("height", ""))
    tops = [parse_length(part.tags.get("height", "")) or 0.0 for part in parts]
    return whole is not None and max(tops) >= SHARE_OF_HEIGHT * whole
