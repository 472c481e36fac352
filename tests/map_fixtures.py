"""Small OpenStreetMap files written by hand, in local metres."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from shapely import Polygon

from raylocus.geo import GeoFrame
from raylocus.scenes.ground.terrain import flat_terrain
from raylocus.scenes.vector_map import Building, Terrain, VectorMap

#: Where the files lie on Earth.
FRAME = GeoFrame(52.51, 13.4)

Points = Sequence[tuple[float, float]]


def rectangle(x: float, y: float, width: float, depth: float) -> list[tuple[float, float]]:
    """Corners of a rectangle with its lower left corner at (x, y), counter-clockwise, not closed."""
    return [(x, y), (x + width, y), (x + width, y + depth), (x, y + depth)]


@dataclass
class OsmText:
    """Builds the XML of an .osm file."""

    root: ElementTree.Element = field(default_factory=lambda: ElementTree.Element("osm", version="0.6"))
    ways: list[ElementTree.Element] = field(default_factory=list)
    relations: list[ElementTree.Element] = field(default_factory=list)
    _next: int = 1

    def bounds(self, half: float) -> OsmText:
        """A header box of the half side `half` [m] around the origin."""
        latitude, longitude = FRAME.to_wgs84(np.array([[-half, -half], [half, half]], float))
        names = {"minlat": latitude[0], "minlon": longitude[0], "maxlat": latitude[1], "maxlon": longitude[1]}
        ElementTree.SubElement(self.root, "bounds", {name: f"{value:.7f}" for name, value in names.items()})
        return self

    def way(self, points: Points, tags: dict[str, str], closed: bool = True, missing: int = 0) -> int:
        """A way through local points; `missing` more nodes are named but not in the file."""
        way = ElementTree.Element("way", id=str(self._number()), version="1")
        names = []
        for latitude, longitude in zip(*FRAME.to_wgs84(np.array(points, float)), strict=True):
            names.append(self._number())
            ElementTree.SubElement(
                self.root,
                "node",
                id=str(names[-1]),
                lat=f"{latitude:.8f}",
                lon=f"{longitude:.8f}",
                version="1",
            )
        names[1:1] = [10_000_000 + self._number() for _ in range(missing)]
        for name in names + names[:1] * closed:
            ElementTree.SubElement(way, "nd", ref=str(name))
        self._tag(way, tags)
        self.ways.append(way)
        return int(way.attrib["id"])

    def multipolygon(self, outer: Points, inner: Points, tags: dict[str, str]) -> int:
        """A relation with one courtyard."""
        members = [(self.way(outer, {}), "outer"), (self.way(inner, {}), "inner")]
        relation = ElementTree.Element("relation", id=str(self._number()), version="1")
        for name, role in members:
            ElementTree.SubElement(relation, "member", type="way", ref=str(name), role=role)
        self._tag(relation, {"type": "multipolygon", **tags})
        self.relations.append(relation)
        return int(relation.attrib["id"])

    def write(self, path: Path) -> Path:
        """Writes the file: nodes, ways, relations, in order."""
        self.root.extend(self.ways)
        self.root.extend(self.relations)
        ElementTree.ElementTree(self.root).write(path)
        return path

    def _number(self) -> int:
        self._next += 1
        return self._next

    @staticmethod
    def _tag(element: ElementTree.Element, tags: dict[str, str]) -> None:
        for key, value in tags.items():
            ElementTree.SubElement(element, "tag", k=key, v=value)


def village(path: Path, half: float = 256.0) -> Path:
    """A few buildings of every kind, a road, a wood and a pond."""
    text = OsmText().bounds(half)
    text.way(rectangle(-100, -100, 40, 20), {"building": "house", "height": "9", "roof:shape": "gabled"})
    text.way(rectangle(50, 50, 20, 20), {"building": "office", "building:levels": "7"})
    text.way(rectangle(-150, 80, 12, 9), {"building": "yes"})
    text.multipolygon(
        rectangle(-40, -40, 60, 60), rectangle(-20, -20, 20, 20), {"building": "apartments", "height": "18"}
    )
    text.way([(-200, 0.0), (200, -60.0)], {"highway": "residential"}, closed=False)
    text.way(rectangle(100, -200, 80, 80), {"natural": "wood"})
    text.way(rectangle(-220, -220, 50, 50), {"natural": "water"})
    return text.write(path)


def building(footprint: Polygon, height: float = 10.0, **others: object) -> Building:
    """A building of known height."""
    values: dict[str, object] = {
        "identifier": "b",
        "height_deviation": 1.0,
        "height_source": "height",
    } | others
    return Building(footprint=footprint, height=height, **values)


def map_of(*buildings: Building, terrain: Terrain | None = None) -> VectorMap:
    """A map without anything else."""
    return VectorMap(FRAME, buildings, (), terrain or flat_terrain(400.0))
