"""`HeardNetwork`: cells and the tokens that phones reported of them, as numbers: simulated networks and real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.ragged import Rows


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
    def sites(self) -> Float[np.ndarray, "site 2"]:
        """Listed position of each site: that of its first cell [m]."""
        return self.position[np.unique(self.site, return_index=True)[1]]


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

    def select(self, reports: Int[np.ndarray, " selected"]) -> HeardNetwork:
        """Some of the reports, in that order."""
        tokens, rows = self.rows.select(reports)
        return HeardNetwork(
            self.cells, rows, self.cell[tokens], self.level[tokens], self.serving[tokens],
            self.advance[tokens], self.arrival[tokens],
        )  # fmt: skip
