"""How far a world's radio maps lie from its map's: what geometry, materials and antennas alone explain.

    python benchmarks/world_residuals.py [STYLE …] [--quick]

For each generated town and severity: links (cell, ground) that the map calls dark and the world does not, of
those that the world has; median level difference; and the robust spread (1.48 × the median deviation) and
kurtosis of the difference after each cell's mean is removed, over links that both have. Outdoors, 8 m cells,
two reflections. The field's figures are 12–27 % dark, tens of dB off, 11–13 dB robust spread; the residual
and the scattering of `scenes.world` come on top of these.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import kurtosis

from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.trace import TraceConfiguration
from raylocus.propagation.trace_place import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place

COARSE = TraceConfiguration(depth=2, rays_per_cell=2.0)
#: Links below this level are dark [dBm per resource element].
SENSITIVITY = -130.0


def levels(place: TracedPlace) -> np.ndarray:
    """RSRP of each cell over the ground [dBm]; NaN where dark."""
    rsrp = place.radio_maps["rsrp"].values.astype(float)
    return np.where(rsrp > SENSITIVITY, rsrp, np.nan)


def row(style: str, severity: float, nominal: TracedPlace, world: TracedPlace) -> str:
    outdoor = [each.geometry_maps["footprint"].values == 0 for each in (nominal, world)]
    mapped, true = (levels(each)[:, outdoor[0] & outdoor[1]] for each in (nominal, world))
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
    words = [word for word in sys.argv[1:] if word != "--quick"]
    severities = (0.0, 1.0) if "--quick" in sys.argv else (0.0, 0.5, 1.0, 2.0)
    print(f"{'town':<20}{'s':>6}{'dark':>8}{'median':>9}{'robust':>9}{'std':>9}{'kurtosis':>9}   dB")
    for style in words or ["perimeter-blocks"]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            place = build_place(f"procedural:{style}", folder / "map", SceneConfiguration(resolution=8.0))
            nominal = trace_place(folder / "map", COARSE)
            for severity in severities:
                perturb_place(place, folder / "world", MapErrorLaw(severity=severity), 1)
                world = trace_place(folder / "world", COARSE)
                print(row(style, severity, nominal, world), flush=True)


if __name__ == "__main__":
    main()
