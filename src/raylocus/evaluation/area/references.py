"""What needs no model: the serving site, the strongest cell's site, and the centroid of the heard cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from raylocus.models.area.anchors import amplitude_centroid
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


#: By name, in the order of tables.
REFERENCES: dict[str, Callable[[HeardNetwork], Float[np.ndarray, "report 2"]]] = {
    "serving site": serving_site,
    "strongest cell": strongest_site,
    "RSRP centroid": amplitude_centroid,
}
