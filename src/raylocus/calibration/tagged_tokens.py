"""Levels and arrivals of cells in reports of known position, and estimates with their deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.calibration.error_law import Tokens
from raylocus.calibration.silence import independent_shares
from raylocus.network.field.heard import FRAME, arrival_lengths, arrival_middles
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import nearest_candidates
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT, SUBCARRIERS_PER_RESOURCE_BLOCK

#: Reports within this distance [m] err alike.
ALIKE = 40.0


@dataclass(frozen=True)
class Estimates:
    """Values with their standard deviations; the prior's where nothing was measured."""

    value: Float[np.ndarray, " n"]
    deviation: Float[np.ndarray, " n"]


def listed_energy(deployment: Deployment) -> Float[np.ndarray, " cell"]:
    """Listed energy of a resource element of each cell [dBm]."""
    blocks = np.array([deployment.carriers[cell.carrier].resource_blocks for cell in deployment.cells])
    power = np.array([cell.power_dbm for cell in deployment.cells])
    return power - 10 * np.log10(SUBCARRIERS_PER_RESOURCE_BLOCK * blocks)


@dataclass(frozen=True)
class TaggedTokens:
    """Tokens of whole cells in reports of known position."""

    xy: Float[np.ndarray, "token 2"]
    cell: Int[np.ndarray, " token"]
    site: Int[np.ndarray, " token"]
    level: Float[np.ndarray, " token"]
    """RSRP less the listed energy; NaN where it is missing [dB]."""
    arrival: Float[np.ndarray, " token"]
    """As a length, the site's middle one being 0; NaN where it is missing [m]."""
    middle: Float[np.ndarray, " site"]
    """That middle one within a frame, as a length [m]."""
    share: Float[np.ndarray, " token"]
    """What of each is independent of its neighbours."""
    reports: int

    @classmethod
    def of(cls, reports: Reports, deployment: Deployment) -> TaggedTokens:
        """Of reports that have a position, and RSRP."""
        cell = nearest_candidates(deployment.candidates(reports), reports, deployment)
        xy = reports.position[reports.report_of_token, :2]
        kept = np.flatnonzero((cell >= 0) & (reports.beam < 0) & np.isfinite(xy).all(axis=1))
        site, column = deployment.site_of_cell[cell[kept]], reports.feature_names.index
        arrival = np.full(len(kept), np.nan)
        if "time_of_arrival" in reports.feature_names:
            arrival = reports.features[kept, column("time_of_arrival")]
        middle = arrival_middles(arrival, site, len(deployment.sites)) / (2 * np.pi) * FRAME * SPEED_OF_LIGHT
        tokens = Tokens(xy[kept], cell[kept], site, np.ones(len(kept)))
        return cls(
            xy=xy[kept],
            cell=cell[kept],
            site=site,
            level=reports.features[kept, column("rsrp")] - listed_energy(deployment)[cell[kept]],
            arrival=arrival_lengths(arrival, site, len(deployment.sites)),
            middle=middle,
            share=independent_shares(tokens, ALIKE),
            reports=len(np.unique(reports.report_of_token[kept])),
        )


def clocks_in_frame(found: Estimates, tagged: TaggedTokens) -> Estimates:
    """Clocks of sites within a frame [m], from what arrivals are off by after the site's middle one."""
    return Estimates((found.value + tagged.middle) % (FRAME * SPEED_OF_LIGHT), found.deviation)
