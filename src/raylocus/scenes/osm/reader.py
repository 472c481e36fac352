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
from raylocus.scenes.map_sources.features import Bounds, Feature, TaggedMap
from raylocus.scenes.osm.formats import osm_file
from raylocus.scenes.osm.mending import mended_buildings
from raylocus.scenes.osm.ordering import write_in_order

#: Keys of areas that become buildings, water, vegetation or pavements.
AREA_KEYS = ("building", "building:part", "natural", "landuse", "waterway", "area:highway", "highway")
#: Keys of lines that are read; streets carry many others.
LINE_KEYS = ("highway", "natural", "width", "lanes", "layer", "tunnel", "bridge", "area")
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
        return _tagged_map(collector, path, path)
    # Where osmium could hardly assemble anything, the file is out of order or was never uploaded.
    with tempfile.TemporaryDirectory() as folder:
        ordered = Path(folder) / "ordered.osm.pbf"
        write_in_order(path, ordered)
        return _tagged_map(_collected(ordered), ordered, path)


def _tagged_map(collector: _Collector, path: Path, named: Path) -> TaggedMap:
    """What was collected from `path`, with mended buildings; `named` is the user's file."""
    areas = collector.areas.features() + mended_buildings(path, collector.missing, collector.tally)
    lines = collector.lines.features()
    bounds = _header_bounds(named) or _building_bounds(areas, named)
    return TaggedMap(tuple(areas), tuple(lines), bounds, collector.tally, ATTRIBUTION)


def _collected(path: Path) -> _Collector:
    collector = _Collector()
    keys = osmium.filter.KeyFilter(*AREA_KEYS)
    wanted = osmium.FileProcessor(osm_file(path)).with_locations().with_areas(keys)
    for item in wanted.with_filter(keys):
        collector.take(item)
    return collector


class _Shapes:
    """Features whose shapes are still well-known bytes, turned into shapes all at once."""

    def __init__(self) -> None:
        self._named: list[tuple[str, dict[str, str]]] = []
        self._encoded: list[str] = []

    def add(self, identifier: str, tags: dict[str, str], encoded: str) -> None:
        self._named.append((identifier, tags))
        self._encoded.append(encoded)

    def features(self) -> list[Feature]:
        shapes = shapely.from_wkb(np.array(self._encoded, object))
        return [Feature(name, tags, shape) for (name, tags), shape in zip(self._named, shapes, strict=True)]


class _Collector:
    """Sorts what osmium hands out, one object at a time, since its objects die with the next one."""

    def __init__(self) -> None:
        self.areas, self.lines = _Shapes(), _Shapes()
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
            self._expect(tags, "way", item.id)
        elif item.is_node():
            if item.tags.get("natural") == "tree":
                self.areas.add(f"node/{item.id}", {"natural": "tree"}, self._factory.create_point(item))
        elif item.tags.get("type") == "multipolygon":
            self._expect(item.tags, "relation", item.id)

    def _expect(self, tags: Any, kind: str, number: int) -> None:
        if is_building(tags):
            self._buildings.add((kind, number))

    def _area(self, item: Any) -> None:
        kind, number = "way" if item.from_way() else "relation", item.orig_id()
        try:
            encoded = self._factory.create_multipolygon(item)
        except RuntimeError:  # osmium found no valid rings
            return
        self._assembled.add((kind, number))
        self.areas.add(f"{kind}/{number}", dict(item.tags), encoded)

    def _line(self, item: Any, tags: Any) -> None:
        try:
            encoded = self._factory.create_linestring(item)
        except (RuntimeError, osmium.InvalidLocationError):
            self.tally["road or coastline left out: it has fewer than two nodes in the file"] += 1
            return
        known = {key: value for key in LINE_KEYS if (value := tags.get(key)) is not None}
        self.lines.add(f"way/{item.id}", known, encoded)


def is_building(tags: Any) -> bool:
    """Whether tags are those of a building or of a part of one."""
    return tags.get("building", "no") != "no" or tags.get("building:part", "no") != "no"


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
