"""Links a second: the path atlas against Sionna's PathSolver, same scene, site, depth and run.

A link is one (site, ground cell) whose specular paths are found. The ratio is what counts: both run on
the same machine, one after the other. Diffraction over roofs is switched off, since the PathSolver has none.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np

from raylocus.propagation.reference import reference_paths
from raylocus.propagation.trace import TraceConfiguration
from raylocus.propagation.trace_place import tracer_of
from raylocus.propagation.traced_place import open_place
from raylocus.scenes.build import SceneConfiguration, build_place

DEPTH = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--city", default="etoile")
    parser.add_argument("--resolution", type=float, default=4.0, help="side of a ground cell [m]")
    parser.add_argument("--receivers", type=int, default=40, help="points given to the PathSolver")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / given.city
        build_place(given.city, path, SceneConfiguration(resolution=given.resolution))
        compare(path, given.receivers)


def compare(folder: Path, receivers: int) -> None:
    place = open_place(folder)
    site = place.deployment.site_positions[0]
    tracer = tracer_of(place, dataclasses.replace(TraceConfiguration(), depth=DEPTH, over_rooftop=False))
    tracer.trace(0, site)  # compiles the kernels
    started = time.perf_counter()
    atlas = tracer.trace(0, site)
    ours = time.perf_counter() - started
    cells = np.unique(atlas.ground_cell)

    chosen = np.random.default_rng(1).choice(cells, min(receivers, len(cells)), replace=False)
    height = place.geometry_maps["terrain"].values.ravel()[chosen] + 1.5
    points = np.column_stack([place.tile.centres[chosen], height])
    frequency = place.deployment.carrier.frequency
    reference_paths(place.scene_file, frequency, site, points[:2], DEPTH)  # compiles the kernels
    started = time.perf_counter()
    reference_paths(place.scene_file, frequency, site, points, DEPTH)
    theirs = time.perf_counter() - started

    rates = len(cells) / ours, len(points) / theirs
    print(
        f"path atlas  {len(cells):6d} links in {ours:6.2f} s: {rates[0]:8.1f} links/s, {len(atlas.length)} paths"
    )
    print(f"PathSolver  {len(points):6d} links in {theirs:6.2f} s: {rates[1]:8.1f} links/s")
    print(f"ratio       {rates[0] / rates[1]:.0f}")


if __name__ == "__main__":
    main()
