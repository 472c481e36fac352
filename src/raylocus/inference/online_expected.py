"""What a phone at a point should measure: by the maps where there are any, else levels by the distance."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from raylocus.inference.answering import Answering, MapAnswers
from raylocus.inference.corrected_levels import heard_levels
from raylocus.inference.online_offsets import FORMULA_LEVELS, MAP_LEVELS, OffsetEntry, OffsetLaw
from raylocus.inference.site_clocks import heard_arrivals
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.path_loss import umi_nlos_path_loss
from raylocus.scenes.sites import Deployment
from raylocus.units import energy_per_resource_element


@runtime_checkable
class Expected(Protocol):
    """What measurements are corrected towards."""

    name: str
    law: OffsetLaw
    deployment: Deployment

    def levels(
        self, cells: Int[np.ndarray, " cell"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "cell point"]:
        """RSRP [dBm]; NaN where nothing is known."""

    def lengths(
        self, sites: Int[np.ndarray, " site"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "site point"]:
        """Of first paths [m]; NaN where nothing is known."""


class ExpectedOfMaps:
    """Of the maps of a place."""

    name, law = "maps", MAP_LEVELS

    def __init__(self, place: MappedPlace, off: tuple[float, ...] = ()) -> None:
        """Of a place, whose cells may be known to be off [dB]."""
        self.maps, self.deployment = nominal_maps(place), place.deployment
        self.off = np.array(off or np.zeros(len(place.deployment.cells)))

    def levels(
        self, cells: Int[np.ndarray, " cell"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "cell point"]:
        """Of R and unmodelled scattering; NaN outside of the tile."""
        index = self.maps.tile.index(points)
        level = self.maps.level.reshape(len(self.maps.level), -1)[cells][:, np.maximum(index, 0)]
        return np.where(index >= 0, level.astype(float) + self.off[cells, None], np.nan)

    def lengths(
        self, sites: Int[np.ndarray, " site"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "site point"]:
        """Of the first traced path, the straight line where there is none; NaN outside of the tile."""
        index = self.maps.tile.index(points)
        length = self.maps.path_length.reshape(len(self.maps.path_length), -1)[sites][:, np.maximum(index, 0)]
        return np.where(index >= 0, length.astype(float), np.nan)


class ExpectedByFormula:
    """Of TR 38.901 UMi NLOS by the distance alone, antennas that send all around."""

    name, law = "formula", FORMULA_LEVELS

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def levels(
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

    def lengths(
        self, sites: Int[np.ndarray, " site"], points: Float[np.ndarray, "point 2"]
    ) -> Float[np.ndarray, "site point"]:
        """None: who locates without maps takes clocks from recent reports."""
        return np.full((len(sites), len(points)), np.nan)


def expected_by(answering: Answering) -> Expected:
    """Of who answers in a place or area; windows of an area have no maps of the whole."""
    if isinstance(answering, MapAnswers):
        return ExpectedOfMaps(answering.place, answering.locator.trained.calibration.levels)
    return ExpectedByFormula(answering.network.deployment)


def offsets_of(
    report: Reports,
    expected: Expected,
    points: Float[np.ndarray, "point 2"],
    mass: Float[np.ndarray, " point"],
) -> tuple[OffsetEntry, OffsetEntry]:
    """What a single report says of the levels of cells and the clocks of sites.

    Args:
        report: that is learned from.
        expected: what should be measured.
        points: where it may have been made.
        mass: probability of each.
    """
    cell, level = heard_levels(report, expected.deployment)
    site, length, sign = heard_arrivals(report, expected.deployment)
    times = _entry(site, length, expected.lengths(site, points), mass)
    # What all times of a report have in common is any length.
    shared = np.median(times.residual) if len(times.residual) else 0.0
    clocks = replace(times, residual=sign * (times.residual - shared))
    return _entry(cell, level, expected.levels(cell, points), mass), clocks


def _entry(
    index: Int[np.ndarray, " measured"],
    value: Float[np.ndarray, " measured"],
    expected: Float[np.ndarray, "measured point"],
    mass: Float[np.ndarray, " point"],
) -> OffsetEntry:
    """Those of which something is expected at all points."""
    known = np.isfinite(expected).all(1)
    mean = expected[known] @ mass
    spread = np.sqrt(((expected[known] - mean[:, None]) ** 2) @ mass)
    return OffsetEntry(index[known], value[known] - mean, spread)
