"""Whether osmium can read a file as it is; if not, its objects are put in order, old multipolygons tagged first.

Old-style multipolygons (before 2016) have no tags of their own, and those of their outer ways count.
"""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import osmium
from shapely.geometry.base import BaseGeometry

from raylocus.scenes.ground.from_features import is_ground_area
from raylocus.scenes.osm.formats import XML_FORMATS, content_of, detected_format, osm_file
from raylocus.scenes.osm.repair import Relation, Way, enclosed
from raylocus.scenes.osm.tags import is_building
from raylocus.scenes.tagged import Feature

#: What osmium does not understand in XML: how it is found fast, and what it must look like.
_FOREIGN = (
    # Objects that JOSM, a history or a change file says are gone.
    (b"action=", re.compile(rb"\saction=['\"]delete")),
    (b"visible=", re.compile(rb"\svisible=['\"]false")),
    # Overpass: places inside ways and members (out geom), and what went wrong on the server.
    (b"<nd", re.compile(rb"<nd\s(?:[^>]*\s)?lat=")),
    # Areas by their middles alone (out center).
    (b"<center", re.compile(rb"<center")),
    (b"<remark", re.compile(rb"<remark")),
    # Objects that were never uploaded.
    (b"='-", re.compile(rb"\s(?:id|ref)='-")),
    (b'="-', re.compile(rb'\s(?:id|ref)="-')),
)
#: The start of what osmium takes for a map.
_ROOT = re.compile(rb"<osm\s[^>]*version=['\"]0\.6")
_NUMBERS = {
    kind: re.compile(rb"<%b\s[^>]*?\bid=['\"](\d+)" % kind) for kind in (b"node", b"way", b"relation")
}
#: Tags that say nothing of what a multipolygon is.
SILENT_KEYS = {"type", "created_by", "source", "note", "fixme", "attribution", "test:id", "test:section"}


def is_plain(path: Path) -> bool:
    """Whether a file holds each of its objects once, whole, and in osmium's order.

    XML is looked through; of binary formats the header is believed, and disorder shows when they are read.

    Raises:
        RuntimeError, OSError, EOFError: the file is not whole.
    """
    form = detected_format(path)
    if form in XML_FORMATS:
        text = content_of(path)
        return _ROOT.search(text[:4096]) is not None and not _foreign(text) and _ordered(text)
    if form == "json":
        return False
    reader = osmium.io.Reader(osm_file(path), osmium.osm.NOTHING)
    try:
        header = reader.header()
        features = {header.get(f"pbf_optional_feature_{number}") for number in range(4)}
        return not header.has_multiple_object_versions and "LocationsOnWays" not in features
    finally:
        reader.close()


def _foreign(text: bytes | mmap.mmap) -> bool:
    return text[:].count(b"<bounds") > 1 or any(
        text.find(hint) >= 0 and pattern.search(text) is not None for hint, pattern in _FOREIGN
    )


def _ordered(text: bytes | mmap.mmap) -> bool:
    """Whether nodes come before ways and ways before relations, each by rising numbers."""
    last = -1
    for kind, pattern in _NUMBERS.items():
        first = text.find(b"<" + kind)
        if first < 0:
            continue
        numbers = np.array(pattern.findall(text)).astype(np.int64)
        if first < last or len(numbers) == 0 or (np.diff(numbers) <= 0).any():
            return False
        last = text.rfind(b"<" + kind)
    return True


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
