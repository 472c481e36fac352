"""What needs no model: the serving site, the strongest cell's site, and the centroid of the heard cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from raylocus.models.area.anchors import report_mean
from raylocus.network.field.heard import HeardNetwork


def strongest_site(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Site of the strongest cell of each report [m]."""
    return network.cells.position[network.cell[network.rows.offsets[:-1]]]


def serving_site(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Site of the serving cell of each report, of the strongest where none is marked [m]."""
    chosen = network.rows.offsets[:-1].copy()
    marked = np.flatnonzero(network.serving)
    chosen[network.report[marked]] = marked
    return network.cells.position[network.cell[chosen]]


def level_centroid(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Mean of the heard cells' sites, weighted by the amplitude that RSRP says: 10^(RSRP / 20) [m]."""
    weight = 10 ** ((network.level - network.level[network.rows.first]) / 20)
    return report_mean(network, network.cells.position[network.cell], weight)


#: By name, in the order of tables.
REFERENCES: dict[str, Callable[[HeardNetwork], Float[np.ndarray, "report 2"]]] = {
    "serving site": serving_site,
    "strongest cell": strongest_site,
    "RSRP centroid": level_centroid,
}
