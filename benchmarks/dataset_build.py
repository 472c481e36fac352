"""How a build grows with the number of places, and how many bytes a dataset takes.

Growth: towns of the tiny recipe, more and more of them, each count in a process of its own; CPU time and peak memory
of the process go into a figure. Size: one ordinary tile (512 m, 4 m grid), bytes on disk against 4 bytes a number.

    python benchmarks/dataset_build.py --places 1 2 4 8 16 32 --figure docs/images/dataset_growth.png
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
import zarr

from raylocus.cli.console import recipe_file
from raylocus.datasets.store import open_report_dataset

RECIPE = recipe_file("dataset", "tiny")
#: A dataset of one ordinary tile, with the layers of R that training needs.
ORDINARY: dict[str, object] = {
    "places": [{"folder": "places/town", "split": "train", "source": "procedural:european-core", "seed": 1}],
    "seed": 1,
    "train": {"worlds": 4, "sequences": 60},
    "validation": {"worlds": 1, "sequences": 60},
    "scene": {"resolution": 4.0, "deployment": {"macro": {"power_dbm": 40.0}}},
    "trace": {"depth": 2, "diffraction": False, "dynamic_range_db": 30.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--skip-size", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [(count, *grown(Path(folder) / str(count), count)) for count in given.places]
        print("places  wall [s]  CPU [s]  CPU a place [s]  peak memory [MB]")
        for count, seconds, cpu, memory in rows:
            print(f"{count:6d}  {seconds:8.1f}  {cpu:7.1f}  {cpu / count:15.2f}  {memory:16.0f}")
        first, last = rows[0], rows[-1]
        if len(rows) > 1:
            added = (last[2] - first[2]) / (last[0] - first[0])
            print(f"{added:.2f} s CPU for every further place; peak memory × {last[3] / first[3]:.2f}")
        if given.figure:
            draw(rows, given.figure)
        if not given.skip_size:
            run(Path(folder) / "size", ORDINARY)
            tell_size(Path(folder) / "size" / "d.zarr")


def grown(folder: Path, count: int) -> tuple[float, float, float]:
    """Wall and CPU time [s] and peak memory [MB] of building so many towns, in one process."""
    recipe = yaml.safe_load(RECIPE.read_text())
    recipe["places"] = [recipe["places"][0] | {"folder": "places/town", "count": count}]
    return run(folder, recipe)


def run(folder: Path, recipe: dict[str, object]) -> tuple[float, float, float]:
    """Wall and CPU time [s] and peak memory [MB] of one build."""
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    words = ["dataset", "build", "recipe.yaml", "--out", "d.zarr", "--workers", "1"]
    started = time.perf_counter()
    command = [sys.executable, "-m", "raylocus", *words]
    build = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(build.pid, 0)
    if status != 0:
        raise SystemExit(f"the build of {folder} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def draw(rows: list[tuple[int, float, float, float]], path: Path) -> None:
    """CPU time and memory over the number of places."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    counts, _, seconds, memory = (np.array(column) for column in zip(*rows, strict=True))
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    slope, start = np.polyfit(counts, seconds, 1)
    left.plot(counts, start + slope * counts, color="0.7", label=f"{start:.1f} s + {slope:.2f} s a place")
    left.plot(counts, seconds, "o", color="C0")
    left.set(xlabel="places", ylabel="CPU time of the build [s]", ylim=(0, None))
    left.legend(frameon=False)
    right.plot(counts, memory, "o-", color="C1")
    right.set(xlabel="places", ylabel="peak memory [MB]", ylim=(0, 1.3 * memory.max()))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def tell_size(store: Path) -> None:
    """Prints bytes a report and a place, and what 4 bytes a number would take."""
    dataset = open_report_dataset(store)
    root = zarr.open_group(store, mode="r")
    reports = stored_bytes(store, [name for name, _ in root.arrays()])
    numbers = sum(array.size for _, array in root.arrays())
    count = len(dataset.reports.time)
    print(f"{count} reports, {reports / count:.1f} bytes each; ÷ float32 {reports / (4 * numbers):.3f}")
    for index in range(len(dataset.places)):
        place = dataset.place(index)
        size = stored_bytes(store, [str(place.folder)])
        maps = (place.geometry_maps, place.radio_maps)
        numbers = sum(layer.size for each in maps for layer in each.data_vars.values())
        print(
            f"{place.name}: {size / 1e6:.2f} MB ({len(place.deployment.cells)} cells, grid of "
            f"{place.tile.count}²); ÷ float32 {size / (4 * numbers):.3f}"
        )


def stored_bytes(store: Path, names: list[str]) -> int:
    """Bytes of all files below some arrays or groups, metadata included."""
    return sum(file.stat().st_size for name in names for file in (store / name).rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
