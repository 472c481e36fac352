"""Bayes filtering over the grid: a UE that wanders between its reports."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from raylocus.geo import Grid

#: Diffusions tried side by side [m/s], each as likely beforehand: standing, walking, cycling, driving.
SPEEDS = (0.0, 1.5, 5.0, 12.0)


def forward_filter(
    log_likelihood: Float[np.ndarray, "report ground"],
    time: Float[np.ndarray, "report"],
    prior: Float[np.ndarray, "ground"],
    grid: Grid,
    independence: float,
) -> Float[np.ndarray, "ground"]:
    """Mass of the last position given all reports of one sequence.

    For each of `SPEEDS` a belief is carried along: between reports it diffuses by a Gaussian of
    speed · Δt / √2 an axis, held outdoors; at a report it is multiplied by the likelihood. Their
    sum, each weighted by its evidence, is the answer.

    Args:
        log_likelihood: ln p(report | ground cell).
        time: seconds of each report.
        prior: mass before the first report.
        grid: the ground cells.
        independence: power of each report's likelihood; 1 takes the map's errors for independent from
            report to report, 1 / reports for the same in all.
    """
    beliefs = np.repeat(prior[None].astype(np.float32) / len(SPEEDS), len(SPEEDS), axis=0)
    intervals = np.diff(time, prepend=time[:1])
    for level, interval in zip(log_likelihood, intervals, strict=True):
        if interval > 0:
            beliefs = np.stack([
                _diffused(belief, speed * interval, prior, grid)
                for belief, speed in zip(beliefs, SPEEDS, strict=True)
            ])  # fmt: skip
        # The peak is taken where belief is left, or a report that contradicts the past would erase it.
        beliefs *= np.exp(independence * (level - level[beliefs.any(axis=0)].max()))
        beliefs /= beliefs.sum()
    return beliefs.sum(axis=0)


def _diffused(
    belief: Float[np.ndarray, "ground"], distance: float, prior: Float[np.ndarray, "ground"], grid: Grid
) -> Float[np.ndarray, "ground"]:
    if distance == 0:
        return belief
    spread = distance / np.sqrt(2) / grid.resolution
    moved = gaussian_filter(belief.reshape(grid.shape), spread, mode="constant", truncate=3.0).ravel()
    moved = np.where(prior > 0, moved, np.float32(0))
    return moved * (belief.sum() / max(float(moved.sum()), 1e-30))
