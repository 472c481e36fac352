"""Sites as they may stand: elsewhere and at other heights than listed."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.sites import Deployment
from raylocus.scenes.siting.spacing import disc_window

#: Antennas stay this far above what is below and around them, and as far inside the tile [m].
CLEARANCE, AROUND = 1.5, 4.0


def draw_sites(
    deployment: Deployment,
    maps: tuple[xr.Dataset, xr.Dataset],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> Deployment:
    """The deployment with its sites where they may truly stand; its antennas are as listed.

    Args:
        deployment: as listed.
        maps: G as mapped and as it is; antennas rise and fall with the ground and stay above roofs.
        grid: their grid.
        law: how wrong positions are.
        generator: decides the positions.
    """
    positions = _moved(deployment.site_positions, maps, grid, law, generator)
    sites = tuple(
        dataclasses.replace(site, position=tuple(position))
        for site, position in zip(deployment.sites, positions.tolist(), strict=True)
    )
    return dataclasses.replace(deployment, sites=sites)


def _moved(
    listed: Float[np.ndarray, "site 3"],
    maps: tuple[xr.Dataset, xr.Dataset],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> Float[np.ndarray, "site 3"]:
    spread = law.severity * np.array([law.site_error, law.site_error, law.antenna_height_error])
    moved = listed + spread * generator.standard_normal(listed.shape)
    # Of the ground around the tile too little is known to move a site on it.
    outside = ~grid.contains(listed)
    moved[outside] = listed[outside]
    edge = grid.size / 2 - AROUND
    inside = np.abs(listed[:, :2]).max(axis=1) < edge
    moved[inside, :2] = np.clip(moved[inside, :2], -edge, edge)
    if law.severity == 0:
        return listed
    mapped, true = (each["terrain"].values.ravel() for each in maps)
    cell, old = grid.index(moved), grid.index(listed)
    moved[:, 2] += np.where(outside, 0.0, true[cell] - mapped[old])
    surface = maps[1]["surface"].values
    for site in np.flatnonzero(~outside).tolist():
        below = surface[disc_window(grid, moved[site, :2], AROUND)]
        moved[site, 2] = max(moved[site, 2], float(below.max()) + CLEARANCE)
    return np.round(moved, 2)
