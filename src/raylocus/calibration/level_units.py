"""Levels that are off alike at all cells by the decibels of another unit or quantity."""

from __future__ import annotations

import numpy as np

from raylocus.calibration.tagged_tokens import TaggedTokens
from raylocus.propagation.maps.path_loss import uma_nlos_path_loss
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK

#: Levels that are all this far off, and their deviation, are looked at for a wrong unit [dB].
SUSPICIOUS_DB = 20.0
#: What a sector antenna gains over an isotropic one [dB], averaged over the directions that it is heard in.
USUAL_GAIN = 8.0
#: Deviation of a network's middle level from TR 38.901's formula [dB].
FORMULA_DEVIATION = 8.0


def unit_notes(level: float, deviation: float, carrier: Carrier) -> list[str]:
    """One sentence where all levels are off by what a wrong unit makes, or by so much that one has to be looked for.

    Args:
        level: of the measured levels over the expected ones [dB].
        deviation: its standard deviation [dB].
        carrier: whose resource blocks say what the whole carrier's power is over that of a resource element.
    """
    if abs(level) < SUSPICIOUS_DB + deviation:
        return []
    whole = 10 * np.log10(SUBCARRIERS_PER_RESOURCE_BLOCK * carrier.resource_blocks)
    causes = {
        whole: f"the power of the whole carrier (RSSI, {whole:+.1f} dB) where that of a resource element is wanted",
        -30.0: "dBW where dBm are wanted (-30 dB)",
        30.0: "dB over a microwatt, or powers listed in dBW, where dBm are wanted (+30 dB)",
    }
    near = [cause for shift, cause in causes.items() if abs(level - shift) < 2 * deviation + 2]
    said = f"all levels are off by {level:+.1f} dB (± {deviation:.1f})"
    return [f"{said}, as by {' or by '.join(near)}" if near else f"{said}, which no usual unit makes"]


def level_over_formula(tagged: TaggedTokens, deployment: Deployment) -> float:
    """Median of levels of known position over listed powers and TR 38.901's UMa NLOS path loss [dB]."""
    known = np.flatnonzero(np.isfinite(tagged.level))
    step = tagged.xy[known] - deployment.site_positions[tagged.site[known], :2]
    distance = np.maximum(np.hypot(*step.T), 10.0)
    frequency = np.array([each.frequency for each in deployment.carriers])
    of_cell = frequency[deployment.carrier_of_cell[tagged.cell[known]]]
    loss = np.empty(len(known))
    for each in np.unique(of_cell):
        loss[of_cell == each] = uma_nlos_path_loss(distance[of_cell == each], float(each))
    return float(np.median(tagged.level[known] + loss - USUAL_GAIN))
