"""Buildings that osmium cannot assemble: crossing outlines, and outlines cut at the edge of the file.

Extracts are cut out of the planet along a box, and what of an outline lies beyond it may be missing: nodes of
a way, ways of a relation, or a way's last part. What the file holds of the outline is closed by straight
lines, which follow the edge of the file where the cut does. Such buildings carry the tag `MENDED`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from raylocus.scenes.map_sources.features import MENDED, Feature
from raylocus.scenes.osm.formats import osm_file

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


def mended_buildings(path: Path, missing: set[tuple[str, int]], tally: Counter[str]) -> list[Feature]:
    """The buildings of a second reading that can be mended; the others are counted as left out.

    Args:
        path: an OpenStreetMap file in osmium's order.
        missing: kind (`way` or `relation`) and number of each building that was not assembled.
        tally: counts what is mended and left out.
    """
    if not missing:
        return []
    relations = _relations(path, {number for kind, number in missing if kind == "relation"})
    members = {number for _, rings in relations.values() for number, _ in rings}
    ways = _ways(path, {number for kind, number in missing if kind == "way"} | members)
    found = [_of_way(number, *ways[number], tally) for kind, number in sorted(missing) if kind == "way"]
    outlines = {number: outline for number, (_, outline) in ways.items()}
    found += [_of_relation(number, *relations[number], outlines, tally) for number in sorted(relations)]
    return [feature for feature in found if feature is not None]


def _relations(path: Path, numbers: set[int]) -> dict[int, tuple[dict[str, str], list[tuple[int, str]]]]:
    """Tags and (way, role) members of relations."""
    if not numbers:
        return {}
    chosen = osmium.FileProcessor(osm_file(path), osmium.osm.RELATION).with_filter(
        osmium.filter.IdFilter(numbers)
    )
    return {
        item.id: (
            dict(item.tags),
            [(member.ref, member.role) for member in item.members if member.type == "w"],
        )
        for item in chosen
    }


def _ways(path: Path, numbers: set[int]) -> dict[int, tuple[dict[str, str], Float[np.ndarray, "_ 2"]]]:
    """Tags and outlines of ways in longitude and latitude; NaN for nodes that are not in the file."""
    chosen = osmium.filter.IdFilter(numbers).enable_for(osmium.osm.WAY)
    ways = osmium.filter.EntityFilter(osmium.osm.WAY)
    processor = osmium.FileProcessor(osm_file(path)).with_locations().with_filter(ways).with_filter(chosen)
    return {item.id: (dict(item.tags), _outline(item)) for item in processor}


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
    tags: dict[str, str],
    members: list[tuple[int, str]],
    outlines: dict[int, Float[np.ndarray, "_ 2"]],
    tally: Counter[str],
) -> Feature | None:
    """What the ways in the file enclose, holes left out."""
    inner = {way for way, role in members if role == "inner"}
    outside, holes = (
        _enclosed([outlines[way] for way, _ in members if way in outlines and (way in inner) == wanted])
        for wanted in (False, True)
    )
    complete = all(way in outlines and np.isfinite(outlines[way]).all() for way, _ in members)
    shape = outside.difference(holes)
    return _counted(f"relation/{number}", tags, shape, CROSSING if complete else CUT, tally)


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
