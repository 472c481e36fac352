"""The parts of R, G and the deployment that the grid baselines compute with, flat over the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.density import outdoor_prior
from raylocus.evaluation.method import MappedPlace, map_grid
from raylocus.geo import Grid
from raylocus.units import SPEED_OF_LIGHT, timing_advance_distance


@dataclass(frozen=True)
class NominalMaps:
    """A place as its maps say it is."""

    grid: Grid
    rsrp: Float[np.ndarray, "cell ground"]
    """RSRP of the best beam [dBm]; NaN where dark."""
    beam_rsrp: Float[np.ndarray, "cell beam ground"]
    """RSRP of each beam relative to the mean over the cell's beams [dB]; 0 where dark."""
    path_length: Float[np.ndarray, "cell ground"]
    """Length of the first path from each cell's site [m]; the straight line where the map is dark."""
    prior: Float[np.ndarray, "ground"]
    """Mass of the outdoor prior."""
    timing_step: float
    """One-way distance of one T_A step [m]."""


def nominal_maps(place: MappedPlace) -> NominalMaps:
    """Reads a place's maps. Raises PlaceError where it has no open ground."""
    grid, deployment = map_grid(place), place.deployment
    ground, beams = grid.count**2, (len(deployment.cells), -1)
    sites = deployment.site_positions
    flat = np.linalg.norm(grid.centres[None] - sites[:, None, :2], axis=-1)
    straight = np.hypot(flat, sites[:, 2:] - 1.5)
    traced = place.radio_maps["toa"].values.reshape(-1, ground) * SPEED_OF_LIGHT
    length = np.where(np.isfinite(traced), traced, straight)
    return NominalMaps(
        grid=grid,
        rsrp=place.radio_maps["rsrp"].values.reshape(-1, ground).astype(np.float32),
        beam_rsrp=_beam_differences(place.radio_maps["rsrp_beam"].values.reshape(*beams, ground)),
        path_length=length[deployment.site_of_cell].astype(np.float32),
        prior=outdoor_prior(place).ravel().astype(np.float32),
        timing_step=timing_advance_distance(deployment.carrier.numerology),
    )


def _beam_differences(rsrp: Float[np.ndarray, "cell beam ground"]) -> Float[np.ndarray, "cell beam ground"]:
    lit = np.isfinite(rsrp)
    mean = np.where(lit, rsrp, 0).sum(axis=1, keepdims=True) / np.maximum(lit.sum(axis=1, keepdims=True), 1)
    return np.where(lit, rsrp - mean, 0).astype(np.float32)
