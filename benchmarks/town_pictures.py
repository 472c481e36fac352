"""A picture of every style of generated town: `python benchmarks/town_pictures.py [OUT.png] [--seed N]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from raylocus.scenes.towns.generate import STYLES, generate_town
from raylocus.scenes.vector_map import VectorMap

TILE = 512.0
COLUMNS = 4
#: Range of the building colours [m].
HEIGHTS = (3.0, 60.0)


def outline(polygon: shapely.Polygon) -> PathPatch:
    """A polygon with its holes."""
    turned = shapely.orient_polygons(polygon)
    rings = [turned.exterior, *turned.interiors]
    return PathPatch(
        Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings))
    )


def draw(axes: Axes, town: VectorMap, title: str) -> PatchCollection:
    """One town; the buildings' collection carries the colours of the heights."""
    streets = [shapely.buffer(road.line, road.width / 2, cap_style="flat") for road in town.roads]
    for shapes, colour in ((town.water, "#9cc8f0"), (town.vegetation, "#b5dba0"), (streets, "#d8d8d8")):
        axes.add_collection(
            PatchCollection([outline(shape) for shape in shapes], facecolor=colour, linewidth=0)
        )
    if np.ptp(town.terrain.height) > 0:
        axis = town.terrain.grid.x_coordinates
        axes.contour(axis, axis, town.terrain.height, levels=10, colors="#b08050", linewidths=0.4)
    buildings = PatchCollection(
        [outline(one.footprint) for one in town.buildings], cmap="viridis", linewidth=0
    )
    buildings.set_array(np.array([one.height for one in town.buildings]))
    buildings.set_clim(*HEIGHTS)
    axes.add_collection(buildings)
    axes.set(xlim=(-TILE / 2, TILE / 2), ylim=(-TILE / 2, TILE / 2), aspect="equal", xticks=[], yticks=[])
    axes.set_title(title)
    return buildings


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("build/towns.png"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = -(-len(STYLES) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 4.3 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    buildings = [
        draw(axes, generate_town(style, options.seed, TILE), style)
        for axes, style in zip(panels, STYLES, strict=False)
    ]
    for axes in panels[len(STYLES) :]:
        axes.set_axis_off()
    figure.colorbar(buildings[-1], ax=panels.tolist(), shrink=0.4, label="building height [m]")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=60, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
