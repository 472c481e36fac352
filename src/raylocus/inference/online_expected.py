"""The levels that a phone at a point should measure: of the maps where there are any, else by the distance."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from raylocus.inference.answering import Answering, MapAnswers
from raylocus.inference.online_levels import LevelLaw
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.propagation.maps.path_loss import umi_nlos_path_loss
from raylocus.scenes.sites import Deployment
from raylocus.units import energy_per_resource_element


@runtime_checkable
class ExpectedLevels(Protocol):
    """What levels are corrected towards."""

    name: str
    law: LevelLaw
    deployment: Deployment

    def at(
        self, cells: Int[np.ndarray, " cell"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "cell point"]:
        """RSRP [dBm]; NaN where nothing is known."""


class MapLevels:
    """Of the maps of a place."""

    name, law = "maps", LevelLaw()

    def __init__(self, place: MappedPlace, off: tuple[float, ...] = ()) -> None:
        """Of a place, whose cells may be known to be off [dB]."""
        self.maps, self.deployment = nominal_maps(place), place.deployment
        self.off = np.array(off or np.zeros(len(place.deployment.cells)))

    def at(
        self, cells: Int[np.ndarray, " cell"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "cell point"]:
        """Of R and unmodelled scattering; NaN outside of the tile."""
        index = self.maps.tile.index(points)
        level = self.maps.level.reshape(len(self.maps.level), -1)[cells][:, np.maximum(index, 0)]
        return np.where(index >= 0, level.astype(float) + self.off[cells, None], np.nan)


class FormulaLevels:
    """Of TR 38.901 UMi NLOS by the distance alone, antennas that send all around."""

    # Directions are the antennas' matter, so that a cell's own error is larger than of a map.
    name, law = "formula", LevelLaw(own=9.0)

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def at(
        self, cells: Int[np.ndarray, " cell"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "cell point"]:
        """Of each cell's power, frequency and distance."""
        found = np.empty((len(cells), len(points)))
        for row, index in enumerate(cells.tolist()):
            cell = self.deployment.cells[index]
            carrier, site = self.deployment.carriers[cell.carrier], self.deployment.site_positions[cell.site]
            distance = np.hypot(*(points - site[:2]).T)
            power = energy_per_resource_element(cell.power_dbm, carrier.resource_blocks)
            found[row] = power - umi_nlos_path_loss(distance, carrier.frequency)
        return found


def expected_levels(answering: Answering) -> ExpectedLevels:
    """Of who answers in a place or area; windows of an area have no maps of the whole."""
    if isinstance(answering, MapAnswers):
        return MapLevels(answering.place, answering.locator.trained.calibration.levels)
    return FormulaLevels(answering.network.deployment)
