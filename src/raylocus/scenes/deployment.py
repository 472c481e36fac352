"""A plausible network over a tile: macro sites on roofs and masts, street-level sites, or both; parts of a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import Grid, wrap_angle
from raylocus.scenes.geometry_maps import grid_of, siting_maps
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.scenes.siting.macro import MacroLayout, array_on, macro_sites, macro_sites_around
from raylocus.scenes.siting.pci_plan import groups_of, plan_pcis
from raylocus.scenes.siting.spacing import MicroLayout, PlannedSite, micro_sites

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


@dataclass(frozen=True)
class DeploymentConfiguration:
    """Statistics of the sampled network."""

    macro: MacroLayout | None = MacroLayout()
    """Sites above the roofs; None for a network of street-level sites only."""
    micro: MicroLayout | None = None
    """Street-level sites between them; None for none."""
    edge_distance: float = 30.0
    """Smallest distance from a site to the tile's edge [m]."""
    carriers: tuple[Carrier, ...] = (Carrier(),)
    """Carriers of every sector, on shared masts."""
    reach: float = 0.0
    """How far beyond the tile macro sites go on, which are heard in it and interfere [m]; 0 for an island."""


#: The layouts by name.
LAYOUTS = {
    "macro": DeploymentConfiguration(),
    "micro": DeploymentConfiguration(macro=None, micro=MicroLayout()),
    "mixed": DeploymentConfiguration(micro=MicroLayout(site_distance=130.0)),
    # As on a measured campus: five sites and nine cells, antennas 6 to 18 m above the UEs.
    "low": DeploymentConfiguration(
        macro=None,
        micro=MicroLayout(
            site_distance=170.0,
            height=(7.5, 19.5),
            downtilt=(0.0, 0.12),
            power_dbm=40.0,
            array=AntennaArray(),
        ),
    ),
}


def sample_deployment(
    maps: xr.Dataset,
    tile: Grid,
    configuration: DeploymentConfiguration,
    generator: np.random.Generator,
    around: tuple[xr.Dataset | None, Grid | None] = (None, None),
) -> Deployment:
    """Macro sites first, street-level sites between them, macro sites around the tile, then a PCI plan over all.

    Args:
        maps: the geometry maps: `terrain`, `surface`, `height` [m], `footprint`; `road` and `water` where known.
        tile: their grid.
        configuration: statistics of the network.
        generator: decides everything that is drawn.
        around: coarse rasters of the ground that the network goes on over, and the square that it leaves out, whose
            geometry is known; None where it ends at the tile.

    Raises:
        PlaceError: not even one site fits into the tile.
    """
    sites: list[PlannedSite] = []
    if configuration.macro is not None:
        sites += macro_sites(maps, tile, configuration.macro, configuration.edge_distance, generator)
    if configuration.micro is not None:
        sites += micro_sites(maps, tile, configuration.micro, configuration.edge_distance, sites, generator)
    if not sites:
        raise PlaceError("no site fits into the tile; lower the site or edge distance")
    ground, scene = around
    if ground is not None and scene is not None and configuration.macro is not None:
        wide = siting_maps(ground)
        sites += macro_sites_around(wide, grid_of(wide), scene, configuration.macro, sites, generator)
    return deployment_of(sites, configuration.carriers, generator)


def deployment_of(
    sites: list[PlannedSite], carriers: tuple[Carrier, ...], generator: np.random.Generator
) -> Deployment:
    """The deployment of planned sites with every sector on every carrier, and a PCI for each cell.

    Raises:
        PlaceError: a carrier has more cells than PCIs.
    """
    owner = np.repeat(np.arange(len(sites)), [len(site.azimuths) for site in sites])
    azimuths = np.array([azimuth for site in sites for azimuth in site.azimuths])
    downtilts = [downtilt for site in sites for downtilt in site.downtilts]
    positions = np.array([site.position for site in sites])
    cells: list[Cell] = []
    for index, carrier in enumerate(carriers):
        pcis = plan_pcis(positions[owner, :2], azimuths, owner, generator, groups_of(carrier))
        cells += [
            Cell(
                pci,
                site,
                wrap_angle(azimuth),
                downtilt,
                sites[site].power_dbm,
                array_on(carrier, sites[site].array),
                index,
            )
            for pci, site, azimuth, downtilt in zip(
                pcis.tolist(), owner.tolist(), azimuths.tolist(), downtilts, strict=True
            )
        ]
    named = [Site(f"site-{number}", site.position) for number, site in enumerate(sites)]
    return Deployment(carriers, tuple(named), tuple(cells))
