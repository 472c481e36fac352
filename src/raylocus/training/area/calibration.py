"""How wide answers must be: a temperature, fitted on drawn networks that were not trained on, harsher ones included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

from raylocus.models.area.area_network import AreaNetwork
from raylocus.models.area.cells import cell_masses
from raylocus.network.field.law import LAWS, FieldLaw
from raylocus.training.area.fit import VALIDATION, labelled_batch

#: Temperatures that are tried, in this order.
TEMPERATURES = (1.0, 1.1, 1.2, 1.3, 1.45, 1.6, 1.8)
#: What the 90 % region must hold at least under each law, unless it then held more than so much under the usual one.
LEAST_HELD = {"usual": 0.9, "harsh": 0.875, "stress": 0.875}
MOST_HELD = 0.94
#: Reports of each network that are looked at.
REPORTS = 16


def fitted_temperature(network: AreaNetwork, networks: int, seed: int, say: Callable[[str], None]) -> float:
    """The smallest temperature at which the 90 % region holds under every law, within what the usual one allows.

    Args:
        network: the trained network.
        networks: networks drawn from each law.
        seed: decides them.
        say: called with a line for each temperature.
    """
    chosen = TEMPERATURES[0]
    for temperature in TEMPERATURES:
        held = {
            name: float(np.mean(region_of_truth(network, LAWS[name], networks, seed, temperature) <= 0.9))
            for name in LEAST_HELD
        }
        named = ", ".join(f"{share:.1%} ({name})" for name, share in held.items())
        say(f"temperature {temperature}: the 90 % region holds {named}")
        if held["usual"] > MOST_HELD:
            break
        chosen = temperature
        if all(held[name] >= least for name, least in LEAST_HELD.items()):
            break
    return chosen


@torch.inference_mode()
def region_of_truth(
    network: AreaNetwork, law: FieldLaw, networks: int, seed: int, temperature: float
) -> Float[np.ndarray, " report"]:
    """Mass of the smallest region that holds the truth, of reports of networks that were not trained on."""
    found = []
    for number in range(networks):
        batch, truth = labelled_batch(lambda _: law, 1, REPORTS, (seed, VALIDATION, number))
        _, denser, tied = cell_masses(network(batch), temperature).at(truth[:, 0])
        found.append((denser + tied / 2).numpy())
    return np.concatenate(found).astype(float)
