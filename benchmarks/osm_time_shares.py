"""Where the CPU time goes from an OpenStreetMap extract to a loadable scene and G: shares of the steps.

    python benchmarks/osm_time_shares.py [EXTRACT.osm.pbf …]

Without an extract two generated towns are written as such.
Whole extracts at 2 m, as in `osm_against_osmnx.py`: CPU time, imports not counted, the quickest of five builds after
a first one. A step's time is that of the thread which does it: `all else` holds osmium's own threads too.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from extracts import extracts
from osm_against_osmnx import by_raylocus, tile_size

REPEATS = 5
#: Steps by the function that does each and the module of `raylocus.scenes` that calls it.
STEPS = {
    "osmium: file to shapes": ("map_sources.read_source", "_read_osm"),
    "buildings: heights, parts, overlaps": ("map_sources.assemble", "buildings_of"),
    "rest of the map": ("map_sources.read_source", "assemble_map"),
    "footprints to triangles": ("map_geometry", "scene_mesh"),
    "roads, water, trees": ("map_geometry", "ground_layers"),
    "distance to the nearest road": ("map_geometry", "road_distance"),
    "rest of the rasters": ("map_geometry", "_maps_of_mesh"),
    "sites and PCI plan": ("write_place", "_network"),
    "PLY and scene.xml": ("write_place", "write_mitsuba_scene"),
    "building records": ("write_place", "write_building_records"),
    "zarr": ("write_place", "save_dataset"),
}
#: The step whose time holds another's.
WITHIN = {"rest of the map": "buildings: heights, parts, overlaps"}
WHOLE = "CPU time"


def clocked(
    step: str, work: Callable[..., Any], spent: defaultdict[str, float], clock: Callable[[], float]
) -> Callable[..., Any]:
    """The work, which adds the CPU seconds that its thread takes to those spent on a step."""

    def timed(*arguments: Any) -> Any:
        started = clock()
        found = work(*arguments)
        spent[step] += clock() - started
        return found

    return timed


def watched() -> defaultdict[str, float]:
    """CPU seconds by step, of whatever is built from now on."""
    spent: defaultdict[str, float] = defaultdict(float)
    for step, (module_name, name) in STEPS.items():
        module = importlib.import_module(f"raylocus.scenes.{module_name}")
        setattr(module, name, clocked(step, getattr(module, name), spent, time.thread_time))
    return spent


def seconds(path: Path, spent: defaultdict[str, float]) -> dict[str, float]:
    """CPU seconds of the quickest build: of each step, and of all."""
    size, work = tile_size(path), clocked(WHOLE, by_raylocus, spent, time.process_time)
    runs = []
    for _ in range(REPEATS + 1):
        spent.clear()
        with tempfile.TemporaryDirectory() as folder:
            work(path, Path(folder), size)
        runs.append(dict(spent))
    best = min(runs[1:], key=lambda run: run[WHOLE])
    own = {step: best[step] - best.get(WITHIN.get(step, ""), 0.0) for step in STEPS}
    return {**own, "all else": best[WHOLE] - sum(own.values()), WHOLE: best[WHOLE]}


def main() -> None:
    spent = watched()
    with extracts([Path(word) for word in sys.argv[1:]]) as paths:
        columns = [seconds(path, spent) for path in paths]
    print(f"{'':<37}" + "".join(f"{path.name.split('.')[0][:14]:>16}" for path in paths))
    for step in columns[0]:
        shares = (f"{100 * each[step] / each[WHOLE]:.0f} %" for each in columns)
        values = (f"{each[WHOLE]:.2f} s" for each in columns)
        print(f"{step:<37}" + "".join(f"{value:>16}" for value in (values if step == WHOLE else shares)))


if __name__ == "__main__":
    main()
