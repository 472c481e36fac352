"""Buildings that osmium cannot assemble: crossing outlines, and outlines cut at the edge of the file.

Extracts are cut out of the planet along a box, and what of an outline lies beyond it may be missing: nodes of
a way, ways of a relation, or a way's last part. What the file holds of the outline is closed by straight
lines, which follow the edge of the file where the cut does. Such buildings carry the tag `MENDED`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
from raylocus.scenes.tagged.features import MENDED, Feature

#: Values of `MENDED`.
CROSSING, CUT, OPEN = "crossing", "cut", "open"
#: An outline that ends open is closed by a line of at most this share of its length.
LONGEST_CLOSURE = 0.5

#: What is counted of each mend.
WORDS = {
    CROSSING: "invalid building polygon mended",
    CUT: "building outline cut at the edge of the file: closed by straight lines",
    OPEN: "building outline that ends open: closed by a straight line",
}


@dataclass(frozen=True)
class Relation:
    """A building's relation as the file holds it."""

    tags: dict[str, str]
    members: tuple[tuple[int, str], ...]
    """Number and role of each way."""


def relation_of(item: Any) -> Relation:
    """What is kept of osmium's relation."""
    members = ((member.ref, member.role) for member in item.members if member.type == "w")
    return Relation(area_tags(item.tags), tuple(members))


def mended_buildings(
    path: Path,
    missing: set[tuple[str, int]],
    relations: Mapping[int, Relation],
    locations: Any,
    tally: Counter[str],
) -> list[Feature]:
    """The buildings of a second reading that can be mended; the others are counted as left out.

    Args:
        path: an OpenStreetMap file in osmium's order.
        missing: kind (`way` or `relation`) and number of each building that was not assembled.
        relations: the file's buildings that are relations, by number.
        locations: osmium's table of where the file's nodes are.
        tally: counts what is mended and left out.
    """
    if not missing:
        return []
    broken = {number: relations[number] for kind, number in sorted(missing) if kind == "relation"}
    members = {number for relation in broken.values() for number, _ in relation.members}
    ways = _ways(path, {number for kind, number in missing if kind == "way"} | members, locations)
    found = [_of_way(number, *ways[number], tally) for kind, number in sorted(missing) if kind == "way"]
    outlines = {number: outline for number, (_, outline) in ways.items()}
    found += [_of_relation(number, relation, outlines, tally) for number, relation in broken.items()]
    return [feature for feature in found if feature is not None]


def _ways(
    path: Path, numbers: set[int], locations: Any
) -> dict[int, tuple[dict[str, str], Float[np.ndarray, "_ 2"]]]:
    """Tags and outlines of ways in longitude and latitude; NaN for nodes that are not in the file."""
    # osmium's iterator does not keep its filters alive: they need names here.
    chosen, located = osmium.filter.IdFilter(numbers), osmium.NodeLocationsForWays(locations)
    located.ignore_errors()
    with osmium.io.Reader(osm_file(path), osmium.osm.WAY) as reader:
        ways = osmium.OsmFileIterator(reader, chosen, located)
        return {item.id: (area_tags(item.tags), _outline(item)) for item in ways}


def _outline(way: Any) -> Float[np.ndarray, "node 2"]:
    corners = [
        (node.lon, node.lat) if node.location.valid() else (np.nan, np.nan)
        for node in way.nodes
    ]  # fmt: skip
    return np.array(corners, float).reshape(-1, 2)


def _of_way(
    number: int, tags: dict[str, str], outline: Float[np.ndarray, "node 2"], tally: Counter[str]
) -> Feature | None:
    known = _known(outline)
    closed = len(outline) > 2 and np.array_equal(outline[0], outline[-1], equal_nan=True)
    mend = CUT if len(known) < len(outline) else CROSSING if closed else OPEN
    if mend == OPEN and not _nearly_closed(known):
        tally["building way left out: it ends open"] += 1
        return None
    return _counted(f"way/{number}", tags, _polygon(known), mend, tally)


def _of_relation(
    number: int,
    relation: Relation,
    outlines: dict[int, Float[np.ndarray, "_ 2"]],
    tally: Counter[str],
) -> Feature | None:
    """What the ways in the file enclose, holes left out."""
    inner = {way for way, role in relation.members if role == "inner"}
    outside, holes = (
        _enclosed(
            [outlines[way] for way, _ in relation.members if way in outlines and (way in inner) == wanted]
        )
        for wanted in (False, True)
    )
    complete = all(way in outlines and np.isfinite(outlines[way]).all() for way, _ in relation.members)
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
