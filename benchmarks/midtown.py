"""A dense square kilometre of Midtown, from the extract's file to a loadable place: CPU seconds and memory.

    python benchmarks/midtown.py [MIDTOWN.osm.pbf]

Without the extract a generated town of towers stands for it, with fewer and simpler buildings.

Imports are not counted (a first, small build makes them); the whole extract of 10 km² is read, and the
meshes and G of one square kilometre and its margin are written. One core: CPU seconds of the process.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from raylocus.scenes.build import build_place
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.configuration import SceneConfiguration


def main() -> None:
    given = sys.argv[1:2]
    source, centre = (given[0], (600.0, 0.0)) if given else ("procedural:tower-grid", (0.0, 0.0))
    with tempfile.TemporaryDirectory() as name:
        build_place("procedural:village", Path(name) / "first", SceneConfiguration(resolution=4.0))
        started, wall = time.process_time(), time.perf_counter()
        build_place(source, Path(name) / "midtown", SceneConfiguration(tile_size=1000.0, centre=centre))
        seconds, waited = time.process_time() - started, time.perf_counter() - wall
        solids = len(read_building_records(Path(name) / "midtown"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{solids} solids: {seconds:.2f} CPU s, {waited:.2f} s wall, {memory:.2f} GiB at most")


if __name__ == "__main__":
    main()
