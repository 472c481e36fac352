"""Areas that osmium does not assemble: crossing outlines, outlines cut at the file's edge, old-style multipolygons.

Extracts are cut out of the planet along a box, and what of an outline lies beyond it may be missing: nodes of
a way, ways of a relation, or a way's last part. What the file holds of the outline is closed by straight
lines, which follow the edge of the file where the cut does. Such buildings carry the tag `MENDED`.

Old-style multipolygons (before 2016) have no tags of their own: those of their outer ways count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from raylocus.scenes.ground.from_features import is_ground_area
from raylocus.scenes.osm.formats import osm_file
from raylocus.scenes.osm.tags import area_tags, is_building
from raylocus.scenes.tagged.features import MENDED, Feature

#: Values of `MENDED`.
CROSSING, CUT, OPEN = "crossing", "cut", "open"
#: An outline that ends open is closed by a line of at most this share of its length.
LONGEST_CLOSURE = 0.5
#: Tags that say nothing of what a multipolygon is.
SILENT_KEYS = {"type", "created_by", "source", "note", "fixme", "attribution", "test:id", "test:section"}

#: What is counted of each mend.
WORDS = {
    CROSSING: "invalid building polygon mended",
    CUT: "building outline cut at the edge of the file: closed by straight lines",
    OPEN: "building outline that ends open: closed by a straight line",
}


@dataclass(frozen=True)
class Relation:
    """A multipolygon as the file holds it."""

    tags: dict[str, str]
    members: tuple[tuple[int, str], ...]
    """Number and role of each way."""

    def ways(self, inner: bool) -> list[int]:
        """Its holes, or all else."""
        return [number for number, role in self.members if (role == "inner") == inner]


@dataclass(frozen=True)
class Way:
    """A way as the file holds it."""

    tags: dict[str, str]
    outline: Float[np.ndarray, "node 2"]
    """Longitude and latitude [degrees]; NaN for nodes that are not in the file."""

    @property
    def complete(self) -> bool:
        """Whether all of its nodes are in the file."""
        return bool(np.isfinite(self.outline).all())

    @property
    def closed(self) -> bool:
        """Whether it ends where it starts."""
        return len(self.outline) > 2 and np.array_equal(self.outline[0], self.outline[-1], equal_nan=True)


def relation_of(item: Any) -> Relation:
    """What is kept of osmium's relation."""
    members = ((member.ref, member.role) for member in item.members if member.type == "w")
    return Relation(area_tags(item.tags), tuple(members))


def is_old_style(tags: Any) -> bool:
    """Whether a multipolygon has no tags of its own."""
    return all(tag.k in SILENT_KEYS for tag in tags)


def ways_of(path: Path, numbers: Iterable[int], locations: Any) -> dict[int, Way]:
    """Ways of a second reading, by number.

    Args:
        path: an OpenStreetMap file in osmium's order.
        numbers: of the ways wanted.
        locations: osmium's table of where the file's nodes are.
    """
    wanted = set(numbers)
    if not wanted:
        return {}
    # osmium's iterator does not keep its filters alive: they need names here.
    chosen, located = osmium.filter.IdFilter(wanted), osmium.NodeLocationsForWays(locations)
    located.ignore_errors()
    with osmium.io.Reader(osm_file(path), osmium.osm.WAY) as reader:
        ways = osmium.OsmFileIterator(reader, chosen, located)
        return {item.id: Way(area_tags(item.tags), _outline(item)) for item in ways}


def _outline(way: Any) -> Float[np.ndarray, "node 2"]:
    corners = [
        (node.lon, node.lat) if node.location.valid() else (np.nan, np.nan)
        for node in way.nodes
    ]  # fmt: skip
    return np.array(corners, float).reshape(-1, 2)


def seems_whole(way: Way) -> bool:
    """Whether osmium should have assembled a way, had it known its nodes."""
    return way.complete and way.closed and len(way.outline) > 3 and shapely.Polygon(way.outline).is_valid


def seems_assembled(relation: Relation, ways: Mapping[int, Way]) -> bool:
    """Whether osmium should have assembled a relation, had it known its members' nodes."""
    members = [ways.get(number) for number, _ in relation.members]
    lines = [
        shapely.LineString(each.outline)
        for each in members
        if each is not None and each.complete and len(each.outline) > 1
    ]
    if not lines or len(lines) < len(members):
        return False
    rings = shapely.get_parts(shapely.line_merge(shapely.union_all(lines)))
    return all(ring.is_ring and shapely.Polygon(ring).is_valid for ring in rings)


def mended_buildings(
    missing: set[tuple[str, int]],
    relations: Mapping[int, Relation],
    ways: Mapping[int, Way],
    tally: Counter[str],
) -> list[Feature]:
    """The buildings that can be mended; the others are counted as left out.

    Args:
        missing: kind (`way` or `relation`) and number of each building that was not assembled.
        relations: the file's buildings that are relations, by number.
        ways: those of `missing` and the members of its relations.
        tally: counts what is mended and left out.
    """
    found = [
        _of_way(number, ways[number], tally)
        if kind == "way"
        else _of_relation(number, relations[number], ways, tally)
        for kind, number in sorted(missing, key=lambda each: (each[0] != "way", each[1]))
    ]
    return [feature for feature in found if feature is not None]


def with_old_style(
    areas: list[Feature], relations: Mapping[int, Relation], ways: Mapping[int, Way], tally: Counter[str]
) -> list[Feature]:
    """The areas with what old-style multipolygons say of them: holes cut out, rings of several ways closed.

    Args:
        areas: of the file, assembled or mended.
        relations: multipolygons without tags of their own, by number.
        ways: their members.
        tally: counts what is cut and closed.
    """
    known = {area.identifier: area for area in areas}
    for number, relation in sorted(relations.items()):
        outer = [each for each in relation.ways(inner=False) if each in ways and _is_area(ways[each].tags)]
        inner = [each for each in relation.ways(inner=True) if each in ways]
        holes = _enclosed([ways[each].outline for each in inner])
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
        pieces[f"relation/{number}"] = _enclosed([ways[each].outline for each in in_parts])
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


def _of_way(number: int, way: Way, tally: Counter[str]) -> Feature | None:
    known = _known(way.outline)
    mend = CUT if not way.complete else CROSSING if way.closed else OPEN
    if mend == OPEN and not _nearly_closed(known):
        tally["building way left out: it ends open"] += 1
        return None
    return _counted(f"way/{number}", way.tags, _polygon(known), mend, tally)


def _of_relation(
    number: int, relation: Relation, ways: Mapping[int, Way], tally: Counter[str]
) -> Feature | None:
    """What the ways in the file enclose, holes left out."""
    outside, holes = (
        _enclosed([ways[way].outline for way in relation.ways(inner) if way in ways])
        for inner in (False, True)
    )
    complete = all(way in ways and ways[way].complete for way, _ in relation.members)
    shape = outside.difference(holes)
    return _counted(f"relation/{number}", relation.tags, shape, CROSSING if complete else CUT, tally)


def _enclosed(outlines: list[Float[np.ndarray, "_ 2"]]) -> BaseGeometry:
    lines = [shapely.LineString(known) for outline in outlines if len(known := _known(outline)) > 1]
    merged = shapely.get_parts(shapely.line_merge(shapely.union_all(lines))) if lines else []
    corners = [shapely.get_coordinates(line) for line in merged]
    return shapely.union_all([_polygon(known) for known in corners if _nearly_closed(known)])


def _known(outline: Float[np.ndarray, "node 2"]) -> Float[np.ndarray, "known 2"]:
    return outline[np.isfinite(outline[:, 0])]


def _nearly_closed(known: Float[np.ndarray, "node 2"]) -> bool:
    if len(known) < 3:
        return False
    steps = np.linalg.norm(np.diff(known, axis=0), axis=1)
    return bool(np.linalg.norm(known[0] - known[-1]) <= LONGEST_CLOSURE * steps.sum())


def _polygon(known: Float[np.ndarray, "node 2"]) -> BaseGeometry:
    """The area within the corners; empty where there are too few."""
    return shapely.make_valid(shapely.Polygon(known)) if len(known) > 2 else shapely.Polygon()


def _counted(
    identifier: str, tags: dict[str, str], shape: BaseGeometry, mend: str, tally: Counter[str]
) -> Feature | None:
    if shape.area == 0:
        kind = identifier.partition("/")[0]
        tally[f"building {kind} left out: what the file holds of it encloses nothing"] += 1
        return None
    tally[WORDS[mend]] += 1
    return Feature(identifier, {**tags, MENDED: mend}, shape)
