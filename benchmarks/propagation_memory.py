"""Peak memory of tracing a large place, all layers of R included, at several numbers of sites.

Every number of sites is traced in a process of its own; the peak is the kernel's (ru_maxrss). Printed next to
it is what merely loading the libraries takes.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from raylocus.propagation.maps.traced_place import open_place
from raylocus.scenes.build import SceneConfiguration, build_place
from raylocus.scenes.place import save_place
from raylocus.scenes.sites import Cell, Site

SECTORS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", default="munich", help="as `raylocus scene build` takes it")
    parser.add_argument("--size", type=float, default=512.0, help="side of the tile [m]")
    parser.add_argument("--resolution", type=float, default=4.0, help="side of a ground cell [m]")
    parser.add_argument("--sites", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--budget", type=float, default=2.0, help="memory_budget [GiB]")
    parser.add_argument("--place", type=Path, help="trace this place and say the peak (used by the others)")
    given = parser.parse_args()
    if given.place:
        print(trace(given.place, given.budget))
        return
    print(f"{'sites':>5s} {'paths':>10s} {'peak GiB':>9s} {'seconds':>8s}")
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "place"
        build_place(
            given.source, whole, SceneConfiguration(tile_size=given.size, resolution=given.resolution)
        )
        for count in given.sites:
            place = with_sites(whole, Path(folder) / str(count), count)
            command = [sys.executable, __file__, "--place", str(place), "--budget", str(given.budget)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(f"{count:5d} {answer.strip()}", flush=True)


def trace(folder: Path, budget: float) -> str:
    from raylocus.propagation.atlas.atlas_store import StoredAtlas
    from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
    from raylocus.propagation.tracing.trace_folders import trace_place

    started = time.perf_counter()
    place = trace_place(folder, TraceConfiguration(memory_budget=budget))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    atlas = StoredAtlas.open(place.atlas_file)
    paths = sum(len(atlas.ground_cells(site)) for site in range(atlas.sites))
    return f"{paths:10d} {peak:9.2f} {time.perf_counter() - started:8.0f}"


def with_sites(whole: Path, folder: Path, count: int) -> Path:
    """The place with so many sites, spread over it on roofs, of three sectors each."""
    shutil.copytree(whole, folder)
    place = open_place(folder)
    surface, grid = place.geometry_maps["surface"].values, place.tile
    side = int(np.ceil(np.sqrt(count)))
    sites = []
    cells: list[Cell] = []
    for number in range(count):
        row, column = ((np.array(divmod(number, side)) + 0.5) / side * grid.count).astype(int)
        block = surface[max(row - 20, 0) : row + 20, max(column - 20, 0) : column + 20]
        y, x = np.unravel_index(int(block.argmax()), block.shape)
        position = (
            float(grid.x_coordinates[max(column - 20, 0) + x]),
            float(grid.y_coordinates[max(row - 20, 0) + y]),
            float(block.max()) + 4.0,
        )
        sites.append(Site(f"site-{number}", position))
        cells += [Cell(SECTORS * number + sector, number, 2.1 * sector, 0.1) for sector in range(SECTORS)]
    deployment = dataclasses.replace(place.deployment, sites=tuple(sites), cells=tuple(cells))
    save_place(dataclasses.replace(place, deployment=deployment))
    return folder


if __name__ == "__main__":
    main()
