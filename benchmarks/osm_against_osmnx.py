"""Whole OpenStreetMap extracts to a loadable scene and G, by raylocus and by osmnx + GDAL, in wall-clock seconds.

    python benchmarks/osm_against_osmnx.py [EXTRACT.osm.pbf …]

Both turn the same map, whole, into meshes by material, scene.xml, building records and rasters at 2 m, taking
turns; the least of five runs counts, imports not counted. The peer is `osmnx_pipeline.py`. raylocus also repairs
clipped outlines, shapes roofs, places sites and hashes what it writes. raylocus reads .osm.pbf, as extracts come;
osmnx reads .osm only, and gets it ready made: what osmium takes to convert it has a column of its own and is in no
ratio. osmnx fails on ways and relations whose members are not all in the extract, so the files that both read have
ways without absent nodes and no such relations. `CPU` is the ratio of CPU seconds, of all threads: raylocus uses two.
The last column is raylocus's time with the .osm file too. Without an extract two generated towns are written as such.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import osmium
import osmnx
from extracts import extracts
from osmnx_pipeline import TAGS, build_by_osmnx

from raylocus.scenes.build import build_place
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_sources.assemble import frame_of
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.tagged import REPAIRED

REPEATS = 5
RESOLUTION = 2.0


def cut(path: Path, target: Path) -> Path:
    """The extract in the format of the target's name, cut at its edge in a way that osmnx can read."""
    nodes = {item.id for item in osmium.FileProcessor(str(path), osmium.osm.NODE)}
    ways: set[int] = set()
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for item in osmium.FileProcessor(str(path)):
            if isinstance(item, osmium.osm.Way):
                known = [node.ref for node in item.nodes if node.ref in nodes]
                if len(known) > 1:
                    ways.add(item.id)
                    writer.add(item.replace(nodes=known))
            elif isinstance(item, osmium.osm.Node) or (
                isinstance(item, osmium.osm.Relation)
                and all(each.type != "w" or each.ref in ways for each in item.members)
            ):
                writer.add(item)
    return target


def tile_size(path: Path) -> float:
    """Side of a square tile around the extract [m]."""
    _, extent = frame_of(read_osm(path).bounds)
    return 64.0 * (1 + max(extent.width, extent.depth) // 64.0)


def by_raylocus(path: Path, folder: Path, size: float) -> None:
    configuration = SceneConfiguration(tile_size=size, resolution=RESOLUTION, centre=(0.0, 0.0), margin=0.0)
    build_place(str(path), folder / "place", configuration)


def convert(path: Path, target: Path) -> None:
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        osmium.apply(str(path), writer)


class Spent(NamedTuple):
    """Seconds of one run."""

    wall: float
    cpu: float


def spent(work: Callable[[Path], object], scratch: Path) -> Spent:
    """What one run in an empty folder takes."""
    folder = scratch / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    wall, cpu = time.perf_counter(), time.process_time()
    work(folder)
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def least(runs: Iterable[Spent]) -> Spent:
    return Spent(*(min(each) for each in zip(*runs, strict=True)))


def buildings(path: Path) -> tuple[int, int]:
    """Whole buildings that raylocus and osmnx read."""
    ours = [each for each in read_osm(path).areas if each.tags.get("building", "no") != "no"]
    table = osmnx.features_from_xml(path, tags=TAGS)
    shaped = table[table.geometry.type.isin(["Polygon", "MultiPolygon"])]
    return sum(REPAIRED not in each.tags for each in ours), int(
        (shaped["building"].fillna("no") != "no").sum()
    )


def row(path: Path, scratch: Path) -> str:
    name, size = path.name.split(".")[0], tile_size(path)
    pbf = cut(path, scratch / f"{name}.osm.pbf")
    xml = cut(pbf, scratch / f"{name}.osm")
    solids: dict[str, int] = {}

    def by_osmnx(folder: Path) -> None:
        solids["osmnx"] = build_by_osmnx(xml, folder, size, RESOLUTION)

    def from_pbf(folder: Path) -> None:
        by_raylocus(pbf, folder, size)

    def from_xml(folder: Path) -> None:
        by_raylocus(xml, folder, size)

    def converted(folder: Path) -> None:
        convert(pbf, folder / "map.osm")

    works = (from_pbf, by_osmnx, converted, from_xml)
    rounds = [[spent(work, scratch) for work in works] for _ in range(REPEATS)]
    ours, theirs, conversion, ours_from_xml = map(least, zip(*rounds, strict=True))
    kept = len(read_building_records(scratch / "work" / "place"))
    counts = buildings(xml)
    return (
        f"{name:<22}{size:>6.0f} m{ours.wall:>9.2f} s{theirs.wall:>8.2f} s{theirs.wall / ours.wall:>7.1f}×"
        f"{theirs.cpu / ours.cpu:>6.1f}×{counts[0]:>9}{counts[1]:>7}{kept:>9}{solids['osmnx']:>7}"
        f"{conversion.wall:>9.2f} s{ours_from_xml.wall:>9.2f} s"
    )


def main() -> None:
    osmnx.settings.use_cache = False
    print(
        f"{'extract':<22}{'side':>8}{'raylocus':>11}{'osmnx':>10}{'ratio':>8}{'CPU':>7}"
        "  buildings read      solids kept    to .osm  from .osm"
    )
    with extracts([Path(word) for word in sys.argv[1:]]) as paths:
        for path in paths:
            with tempfile.TemporaryDirectory() as name:
                print(row(path, Path(name)), flush=True)


if __name__ == "__main__":
    main()
