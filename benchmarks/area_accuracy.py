"""Phones located in an area, whose tile nobody says, next to the same phones located in their known tile.

    python benchmarks/area_accuracy.py OUT [--worlds 3] [--phones 15] [--severity 0.5] [--model CKPT]

OUT/town is a generated town of 2 × 2 tiles of 512 m (4 m, depth 4, no diffraction), with sites up to 600 m beyond.
Phones walk in each tile in worlds of its own; their reports are located by the maps of the tile and, in the whole area,
by windows. Who knows the tile knows more, so that they are located a third time by windows, asked about that tile
alone. Printed are errors, regions, what the edge of a tile does, and the processor time of one phone. Intervals are
90 %, from worlds drawn with replacement.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from raylocus.evaluation.area_scores import score_in_area
from raylocus.execution.memory import keep_freed_memory
from raylocus.execution.task import ThisProcess
from raylocus.geo import Extent, Grid
from raylocus.inference.answering import Locators, NetworkAnswers
from raylocus.inference.area_windows import WindowLocator
from raylocus.inference.locator import Locator
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_area import TracedArea, open_traced_area
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_area
from raylocus.scenes.build import build_source
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.siting.macro import MacroLayout
from raylocus.scenes.world import WorldLaw, sample_world

TRACE = TraceConfiguration(depth=4, diffraction=False, dynamic_range_db=30.0)
NETWORK = DeploymentConfiguration(macro=MacroLayout(power_dbm=40.0))
SCENE = SceneConfiguration(resolution=4.0, seed=7, deployment=NETWORK)
AREA = AreaConfiguration(reach=600.0, side=1024.0)
#: Ground along the edges of tiles that is looked at by itself [m].
EDGE = 50.0
DRAWS = 400


def silent(done: int, total: int) -> None:
    """Says nothing."""


def town(folder: Path) -> TracedArea:
    build_source("procedural:european-core", folder, (SCENE, AREA), heard_cells)
    maps = RadioMapConfiguration(layers=())
    return trace_area(folder, TRACE, maps, ThisProcess(), (silent, silent))


def windows_of(area: TracedArea, locators: Locators) -> WindowLocator:
    """What locates in the whole area."""
    answering = locators.answering(area.folder)
    assert isinstance(answering.method, WindowLocator)
    return answering.method


def reports_in(place: TracedPlace, phones: int, severity: float, seed: int) -> Reports:
    world = sample_world(place.deployment, WorldLaw(severity=severity), np.random.default_rng(seed))
    walked = sample_trajectories(
        place.geometry_maps, phones, MobilityConfiguration(), np.random.default_rng(seed + 1)
    )
    channel = WorldChannel(place, world_radio_maps(place, world), world)
    return observe(channel, walked, NetworkConfiguration().at_severity(severity), seed=seed + 2)


@dataclass(frozen=True)
class Pair:
    """The same phones, one row each, in their known tile and in the area."""

    known: np.ndarray
    held: np.ndarray
    area: np.ndarray
    area_held: np.ndarray
    in_tile: np.ndarray
    sites: np.ndarray
    edge: np.ndarray
    """Distance to the nearest edge of the tile [m]."""
    world: np.ndarray


def compared(area: TracedArea, windows: WindowLocator, known: Locator, given: argparse.Namespace) -> Pair:
    rows: list[np.ndarray] = []
    for number, world in itertools.product(range(len(area.tiles)), range(given.worlds)):
        rows.append(of_world(area, windows, known, given, (number, world)))
        print(
            f"tile {number + 1} of {len(area.tiles)}, world {world + 1}: {len(rows[-1])} phones", flush=True
        )
    return Pair(*np.concatenate(rows).T)


def of_world(
    area: TracedArea,
    windows: WindowLocator,
    known: Locator,
    given: argparse.Namespace,
    of: tuple[int, int],
) -> np.ndarray:
    """Rows of `Pair` of the phones of one world in one tile."""
    number, world = of
    tile = area.tiles[number]
    place = area.place(tile)
    extent = Extent(*Grid(place.tile.size, place.tile.resolution, tile.centre).bounds)
    reports = reports_in(place, given.phones, given.severity, 1000 * number + 10 * world)
    there = replace(reports, position=reports.position + np.array([*tile.centre, 0.0]))
    scores = score_in_area(windows, there, area.deployment)
    given_tile = replace(windows, first=replace(windows.first, mapped=extent))
    in_tile = score_in_area(given_tile, there, area.deployment)
    first = score_in_area(windows.first, there, area.deployment)
    posterior = known.posterior(reports, place)
    truth = reports.position[reports.last_report, :2]
    order = [int(np.abs(truth + tile.centre - at).sum(axis=1).argmin()) for at in scores.truth]
    error = np.linalg.norm(posterior.mean - truth, axis=1)[order]
    edge = (place.tile.size / 2 - np.abs(truth).max(axis=1))[order]
    return np.column_stack([
        error, held_by(posterior.density[order], place.tile.index(truth[order])),
        next(iter(scores.errors.values())), scores.denser, next(iter(in_tile.errors.values())),
        next(iter(first.errors.values())), edge,
        np.full(len(order), given.worlds * number + world),
    ])  # fmt: skip


def held_by(density: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Mass of what is denser than the true ground cell."""
    flat = density.reshape(len(density), -1)
    at = flat[np.arange(len(flat)), cell][:, None]
    return np.where(flat > at, flat, 0).sum(axis=1)


def over_known(pair: Pair, errors: np.ndarray, percent: float, rows: np.ndarray) -> float:
    """A percentile of errors over that of the same phones in the known tile."""
    return float(np.percentile(errors[rows], percent) / np.percentile(pair.known[rows], percent))


def interval(pair: Pair, statistic: Callable[[np.ndarray], float]) -> str:
    """A statistic of rows with its interval, worlds drawn with replacement."""
    generator = np.random.default_rng(0)
    worlds = [np.flatnonzero(pair.world == each) for each in np.unique(pair.world)]
    drawn = []
    for _ in range(DRAWS):
        kept = np.concatenate([worlds[each] for each in generator.integers(len(worlds), size=len(worlds))])
        drawn.append(statistic(kept))
    low, high = np.nanpercentile(drawn, (5, 95))
    return f"{statistic(np.arange(len(pair.world))):.2f} ({low:.2f}–{high:.2f})"


def tell(pair: Pair) -> None:
    print(f"{len(pair.known)} phones in {len(np.unique(pair.world))} worlds")
    held = {"known tile": pair.held, "area, windows": pair.area_held}
    every = {
        "known tile": pair.known,
        "area, windows": pair.area,
        "area, tile given": pair.in_tile,
        "area, sites alone": pair.sites,
    }
    groups = {
        "all": np.ones(len(pair.known), bool),
        f"within {EDGE:g} m of an edge": pair.edge < EDGE,
        "farther inside": pair.edge >= EDGE,
    }
    for group, kept in groups.items():
        for name, errors in every.items():
            p50, p90 = np.percentile(errors[kept], (50, 90))
            inside = f", 90 % region holds {(held[name][kept] < 0.9).mean():.0%}" if name in held else ""
            print(f"{group} ({kept.sum()}), {name}: p50 {p50:.1f} m, p90 {p90:.1f} m{inside}")
    for percent, name in itertools.product((50, 90), ("area, windows", "area, tile given")):
        ratio = interval(pair, partial(over_known, pair, every[name], percent))
        print(f"p{percent}, {name}, over p{percent} in the known tile: {ratio}")


def cost(area: TracedArea, locators: Locators, given: argparse.Namespace) -> None:
    """Processor time of one phone [ms], by what is open already."""
    place = area.place(area.tiles[0])
    reports = reports_in(place, 32, given.severity, 77)
    first = windows_of(area, locators)
    ones = [reports.select(np.array([number])) for number in range(8)]

    def spent(work: Callable[[], object], count: int) -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) * 1000 / count

    def alone(method: WindowLocator) -> None:
        for one in ones:
            list(method.located(one, area.deployment))

    cold = spent(lambda: alone(first), len(ones))
    warm = spent(lambda: alone(first), len(ones))
    together = spent(lambda: list(first.located(reports, area.deployment)), len(reports))
    again = spent(lambda: list(first.located(reports, area.deployment)), len(reports))
    sites = spent(lambda: [list(first.first.located(one, area.deployment)) for one in ones], len(ones))
    fixes = spent(lambda: NetworkAnswers(area, first).answers(reports), len(reports))
    print(
        f"processor time of a phone / ms: its windows opened and encoded {cold:.0f}, alone {warm:.0f}, in a batch of "
        f"{len(reports)} with windows to open {together:.0f}, in a batch {again:.0f}, with fixes made {fixes:.0f}; "
        f"by sites alone {sites:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--phones", type=int, default=15)
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    keep_freed_memory()
    began = time.process_time()
    folder = given.out / "town"
    town(folder)
    area = open_traced_area(folder)
    print(
        f"{len(area.tiles)} tiles, {len(area.deployment.sites)} sites, {len(area.deployment.cells)} cells; built and "
        f"traced in {time.process_time() - began:.0f} s of processor time",
        flush=True,
    )
    locators = Locators.of(given.model)
    windows = windows_of(area, locators)
    tell(compared(area, windows, Locator(locators.maps), given))
    cost(area, locators, given)


if __name__ == "__main__":
    main()
