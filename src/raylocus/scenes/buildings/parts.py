"""Parts instead of outlines where they exist (OSM's Simple 3D Buildings)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely
from shapely import Polygon

from raylocus.scenes.buildings.overlaps import shared_ground
from raylocus.scenes.tagged.features import Feature, parse_length

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
    rests = []
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
