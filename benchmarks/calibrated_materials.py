"""Materials by measurements of known position: how often their 90 % intervals hold the truth of simulated worlds.

    python benchmarks/calibrated_materials.py --networks 10 --points 500

The networks, and their folder, are those of benchmarks/calibration.py, at the severities named; each is kept in a file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from calibration_trials import TOWNS, kept, towns, trial

from raylocus.calibration.labelled_calibration import CalibrationLaw, calibrate_labelled
from raylocus.calibration.materials_fit import fit_materials
from raylocus.calibration.measured import measured_at
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.world import WorldLaw

NINETY = 1.645


def estimated(place: TracedPlace, seed: int, severity: float, points: int) -> dict[str, np.ndarray]:
    """Errors and deviations of ln εr and ln σ of each material that paths touch."""
    one, law = trial(place, seed, severity, points, 0), CalibrationLaw(world=WorldLaw(severity=severity))
    found = calibrate_labelled(measured_at(one.tagged, place), place, law)
    made = fit_materials(found, place, law)
    index = [MATERIALS.index(name) for name in made.names]
    return {
        "names": np.array(made.names),
        "permittivity": made.permittivity - np.log(one.world.permittivity_factor[index]),
        "permittivity deviation": made.permittivity_deviation,
        "conductivity": made.conductivity - np.log(one.world.conductivity_factor[index]),
        "conductivity deviation": made.conductivity_deviation,
    }


def network_of(number: int, places: list[TracedPlace], given: argparse.Namespace) -> dict[str, np.ndarray]:
    """One network's estimates, made now or read from the file that an earlier run left."""
    file = given.folder / "networks" / f"materials-{number}-{given.points}-{given.severity:g}.npz"
    return kept(file, lambda: estimated(places[number % len(places)], number, given.severity, given.points))


def main() -> None:
    """Prints how often intervals hold the truth, and how wide they are against the law's spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("places/calibration"))
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--severity", type=float, default=1.0)
    given = parser.parse_args()
    places = towns(given.folder)
    found = [network_of(number, places, given) for number in range(given.networks)]
    law = WorldLaw(severity=given.severity)
    priors = law.log_deviations(1 - law.building_share)
    for name, prior in zip(("permittivity", "conductivity"), priors, strict=True):
        error, deviation = (
            np.concatenate([each[key] for each in found]) for key in (name, f"{name} deviation")
        )
        inside = np.abs(error) < NINETY * deviation
        print(
            f"ln {name}: {inside.mean():.0%} of {len(inside)} inside their 90 % intervals; error median "
            f"{np.median(np.abs(error)):.2f}, deviation median {np.median(deviation):.2f} of the law's {prior:.2f}"
        )
    names = np.unique(np.concatenate([each["names"] for each in found]))
    print(f"materials that paths touch in {len(TOWNS)} towns: {', '.join(names)}")


if __name__ == "__main__":
    main()
