"""Whether the radii that the service states hold as many phones as they say, in worlds of places it never saw.

    python benchmarks/service_radius.py places/campus places/waterfront places/etoile

The places are those of `raylocus dataset build pretrained` that the network which ships was not trained on. They need
no latitude and longitude, so phones are located as behind the service, each alone, but not over HTTP.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from service_load import observed

from raylocus.inference.answering import MapAnswers
from raylocus.inference.fix import Fix
from raylocus.inference.locator import Locator
from raylocus.propagation.maps.traced_place import open_place

CONFIDENCES = (0.5, 0.68, 0.9, 0.95)


def errors_and_radii(fixes: Sequence[Fix], truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Error of each fix [m], and its radii at `CONFIDENCES` [m]."""
    error = np.array([np.linalg.norm(fix.position - where) for fix, where in zip(fixes, truth, strict=True)])
    return error, np.array([[fix.radius(each) for each in CONFIDENCES] for fix in fixes])


def row(name: str, error: np.ndarray, radius: np.ndarray) -> str:
    """A line of the table; the interval is one standard deviation of the share."""
    held = (error[:, None] <= radius).mean(axis=0)
    shares = " | ".join(f"{share:.1%} ± {np.sqrt(share * (1 - share) / len(error)):.1%}" for share in held)
    return f"| {name} | {len(error)} | {np.median(error):.1f} | {np.median(radius[:, -1]):.0f} | {shares} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("places", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--phones", type=int, default=100, help="for each place and severity, in four worlds")
    parser.add_argument("--severities", type=float, nargs="*", default=[0.25, 0.5, 1.0])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    locator = Locator.load(given.model) if given.model else Locator.pretrained()
    names = " | ".join(f"held at {each:.0%}" for each in CONFIDENCES)
    print(f"| place, severity | phones | p50 / m | median radius at 95 % / m | {names} |\n{'|---' * 8}|")
    found = []
    for folder in given.places:
        place = open_place(folder)
        area = MapAnswers(place, locator)
        for severity in given.severities:
            reports = observed(place, given.phones, severity, given.seed)
            fixes = area.separate_fixes(reports)
            found.append(errors_and_radii(fixes, reports.position[reports.last_report, :2]))
            print(row(f"{place.name}, {severity:g}", *found[-1]), flush=True)
    error, radius = (np.concatenate(each) for each in zip(*found, strict=True))
    print(row("all", error, radius))


if __name__ == "__main__":
    main()
