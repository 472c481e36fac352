"""Buildings that osmium does not assemble: crossing outlines, and outlines cut at the edge of the file.

Extracts are cut out of the planet along a box, and what of an outline lies beyond it may be missing: nodes of
a way, ways of a relation, or a way's last part. What the file holds of the outline is closed by straight
lines, which follow the edge of the file where the cut does. Such buildings carry the tag `REPAIRED`.
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

from raylocus.scenes.osm.formats import osm_file
from raylocus.scenes.osm.tags import area_tags
from raylocus.scenes.tagged import REPAIRED, Feature

#: Values of `REPAIRED`.
CROSSING, CUT, OPEN = "crossing", "cut", "open"
#: An outline that ends open is closed by a line of at most this share of its length.
LONGEST_CLOSURE = 0.5

#: What is counted of each repair.
WORDS = {
    CROSSING: "invalid building polygon repaired",
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


def repaired_buildings(
    missing: set[tuple[str, int]],
    relations: Mapping[int, Relation],
    ways: Mapping[int, Way],
    tally: Counter[str],
) -> list[Feature]:
    """The buildings that can be repaired; the others are counted as left out.

    Args:
        missing: kind (`way` or `relation`) and number of each building that was not assembled.
        relations: the file's buildings that are relations, by number.
        ways: those of `missing` and the members of its relations.
        tally: counts what is repaired and left out.
    """
    found = [
        _of_way(number, ways[number], tally)
        if kind == "way"
        else _of_relation(number, relations[number], ways, tally)
        for kind, number in sorted(missing, key=lambda each: (each[0] != "way", each[1]))
    ]
    return [feature for feature in found if feature is not None]


def _of_way(number: int, way: Way, tally: Counter[str]) -> Feature | None:
    known = _known(way.outline)
    repair = CUT if not way.complete else CROSSING if way.closed else OPEN
    if repair == OPEN and not _nearly_closed(known):
        tally["building way left out: it ends open"] += 1
        return None
    return _counted(f"way/{number}", way.tags, _polygon(known), repair, tally)


def _of_relation(
    number: int, relation: Relation, ways: Mapping[int, Way], tally: Counter[str]
) -> Feature | None:
    """What the ways in the file enclose, holes left out."""
    outside, holes = (
        enclosed([ways[way].outline for way in relation.ways(inner) if way in ways])
        for inner in (False, True)
    )
    complete = all(way in ways and ways[way].complete for way, _ in relation.members)
    shape = outside.difference(holes)
    return _counted(f"relation/{number}", relation.tags, shape, CROSSING if complete else CUT, tally)


def enclosed(outlines: list[Float[np.ndarray, "_ 2"]]) -> BaseGeometry:
    """What outlines enclose, each or together [degrees²]; NaN corners are passed over."""
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
    identifier: str, tags: dict[str, str], shape: BaseGeometry, repair: str, tally: Counter[str]
) -> Feature | None:
    if shape.area == 0:
        kind = identifier.partition("/")[0]
        tally[f"building {kind} left out: what the file holds of it encloses nothing"] += 1
        return None
    tally[WORDS[repair]] += 1
    return Feature(identifier, {**tags, REPAIRED: repair}, shape)
