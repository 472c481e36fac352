"""Builds the busiest tile of every OpenStreetMap extract in a folder and prints what came out.

    python benchmarks/osm_extracts.py [FOLDER_OF_EXTRACTS [EXTRACT …]]

Without a folder two generated towns are written as extracts.
Columns: `buildings` in the extract's manifest; those read whole, and those that osmium rejects and raylocus
repairs (cut at the file's edge, open, crossing); how the heights of the whole extract are known; CPU seconds
from the file to a written place (read, assemble, mesh, G, write) of one 512 m tile; share of the whole
extract's buildings that are closed surfaces; share of 1,000 rays shot down at cell centres and at random
points that hit what the raster says; rays out of 100,000 from inside closed buildings that got out.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from extracts import extracts

from raylocus.geo import Grid
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.runtime.runtime import activate
from raylocus.propagation.scene_validation import validate_place
from raylocus.scenes.build import build_place
from raylocus.scenes.building_records import open_edges
from raylocus.scenes.configuration import SceneConfiguration, SourceOptions
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.meshing.scene_mesh import scene_mesh
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.tagged import REPAIRED
from raylocus.scenes.vector_map import VectorMap

RAYS = 100_000


def counted_buildings(path: Path) -> tuple[int, int]:
    """Areas that carry `building` and are whole in the file, the manifest's own rule; and those repaired."""
    outlines = [area for area in read_osm(path).areas if area.tags.get("building", "no") != "no"]
    repaired = sum(REPAIRED in area.tags for area in outlines)
    return len(outlines) - repaired, repaired


def closed_share(vector_map: VectorMap) -> float:
    mesh = scene_mesh(vector_map, 100.0)
    vertices = mesh.triangles.vertices[mesh.building >= 0]
    owner = mesh.building[mesh.building >= 0]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    pieces = np.split(vertices, first[1:])
    return float(np.mean([open_edges(piece) == 0 for piece in pieces]))


def leaks(vector_map: VectorMap, generator: np.random.Generator) -> int:
    """Rays from inside buildings that meet no wall, roof or floor."""
    activate()
    import mitsuba as mi

    mesh = scene_mesh(vector_map, 100.0)
    vertices = mesh.triangles.vertices[mesh.building >= 0]
    solid = mi.Mesh("buildings", 3 * len(vertices), len(vertices))
    parameters = mi.traverse(solid)
    parameters["vertex_positions"] = vertices.astype(np.float32).ravel()
    parameters["faces"] = np.arange(3 * len(vertices), dtype=np.uint32)
    parameters.update()
    scene = mi.load_dict({"type": "scene", "buildings": solid})
    buildings = [each for each in vector_map.buildings if each.footprint.area > 4]
    chosen = generator.integers(len(buildings), size=RAYS)
    inside = np.array([each.footprint.representative_point().coords[0] for each in buildings])
    eaves = np.array([each.height - each.roof_height for each in buildings])
    bottom = np.array([each.min_height for each in buildings])
    ground = float(vector_map.terrain.height.min())
    z = ground + bottom[chosen] + (eaves - bottom)[chosen] * generator.uniform(0.1, 0.9, RAYS)
    direction = generator.standard_normal((RAYS, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    origin = np.column_stack([inside[chosen], z])
    points, vectors = (np.ascontiguousarray(values.T.astype(np.float32)) for values in (origin, direction))
    hit = scene.ray_intersect_preliminary(mi.Ray3f(mi.Point3f(points), mi.Vector3f(vectors)))
    return int((~np.isfinite(hit.t.numpy())).sum())


def row(path: Path, scratch: Path) -> str:
    slug = path.parent.name
    manifest = json.loads((path.parent / "manifest.json").read_text())
    whole, repaired = counted_buildings(path)
    vector_map = read_source(str(path), SourceOptions(), 0, 512.0).vector_map
    sources = Counter(building.height_source for building in vector_map.buildings)
    middle = densest(vector_map)
    started = time.process_time()
    build_place(str(path), scratch / slug, SceneConfiguration(centre=middle))
    seconds = time.process_time() - started
    findings = validate_place(open_place(scratch / slug), np.random.default_rng(0))
    rays = [finding.what.rsplit(" ", 1)[1] for finding in findings[3:5]]
    return (
        f"{slug:<24}{manifest['buildings']:>6}{whole:>6}{repaired:>9}"
        f"{len(vector_map.buildings):>7}{sources['height'] + sources['building:height']:>7}{sources['levels']:>7}"
        f"{sources['prior']:>7}{seconds:>7.2f}{closed_share(vector_map):>9.2%}{rays[0]:>8}{rays[1]:>8}"
        f"{leaks(vector_map, np.random.default_rng(1)):>6}{'' if all(each.sound for each in findings) else '  WRONG'}"
    )


def densest(vector_map: VectorMap) -> tuple[float, float]:
    """The tile of 512 m with the most buildings."""
    xy = np.array([each.footprint.representative_point().coords[0] for each in vector_map.buildings])
    grid = Grid(512.0 * 2 * np.ceil(np.abs(xy).max() / 512.0 + 1), 512.0)
    busiest = np.bincount(grid.index(xy)).argmax()
    return float(grid.centres[busiest][0]), float(grid.centres[busiest][1])


def main() -> None:
    root, wanted = [Path(word) for word in sys.argv[1:2]], sys.argv[2:]
    print(
        f"{'extract':<24}{'listed':>6}{'whole':>6}{'repaired':>9}{'solids':>7}{'height':>7}{'levels':>7}{'prior':>7}"
        f"{'CPU s':>7}{'closed':>9}{'centre':>8}{'random':>8}{'leaks':>6}"
    )
    with tempfile.TemporaryDirectory() as scratch, extracts(root) as paths:
        for path in paths:
            if not wanted or path.parent.name in wanted:
                print(row(path, Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
