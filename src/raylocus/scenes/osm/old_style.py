"""Old-style multipolygons (before 2016): they have no tags of their own, and those of their outer ways count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from raylocus.scenes.ground.from_features import is_ground_area
from raylocus.scenes.osm.repair import Relation, Way, enclosed
from raylocus.scenes.osm.tags import is_building
from raylocus.scenes.tagged.features import Feature

#: Tags that say nothing of what a multipolygon is.
SILENT_KEYS = {"type", "created_by", "source", "note", "fixme", "attribution", "test:id", "test:section"}


def is_old_style(tags: Any) -> bool:
    """Whether a multipolygon has no tags of its own."""
    return all(tag.k in SILENT_KEYS for tag in tags)


def with_old_style(
    areas: list[Feature], relations: Mapping[int, Relation], ways: Mapping[int, Way], tally: Counter[str]
) -> list[Feature]:
    """The areas with what old-style multipolygons say of them: holes cut out, rings of several ways closed.

    Args:
        areas: of the file, assembled or repaired.
        relations: multipolygons without tags of their own, by number.
        ways: their members.
        tally: counts what is cut and closed.
    """
    known = {area.identifier: area for area in areas}
    for number, relation in sorted(relations.items()):
        outer = [each for each in relation.ways(inner=False) if each in ways and _is_area(ways[each].tags)]
        inner = [each for each in relation.ways(inner=True) if each in ways]
        holes = enclosed([ways[each].outline for each in inner])
        for tags in _distinct([ways[each].tags for each in outer]):
            alike = [each for each in outer if ways[each].tags == tags]
            _cut(known, number, alike, tags, holes, ways, tally)
            for each in inner:
                if ways[each].tags == tags:
                    known.pop(f"way/{each}", None)
    return list(known.values())


def _cut(
    known: dict[str, Feature],
    number: int,
    outer: list[int],
    tags: dict[str, str],
    holes: BaseGeometry,
    ways: Mapping[int, Way],
    tally: Counter[str],
) -> None:
    """Puts one multipolygon's area in place of those of its outer ways."""
    names = [f"way/{each}" for each in outer if ways[each].closed]
    pieces = {name: known[name].geometry for name in names if name in known}
    in_parts = [each for each in outer if f"way/{each}" not in known]
    if in_parts:
        pieces[f"relation/{number}"] = enclosed([ways[each].outline for each in in_parts])
    for name, shape in pieces.items():
        if name in known and holes.is_empty:
            continue
        left = shape.difference(holes)
        if left.area > 0:
            known[name] = Feature(name, tags, left)
            tally["old-style multipolygon: its outer ways' tags taken, its inner ways cut out"] += 1
        else:
            known.pop(name, None)
            tally["old-style multipolygon left out: what the file holds of it encloses nothing"] += 1


def _is_area(tags: dict[str, str]) -> bool:
    return is_building(tags) or is_ground_area(tags)


def _distinct(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [each for index, each in enumerate(tags) if each not in tags[:index]]
