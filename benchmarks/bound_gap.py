"""What the locator makes of each kind of measurement next to the bound.

    python benchmarks/bound_gap.py PLACE … [--model CKPT] [--severity 0.25 0.5] [--worlds 8] [--sequences 8]

In traced places, worlds and reports are drawn by the law of each severity, which the bound knows and the locator does
not, and located with all that was reported, without beams, without timing advance, and without either. The bound
answers once for the whole sequence and once for its last report alone.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from raylocus.evaluation.bound.bound import Bound, KnownLaw
from raylocus.evaluation.bound.ensemble import atlas_physics
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.evaluation import Evaluation, evaluation_of, truth_of
from raylocus.inference.locator import Locator
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import open_place
from raylocus.scenes.world import WorldLaw

#: What is taken from the reports, by its name.
WITHOUT = {
    "everything": (),
    "without beams": ("l1_rsrp",),
    "without timing advance": ("timing_advance",),
    "without either": ("l1_rsrp", "timing_advance"),
}
Found = dict[tuple[float, str, str], list[Evaluation]]


def without(reports: Reports, names: tuple[str, ...]) -> Reports:
    """The reports without some features."""
    features = reports.features.copy()
    features[:, [reports.feature_names.index(name) for name in names]] = np.nan
    return dataclasses.replace(reports, features=features)


def located(bound: Bound, reports: Reports) -> dict[str, Posterior]:
    """The bound's answers, for the sequences and for their last reports alone."""
    calibration = bound.known.calibration
    grid = bound.known.movement.grid
    found = bound.found(reports)
    masses = {
        "bound": [calibration.apply(each, grid) for each in found],
        "bound, last report": [each.of_last for each in found],
    }
    return {
        name: posterior_of(grid, np.array(mass, np.float32).reshape(-1, *grid.shape))
        for name, mass in masses.items()
    }


def laws_of(folder: Path, severities: Sequence[float]) -> list[KnownLaw]:
    """The law of worlds, ways and reports of each severity in a traced place."""
    place, mobility = open_place(folder), MobilityConfiguration()
    movement = Movement.of(place, mobility, np.random.default_rng(0))
    return [
        KnownLaw(
            place,
            WorldLaw(severity=severity),
            NetworkConfiguration().at_severity(severity),
            mobility,
            movement,
            atlas_physics,
        )
        for severity in severities
    ]


def compared(folder: Path, locator: Locator, words: argparse.Namespace, found: Found) -> None:
    """Adds what all methods find in one place."""
    for known in laws_of(folder, words.severity):
        place, severity = known.place, known.world_law.severity
        drawn = known.draw(words.worlds, words.sequences, np.random.default_rng(words.seed))
        worlds = [reports for _, reports in drawn if len(reports)]
        for given, names in WITHOUT.items():
            parts = [without(each, names) for each in worlds]
            answers = located(Bound(known), Reports.concatenate(parts))
            truth = truth_of(Reports.concatenate(worlds), place)
            for name, posterior in answers.items():
                row = found.setdefault((severity, given, name), [])
                row.append(evaluation_of(name, posterior, truth, 0.0))
            for each in parts:
                row = found.setdefault((severity, given, "locator"), [])
                row.append(
                    evaluation_of("locator", locator.posterior(each, place), truth_of(each, place), 0.0)
                )


def words_of(document: str, severity: list[float], worlds: int) -> argparse.Namespace:
    """The words that were given: places, model, and what is drawn in each; two of them by default as said here."""
    parser = argparse.ArgumentParser(description=document.split("\n", 1)[0])
    parser.add_argument("places", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--severity", type=float, nargs="+", default=severity)
    parser.add_argument("--worlds", type=int, default=worlds)
    parser.add_argument("--sequences", type=int, default=8, help="of each world")
    parser.add_argument("--seed", type=int, default=21)
    return parser.parse_args()


def shown(parts: list[Evaluation]) -> str:
    """Errors, likelihood and what the regions hold."""
    scores = Evaluation.concatenate(parts)
    numbers = scores.summary()
    named = ", ".join(f"{key} {numbers[key]:.2f}" for key in ("p50", "p90", "nll", "coverage_90"))
    return f"{len(scores)} phones, {named}"


def main() -> None:
    """Prints a line for each severity, kind of measurement and method."""
    words = words_of(__doc__, [0.25, 0.5], 8)
    locator = Locator.load(words.model) if words.model else Locator.pretrained()
    found: Found = {}
    for folder in words.places:
        compared(folder, locator, words, found)
    for (severity, given, name), parts in found.items():
        print(f"{severity:<5g} {given:23s} {name:19s} {shown(parts)}")


if __name__ == "__main__":
    main()
