"""Whether the radii that the service states hold as many phones as they say, in worlds of places it never saw.

    python benchmarks/service_radius.py places/campus places/waterfront places/etoile

The places are those of `raylocus dataset build pretrained` that the network which ships was not trained on. They need
no latitude and longitude, so phones are located as behind the service, each alone, but not over HTTP. The same phones
are located once more with the map of the next place, its cells taken for the right ones in their order. With
--fit DATASET it says first which masses the circles have that hold 50, 90 and 95 % of the phones of its validation
places, each located alone with its own map.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from outside_the_law import cases, renamed
from service_load import observed

from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.inference.answering import MapAnswers
from raylocus.inference.fix import Fix
from raylocus.inference.locator import Locator
from raylocus.models.regions import Regions, conformal_regions
from raylocus.propagation.maps.traced_place import open_place
from raylocus.service.regions import mass_within

CONFIDENCES = (0.5, 0.68, 0.9, 0.95)


def scores_of(fixes: Sequence[Fix], truth: np.ndarray) -> np.ndarray:
    """Of each fix its error [m], whether it is trusted, and its radii at `CONFIDENCES` [m]."""
    return np.array([
        [np.linalg.norm(fix.position - where), fix.trusted, *map(fix.radius, CONFIDENCES)]
        for fix, where in zip(fixes, truth, strict=True)
    ])  # fmt: skip


def row(name: str, scores: np.ndarray) -> str:
    """A line of the table; the interval is one standard deviation of the share."""
    error, trusted, radius = scores[:, 0], scores[:, 1] > 0, scores[:, 2:]
    held = (error[:, None] <= radius).mean(axis=0)
    shares = " | ".join(f"{share:.1%} ± {np.sqrt(share * (1 - share) / len(error)):.1%}" for share in held)
    outside = trusted & (error > radius[:, -1])
    return (
        f"| {name} | {len(error)} | {np.median(error):.1f} | {np.median(radius[:, -1]):.0f} | {shares} | "
        f"{trusted.mean():.0%} | {outside.mean():.1%} |"
    )


def circles_of(locator: Locator, dataset: ReportDataset) -> Regions:
    """What circles about estimates truly hold, of phones that are located alone in the validation places."""
    ranks = []
    for name, case in cases(dataset, "validation"):
        truth = case.reports.position[case.reports.last_report, :2]
        for number, where in enumerate(truth if name == "as in training" else ()):
            (fix,) = locator.fixes(case.reports.select(np.array([number])), case.own)
            ranks.append(mass_within(fix, fix.position, float(np.linalg.norm(fix.position - where))))
    return conformal_regions(np.array(ranks))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("places", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--phones", type=int, default=100, help="for each place and severity, in four worlds")
    parser.add_argument("--severities", type=float, nargs="*", default=[0.25, 0.5, 1.0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fit", type=Path)
    given = parser.parse_args()
    locator = Locator.load(given.model) if given.model else Locator.pretrained()
    if given.fit:
        masses = circles_of(locator, open_report_dataset(given.fit)).nominal
        print("circles that hold 50, 90 and 95 % have masses of", ", ".join(f"{each:.3f}" for each in masses))
    names = " | ".join(f"held at {each:.0%}" for each in CONFIDENCES)
    print(
        f"| place, severity | phones | p50 / m | median radius at 95 % / m | {names} | trusted | and outside of 95 % |"
    )
    print("|---" * 10 + "|")
    places = [open_place(folder) for folder in given.places]
    found: dict[str, list[np.ndarray]] = {"right map": [], "map of the next place": []}
    for place, other in zip(places, [*places[1:], *places[:1]], strict=True):
        for severity in given.severities:
            reports = observed(place, given.phones, severity, given.seed)
            truth = reports.position[reports.last_report, :2]
            misnamed = dataclasses.replace(reports, pci=renamed(reports.pci, place, other))
            for name, asked, given_map in zip(found, (reports, misnamed), (place, other), strict=True):
                fixes = MapAnswers(given_map, locator).separate_fixes(asked)
                found[name].append(scores_of(fixes, truth))
                print(row(f"{place.name}, {severity:g}, {name}", found[name][-1]), flush=True)
    for name, parts in found.items() if given.places else ():
        print(row(f"all, {name}", np.concatenate(parts)))


if __name__ == "__main__":
    main()
