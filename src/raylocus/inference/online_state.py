"""What is known of a network: levels of its cells and clocks of its sites, and what a report adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.inference.corrected_levels import corrected
from raylocus.inference.online_offsets import SITE_CLOCKS, OffsetEntry, OffsetLaw, OffsetState
from raylocus.inference.site_clocks import without_clocks
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class ReportEntry:
    """One report that is learned from."""

    levels: OffsetEntry
    """Of the cells that it heard [dB]."""
    clocks: OffsetEntry
    """Of the sites that it has times of [m]."""
    position: Float[np.ndarray, "2"]
    """Where it was made [m]."""
    crowded: float = 1.0
    """Factor on the variance of its measurements: near reports share their errors, and own fixes count less."""


@dataclass(frozen=True)
class OnlineState:
    """The offsets of a network."""

    levels: OffsetState
    clocks: OffsetState

    @classmethod
    def start(cls, levels: OffsetLaw) -> OnlineState:
        """Nothing measured."""
        return cls(OffsetState.start(levels), OffsetState.start(SITE_CLOCKS))

    def learned(self, entry: ReportEntry) -> OnlineState:
        """The state after one more report; clocks are forgotten by reports that have times alone."""
        timed = len(entry.clocks.index) > 0
        return OnlineState(
            self.levels.learned(entry.levels, entry.crowded),
            self.clocks.learned(entry.clocks, entry.crowded) if timed else self.clocks,
        )

    def corrected(self, reports: Reports, deployment: Deployment) -> Reports:
        """Reports with levels and times less what their cells and sites are known to be off by."""
        levels = self.levels.corrections(len(deployment.cells))
        clocks = self.clocks.corrections(len(deployment.sites))
        return without_clocks(corrected(reports, deployment, levels), deployment, clocks)
