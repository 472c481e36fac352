"""`HeardNetwork`: cells and the tokens that phones reported of them, as numbers: simulated networks and real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from raylocus.ragged import Rows
from raylocus.units import SPEED_OF_LIGHT

#: A frame [s], in which times of arrival are counted (TS 36.211 §4.1).
FRAME = 0.01


@dataclass(frozen=True)
class KnownCells:
    """What is known of a network's cells."""

    position: Float[np.ndarray, "cell 2"]
    """Listed (x, y) [m] of each cell's site."""
    azimuth: Float[np.ndarray, " cell"]
    """Listed boresight [rad], counter-clockwise from east; NaN where unknown or all around."""
    power: Float[np.ndarray, " cell"]
    """Listed level at 1 m, relative to the network's median [dB]; 0 where unknown."""
    deviation: Float[np.ndarray, " cell"]
    """Stated standard deviation of the position [m], 0 where it is said to be surveyed."""
    site: Int[np.ndarray, " cell"]
    """Site of each cell, 0, 1, … without gaps."""

    @cached_property
    def first_of_site(self) -> Int[np.ndarray, " site"]:
        """The first cell of each site."""
        return np.unique(self.site, return_index=True)[1]

    @cached_property
    def sites(self) -> Float[np.ndarray, "site 2"]:
        """Listed position of each site: that of its first cell [m]."""
        return self.position[self.first_of_site]

    @cached_property
    def middle_deviation(self) -> float:
        """Median of the stated standard deviations [m]."""
        return float(np.median(self.deviation))

    @cached_property
    def power_spread(self) -> float:
        """Standard deviation of the listed levels [dB]."""
        return float(np.std(self.power))

    @cached_property
    def site_tree(self) -> cKDTree:
        """Their listed positions to look the nearest up in."""
        return cKDTree(self.sites)


@dataclass(frozen=True)
class HeardNetwork:
    """Reports of one network, ragged: `tokens` are rows of reports, strongest first."""

    cells: KnownCells
    rows: Rows
    """Tokens of each report; a report can have none."""
    cell: Int[np.ndarray, " token"]
    """Index of the cell that was heard."""
    level: Float[np.ndarray, " token"]
    """RSRP, or any level in dB with an unknown constant [dBm]; never missing."""
    serving: Bool[np.ndarray, " token"]
    """Whether it is marked as the serving cell."""
    advance: Float[np.ndarray, " token"]
    """Distance by timing advance, one way [m]; NaN where there is none."""
    arrival: Float[np.ndarray, " token"]
    """Time of arrival by the clocks of UE and site, as a length [m]; NaN where there is none."""

    def __len__(self) -> int:
        return len(self.rows.offsets) - 1

    @cached_property
    def report(self) -> Int[np.ndarray, " token"]:
        """Report of each token."""
        return self.rows.row

    @cached_property
    def token_site(self) -> Int[np.ndarray, " token"]:
        """Site of each token."""
        return self.cells.site[self.cell]

    @cached_property
    def named(self) -> Int[np.ndarray, " pair"]:
        """Sites that reports name, each once a report: report · sites + site, ascending."""
        return np.unique(self.report * len(self.cells.sites) + self.token_site)

    def names(self, sites: Int[np.ndarray, "report some"]) -> Bool[np.ndarray, "report some"]:
        """Whether each report names some sites; there must be at least one token."""
        wanted = np.arange(len(self))[:, None] * len(self.cells.sites) + sites
        place = np.searchsorted(self.named, wanted)
        return np.asarray(self.named[np.minimum(place, len(self.named) - 1)] == wanted)

    def select(self, reports: Int[np.ndarray, " selected"]) -> HeardNetwork:
        """Some of the reports, in that order."""
        tokens, rows = self.rows.select(reports)
        return HeardNetwork(
            self.cells, rows, self.cell[tokens], self.level[tokens], self.serving[tokens],
            self.advance[tokens], self.arrival[tokens],
        )  # fmt: skip


def arrival_middles(
    arrival: Float[np.ndarray, " token"], site: Int[np.ndarray, " token"], sites: int
) -> Float[np.ndarray, " site"]:
    """Each site's middle time of arrival within a frame [rad of a frame]; 0 where it has none."""
    turn = np.exp(2j * np.pi * arrival / FRAME)
    has = np.isfinite(turn)
    real, imaginary = (np.bincount(site[has], part[has], sites) for part in (turn.real, turn.imag))
    return np.arctan2(imaginary, real)


def arrival_lengths(
    arrival: Float[np.ndarray, " token"], site: Int[np.ndarray, " token"], sites: int
) -> Float[np.ndarray, " token"]:
    """Times of arrival [s] as lengths [m], each site's middle one being 0: they are counted within a frame."""
    middle = arrival_middles(arrival, site, sites)[site]
    after = np.angle(np.exp(1j * (2 * np.pi * arrival / FRAME - middle)))
    return after / (2 * np.pi) * FRAME * SPEED_OF_LIGHT
