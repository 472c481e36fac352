"""Reads the features that matter to radio from OpenStreetMap files of any dialect, by osmium."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely

from raylocus.errors import InputError
from raylocus.scenes.ground.from_features import is_ground_area
from raylocus.scenes.osm.dialect import is_old_style, is_plain, with_old_style
from raylocus.scenes.osm.elements import read_elements
from raylocus.scenes.osm.formats import (
    has_uncompressed_blob,
    header_bounds,
    osm_file,
    read_every_tag,
    refusal,
)
from raylocus.scenes.osm.ordering import write_in_order
from raylocus.scenes.osm.repair import (
    Relation,
    Way,
    relation_of,
    repaired_buildings,
    seems_assembled,
    seems_whole,
    ways_of,
)
from raylocus.scenes.osm.tags import NATURAL_LINES, area_tags, is_building, line_tags
from raylocus.scenes.tagged import Bounds, Feature, TaggedMap

#: Keys of areas that become buildings, water, vegetation or pavements.
AREA_KEYS = ("building", "building:part", "natural", "landuse", "waterway", "area:highway", "highway")
#: Licence notice of everything derived from OpenStreetMap.
ATTRIBUTION = "© OpenStreetMap contributors, Open Database License 1.0 (openstreetmap.org/copyright)"


def read_osm(path: Path) -> TaggedMap:
    """Reads one file, in any order and dialect (`osm.elements`); what osmium cannot follow is put in order first.

    Multipolygons are assembled by osmium; buildings that it rejects are repaired where what the file
    holds of them suffices (`osm.repair`), and counted.

    Raises:
        InputError: the file is absent, truncated or not OpenStreetMap's, or holds nothing that matters to radio.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a .osm, .osm.gz or .osm.pbf file")
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        with _refused(path):
            collector = _in_order(path)
            if collector is None:
                ordered = Path(folder) / "ordered.osm.pbf"
                write_in_order(read_elements(path), ordered, tally)
                collector = _collected(ordered)
        found = _tagged_map(collector, path)
    return dataclasses.replace(found, tally=found.tally + tally)


@contextmanager
def _refused(path: Path) -> Generator[None, None, None]:
    """Turns what the libraries say of a broken file into a sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # osmium and the XML, JSON and unpacking libraries raise many kinds
        raise refusal(path, error) from error


def _in_order(path: Path) -> _Collector | None:
    """What one reading finds; None where the objects do not follow each other as it needs them."""
    if not is_plain(path):
        return None
    if has_uncompressed_blob(path):
        read_every_tag(path)
    try:
        collector = _collected(path)
    except RuntimeError as error:
        if "out of order" in str(error) or "twice in input" in str(error):
            return None
        raise
    return None if collector.late else collector


def _tagged_map(collector: _Collector, named: Path) -> TaggedMap:
    """What was collected, with what osmium did not assemble; `named` is the user's file."""
    tally, ways = collector.tally, collector.ways_in_doubt
    repaired = repaired_buildings(collector.missing, collector.relations, ways, tally)
    areas = with_old_style(collector.areas.features() + repaired, collector.old_style, ways, tally)
    buildings, lines = [area for area in areas if is_building(area.tags)], collector.lines.features()
    # A map of open country holds no building; a query that went wrong holds some without corners.
    ground = [*(area for area in areas if is_ground_area(area.tags)), *lines]
    if not buildings and (collector.missing or not ground):
        raise _nothing(named, len(collector.missing))
    bounds = header_bounds(collector.path) or _bounds_of(buildings or ground)
    return TaggedMap(tuple(areas), tuple(lines), bounds, tally, ATTRIBUTION)


def _nothing(path: Path, without_outline: int) -> InputError:
    if without_outline:
        return InputError(
            f"{path} names {without_outline} buildings and not the places of their corners; "
            "end the Overpass query with: out body; >; out skel qt;"
        )
    return InputError(f"{path} holds no buildings, roads, water or trees; give an extract of a mapped area")


def _collected(path: Path) -> _Collector:
    collector = _Collector(path)
    keys = osmium.filter.KeyFilter(*AREA_KEYS)
    trees = osmium.filter.TagFilter(("natural", "tree")).enable_for(osmium.osm.NODE)
    # Multipolygons without tags of their own are looked at, too.
    wanted = osmium.filter.KeyFilter(*AREA_KEYS, "type")
    # osmium's stubs know a table of locations by its name only.
    placed = osmium.FileProcessor(osm_file(path)).with_locations(collector.locations)  # pyrefly: ignore[bad-argument-type]
    located = placed.with_areas(keys)
    for item in located.with_filter(wanted).with_filter(trees):
        collector.take(item)
    return collector


class _Shapes:
    """Features whose shapes are still well-known bytes, turned into shapes all at once."""

    def __init__(self) -> None:
        self._named: list[tuple[str, dict[str, str]]] = []
        self._encoded: list[bytes] = []

    def add(self, identifier: str, tags: dict[str, str], encoded: str) -> None:
        self._named.append((identifier, tags))
        # From bytes, shapes are made ten times faster than from osmium's hexadecimal digits.
        self._encoded.append(bytes.fromhex(encoded))

    def features(self) -> list[Feature]:
        shapes = shapely.from_wkb(np.array(self._encoded, object))
        return [Feature(name, tags, shape) for (name, tags), shape in zip(self._named, shapes, strict=True)]


class _Collector:
    """Sorts what osmium hands out, one object at a time, since its objects die with the next one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.locations = osmium.index.create_map("flex_mem")
        self.areas, self.lines = _Shapes(), _Shapes()
        self.relations: dict[int, Relation] = {}
        self.old_style: dict[int, Relation] = {}
        self.tally: Counter[str] = Counter()
        self._factory = osmium.geom.WKBFactory()
        self._buildings: set[tuple[str, int]] = set()
        self._assembled: set[tuple[str, int]] = set()
        self._absent: set[int] = set()

    @property
    def missing(self) -> set[tuple[str, int]]:
        """Kind and number of the buildings that did not come out as areas and are of no old-style multipolygon."""
        members = {("way", number) for each in self.old_style.values() for number, _ in each.members}
        return self._buildings - self._assembled - members

    @cached_property
    def ways_in_doubt(self) -> dict[int, Way]:
        """The ways of what did not come out as areas, and of old-style multipolygons."""
        missing = self.missing
        relations = [self.relations[number] for kind, number in missing if kind == "relation"]
        members = [number for each in (*relations, *self.old_style.values()) for number, _ in each.members]
        alone = {number for kind, number in missing if kind == "way"}
        return ways_of(self.path, alone.union(members), self.locations)

    @property
    def late(self) -> bool:
        """Whether the file holds nodes that were missing when their ways were read."""
        ways = self.ways_in_doubt
        whole = (
            number in ways and seems_whole(ways[number])
            if kind == "way"
            else seems_assembled(self.relations[number], ways)
            for kind, number in self.missing
        )
        return any(whole) or any(self._is_known(number) for number in self._absent)

    def _is_known(self, node: int) -> bool:
        try:
            return bool(self.locations.get(node).valid())
        except KeyError:
            return False

    def take(self, item: Any) -> None:
        """Keeps what is wanted of one object."""
        if item.is_area():
            self._area(item)
        elif item.is_way():
            tags = item.tags
            if "highway" in tags or tags.get("natural") in NATURAL_LINES:
                self._line(item, tags)
            if is_building(tags):
                self._buildings.add(("way", item.id))
        elif item.is_node():
            self.areas.add(f"node/{item.id}", {"natural": "tree"}, self._factory.create_point(item))
        elif item.tags.get("type") == "multipolygon":
            self._multipolygon(item)

    def _multipolygon(self, item: Any) -> None:
        if is_building(item.tags):
            self._buildings.add(("relation", item.id))
            self.relations[item.id] = relation_of(item)
        elif is_old_style(item.tags):
            self.old_style[item.id] = relation_of(item)

    def _area(self, item: Any) -> None:
        tags = area_tags(item.tags)
        if not (is_building(tags) or is_ground_area(tags)):
            return
        kind, number = "way" if item.from_way() else "relation", item.orig_id()
        try:
            encoded = self._factory.create_multipolygon(item)
        except RuntimeError:  # osmium found no valid rings
            return
        self._assembled.add((kind, number))
        self.areas.add(f"{kind}/{number}", tags, encoded)

    def _line(self, item: Any, tags: Any) -> None:
        try:
            encoded = self._factory.create_linestring(item)
        except (RuntimeError, osmium.InvalidLocationError):
            self._absent.update(node.ref for node in item.nodes if not node.location.valid())
            self.tally["road or coastline left out: it has fewer than two nodes in the file"] += 1
            return
        self.lines.add(f"way/{item.id}", line_tags(tags), encoded)


def _bounds_of(features: list[Feature]) -> Bounds:
    shapes = [feature.geometry for feature in features]
    # Single far-away features, which extracts drag in through relations, would blow the extent up.
    bounds = shapely.bounds(np.array(shapes, dtype=object))
    west, south = np.quantile(bounds[:, :2], 0.002, axis=0)
    east, north = np.quantile(bounds[:, 2:], 0.998, axis=0)
    return float(west), float(south), float(east), float(north)
