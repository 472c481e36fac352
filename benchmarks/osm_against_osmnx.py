"""Whole OpenStreetMap extracts to a loadable scene and G, by raylocus and by osmnx + GDAL, in CPU seconds.

    python benchmarks/osm_against_osmnx.py EXTRACT.osm.pbf …

Both turn the same map, whole, into meshes by material, scene.xml, building records and rasters at 2 m, taking
turns; the least of three runs counts. The peer is `osmnx_pipeline.py`. raylocus also mends clipped outlines,
shapes roofs and places sites. raylocus reads .osm.pbf, as extracts come; osmnx reads .osm only, and gets it ready
made: what the conversion takes is not counted. osmnx fails on ways and relations whose members are not all in
the extract, so the files that both read have ways without absent nodes and no such relations. Imports are not
counted. The last column is raylocus's time with the .osm file too.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import osmium
import osmnx
from osmnx_pipeline import TAGS, build_by_osmnx

from raylocus.scenes.build import build_place
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_sources.assemble import frame_of
from raylocus.scenes.map_sources.features import MENDED
from raylocus.scenes.osm.reader import read_osm

REPEATS = 3
RESOLUTION = 2.0


def cut(path: Path, target: Path) -> Path:
    """The extract in the format of the target's name, cut at its edge in a way that osmnx can read."""
    nodes = {item.id for item in osmium.FileProcessor(str(path), osmium.osm.NODE)}
    ways: set[int] = set()
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for item in osmium.FileProcessor(str(path)):
            if item.is_way():
                known = [node.ref for node in item.nodes if node.ref in nodes]
                if len(known) > 1:
                    ways.add(item.id)
                    writer.add(item.replace(nodes=known))
            elif item.is_node() or all(each.type != "w" or each.ref in ways for each in item.members):
                writer.add(item)
    return target


def tile_size(path: Path) -> float:
    """Side of a square tile around the extract [m]."""
    _, extent = frame_of(read_osm(path).bounds)
    return 64.0 * (1 + max(extent.width, extent.depth) // 64.0)


def by_raylocus(path: Path, folder: Path, size: float) -> int:
    configuration = SceneConfiguration(tile_size=size, resolution=RESOLUTION, centre=(0.0, 0.0), margin=0.0)
    build_place(str(path), folder / "place", configuration)
    return len(read_building_records(folder / "place"))


def seconds(work: Callable[[Path], int], scratch: Path) -> tuple[float, int]:
    """CPU seconds of one run in an empty folder, and the solids that came out."""
    folder = scratch / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    started = time.process_time()
    solids = work(folder)
    return time.process_time() - started, solids


def buildings(path: Path) -> tuple[int, int]:
    """Whole buildings that raylocus and osmnx read."""
    ours = [each for each in read_osm(path).areas if each.tags.get("building", "no") != "no"]
    table = osmnx.features_from_xml(path, tags=TAGS)
    shaped = table[table.geometry.type.isin(["Polygon", "MultiPolygon"])]
    return sum(MENDED not in each.tags for each in ours), int((shaped["building"].fillna("no") != "no").sum())


def row(path: Path, scratch: Path) -> str:
    name, size = path.name.split(".")[0], tile_size(path)
    pbf = cut(path, scratch / f"{name}.osm.pbf")
    xml = cut(pbf, scratch / f"{name}.osm")
    runs = [
        (
            seconds(lambda folder: by_raylocus(pbf, folder, size), scratch),
            seconds(lambda folder: build_by_osmnx(xml, folder, size, RESOLUTION), scratch),
            seconds(lambda folder: by_raylocus(xml, folder, size), scratch),
        )
        for _ in range(REPEATS)
    ]
    ours, theirs, from_xml = (min(each[index] for each in runs) for index in range(3))
    counts = buildings(xml)
    return (
        f"{name:<22}{size:>6.0f} m{ours[0]:>9.2f} s{theirs[0]:>8.2f} s{theirs[0] / ours[0]:>7.1f}×"
        f"{counts[0]:>9}{counts[1]:>7}{ours[1]:>9}{theirs[1]:>7}"
        f"{from_xml[0]:>9.2f} s"
    )


def main() -> None:
    osmnx.settings.use_cache = False
    print(
        f"{'extract':<22}{'side':>8}{'raylocus':>11}{'osmnx':>10}{'ratio':>8}"
        "  buildings read      solids kept  from .osm"
    )
    for path in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as name:
            print(row(path, Path(name)), flush=True)


if __name__ == "__main__":
    main()
