"""Worlds whose truth is known, over generated towns, and what was measured in them: what calibration is tried on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from raylocus.calibration.labelled_fit import Posterior
from raylocus.calibration.parameters import Layout
from raylocus.cli.main import main as raylocus
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.scenes.world import World, WorldLaw, sample_world
from raylocus.storage import written_whole

TOWNS = ("european-core", "high-rise-slabs")
ALONE = MobilityConfiguration(fewest_reports=1, most_reports=1)


@dataclasses.dataclass(frozen=True)
class Trial:
    """One world of a place, what was measured in it, and what phones report that are to be located."""

    place: TracedPlace
    world: World
    tagged: Reports
    blind: Reports
    asked: Reports


def towns(folder: Path) -> list[TracedPlace]:
    """The traced places, made where they are not there."""
    for seed, town in enumerate(TOWNS, 1):
        if not (folder / town / "radio.zarr").exists():
            build = ["scene", "build", f"procedural:{town}", "--out", str(folder / town), "--seed", str(seed)]
            size = ["--scene.tile_size", "384", "--scene.resolution", "6"]
            assert raylocus([*build, *size, "--scene.deployment.macro.site_distance", "190"]) == 0
            trace = ["maps", "trace", str(folder / town), "--trace.depth", "2", "--trace.rays_per_cell", "2"]
            assert raylocus(trace) == 0
    return [open_place(folder / town) for town in TOWNS]


def trial(place: TracedPlace, seed: int, severity: float, points: int, reports: int) -> Trial:
    """Draws a world and observes it."""
    generator = np.random.default_rng([7, seed])
    world = sample_world(place.deployment, WorldLaw(severity=severity), generator)
    maps = world_radio_maps(place, world)
    counts = (points, reports, 300)
    walked = sample_trajectories(place.geometry_maps, sum(counts) * 2, ALONE, generator)
    network = NetworkConfiguration().at_severity(severity)
    seen = observe(WorldChannel(place, maps, world), walked, network, seed)
    ends = np.cumsum(counts)
    tagged, blind, asked = (
        seen.select(np.arange(start, end)) for start, end in zip((0, *ends[:-1]), ends, strict=True)
    )
    hidden = dataclasses.replace(blind, position=np.full_like(blind.position, np.nan))
    return Trial(place, world, tagged, hidden, asked)


def kept(file: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays of a file that an earlier run left, or made now: a killed run goes on."""
    if not file.exists():
        made = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(file) as aside, aside.open("wb") as opened:
            np.savez(opened, allow_pickle=False, **made)
        print(f"{file.stem} done", flush=True)
    with np.load(file) as stored:
        return dict(stored)


def true_values(one: Trial, layout: Layout) -> np.ndarray:
    """The values that a perfect calibration would find."""
    values, world = np.zeros(layout.size), one.world
    values[layout.index("level")] = world.level_error_db
    values[layout.index("azimuth")], values[layout.index("downtilt")] = (
        world.azimuth_error,
        world.downtilt_error,
    )
    listed = np.array([cell.pattern.beamwidth_azimuth for cell in one.place.deployment.cells])
    for name in ("width_azimuth", "width_elevation"):
        values[layout.index(name)] = (world.beamwidth_factor - 1) * listed
    values[layout.index("floor")], values[layout.index("scatter")] = (
        -world.back_lobe_loss_db,
        world.scatter_gain_db,
    )
    return values


def level_deviation(posterior: Posterior, layout: Layout) -> np.ndarray:
    """Standard deviation of each cell's level, what all share included [dB]."""
    own, common = layout.index("level"), layout.index("common").start
    covariance = posterior.covariance
    return np.sqrt(np.diag(covariance)[own] + covariance[common, common] + 2 * covariance[own, common])
