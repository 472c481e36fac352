"""Calibration against worlds whose truth is known: antennas, levels, errors, severity, and what locating gains.

    python benchmarks/calibration.py --networks 20

Each is drawn at severity 1 over a generated town; each one is kept in a file, from which a killed run goes on. Rows:
see docs/calibration.md. The locator is grid Bayes, its spreads fitted on the first network of every town.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
from calibration_bounds import bounds
from calibration_trials import TOWNS, Trial, kept, level_deviation, towns, trial, true_values

from raylocus.calibration.calibrate import Calibration, calibrate
from raylocus.calibration.calibrated_place import calibrated_atlas, calibrated_cell
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.labelled_model import LabelledModel
from raylocus.calibration.measured import measured_at
from raylocus.calibration.parameters import Layout
from raylocus.calibration.severity import (
    labelled_severity,
    unlabelled_severity,
)
from raylocus.evaluation.baselines.grid_bayes import BEAM_SPREADS_DB, FREE_LEVEL, GridBayes
from raylocus.evaluation.evaluation import coverage, region_ranks
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace

#: By kind of reports and name.
Network = dict[str, dict[str, np.ndarray]]
#: Networks of each town that the locator's spreads are fitted on.
FITTED = 1
#: Maps that nobody has: of the true antennas but for their azimuths, and of the true ones.
KNOWN = ("truth but azimuths", "truth")


def calibrated_maps(place: TracedPlace, values: np.ndarray) -> NominalMaps:
    """What a locator knows of a calibrated place, scattering included."""
    layout = Layout(len(place.deployment.cells))
    cells = [
        calibrated_cell(cell, layout, values, index) for index, cell in enumerate(place.deployment.cells)
    ]
    deployment = dataclasses.replace(place.deployment, cells=tuple(cells))
    maps, scatter = (
        radio_maps(calibrated_atlas(place, layout, values), deployment),
        float(values[layout.index("scatter")][0]),
    )
    return NominalMaps(place.tile, deployment, place.geometry_maps, maps, place.atlas.ue_height, scatter)


def spread_of(one: Trial, values: np.ndarray) -> float:
    """Robust deviation of the asked reports' levels about a map, at their true positions [dB]."""
    measured = measured_at(one.asked, one.place)
    model = LabelledModel(measured, one.place)
    error = measured.heard.level - model.modelled(values).best[model.heard_point]
    return float(1.4826 * np.median(np.abs(error - np.median(error))))


def located(method: GridBayes, one: Trial, maps: NominalMaps) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal error of each last report [m], and shares of masses beyond the truth's (`region_ranks`)."""
    truth = one.asked.position[one.asked.last_report][:, :2]
    posterior = method.locate(one.asked, maps)
    return np.linalg.norm(posterior.mean - truth, axis=1), np.stack(region_ranks(posterior, truth), axis=1)


def wrapped(angle: np.ndarray) -> np.ndarray:
    return np.rad2deg((angle + np.pi) % (2 * np.pi) - np.pi)


def measured_network(one: Trial, law: CalibrationLaw, severity: float, kinds: tuple[str, ...]) -> Network:
    """All that is measured in one network, by the kind of its reports."""
    out: Network = {}
    for kind in kinds:
        reports = {"tagged": one.tagged, "blind": one.blind}.get(kind) or Reports.concatenate(
            [one.tagged, one.blind]
        )
        start = time.process_time()
        found = calibrate(reports, one.place, law)
        seconds = time.process_time() - start
        if found.labelled is not None:
            estimated = labelled_severity(found.labelled, law)
        else:
            assert found.unlabelled is not None
            estimated = unlabelled_severity(found.unlabelled, law)
        out[kind] = {
            **errors_of_values(one, found),
            **bounds(one, found, law, severity),
            "values": found.posterior.values,
            "scale": np.array(found.noise.levels.scale - law.world.residual_db * severity),
            **deviation_of_scale(found),
            "severity": np.array(estimated.value - severity),
            "severity in 90": np.array(estimated.low <= severity <= estimated.high),
            "seconds": np.array(seconds),
        }
    return out


def deviation_of_scale(found: Calibration) -> dict[str, np.ndarray]:
    """What the fit by reports of unknown position says itself of how well it knows the scale [dB]."""
    if found.unlabelled is None:
        return {}
    return {"scale, its own deviation": np.array(found.unlabelled.deviation[-2] * found.unlabelled.law.scale)}


def errors_of_values(one: Trial, found: Calibration) -> dict[str, np.ndarray]:
    """How far estimates are from the truth, and whether it lies inside their 90 % intervals."""
    layout, values = found.prior.layout, found.posterior.values
    truth = true_values(one, layout)
    level = (values - truth)[layout.index("level")] + values[layout.index("common")]
    sure = level_deviation(found.posterior, layout)
    azimuth = np.abs(wrapped((values - truth)[layout.index("azimuth")]))
    deviation = np.rad2deg(found.posterior.deviation[layout.index("azimuth")])
    floor = (values - truth)[layout.index("floor")]
    return {
        "azimuth": azimuth,
        "azimuth in 90": azimuth < 1.645 * np.maximum(deviation, 1e-9),
        "turned": np.abs(wrapped(one.world.azimuth_error)) > 45,
        "level": np.abs(level),
        "level in 90": np.abs(level) < 1.645 * sure,
        "common": np.array(abs(level.mean())),
        "floor": np.abs(floor),
        "common floor": np.array(abs(floor.mean())),
        "spread": np.array(spread_of(one, values) / spread_of(one, truth)),
    }


def network_of(number: int, given: argparse.Namespace) -> tuple[Trial, Network]:
    """One network, measured now or read from the file that an earlier run left."""
    places = towns(given.folder)
    one = trial(places[number % len(places)], number, given.severity, given.points, given.reports)
    named = f"{number}-{given.points}-{given.reports}-{given.severity:g}-{'-'.join(given.kinds)}.npz"

    def flat() -> dict[str, np.ndarray]:
        made = measured_network(one, CalibrationLaw(), given.severity, tuple(given.kinds))
        return {f"{kind}/{name}": value for kind, part in made.items() for name, value in part.items()}

    stored = kept(given.folder / "networks" / named, flat)
    return one, {
        kind: {
            name.removeprefix(f"{kind}/"): value
            for name, value in stored.items()
            if name.startswith(f"{kind}/")
        }
        for kind in given.kinds
    }


def main() -> None:
    """Measures the networks that are not there yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("places/calibration"))
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument(
        "--first", type=int, default=0, help="from 100 on: networks that settings are chosen on"
    )
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--reports", type=int, default=1000)
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--kinds", nargs="+", default=["tagged", "blind"])
    given = parser.parse_args()
    found = [network_of(number, given) for number in range(given.first, given.first + given.networks)]
    print_table([network for _, network in found], tuple(given.kinds))
    if len(found) > FITTED * len(TOWNS):
        print_locating(found, ("map", *given.kinds, *KNOWN))


def print_table(networks: list[Network], kinds: tuple[str, ...]) -> None:
    """Medians and shares over all networks."""
    for kind in kinds:
        names = [name for name in networks[0][kind] if name != "values"]
        columns = {
            name: np.concatenate([np.atleast_1d(each[kind][name]) for each in networks]) for name in names
        }
        turned = columns.pop("turned")
        found = columns["azimuth"][turned] < 20
        print(f"{kind}: turned antennas found {found.sum()} of {turned.sum()}")
        for name, values in columns.items():
            if name.endswith("90"):
                print(f"  {name}: {values.mean():.2f}")
                continue
            far = np.quantile(np.abs(values), 0.9)
            print(f"  {name}: median {np.median(values):.2f}, 90 % {far:.2f}")


def maps_of(one: Trial, network: Network, kind: str) -> NominalMaps:
    """The listed map, the calibrated one, or that of the true antennas, with or without their azimuths."""
    if kind == "map":
        return nominal_maps(one.place)
    if kind not in KNOWN:
        return calibrated_maps(one.place, network[kind]["values"])
    layout = Layout(len(one.place.deployment.cells))
    values = true_values(one, layout)
    if kind == KNOWN[0]:
        values[layout.index("azimuth")] = 0
    return calibrated_maps(one.place, values)


def print_locating(found: list[tuple[Trial, Network]], kinds: tuple[str, ...]) -> None:
    """Errors of grid Bayes on the map and on calibrated maps, at the networks that its spreads were not fitted on."""
    first, zero = FITTED * len(TOWNS), None
    for kind in kinds:
        training = [(one.asked, maps_of(one, network, kind)) for one, network in found[:first]]
        method = GridBayes.fit(kind, training, FREE_LEVEL, (None, *BEAM_SPREADS_DB))
        scored = [located(method, one, maps_of(one, network, kind)) for one, network in found[first:]]
        errors, ranks = (np.concatenate(each) for each in zip(*scored, strict=True))
        p50, p67, p90 = np.quantile(errors, (0.5, 0.67, 0.9))
        zero = zero or p50
        gain = f"p50 {p50:.1f} m ({p50 / zero - 1:+.0%}), p67 {p67:.1f}, p90 {p90:.1f}"
        print(
            f"locate on {kind}: {gain}; 90 % region holds {coverage(ranks[:, 0], ranks[:, 1], 0.9):.0%}; {method.model}"
        )


if __name__ == "__main__":
    main()
