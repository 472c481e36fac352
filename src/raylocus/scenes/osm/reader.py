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
from raylocus.scenes.osm.ordering import write_in_order

#: Keys of areas that become buildings, water, vegetation or pavements.
AREA_KEYS = ("building", "building:part", "natural", "landuse", "waterway", "area:highway", "highway")
#: Licence notice of everything derived from OpenStreetMap.
ATTRIBUTION = "© OpenStreetMap contributors, Open Database License 1.0 (openstreetmap.org/copyright)"


def read_osm(path: Path) -> TaggedMap:
    """Reads one file.

    Multipolygons are assembled by osmium; a building that it rejects as invalid is mended by
    `shapely.make_valid`, one with nodes outside the file is left out, and both are counted.

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
    if collector.mostly_lost:
        # Where osmium could hardly assemble anything, the file is out of order or was never uploaded.
        with tempfile.TemporaryDirectory() as folder:
            ordered = Path(folder) / "ordered.osm.pbf"
            write_in_order(path, ordered)
            collector = _collected(ordered)
            collector.mend(ordered)
    else:
        collector.mend(path)
    bounds = _header_bounds(path) or _building_bounds(collector.areas, path)
    return TaggedMap(tuple(collector.areas), tuple(collector.lines), bounds, collector.tally, ATTRIBUTION)


def _collected(path: Path) -> _Collector:
    collector = _Collector()
    keys = osmium.filter.KeyFilter(*AREA_KEYS)
    for item in osmium.FileProcessor(str(path)).with_locations().with_areas(keys).with_filter(keys):
        collector.take(item)
    return collector


class _Collector:
    """Sorts what osmium hands out, one object at a time, since its objects die with the next one."""

    def __init__(self) -> None:
        self.areas: list[Feature] = []
        self.lines: list[Feature] = []
        self.tally: Counter[str] = Counter()
        self._factory = osmium.geom.WKBFactory()
        self._buildings: dict[str, str] = {}
        self._assembled: set[str] = set()

    @property
    def mostly_lost(self) -> bool:
        """Whether fewer than half of the buildings came out as areas."""
        return len(self._assembled & set(self._buildings)) < len(self._buildings) / 2

    def take(self, item: Any) -> None:
        if item.is_area():
            self._area(item)
        elif item.is_way():
            if "highway" in item.tags or item.tags.get("natural") == "coastline":
                self._line(item)
            self._expect(item, "way")
        elif item.is_relation() and item.tags.get("type") == "multipolygon":
            self._expect(item, "relation")

    def _expect(self, item: Any, kind: str) -> None:
        if _is_building(item.tags):
            self._buildings[f"{kind}/{item.id}"] = kind

    def _area(self, item: Any) -> None:
        identifier = f"{'way' if item.from_way() else 'relation'}/{item.orig_id()}"
        try:
            shape = shapely.from_wkb(self._factory.create_multipolygon(item))
        except RuntimeError:  # osmium found no valid rings
            return
        self._assembled.add(identifier)
        self.areas.append(Feature(identifier, dict(item.tags), shape))

    def _line(self, item: Any) -> None:
        try:
            shape = shapely.from_wkb(self._factory.create_linestring(item))
        except (RuntimeError, osmium.InvalidLocationError):
            self.tally["road or coastline left out: it has fewer than two nodes in the file"] += 1
            return
        self.lines.append(Feature(f"way/{item.id}", dict(item.tags), shape))

    def mend(self, path: Path) -> None:
        """Second reading, of the building ways that osmium could not assemble."""
        missing = {name: kind for name, kind in self._buildings.items() if name not in self._assembled}
        lost = sum(kind == "relation" for kind in missing.values())
        if lost:
            self.tally["building relation left out: its ways are not all in the file or do not close"] += lost
        if lost == len(missing):
            return
        keys = osmium.filter.KeyFilter("building", "building:part")
        for item in osmium.FileProcessor(str(path)).with_locations().with_filter(keys):
            if item.is_way() and f"way/{item.id}" in missing:
                self._mend_way(item)

    def _mend_way(self, item: Any) -> None:
        if not item.is_closed() or len(item.nodes) < 4:
            self.tally["building way left out: it is not closed"] += 1
        elif not all(node.location.valid() for node in item.nodes):
            self.tally["building way left out: cut at the edge of the file"] += 1
        else:
            self._polygon(item)

    def _polygon(self, item: Any) -> None:
        drawn = shapely.Polygon([(node.lon, node.lat) for node in item.nodes])
        shape = shapely.make_valid(drawn)
        if shape.area == 0:
            self.tally["building way left out: it encloses nothing"] += 1
            return
        self.tally["invalid building polygon mended"] += not drawn.is_valid
        self.areas.append(Feature(f"way/{item.id}", dict(item.tags), shape))


def _is_building(tags: Any) -> bool:
    return any(tags.get(key, "no") != "no" for key in ("building", "building:part"))


def _header_bounds(path: Path) -> Bounds | None:
    reader = osmium.io.Reader(str(path))
    try:
        box = reader.header().box()
        if not box.valid():
            return None
        low, high = box.bottom_left, box.top_right
        return low.lon, low.lat, high.lon, high.lat
    finally:
        reader.close()


def _building_bounds(areas: list[Feature], path: Path) -> Bounds:
    shapes = [area.geometry for area in areas if _is_building(area.tags)]
    if not shapes:
        raise InputError(f"{path} holds no buildings; give an extract of a built-up area")
    # Single far-away buildings, which extracts drag in through relations, would blow the extent up.
    bounds = shapely.bounds(np.array(shapes, dtype=object))
    west, south = np.quantile(bounds[:, :2], 0.002, axis=0)
    east, north = np.quantile(bounds[:, 2:], 0.998, axis=0)
    return float(west), float(south), float(east), float(north)
