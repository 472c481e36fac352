"""Maps of a place: buildings, sites with their sectors, any layer of R or G, and how the ground may truly be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.scenes.building_records import read_buildings
from raylocus.scenes.place import Place
from raylocus.scenes.sites import Deployment
from raylocus.viz.style import BUILDING_COLOUR, SITE_COLOUR, new_axes

#: Layers next to each other in the figure of all of them.
LAYER_COLUMNS = 6
#: Span of the colour scale of a layer that hardly varies, by its units.
SPANS = {"m": 10.0, "dB": 10.0, "dBm": 10.0}
#: Length of the tick that shows a sector's azimuth, as a share of the tile's side.
SECTOR_TICK = 0.035


def layer_figure(layer: xr.DataArray, place: MappedPlace, title: str) -> Figure:
    """One layer over (y, x) of R or G, with the place's sites; ground without a path stays white, buildings grey.

    Args:
        layer: values over (y, x) with `units` in its attributes.
        place: where it is.
        title: what it shows.
    """
    figure, axes = new_axes(6.4, 5.4)
    draw_layer(axes, layer, place)
    finish_map(axes, place.tile, title)
    return figure


def all_layers_figure(layers: Sequence[xr.DataArray], place: MappedPlace, title: str) -> Figure:
    """Many layers of one cell side by side, each with its own colour bar and units.

    Args:
        layers: values over (y, x), named, with `units` in their attributes.
        place: where they are.
        title: what they are of.
    """
    rows = -(-len(layers) // LAYER_COLUMNS)
    figure = Figure(figsize=(2.9 * LAYER_COLUMNS, 2.6 * rows), layout="constrained")
    grid = figure.subplots(rows, LAYER_COLUMNS, squeeze=False).ravel()
    for axes, layer in zip(grid, layers, strict=False):
        draw_layer(axes, layer, place)
        finish_map(axes, place.tile, str(layer.name))
        axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
    for axes in grid[len(layers) :]:
        axes.set_axis_off()
    side = f"{place.tile.size:.0f} m"
    figure.suptitle(f"{title}; the tile is {side} × {side}, north up", fontsize=11)
    return figure


def draw_layer(axes: Axes, layer: xr.DataArray, place: MappedPlace) -> None:
    """A layer over the buildings, its colour bar, and the sites; a layer that is one number says which."""
    draw_buildings(axes, place)
    grid = Grid(place.tile.size, place.tile.size / layer.sizes["x"])
    units = str(layer.attrs.get("units", ""))
    cyclic = units.startswith("degree clockwise")
    known = layer.values[np.isfinite(layer.values)]
    low, high = (0.0, 360.0) if cyclic else colour_range(known, units)
    image = axes.imshow(layer.values, origin="lower", extent=extent(grid), cmap="twilight" if cyclic else "viridis",
                        vmin=low, vmax=high, interpolation="nearest")  # fmt: skip
    if axes.figure is not None:
        label = "" if units == "1" else f"[{units}]"
        if len(known) and known.min() == known.max():
            label = f"{known[0]:g} everywhere {label}".rstrip()
        axes.figure.colorbar(image, ax=axes, shrink=0.85, label=label)
    draw_sites(axes, place.deployment, place.tile)


def colour_range(values: Float[np.ndarray, " value"], units: str) -> tuple[float, float]:
    """Lowest and highest value of a colour scale: all but 1 % at either end.

    Values that differ by less than a hundredth of a sensible span get that span about them, so that nobody takes
    rounding for a landscape; a scale of values that are not negative has no negative end.

    Args:
        values: of the layer, where it is known.
        units: theirs, see `SPANS`; of others the span is a tenth of the values, or 1.
    """
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    middle = (low + high) / 2
    span = SPANS.get(units, 0.1 * abs(middle) or 1.0)
    if high - low > 0.01 * span:
        inner, outer = (float(value) for value in np.quantile(values, [0.01, 0.99]))
        # A few values in an even layer are seen at the end of the scale.
        return (inner, outer) if outer - inner > 0.01 * span else (low, high)
    bottom = middle - span / 2
    bottom = max(bottom, 0.0) if low >= 0 else bottom
    return bottom, bottom + span


def extent(grid: Grid) -> tuple[float, float, float, float]:
    """Left, right, bottom and top edge of the tile [m]; row 0 of an array is at the bottom."""
    west, south, east, north = grid.bounds
    return west, east, south, north


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


#: Height differences beyond this have the same colour [m].
LARGEST_DIFFERENCE = 8.0
#: Sectors are drawn this long [m].
SECTOR_LENGTH = 28.0
#: Colours of buildings that the map lacks, of those that stand no more, of cars and of trees.
ADDED, MISSING, CAR, TREE = "#1f4fa3", "#a3241f", "#7a3fa0", "#2e8b3d"


def perturbed_places_figure(nominal: Place, perturbed: Sequence[Place], title: str) -> Figure:
    """The map's heights, and for each perturbed place its surface minus the map's.

    Args:
        nominal: the place as mapped.
        perturbed: places that `scenes.map_errors` drew from it.
        title: what it shows.
    """
    columns = 1 + len(perturbed)
    figure = Figure(figsize=(3.3 * columns, 4.4), layout="constrained")
    grid = figure.subplots(1, columns, squeeze=False)[0]
    height = nominal.geometry_maps["height"].values
    first = grid[0].imshow(height, origin="lower", extent=extent(nominal.tile), cmap="Greys", vmin=0,
                           vmax=colour_range(height.ravel(), "m")[1], interpolation="nearest")  # fmt: skip
    figure.colorbar(first, ax=grid[0], shrink=0.8, label="height above ground [m]", location="bottom")
    _draw_sectors(grid[0], nominal, SITE_COLOUR)
    finish_map(grid[0], nominal.tile, f"the map: {nominal.name}")
    image: AxesImage = first
    for axes, place in zip(grid[1:], perturbed, strict=True):
        image = _draw_perturbed(axes, nominal, place)
    if perturbed:
        words = "surface minus the map's [m]; blue outline: new, red: gone; violet: car, green: tree, grey: listed site"
        figure.colorbar(image, ax=list(grid[1:]), shrink=0.5, label=words, location="bottom", extend="both")
    figure.suptitle(title, fontsize=11)
    return figure


def _draw_perturbed(axes: Axes, nominal: Place, place: Place) -> AxesImage:
    difference = place.geometry_maps["surface"].values - nominal.geometry_maps["surface"].values
    image = axes.imshow(difference, origin="lower", extent=extent(place.tile), cmap="RdBu", interpolation="nearest",
                        vmin=-LARGEST_DIFFERENCE, vmax=LARGEST_DIFFERENCE)  # fmt: skip
    drawn = place.map_error["buildings"]
    mapped = {each.identifier: each.footprint for each in read_buildings(nominal.folder)}
    for footprint in shapely.from_wkt(list(drawn["added"].values())):
        axes.plot(*footprint.exterior.xy, color=ADDED, linewidth=1.2)
    for identifier in drawn["missing"]:
        axes.plot(*mapped[identifier].exterior.xy, color=MISSING, linewidth=1.2)
    cars = shapely.get_coordinates(shapely.centroid(shapely.from_wkt(place.map_error["cars"])))
    axes.plot(*cars.T, "s", color=CAR, markersize=2)
    axes.plot(*np.reshape(place.map_error["trees"], (-1, 2)).T, ".", color=TREE, markersize=3)
    _draw_sectors(axes, nominal, "#999999")
    _draw_sectors(axes, place, SITE_COLOUR)
    buildings = f"{len(drawn['missing'])} gone, {len(drawn['added'])} new"
    finish_map(axes, place.tile, f"severity {place.map_error['law']['severity']:g}: {buildings}")
    axes.set(ylabel="", yticks=[])
    return image


def _draw_sectors(axes: Axes, place: Place, colour: str) -> None:
    positions = place.deployment.site_positions
    for cell in place.deployment.cells:
        x, y, _ = positions[cell.site]
        ends = [x, x + SECTOR_LENGTH * np.cos(cell.azimuth)], [y, y + SECTOR_LENGTH * np.sin(cell.azimuth)]
        axes.plot(*ends, color=colour, linewidth=1.4, zorder=4)
    axes.plot(positions[:, 0], positions[:, 1], "o", color=colour, markersize=4, zorder=5)
