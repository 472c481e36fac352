"""Which cells of a network are heard in a window: asked when a place is built, answered by who knows propagation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import xarray as xr

from raylocus.geo import Grid
from raylocus.scenes.sites import Deployment

#: Of a deployment, a window in its frame and coarse ground around it: indices of the cells that are heard.
HeardCells = Callable[[Deployment, Grid, xr.Dataset], Sequence[int]]


def all_cells(deployment: Deployment, window: Grid, ground: xr.Dataset) -> Sequence[int]:
    """Every cell, where nothing is known of propagation."""
    return range(len(deployment.cells))
