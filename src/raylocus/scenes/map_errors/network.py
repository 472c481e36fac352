"""A network as it may stand: sites elsewhere, antennas turned, tilted and fed otherwise than listed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.geo import Grid, wrap_angle
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.sites import Deployment, Site
from raylocus.scenes.siting.spacing import disc_window
from raylocus.scenes.world import World

#: Antennas stay this far above what is below and around them, and as far inside the tile [m].
CLEARANCE, AROUND = 1.5, 4.0


@dataclass(frozen=True)
class NetworkErrors:
    """Every draw about sites and antennas."""

    position: list[list[float]]
    """True minus listed position (x, y, z) of each site [m]."""
    azimuth: list[float]
    """True minus listed azimuth of each cell [rad], counter-clockwise."""
    downtilt: list[float]
    """True minus listed downtilt of each cell [rad]."""
    power_db: list[float]
    """True minus listed power of each cell [dB]."""


def draw_network(
    deployment: Deployment,
    maps: tuple[xr.Dataset, xr.Dataset],
    grid: Grid,
    law: MapErrorLaw,
    world: World,
    generator: np.random.Generator,
) -> tuple[Deployment, NetworkErrors]:
    """The deployment of one world, and how it was drawn.

    Args:
        deployment: as listed.
        maps: G as mapped and as it is; antennas rise and fall with the ground and stay above roofs.
        grid: their grid.
        law: how wrong positions are.
        world: the draw of antenna and power errors.
        generator: decides the positions.
    """
    listed = deployment.site_positions
    positions = _moved(listed, maps, grid, law, generator)
    sites = tuple(Site(site.name, tuple(position)) for site, position in
                  zip(deployment.sites, positions.tolist(), strict=True))  # fmt: skip
    cells = tuple(
        dataclasses.replace(
            cell,
            azimuth=wrap_angle(cell.azimuth + azimuth),
            downtilt=cell.downtilt + downtilt,
            power_dbm=cell.power_dbm + power,
        )
        for cell, azimuth, downtilt, power in zip(
            deployment.cells,
            world.azimuth_error.tolist(),
            world.downtilt_error.tolist(),
            world.level_error_db.tolist(),
            strict=True,
        )  # fmt: skip
    )
    errors = NetworkErrors(
        np.round(positions - listed, 3).tolist(),
        world.azimuth_error.tolist(),
        world.downtilt_error.tolist(),
        world.level_error_db.tolist(),
    )
    return dataclasses.replace(deployment, sites=sites, cells=cells), errors


def _moved(
    listed: Float[np.ndarray, "site 3"],
    maps: tuple[xr.Dataset, xr.Dataset],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> Float[np.ndarray, "site 3"]:
    spread = law.severity * np.array([law.site_error, law.site_error, law.antenna_height_error])
    moved = listed + spread * generator.standard_normal(listed.shape)
    edge = grid.size / 2 - AROUND
    inside = np.abs(listed[:, :2]).max(axis=1) < edge
    moved[inside, :2] = np.clip(moved[inside, :2], -edge, edge)
    if law.severity == 0:
        return listed
    mapped, true = (each["terrain"].values.ravel() for each in maps)
    cell, old = grid.index(moved), grid.index(listed)
    moved[:, 2] += true[cell] - mapped[old]
    surface = maps[1]["surface"].values
    for position in moved:
        below = surface[disc_window(grid, position[:2], AROUND)]
        position[2] = max(position[2], float(below.max()) + CLEARANCE)
    return np.round(moved, 2)
