"""Reads the features that matter to radio from `.osm`, `.osm.gz` and `.osm.pbf` files, by osmium."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely

from raylocus.errors import InputError
from raylocus.scenes.ground.from_features import is_ground_area
from raylocus.scenes.osm.formats import osm_file
from raylocus.scenes.osm.mending import Relation, mended_buildings, relation_of
from raylocus.scenes.osm.ordering import write_in_order
from raylocus.scenes.osm.tags import area_tags, is_building, line_tags
from raylocus.scenes.tagged.features import Bounds, Feature, TaggedMap

#: Keys of areas that become buildings, water, vegetation or pavements.
AREA_KEYS = ("building", "building:part", "natural", "landuse", "waterway", "area:highway", "highway")
#: Licence notice of everything derived from OpenStreetMap.
ATTRIBUTION = "© OpenStreetMap contributors, Open Database License 1.0 (openstreetmap.org/copyright)"

#: Lines beside roads that are read.
NATURAL_LINES = ("coastline", "tree_row")


def read_osm(path: Path) -> TaggedMap:
    """Reads one file.

    Multipolygons are assembled by osmium; buildings that it rejects are mended where what the file
    holds of them suffices (`osm.mending`), and counted.

    Raises:
        InputError: the file is absent, truncated or not OpenStreetMap's.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a .osm, .osm.gz or .osm.pbf file")
    try:
        return _read(path)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:  # all that osmium raises
        raise InputError(f"{path} is not a whole OpenStreetMap file ({error}); download it again") from error


def _read(path: Path) -> TaggedMap:
    collector = _collected(path)
    if not collector.mostly_lost:
        return _tagged_map(collector, path)
    # Where osmium could hardly assemble anything, the file is out of order or was never uploaded.
    with tempfile.TemporaryDirectory() as folder:
        ordered = Path(folder) / "ordered.osm.pbf"
        write_in_order(path, ordered)
        return _tagged_map(_collected(ordered), path)


def _tagged_map(collector: _Collector, named: Path) -> TaggedMap:
    """What was collected, with mended buildings; `named` is the user's file."""
    mended = mended_buildings(
        collector.path, collector.missing, collector.relations, collector.locations, collector.tally
    )
    areas = collector.areas.features() + mended
    lines = collector.lines.features()
    bounds = _header_bounds(named) or _building_bounds(areas, named)
    return TaggedMap(tuple(areas), tuple(lines), bounds, collector.tally, ATTRIBUTION)


def _collected(path: Path) -> _Collector:
    collector = _Collector(path)
    keys = osmium.filter.KeyFilter(*AREA_KEYS)
    trees = osmium.filter.TagFilter(("natural", "tree")).enable_for(osmium.osm.NODE)
    located = osmium.FileProcessor(osm_file(path)).with_locations(collector.locations).with_areas(keys)
    for item in located.with_filter(keys).with_filter(trees):
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
        self.tally: Counter[str] = Counter()
        self._factory = osmium.geom.WKBFactory()
        self._buildings: set[tuple[str, int]] = set()
        self._assembled: set[tuple[str, int]] = set()

    @property
    def missing(self) -> set[tuple[str, int]]:
        """Kind and number of the buildings that did not come out as areas."""
        return self._buildings - self._assembled

    @property
    def mostly_lost(self) -> bool:
        """Whether fewer than half of the buildings came out as areas."""
        return len(self.missing) > len(self._buildings) / 2

    def take(self, item: Any) -> None:
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
        elif item.tags.get("type") == "multipolygon" and is_building(item.tags):
            self._buildings.add(("relation", item.id))
            self.relations[item.id] = relation_of(item)

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
            self.tally["road or coastline left out: it has fewer than two nodes in the file"] += 1
            return
        self.lines.add(f"way/{item.id}", line_tags(tags), encoded)


def _header_bounds(path: Path) -> Bounds | None:
    reader = osmium.io.Reader(osm_file(path), osmium.osm.NOTHING)
    try:
        box = reader.header().box()
        if not box.valid():
            return None
        low, high = box.bottom_left, box.top_right
        return low.lon, low.lat, high.lon, high.lat
    finally:
        reader.close()


def _building_bounds(areas: list[Feature], path: Path) -> Bounds:
    shapes = [area.geometry for area in areas if is_building(area.tags)]
    if not shapes:
        raise InputError(f"{path} holds no buildings; give an extract of a built-up area")
    # Single far-away buildings, which extracts drag in through relations, would blow the extent up.
    bounds = shapely.bounds(np.array(shapes, dtype=object))
    west, south = np.quantile(bounds[:, :2], 0.002, axis=0)
    east, north = np.quantile(bounds[:, 2:], 0.998, axis=0)
    return float(west), float(south), float(east), float(north)
