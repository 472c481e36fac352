"""Calibration against worlds whose truth is known: antennas, levels, errors, severity, and what locating gains.

    python benchmarks/calibration.py --folder places/calibration --worlds 10 --points 100 --reports 600

Each world is drawn at severity 1 over a generated town. Columns: see docs/calibration.md. The locator is grid Bayes,
its spreads fitted on the first worlds of every kind of map, which are left out of the table.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

from raylocus.calibration.calibrate import Calibration, calibrate
from raylocus.calibration.calibrated_place import calibrated_deployment
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.labelled_model import LabelledModel
from raylocus.calibration.measured import measured_at
from raylocus.calibration.parameters import Layout
from raylocus.calibration.severity import labelled_severity, unlabelled_severity
from raylocus.cli.main import main as raylocus
from raylocus.evaluation.baselines.grid_bayes import BEAM_SPREADS_DB, FREE_LEVEL, GridBayes
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.scenes.world import World, WorldLaw, sample_world

TOWNS = ("european-core", "high-rise-slabs")
ALONE = MobilityConfiguration(fewest_reports=1, most_reports=1)
#: Worlds of each town that the locator's spreads are fitted on.
FITTED = 1


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


def calibrated_maps(place: TracedPlace, found: Calibration) -> NominalMaps:
    """What a locator knows of a calibrated place, scattering included."""
    cells = tuple(range(len(place.deployment.cells)))
    deployment = calibrated_deployment(place.deployment, [(found, cells)])
    scatter = float(found.posterior.values[found.prior.layout.index("scatter")][0])
    maps = radio_maps(place.atlas, deployment)
    return NominalMaps(place.tile, deployment, place.geometry_maps, maps, place.atlas.ue_height, scatter)


def spread_of(one: Trial, values: np.ndarray) -> float:
    """Robust deviation of the asked reports' levels about a map, at their true positions [dB]."""
    measured = measured_at(one.asked, one.place)
    model = LabelledModel(measured, one.place)
    error = measured.heard.level - model.modelled(values).best[model.heard_point]
    return float(1.4826 * np.median(np.abs(error - np.median(error))))


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


def errors_of(method: GridBayes, reports: Reports, maps: NominalMaps) -> np.ndarray:
    """Horizontal error of each last report [m]."""
    truth = reports.position[reports.last_report][:, :2]
    return np.linalg.norm(method.locate(reports, maps).mean - truth, axis=1)


def wrapped(angle: np.ndarray) -> np.ndarray:
    return np.rad2deg((angle + np.pi) % (2 * np.pi) - np.pi)


def row(one: Trial, law: CalibrationLaw, severity: float, kinds: tuple[str, ...]) -> dict[str, object]:
    """All that is measured in one world; its maps for the locator are under `maps`."""
    out: dict[str, object] = {"maps": {"map": nominal_maps(one.place)}}
    layout = Layout(len(one.place.deployment.cells))
    truth = true_values(one, layout)
    oracle = spread_of(one, truth)
    turned = np.abs(wrapped(one.world.azimuth_error)) > 45
    for kind in kinds:
        reports = {"tagged": one.tagged, "blind": one.blind}.get(kind) or Reports.concatenate(
            [one.tagged, one.blind]
        )
        start = time.process_time()
        found = calibrate(reports, one.place, law)
        seconds = time.process_time() - start
        values = found.posterior.values
        level = (values - truth)[layout.index("level")] + values[layout.index("common")]
        own, shared = layout.index("level").start, layout.index("common").start
        jacobian = np.zeros((layout.cells, layout.size))
        jacobian[np.arange(layout.cells), own + np.arange(layout.cells)], jacobian[:, shared] = 1, 1
        sure = np.sqrt(np.einsum("cv,vw,cw->c", jacobian, found.posterior.covariance, jacobian))
        azimuth = wrapped((values - truth)[layout.index("azimuth")])
        deviation = np.rad2deg(found.posterior.deviation[layout.index("azimuth")])
        floor = (values - truth)[layout.index("floor")]
        if kind == "blind":
            estimated = unlabelled_severity(found.unlabelled, law)
        else:
            estimated = labelled_severity(found.labelled, law)
        out[kind] = {
            "azimuth": np.abs(azimuth),
            "azimuth in 90": np.abs(azimuth) < 1.645 * np.maximum(deviation, 1e-9),
            "turned": turned,
            "level": np.abs(level),
            "level in 90": np.abs(level) < 1.645 * sure,
            "common": abs(level.mean()),
            "floor": np.abs(floor),
            "common floor": abs(floor.mean()),
            "scale": found.noise.levels.scale - 11 * severity,
            "spread": spread_of(one, values) / oracle,
            "severity": estimated.value - severity,
            "severity in 90": estimated.low <= severity <= estimated.high,
            "seconds": seconds,
        }
        out["maps"][kind] = calibrated_maps(one.place, found)  # type: ignore[index]
    return out


def main() -> None:
    """Prints one line a world, and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("places/calibration"))
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--reports", type=int, default=600)
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--kinds", nargs="+", default=["tagged", "blind", "both"])
    given = parser.parse_args()
    law, kinds, places = CalibrationLaw(), tuple(given.kinds), towns(given.folder)
    trials, rows = [], []
    for seed in range(given.worlds):
        one = trial(places[seed % len(places)], seed, given.severity, given.points, given.reports)
        trials.append(one)
        rows.append(row(one, law, given.severity, kinds))
        said = {
            kind: {
                name: round(float(np.median(value)), 2)
                for name, value in rows[-1][kind].items()
                if name not in ("turned",)
            }
            for kind in kinds
        }
        print(seed, said, flush=True)
    print_table(rows, kinds)
    print_locating(trials, rows, ("map", *kinds))


def print_table(rows: list[dict[str, object]], kinds: tuple[str, ...]) -> None:
    """Medians and shares over all worlds."""
    for kind in kinds:
        columns = {
            name: np.concatenate([np.atleast_1d(row[kind][name]) for row in rows]) for name in rows[0][kind]
        }
        turned = columns.pop("turned")
        found = columns["azimuth"][turned] < 20
        print(f"{kind}: turned antennas found {found.sum()} of {turned.sum()}")
        for name, values in columns.items():
            if name.endswith("90"):
                print(f"  {name}: {values.mean():.2f}")
                continue
            far = np.quantile(np.abs(values), 0.9)
            said = f"median {np.median(values):.2f}, 90 % {far:.2f}"
            print(f"  {name}: {said}")


def print_locating(trials: list[Trial], rows: list[dict[str, object]], kinds: tuple[str, ...]) -> None:
    """Errors of grid Bayes on the map and on calibrated maps, at the worlds that its spreads were not fitted on."""
    pairs, first = list(zip(trials, rows, strict=True)), FITTED * len(TOWNS)
    zero = None
    for kind in kinds:
        training = [(one.asked, row["maps"][kind]) for one, row in pairs[:first]]  # type: ignore[index]
        method = GridBayes.fit(kind, training, FREE_LEVEL, (None, *BEAM_SPREADS_DB))
        found = [errors_of(method, one.asked, row["maps"][kind]) for one, row in pairs[first:]]  # type: ignore[index]
        p50, p67, p90 = np.quantile(np.concatenate(found), (0.5, 0.67, 0.9))
        zero = zero or p50
        gain = f"p50 {p50:.1f} m ({p50 / zero - 1:+.0%}), p67 {p67:.1f}, p90 {p90:.1f}"
        print(f"locate on {kind}: {gain}; {method.model}")


if __name__ == "__main__":
    main()
