"""A part of a network: the cells that are heard in a window, in its frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.scenes.sites import Deployment

#: Of a deployment, a window in its frame and coarse ground around it: indices of the cells that are heard.
HeardCells = Callable[[Deployment, Grid, xr.Dataset], Sequence[int]]


def all_cells(deployment: Deployment, window: Grid, ground: xr.Dataset) -> Sequence[int]:
    """Every cell, where nothing is known of propagation."""
    return range(len(deployment.cells))


def part_of_deployment(
    deployment: Deployment, cells: Sequence[int], centre: tuple[float, float]
) -> Deployment:
    """Some cells with their sites and carriers, in the frame centred on a point [m]; indices keep their order.

    Raises:
        PlaceError: there are no cells.
    """
    if not cells:
        raise PlaceError("a window needs a cell that is heard in it")
    sites = sorted({deployment.cells[cell].site for cell in cells})
    moved = []
    for index in sites:
        x, y, z = deployment.sites[index].position
        position = (x - centre[0], y - centre[1], z)
        moved.append(dataclasses.replace(deployment.sites[index], position=position))
    own = [
        dataclasses.replace(deployment.cells[cell], site=sites.index(deployment.cells[cell].site))
        for cell in cells
    ]
    carriers = sorted({cell.carrier for cell in own})
    used = tuple(deployment.carriers[index] for index in carriers)
    renamed = tuple(dataclasses.replace(cell, carrier=carriers.index(cell.carrier)) for cell in own)
    return Deployment(used, tuple(moved), renamed)
