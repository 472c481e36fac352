"""How far the truth's radio maps lie from the map's: what geometry, materials and antennas alone explain.

    python benchmarks/truth_residuals.py [STYLE …] [--severities 0 0.5 1 2]

For each generated town and severity s a place is perturbed (map error of severity s: buildings, ground, clutter,
site positions) and traced, and one radio world of severity s is drawn over it (antennas, levels, materials), without
its residual and its scattering. Printed: links (cell, ground) that the map calls dark and the truth does not, of
those that the truth has; median level difference; and the robust spread (1.48 × the median deviation) and
kurtosis of the difference after each cell's mean is removed, over links that both have. Outdoors, 8 m cells,
two reflections. The field's figures are 12–27 % dark, tens of dB off, 11–13 dB robust spread; the residual
and the scattering of `scenes.world` come on top of these.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.stats import kurtosis

from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place
from raylocus.scenes.world import WorldLaw, sample_world

COARSE = TraceConfiguration(depth=2, rays_per_cell=2.0)
#: Links below this level are dark [dBm per resource element].
SENSITIVITY = -130.0
#: Scattering so weak that it adds nothing [dB].
NO_SCATTERING = (-300.0, -300.0)


def levels(maps: xr.Dataset) -> np.ndarray:
    """RSRP of each cell over the ground [dBm]; NaN where dark."""
    rsrp = maps["rsrp"].values.astype(float)
    return np.where(rsrp > SENSITIVITY, rsrp, np.nan)


def true_maps(place: TracedPlace, severity: float) -> xr.Dataset:
    """R of one radio world over what truly stands there."""
    law = WorldLaw(severity=severity, residual_db=0.0, scatter_gain_db=NO_SCATTERING)
    return world_radio_maps(place, sample_world(place.deployment, law, np.random.default_rng(1)))


def row(style: str, severity: float, nominal: TracedPlace, truth: TracedPlace) -> str:
    outdoor = [each.geometry_maps["footprint"].values == 0 for each in (nominal, truth)]
    maps = nominal.radio_maps, true_maps(truth, severity)
    mapped, true = (levels(each)[:, outdoor[0] & outdoor[1]] for each in maps)
    dark = np.isnan(mapped) & np.isfinite(true)
    difference = true - mapped
    centred = difference - np.nanmean(difference, axis=1, keepdims=True)
    residual = centred[np.isfinite(centred)]
    robust = 1.4826 * np.median(np.abs(residual - np.median(residual)))
    tails = f"{kurtosis(residual):>9.1f}" if robust > 0.5 else f"{'-':>9}"
    return (
        f"{style:<20}{severity:>6}{dark.sum() / np.isfinite(true).sum():>8.1%}{np.nanmedian(difference):>9.1f}"
        f"{robust:>9.1f}{residual.std():>9.1f}{tails}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("styles", nargs="*", default=["perimeter-blocks"])
    parser.add_argument("--severities", type=float, nargs="+", default=[0.0, 1.0])
    given = parser.parse_args()
    print(f"{'town':<20}{'s':>6}{'dark':>8}{'median':>9}{'robust':>9}{'std':>9}{'kurtosis':>9}   dB")
    for style in given.styles:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            place = build_place(f"procedural:{style}", folder / "map", SceneConfiguration(resolution=8.0))
            nominal = trace_place(folder / "map", COARSE)
            for severity in given.severities:
                perturb_place(place, folder / "true", MapErrorLaw(severity=severity), 1)
                truth = trace_place(folder / "true", COARSE)
                print(row(style, severity, nominal, truth), flush=True)


if __name__ == "__main__":
    main()
