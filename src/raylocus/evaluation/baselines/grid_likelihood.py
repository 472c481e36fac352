"""The Gaussian likelihood of a report at every ground cell, on the nominal maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_ndtr

from raylocus.evaluation.observations import Observations, advance_distances
from raylocus.models.inputs.nominal_maps import NominalMaps

#: Levels are computed relative to this one [dBm], so that float32 keeps hundredths of a decibel.
REFERENCE_LEVEL = -100.0


@dataclass(frozen=True)
class LikelihoodModel:
    """How far a report may be from the map."""

    spread_db: float
    """Standard deviation of each cell's level about the map [dB]."""
    level_spread_db: float
    """Standard deviation of an offset common to all cells of a report [dB]; 0 trusts the map's level."""
    timing_spread: float
    """Standard deviation of T_A's distance about the first path's length [m]."""
    beam_spread_db: float | None = None
    """Standard deviation of the differences between the serving cell's beams [dB]; None ignores beams."""


@dataclass(frozen=True)
class Deviations:
    """How far some reports are from the map at every ground cell: sums that no spread enters."""

    count: Float[np.ndarray, "report 1"]
    """Cells heard, those at the ends of their range apart."""
    squares: Float[np.ndarray, "report ground"]
    """Sum over the cells heard of the squared differences of their levels [dB²]."""
    sums: Float[np.ndarray, "report ground"]
    """Sum of the differences themselves [dB]."""
    timing: Float[np.ndarray, "report ground"]
    """Squared difference of T_A's distance to the first path's length [m²]; 0 without T_A."""
    beams: Float[np.ndarray, "report ground"] | None
    """Sum of the squared differences between the serving cell's beams, their mean removed [dB²]."""
    end_report: Int[np.ndarray, " end"]
    """Report of each level that is the end of its range: "at least" or "at most" so strong."""
    end_short: Float[np.ndarray, "end ground"]
    """How far the map's level falls short of that end, in its direction [dB]."""
    end_side: Int[np.ndarray, "end 1"]
    """1 at the upper end, −1 at the lower."""

    def log_likelihood(self, model: LikelihoodModel) -> Float[np.ndarray, "report ground"]:
        """ln p(report | ground cell) up to a constant of each report.

        With r the heard cells' levels minus the map's, n their number, σ and τ the two spreads, the
        common offset is integrated out in closed form (Sherman and Morrison 1950):
        −½ (Σ r² − τ² (Σ r)² / (σ² + n τ²)) / σ². A level at the end of its range is Φ of how far the map's
        reaches beyond it, the offset being what the others leave of it. Cells that are not reported are left
        out: on real networks a missing neighbour says little about its level.
        """
        variance, common = np.float32(model.spread_db**2), np.float32(model.level_spread_db**2)
        found = self.squares * (-1 / (2 * variance))
        if common:
            found += np.square(self.sums) * (common / (2 * variance * (variance + self.count * common)))
        found += self.timing * np.float32(-1 / (2 * model.timing_spread**2))
        if model.beam_spread_db is not None and self.beams is not None:
            found += self.beams * np.float32(-1 / (2 * model.beam_spread_db**2))
        if len(self.end_report):
            np.add.at(found, self.end_report, self._of_ends(variance, common))
        return found

    def _of_ends(self, variance: np.float32, common: np.float32) -> Float[np.ndarray, "end ground"]:
        """ln Φ of each level at the end of its range, given the other levels of its report."""
        row = self.end_report
        left = common / (variance + self.count[row] * common)
        short = self.end_short - self.end_side * left * self.sums[row]
        found: Float[np.ndarray, "end ground"] = log_ndtr(-short / np.sqrt(variance * (1 + left)))
        return found


def deviations(
    observed: Observations, reports: Int[np.ndarray, " report"], maps: NominalMaps, beams: bool
) -> Deviations:
    """What is observed in some reports against the maps; `beams` says whether they are looked at."""
    # The sums over cells are matrix products of what is heard with the map: no [report, cell, ground] array.
    rsrp = observed.rsrp[reports]
    mapped = maps.level.reshape(len(maps.level), -1) - np.float32(REFERENCE_LEVEL)
    at_end = np.isfinite(rsrp) & (observed.rsrp_end[reports] != 0)
    end_report, end_cell = np.nonzero(at_end)
    end_level = (rsrp[at_end][:, None] - REFERENCE_LEVEL).astype(np.float32)
    end_side = observed.rsrp_end[reports][at_end][:, None]
    heard = (np.isfinite(rsrp) & ~at_end).astype(np.float32)
    level = np.where(heard > 0, rsrp - REFERENCE_LEVEL, 0).astype(np.float32)
    return Deviations(
        count=heard.sum(axis=1, keepdims=True),
        squares=(level**2).sum(axis=1, keepdims=True) - 2 * level @ mapped + heard @ mapped**2,
        sums=level.sum(axis=1, keepdims=True) - heard @ mapped,
        timing=_timing_squares(observed, reports, maps),
        beams=_beam_squares(observed, reports, maps) if beams else None,
        end_report=end_report,
        end_short=end_side * (end_level - mapped[end_cell]),
        end_side=end_side,
    )


def log_likelihood(
    observed: Observations, reports: Int[np.ndarray, " report"], maps: NominalMaps, model: LikelihoodModel
) -> Float[np.ndarray, "report ground"]:
    """`Deviations.log_likelihood` of some reports."""
    return deviations(observed, reports, maps, model.beam_spread_db is not None).log_likelihood(model)


def _timing_squares(
    observed: Observations, reports: Int[np.ndarray, " report"], maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    distance = advance_distances(observed, reports, maps.deployment).astype(np.float32)
    length = maps.path_length.reshape(len(maps.path_length), -1)
    site = maps.deployment.site_of_cell[observed.serving[reports]]
    squares = np.nan_to_num(distance)[:, None] - length[site]
    np.square(squares, out=squares)
    squares[~np.isfinite(distance)] = 0
    return squares


def _beam_squares(
    observed: Observations, reports: Int[np.ndarray, " report"], maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    """Differences between the reported beams of one cell: no error of its level touches them."""
    found = np.zeros((len(reports), maps.tile.count**2), np.float32)
    serving = observed.serving[reports]
    for cell in np.unique(serving):
        rows = np.flatnonzero(serving == cell)
        levels = observed.beam_rsrp[reports[rows]]
        there = np.isfinite(levels).astype(np.float32)
        count = np.maximum(there.sum(axis=1, keepdims=True), 1)
        mean = np.nan_to_num(levels).sum(axis=1, keepdims=True) / count
        level = np.where(there > 0, levels - mean, 0).astype(np.float32)
        mapped = maps.beam_relative[cell].reshape(levels.shape[1], -1)
        squares = (level**2).sum(axis=1, keepdims=True) - 2 * level @ mapped + there @ mapped**2
        # The reported levels have mean 0 here, so only the map's mean over the same beams is left to remove.
        found[rows] = squares - (there @ mapped) ** 2 / count
    return found
