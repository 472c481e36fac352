"""The Gaussian likelihood of a report at every ground cell, on the nominal maps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.evaluation.baselines.nominal_maps import NominalMaps
from raylocus.evaluation.observations import Observations

#: Levels are computed relative to this one [dBm], so that float32 keeps hundredths of a decibel.
REFERENCE_LEVEL = -100.0


@dataclass(frozen=True)
class LikelihoodModel:
    """How far a report may be from the map."""

    spread_db: float
    """Standard deviation of each cell's level about the map [dB]."""
    level_spread_db: float
    """Standard deviation of an offset common to all cells of a report [dB]; 0 trusts the map's level."""
    dark_level_dbm: float
    """Level assumed where the map has no path but the cell is heard [dBm]."""
    timing_spread: float
    """Standard deviation of T_A's distance about the first path's length [m]."""
    beam_spread_db: float = math.inf
    """Standard deviation of the differences between the serving cell's beams [dB]; ∞ ignores beams."""


def log_likelihood(
    observed: Observations, reports: Int[np.ndarray, "report"], maps: NominalMaps, model: LikelihoodModel
) -> Float[np.ndarray, "report ground"]:
    """ln p(report | ground cell) up to a constant of each report.

    With r the heard cells' levels minus the map's, n their number, σ and τ the two spreads, the
    common offset is integrated out in closed form (Sherman and Morrison 1950):
    −½ (Σ r² − τ² (Σ r)² / (σ² + n τ²)) / σ². Cells that are not reported are left out: on real
    networks a missing neighbour says little about its level.
    """
    levels = _level_term(observed.rsrp[reports], maps.rsrp, model)
    levels += _timing_term(observed, reports, maps, model.timing_spread)
    if math.isfinite(model.beam_spread_db):
        levels += _beam_term(observed, reports, maps, model.beam_spread_db)
    return levels


def _level_term(
    rsrp: Float[np.ndarray, "report cell"], mapped: Float[np.ndarray, "cell ground"], model: LikelihoodModel
) -> Float[np.ndarray, "report ground"]:
    # The sums over cells are matrix products of what is heard with the map: no [report, cell, ground] array.
    heard = np.isfinite(rsrp).astype(np.float32)
    level = np.where(heard > 0, rsrp - REFERENCE_LEVEL, 0).astype(np.float32)
    lit = np.where(np.isfinite(mapped), mapped, np.float32(model.dark_level_dbm)) - np.float32(
        REFERENCE_LEVEL
    )
    squares = (level**2).sum(axis=1, keepdims=True) - 2 * level @ lit + heard @ lit**2
    sums = level.sum(axis=1, keepdims=True) - heard @ lit
    variance, common = np.float32(model.spread_db**2), np.float32(model.level_spread_db**2)
    count = heard.sum(axis=1, keepdims=True)
    return -(squares - common * sums**2 / (variance + count * common)) / (2 * variance)


def _timing_term(
    observed: Observations, reports: Int[np.ndarray, "report"], maps: NominalMaps, spread: float
) -> Float[np.ndarray, "report ground"]:
    distance = (observed.timing_advance[reports] * maps.timing_step).astype(np.float32)
    deviation = np.nan_to_num(distance)[:, None] - maps.path_length[observed.serving[reports]]
    return np.where(
        np.isfinite(distance)[:, None], -(deviation**2) / np.float32(2 * spread**2), np.float32(0)
    )


def _beam_term(
    observed: Observations, reports: Int[np.ndarray, "report"], maps: NominalMaps, spread: float
) -> Float[np.ndarray, "report ground"]:
    """Differences between the reported beams of one cell: no error of its level touches them."""
    log_density = np.zeros((len(reports), maps.rsrp.shape[1]), np.float32)
    serving = observed.serving[reports]
    for cell in np.unique(serving):
        rows = np.flatnonzero(serving == cell)
        levels = observed.beam_rsrp[reports[rows]]
        there = np.isfinite(levels).astype(np.float32)
        count = np.maximum(there.sum(axis=1, keepdims=True), 1)
        mean = np.nan_to_num(levels).sum(axis=1, keepdims=True) / count
        level = np.where(there > 0, levels - mean, 0).astype(np.float32)
        mapped = maps.beam_rsrp[cell]
        squares = (level**2).sum(axis=1, keepdims=True) - 2 * level @ mapped + there @ mapped**2
        # The reported levels have mean 0 here, so only the map's mean over the same beams is left to remove.
        log_density[rows] = -(squares - (there @ mapped) ** 2 / count) / np.float32(2 * spread**2)
    return log_density


def masses(
    log_density: Float[np.ndarray, "report ground"], prior: Float[np.ndarray, "ground"]
) -> Float[np.ndarray, "report ground"]:
    """Posterior masses under a prior, one row a report."""
    outdoors = np.flatnonzero(prior > 0)
    inside = log_density[:, outdoors]
    weight = np.exp(inside - inside.max(axis=1, keepdims=True)) * prior[outdoors]
    density = np.zeros_like(log_density)
    density[:, outdoors] = weight / weight.sum(axis=1, keepdims=True)
    return density
