"""What rough walls scatter, by measurements of known position: errors and intervals in simulated worlds.

    python benchmarks/calibrated_walls.py --networks 12

Networks of severity 1 over one generated town, traced with scattering S = 0.3; in each walls scatter more or less [dB]
by the prior's own spread, and all other values of the law err as well.
"""

from __future__ import annotations

import argparse
import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
from calibration_trials import kept, trial

from raylocus.calibration.calibrate import calibrate
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.parameters import WALLS
from raylocus.calibration.rough_walls import roughened
from raylocus.cli.main import main as raylocus
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place

NINETY = 1.645
TOWN = "european-core"


def town(folder: Path) -> TracedPlace:
    """The traced place, made where it is not there."""
    if not (folder / TOWN / "radio.zarr").exists():
        build = ["scene", "build", f"procedural:{TOWN}", "--out", str(folder / TOWN), "--seed", "1"]
        size = ["--scene.tile_size", "256", "--scene.resolution", "8"]
        assert raylocus([*build, *size, "--scene.deployment.macro.site_distance", "150"]) == 0
        trace = ["--trace.depth", "2", "--trace.rays_per_cell", "2", "--trace.scattering", "0.3"]
        assert raylocus(["maps", "trace", str(folder / TOWN), *trace]) == 0
    return open_place(folder / TOWN)


def estimated(place: TracedPlace, seed: int, points: int) -> dict[str, np.ndarray]:
    """True gain, its estimate and deviation [dB]; the prior's where held-out blocks left walls as traced."""
    gain = WALLS * float(np.random.default_rng([8, seed]).standard_normal())
    atlas, true = roughened(place.atlas, gain), dataclasses.replace(place)
    maps = radio_maps(atlas, place.deployment)
    true.__dict__.update(geometry_maps=place.geometry_maps, atlas=atlas, radio_maps=maps)
    found = calibrate(trial(true, seed, 1.0, points, 0).tagged, place, CalibrationLaw())
    index = found.prior.layout.index("walls").start
    deviation = found.posterior.deviation[index] if "walls" in found.kept else WALLS
    return {"walls": np.array([gain, found.posterior.values[index], deviation])}


def main() -> None:
    """Prints how far estimates are off, and how often intervals hold the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("places/rough"))
    parser.add_argument("--networks", type=int, default=12)
    parser.add_argument("--points", type=int, default=100)
    given = parser.parse_args()
    place = town(given.folder)
    rows = [
        kept(given.folder / f"{number}-{given.points}.npz", partial(estimated, place, number, given.points))[
            "walls"
        ]
        for number in range(given.networks)
    ]
    true, value, deviation = np.array(rows).T
    error, fitted = np.abs(value - true), deviation < WALLS
    print(
        f"gain of walls: error median {np.median(error):.1f}, 90 % {np.quantile(error, 0.9):.1f} dB, as listed "
        f"{np.median(np.abs(true)):.1f}, {np.quantile(np.abs(true), 0.9):.1f} dB; fitted in {fitted.sum()} of "
        f"{len(fitted)}, {(error < NINETY * deviation)[fitted].mean():.0%} inside their 90 % intervals, deviation "
        f"median {np.median(deviation[fitted]):.1f} dB"
    )


if __name__ == "__main__":
    main()
