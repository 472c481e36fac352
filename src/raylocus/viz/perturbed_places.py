"""A map and places as they may truly stand: where the ground differs from what the map says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from raylocus.scenes.building_records import read_buildings
from raylocus.scenes.place import Place
from raylocus.viz.maps import colour_range, extent, finish_map
from raylocus.viz.style import SITE_COLOUR

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
