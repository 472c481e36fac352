"""Builds, traces and validates every generated town and every extract of a folder, with warnings as errors.

One line a place: seconds of the build and of the trace (wall), sites, paths, the share of outdoor ground with
a path, findings of `scene validate`, and what was warned. Coarse: 512 m tiles at 8 m, two reflections. The
busiest tile of an extract is taken, with the terrain file of `_terrain/` where there is one. A process of its
own for each place, in which any Python warning is an error and whatever is written to stderr is counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from osm_extracts import densest

from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.towns.generate import STYLES

#: Options of every trace.
COARSE = ("--trace.depth", "2", "--trace.rays_per_cell", "2")
PROGRAM = """
import sys
from raylocus.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(*words: str) -> tuple[float, int, str]:
    """Seconds, exit code and stderr of one command of raylocus."""
    started = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *words], capture_output=True, text=True, check=False
    )
    return time.perf_counter() - started, answer.returncode, answer.stderr.strip()


def outcome(folder: Path) -> str:
    """Sites, paths and the share of outdoor ground that any path reaches."""
    from raylocus.propagation.atlas.atlas_store import load_atlas
    from raylocus.propagation.maps.traced_place import open_place

    place = open_place(folder)
    atlas = load_atlas(place.atlas_file)
    outdoor = place.geometry_maps["footprint"].values.ravel() == 0
    lit = np.zeros(len(outdoor), bool)
    lit[atlas.ground_cell] = True
    return f"{len(place.deployment.sites):>6}{len(atlas.length):>9}{lit[outdoor].mean():>8.1%}"


def row(name: str, source: str, options: list[str], folder: Path) -> str:
    place = folder / name
    built = run("scene", "build", source, "--out", str(place), "--scene.resolution", "8", *options)
    if built[1]:
        return f"{name:<24}not built: {built[2]}"
    traced = run("maps", "trace", str(place), *COARSE)
    if traced[1]:
        return f"{name:<24}not traced: {traced[2][-300:]}"
    checked = run("scene", "validate", str(place))
    said = [line for each in (built, traced, checked) for line in each[2].splitlines()]
    return (
        f"{name:<24}{built[0]:>7.1f} s{traced[0]:>7.1f} s{outcome(place)}"
        f"{'  sound' if checked[1] == 0 else '  WRONG'}   {len(said)} {said[0] if said else ''}"
    )


def extract(manifest: Path) -> tuple[str, list[str]]:
    """Source and options of an extract's busiest tile."""
    slug = manifest.parent.name
    path = manifest.parent / f"{slug}.osm.pbf"
    x, y = densest(read_source(str(path), SourceOptions(), 0, 512.0).vector_map)
    options = ["--tile", f"{x:g},{y:g}"]
    for terrain in manifest.parent.parent.glob(f"_terrain/{slug}*.tif"):
        options += ["--terrain", str(terrain)]
    return str(path), options


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="extracts, a folder each with a manifest.json; only towns without it",
    )
    parser.add_argument(
        "--places", nargs="*", help="names of towns and extracts; by default two towns, or all with a folder"
    )
    given = parser.parse_args()
    found = sorted(given.folder.glob("*/manifest.json")) if given.folder else []
    manifests = {path.parent.name: path for path in found}
    wanted = given.places or ([*STYLES, *manifests] if given.folder else ["perimeter-blocks", "hill-town"])
    print(f"{'place':<24}{'build':>9}{'trace':>9}{'sites':>6}{'paths':>9}{'lit':>8}  rays    warnings")
    with tempfile.TemporaryDirectory() as scratch:
        for name in [*STYLES, *manifests]:
            if name in wanted:
                source = extract(manifests[name]) if name in manifests else (f"procedural:{name}", [])
                print(row(name, *source, Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
