"""What sites and levels say of phones over a tile, which another process may work out while this one reads the maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment

#: Densities of several phones.
Densities = Float[np.ndarray, "sample y x"]


@runtime_checkable
class OpinionOfSites(Protocol):
    """Locates by sites, levels and timing alone."""

    def on_grid(
        self, reports: Reports, deployment: Deployment, grid: Grid, stream: Int[np.ndarray, " sample"]
    ) -> Densities:
        """Densities over a grid, see `AreaLocator.on_grid`."""


@dataclass(frozen=True)
class FromElsewhere:
    """The opinion that another process has of the same phones; one's own where that is not at hand."""

    own: OpinionOfSites
    others: Callable[[], Densities | None]
    """Waits for it; None where nothing comes."""

    def on_grid(
        self, reports: Reports, deployment: Deployment, grid: Grid, stream: Int[np.ndarray, " sample"]
    ) -> Densities:
        """Densities over a grid."""
        found = self.others()
        if found is None or found.shape != (len(reports), *grid.shape):
            return self.own.on_grid(reports, deployment, grid, stream)
        return found
