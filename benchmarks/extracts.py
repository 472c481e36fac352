"""OpenStreetMap extracts to measure on: those that are given, else generated towns written as OpenStreetMap files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import osmium
import shapely
from osmium.osm.mutable import Node, Way

from raylocus.geo import GeoFrame
from raylocus.scenes.towns.generate import generate_town

#: Styles of the towns that stand for extracts where none are given.
STYLES = ("perimeter-blocks", "detached-suburb")
#: Where the towns are put [degrees].
ORIGIN = GeoFrame(50.0, 9.0)
SIDE = 512.0


@contextmanager
def extracts(given: Sequence[Path], side: float = SIDE) -> Generator[list[Path], None, None]:
    """The extracts: files as they are, of a folder all `*/NAME.osm.pbf` with a manifest; of none two towns.

    Towns are squares of the given side [m].
    """
    if given:
        yield [path for each in given for path in _of(each)]
        return
    with tempfile.TemporaryDirectory() as folder:
        yield [town_extract(style, Path(folder) / style, side=side) for style in STYLES]


def _of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    manifests = sorted(path.glob("*/manifest.json"))
    return [each.with_name(f"{each.parent.name}.osm.pbf") for each in manifests]


def town_extract(style: str, folder: Path, seed: int = 1, side: float = SIDE) -> Path:
    """Writes a generated town's outlines, heights, streets and water as `folder/NAME.osm.pbf` with a manifest."""
    town, path = generate_town(style, seed, side), folder / f"{folder.name}.osm.pbf"
    folder.mkdir(parents=True)
    shapes = [
        *((each.footprint.exterior, {"building": "yes", "height": f"{each.height:.1f}"}) for each in town.buildings),
        *((each.line, {"highway": each.road_class}) for each in town.roads),
        *((each.exterior, {"natural": "water"}) for each in town.water),
    ]  # fmt: skip
    header, half = osmium.io.Header(), side / 2
    south_west, north_east = (osmium.osm.Location(*each) for each in _lon_lat([(-half, -half), (half, half)]))
    header.add_box(osmium.osm.Box(south_west, north_east))
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        _write(writer, shapes)
    (folder / "manifest.json").write_text(json.dumps({"buildings": len(town.buildings)}))
    return path


def _lon_lat(points: Iterable[tuple[float, ...]]) -> list[tuple[float, float]]:
    latitude, longitude = ORIGIN.to_wgs84(np.array([point[:2] for point in points]))
    return list(zip(longitude.tolist(), latitude.tolist(), strict=True))


def _write(writer: osmium.SimpleWriter, shapes: Sequence[tuple[shapely.LineString, dict[str, str]]]) -> None:
    """Nodes first, then ways, as files of OpenStreetMap are sorted; a ring ends in the node that it begins with."""
    ways: list[Way] = []
    number = 0
    for shape, tags in shapes:
        points = _lon_lat(shape.coords)
        closed = shape.is_closed
        own = list(range(number + 1, number + 1 + len(points) - closed))
        for identifier, point in zip(own, points, strict=False):
            writer.add_node(Node(id=identifier, version=1, location=point))
        number += len(own)
        ways.append(Way(id=len(ways) + 1, version=1, nodes=[*own, own[0]] if closed else own, tags=tags))
    for way in ways:
        writer.add_way(way)
