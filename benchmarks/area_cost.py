"""What an area costs: time and memory of building and tracing it, for several sizes.

    python benchmarks/area_cost.py OUT [--sides 512,768,1024] [--masts 700] [--picture cost.png]

Each size is a generated town of that side, in tiles of 256 m at 4 m, with macro sites some `--masts` metres apart
that reach 1.5 km beyond it; traced at depth 1 without diffraction in one worker. Build and trace run in processes of
their own, whose peak memory is printed. CPU seconds are quoted, which a busy machine changes less than the clock's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from raylocus.execution.task import ThisProcess
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_area import open_traced_area
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_area
from raylocus.scenes.build import build_source
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.siting.macro import MacroLayout

TRACE = TraceConfiguration(depth=1, diffraction=False, memory_budget=1.0)


def build(folder: Path, side: float, distance: float) -> None:
    network = DeploymentConfiguration(macro=MacroLayout(site_distance=distance))
    scene = SceneConfiguration(tile_size=256.0, resolution=4.0, seed=1, deployment=network)
    area = AreaConfiguration(reach=1500.0, side=side)
    build_source("procedural:european-core", folder, (scene, area), heard_cells)


def trace(folder: Path) -> None:
    def silent(done: int, total: int) -> None:
        pass

    trace_area(folder, TRACE, RadioMapConfiguration(layers=()), ThisProcess(), (silent, silent))


def measured(work: Callable[..., None], *given: object) -> dict[str, float]:
    """CPU and clock seconds and peak memory [MiB] of a call in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(send, work, given))
    process.start()
    found: dict[str, float] = receive.recv()
    process.join()
    return found


def _measure(send: Connection, work: Callable[..., None], given: tuple[object, ...]) -> None:
    began = time.monotonic()
    work(*given)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    send.send(
        {
            "cpu": usage.ru_utime + usage.ru_stime,
            "clock": time.monotonic() - began,
            "peak": usage.ru_maxrss / 1024,
        }
    )


def pairs_of(folder: Path) -> tuple[int, int, int]:
    """Windows, (mast, window) pairs, and those traced with all geometry."""
    area = open_traced_area(folder)
    kinds = [area.place(tile).radio_maps.attrs["site_treatment"] for tile in area.tiles]
    return len(kinds), sum(map(len, kinds)), sum(each.count("traced") for each in kinds)


def draw(rows: list[dict[str, float]], path: Path) -> None:
    from raylocus.viz.style import PALETTE, new_axes

    figure, axes = new_axes(5.0, 3.6)
    pairs, traced, built = (
        np.array([row[name] for row in rows]) for name in ("pairs", "trace_cpu", "build_cpu")
    )
    most = np.array([0.0, pairs[-1]])
    axes.plot(most, traced[-1] / pairs[-1] * most, "--", color=PALETTE[-1], label="linear, through the last")
    axes.plot(pairs, traced, "o-", color=PALETTE[0], label="trace")
    axes.plot(pairs, built, "s-", color=PALETTE[1], label="build")
    axes.set(xlabel="(mast, window) pairs", ylabel="processor time / s", xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--sides", default="512,768,1024")
    parser.add_argument("--masts", type=float, default=700.0)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    rows = []
    print(
        "| tiles | masts × windows, near | build CPU s, MiB | trace CPU s, MiB | CPU s a pair |", flush=True
    )
    for side in map(float, given.sides.split(",")):
        folder = given.out / f"side-{side:.0f}"
        built = measured(build, folder, side, given.masts)
        traced = measured(trace, folder)
        tiles, pairs, near = pairs_of(folder)
        rows.append({"pairs": pairs, "trace_cpu": traced["cpu"], "build_cpu": built["cpu"]})
        print(
            f"| {tiles} | {pairs}, {near} | {built['cpu']:.0f}, {built['peak']:.0f} | {traced['cpu']:.0f}, "
            f"{traced['peak']:.0f} | {traced['cpu'] / pairs:.2f} |",
            flush=True,
        )
        if given.picture is not None:
            draw(rows, given.picture)


if __name__ == "__main__":
    main()
