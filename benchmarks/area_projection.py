"""What tracing a whole built area would cost, from some of its windows that are traced whole.

    raylocus scene build procedural:european-core --out areas/city --area.side 5120 --area.reach 0 ...
    python benchmarks/area_projection.py areas/city [--minutes 15] [--picture cost.png]

Windows are taken spread over the area until the minutes of processor time are spent, and stay traced: `raylocus maps
trace` goes on from them. Each (mast, window) unit is timed by itself, then R of the window. The cost of a window left
out of the means is compared with what they say of it; the total is a projection by the same means.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.traced_area import TracedArea, open_traced_area
from raylocus.propagation.search.far_sites import TRACED, treatments_of
from raylocus.propagation.tracing.site_parts import SiteParts
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import atlas_provenance, trace_place

TRACE = TraceConfiguration(depth=4, diffraction=False, dynamic_range_db=30.0)
MAPS = RadioMapConfiguration(layers=())


@dataclass(frozen=True)
class Window:
    """Units of a window, and the processor seconds that they took."""

    near: int
    far: int
    cells: int
    near_cpu: float
    far_cpu: float
    maps_cpu: float

    @property
    def cpu(self) -> float:
        """All of them together."""
        return self.near_cpu + self.far_cpu + self.maps_cpu


def traced_window(area: TracedArea, number: int) -> Window:
    place = area.place(area.tiles[number])
    kinds = treatments_of(place)
    parts = SiteParts(place, TRACE, atlas_provenance(place, TRACE))
    spent = {True: 0.0, False: 0.0}
    # Near masts first: the scene is read and set up with the first of them.
    for site in sorted(range(parts.count), key=lambda each: kinds[each] != TRACED):
        began = time.process_time()
        parts.make(site)
        spent[kinds[site] == TRACED] += time.process_time() - began
    began = time.process_time()
    trace_place(place.folder, TRACE, maps=MAPS)
    near = kinds.count(TRACED)
    return Window(
        near, len(kinds) - near, len(place.deployment.cells), spent[True], spent[False],
        time.process_time() - began,
    )  # fmt: skip


def spread(area: TracedArea) -> Iterator[int]:
    """Windows that have no R yet, each far from those before."""
    centre = np.array([tile.centre for tile in area.tiles])
    left = [n for n, tile in enumerate(area.tiles) if not (area.folder / tile.folder / "radio.zarr").exists()]
    away = np.linalg.norm(centre - np.array(area.extent.centre), axis=1)
    while left:
        chosen = max(left, key=lambda each: away[each])
        left.remove(chosen)
        away = np.minimum(away, np.linalg.norm(centre - centre[chosen], axis=1))
        yield chosen


def means(windows: list[Window]) -> np.ndarray:
    """Seconds of a near unit, of a far one, and of a cell's maps in a window."""
    near, far, cells = (sum(getattr(each, name) for each in windows) for name in ("near", "far", "cells"))
    cpu = [sum(getattr(each, name) for each in windows) for name in ("near_cpu", "far_cpu", "maps_cpu")]
    return np.array(cpu) / np.maximum([near, far, cells], 1)


def units(area: TracedArea) -> np.ndarray:
    """Near units, far units and cells of every window."""
    rows = []
    for tile in area.tiles:
        kinds = treatments_of(area.place(tile))
        rows.append((kinds.count(TRACED), len(kinds) - kinds.count(TRACED), len(tile.cells)))
    return np.array(rows)


def draw(windows: list[Window], path: Path) -> None:
    from raylocus.viz.style import new_axes

    figure, axes = new_axes(5.0, 3.6)
    pairs = np.array([each.near + each.far for each in windows])
    near = np.array([each.near for each in windows])
    shown = axes.scatter(pairs, [each.cpu for each in windows], c=near)
    figure.colorbar(shown, label="of them with all geometry")
    axes.set(
        xlabel="(mast, window) pairs of a window",
        ylabel="CPU time / s",
        title="tracing the windows of an area",
    )
    axes.set_ylim(bottom=0)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("area", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    area = open_traced_area(given.area)
    windows: list[Window] = []
    began = time.process_time()
    print("| pairs, near | cells | near CPU s | far CPU s | maps CPU s |", flush=True)
    for number in spread(area):
        windows.append(one := traced_window(area, number))
        print(
            f"| {one.near + one.far}, {one.near} | {one.cells} | {one.near_cpu:.1f} | {one.far_cpu:.1f} | "
            f"{one.maps_cpu:.1f} |",
            flush=True,
        )
        if time.process_time() - began > 60 * given.minutes:
            break
    unit = means(windows)
    print(
        f"a near unit {unit[0]:.2f} s, a far one {unit[1]:.2f} s, the maps of a cell in a window {unit[2]:.3f} s"
    )
    others = [[each for each in windows if each is not one] for one in windows]
    if len(windows) > 2:
        said = [
            float(means(rest) @ (one.near, one.far, one.cells))
            for rest, one in zip(others, windows, strict=True)
        ]
        off = np.array([one.cpu for one in windows]) / said
        print(f"windows over what the others' means say of them: {off.min():.2f} to {off.max():.2f}")
    all_units = units(area)
    total = float(all_units.sum(axis=0) @ unit) / 60
    print(
        f"{len(area.tiles)} windows, {all_units[:, :2].sum()} pairs of which {all_units[:, 0].sum()} near, "
        f"{all_units[:, 2].sum()} cells in windows: projected {total:.0f} minutes of processor time"
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    if given.picture is not None:
        draw(windows, given.picture)


if __name__ == "__main__":
    main()
