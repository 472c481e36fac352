"""One tile of an OpenStreetMap extract by raylocus, and by osmnx + GDAL, side by side in CPU seconds.

    python benchmarks/osm_against_osmnx.py EXTRACT.osm.pbf …

raylocus writes the whole place of the middle 512 m. The osmnx + GDAL way is the usual one of notebooks:
`features_from_xml` for buildings and roads, heights from tags, projection, one extruded prism a building
(trimesh) in one PLY, height, footprint and roads by `rasterize`, compressed. It is spared parts, overlaps,
materials, courtyard walls by the ring, terrain and sites. Imports are not counted.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import osmnx
import rasterio.features
import shapely
import trimesh
from rasterio.transform import Affine
from shapely import box

from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_sources.lengths import parse_length
from raylocus.scenes.osm.reader import read_osm

REPEATS = 3


def as_xml(path: Path, scratch: Path) -> Path:
    """The extract as .osm, which is what osmnx reads."""
    target = scratch / f"{path.name.split('.')[0]}.osm"
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for item in osmium.FileProcessor(str(path)):
            writer.add(item)
    return target


def by_osmnx(path: Path, scratch: Path) -> int:
    """Prisms and rasters of the middle 512 m; returns the number of buildings read."""
    table = osmnx.features_from_xml(path, tags={"building": True, "highway": True})
    projected = osmnx.projection.project_gdf(table)
    roads = projected[projected.geometry.type == "LineString"]
    buildings = projected[
        projected["building"].notna() & projected.geometry.type.isin(["Polygon", "MultiPolygon"])
    ]
    x, y = np.reshape(buildings.total_bounds, (2, 2)).mean(axis=0)
    height = np.array([_height(row) for _, row in buildings.iterrows()])
    near = buildings.intersects(box(x - 356, y - 356, x + 356, y + 356)).to_numpy()
    solids = [
        _prism(part, top)
        for shape, top in zip(buildings.geometry[near], height[near], strict=True)
        for part in shapely.get_parts(shape)
    ]
    trimesh.util.concatenate(solids).export(scratch / "buildings.ply")
    transform = Affine(2.0, 0, x - 256, 0, 2.0, y - 256)
    layers = [
        list(zip(buildings.geometry, height, strict=True)),
        [(shape, 1.0) for shape in buildings.geometry],
        [(shape, 1.0) for shape in roads.geometry.buffer(4.0)],
    ]
    rasters = [
        rasterio.features.rasterize(shapes, out_shape=(256, 256), transform=transform, dtype="float32")
        for shapes in layers
    ]
    np.savez_compressed(scratch / "maps.npz", *rasters)
    return len(buildings)


def _prism(polygon: Any, height: float) -> trimesh.Trimesh:
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    corners = (
        shapely.get_coordinates(shapely.orient_polygons(triangles)).reshape(-1, 4, 2)[:, :3].reshape(-1, 2)
    )
    vertices, faces = np.unique(corners, axis=0, return_inverse=True)
    return trimesh.creation.extrude_triangulation(vertices, faces.reshape(-1, 3), height)


def _height(row: Any) -> float:
    for key, factor in (("height", 1.0), ("building:levels", 3.0)):
        value = parse_length(str(row.get(key, "")))
        if value:
            return factor * value
    return 10.0


def by_raylocus(path: Path, scratch: Path) -> int:
    shutil.rmtree(scratch / "place", ignore_errors=True)
    build_place(str(path), scratch / "place", SceneConfiguration(centre=(0.0, 0.0)))
    return 0


def counted(path: Path) -> int:
    return sum("building" in area.tags for area in read_osm(path).areas)


def seconds(work: Callable[[], int]) -> tuple[float, str]:
    """Least CPU seconds of a few runs, and what came out."""
    times, result = [], "0"
    for _ in range(REPEATS):
        started = time.process_time()
        try:
            result = str(work())
        except Exception as error:
            return float("nan"), f"fails: {type(error).__name__}"
        times.append(time.process_time() - started)
    return min(times), result


def main() -> None:
    osmnx.settings.use_cache = False
    print(f"{'extract':<24}{'raylocus':>10}{'osmnx':>10}{'ratio':>8}   buildings")
    for path in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name)
            xml = as_xml(path, scratch)
            for suffix, source in (("", path), (".osm", xml)):
                ours, _ = seconds(lambda source=source, scratch=scratch: by_raylocus(source, scratch))
                peer, theirs = seconds(lambda xml=xml, scratch=scratch: by_osmnx(xml, scratch))
                label = path.name.split(".")[0] + suffix
                print(
                    f"{label:<24}{ours:>8.2f} s{peer:>8.2f} s{peer / ours:>7.1f}×   {counted(source)} / {theirs}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
