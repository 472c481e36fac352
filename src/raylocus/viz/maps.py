"""Maps of a place: buildings, sites with their sectors, and any layer of R or G."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from raylocus.evaluation.method import MappedPlace
from raylocus.geo import Grid
from raylocus.scenes.sites import Deployment
from raylocus.viz.style import BUILDING_COLOUR, SITE_COLOUR, new_axes

#: Length of the tick that shows a sector's azimuth, as a share of the tile's side.
SECTOR_TICK = 0.035


def layer_figure(layer: xr.DataArray, place: MappedPlace, title: str) -> Figure:
    """One layer over (y, x) of R or G, with the place's sites; dark ground stays white, buildings grey.

    Args:
        layer: values over (y, x) with `units` in its attributes.
        place: where it is.
        title: what it shows.
    """
    figure, axes = new_axes(6.4, 5.4)
    grid = Grid(place.tile.size, place.tile.size / layer.sizes["x"])
    draw_buildings(axes, place)
    image = axes.imshow(
        layer.values, origin="lower", extent=extent(grid), cmap="viridis", interpolation="nearest"
    )
    units = layer.attrs.get("units", "")
    figure.colorbar(image, ax=axes, shrink=0.85, label="" if units == "1" else f"[{units}]")
    draw_sites(axes, place.deployment, place.tile)
    finish_map(axes, place.tile, title)
    return figure


def extent(grid: Grid) -> tuple[float, float, float, float]:
    """Left, right, bottom and top edge of the tile [m]; row 0 of an array is at the bottom."""
    half = grid.size / 2
    return -half, half, -half, half


def draw_buildings(axes: Axes, place: MappedPlace) -> None:
    """Fills the ground that is built on."""
    footprint = place.geometry_maps["footprint"].values
    built = np.ma.masked_where(~(footprint > 0), footprint)
    axes.imshow(built, origin="lower", extent=extent(place.tile), cmap=ListedColormap([BUILDING_COLOUR]),
                interpolation="nearest")  # fmt: skip


def draw_sites(axes: Axes, deployment: Deployment, tile: Grid) -> None:
    """A dot at each site and a tick along the azimuth of each of its cells."""
    length = SECTOR_TICK * tile.size
    for cell in deployment.cells:
        x, y, _ = deployment.sites[cell.site].position
        axes.plot([x, x + length * np.cos(cell.azimuth)], [y, y + length * np.sin(cell.azimuth)],
                  color=SITE_COLOUR, linewidth=1.6, zorder=4)  # fmt: skip
    x, y = deployment.site_positions[:, :2].T
    axes.plot(
        x, y, "o", color=SITE_COLOUR, markeredgecolor="white", markersize=6, zorder=5, label="site, sectors"
    )


def finish_map(axes: Axes, tile: Grid, title: str) -> None:
    """Square metre axes over the whole tile, north up."""
    left, right, bottom, top = extent(tile)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xlabel="east [m]", ylabel="north [m]")
    axes.set_title(title, fontsize=10, loc="left")
