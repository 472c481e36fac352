"""Below which level a cell cannot be in a report, given those that are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.scenes.sites import Carrier
from raylocus.units import from_decibel, noise_per_resource_element, to_decibel

#: A cell's traffic lies this much below its best beam [dB], the beams sharing it.
TRAFFIC_BELOW_BEST_DB = 6.0


def audible_level(
    level: Float[np.ndarray, "report cell"], carrier: Carrier, network: NetworkConfiguration
) -> Float[np.ndarray, " report"]:
    """Level below which a cell cannot have been in a report with these levels [dBm].

    The highest of the detection threshold, what the interference of the reported cells hides, and, where a
    report is full, the weakest that is in it.

    Args:
        level: RSRP of the reported cells [dBm]; NaN where not reported.
        carrier: of the cells.
        network: thresholds, load and size of reports.
    """
    noise = from_decibel(noise_per_resource_element(carrier.numerology, network.noise_figure_db))
    traffic = network.load * np.nansum(from_decibel(level - TRAFFIC_BELOW_BEST_DB), axis=1)
    interference = to_decibel(traffic + noise) + network.detection_sinr
    full = np.isfinite(level).sum(axis=1) > network.most_neighbours
    weakest = np.where(full, np.fmin.reduce(level, axis=1, initial=np.inf), -np.inf)
    return np.maximum(np.maximum(interference, network.detection_rsrp), weakest)
