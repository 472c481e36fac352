"""What the bound does not model, as sentences."""

from __future__ import annotations

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.evaluation.bound.bound import BoundRefused


def refuse_unmodelled(configuration: DatasetConfiguration, map_error: float) -> None:
    """Refuses a dataset whose law the bound does not know.

    Args:
        configuration: laws of the dataset.
        map_error: of the place; what its map is wrong about would take an ensemble of perturbed places, each traced.

    Raises:
        BoundRefused: with one sentence that names what is not modelled.
    """
    reason = _unmodelled(configuration, map_error)
    if reason is not None:
        raise BoundRefused(f"there is no bound here, for it does not model {reason}")


def _unmodelled(configuration: DatasetConfiguration, map_error: float) -> str | None:
    if map_error > 0:
        return (
            f"maps that are outdated (map_error {map_error:g}): it would need an ensemble of perturbed places, "
            "each traced; evaluate where map_error is 0"
        )
    if configuration.mobility.indoor_share > 0:
        return "UEs indoors; evaluate a dataset with mobility.indoor_share 0"
    if configuration.network_law is not None:
        return "networks that differ from world to world; evaluate a dataset without a network_law"
    network = configuration.network
    if network.fading.kind != "statistical":
        return "coherent fading; evaluate a dataset with network.fading.kind statistical"
    if network.timing.kind != "map":
        return "detected first paths; evaluate a dataset with network.timing.kind map"
    if network.feature_set != "critical":
        return (
            f"the features of the set {network.feature_set!r} beyond the critical ones; evaluate a dataset with "
            "network.feature_set critical"
        )
    if network.trigger is not None:
        return "reports that an event triggers; evaluate a dataset of periodic reports"
    return None
