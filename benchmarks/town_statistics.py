"""Generated towns compared with real extracts: `python benchmarks/town_statistics.py [FOLDER_OF_EXTRACTS]`.

FOLDER holds OpenStreetMap extracts (`**/*.osm.pbf`); without it two of the towns themselves stand for
extracts. Every number is of windows of 512 m: of a style the mean over seeds, of an extract the mean over its
windows, each counted by its buildings. The distance is the root mean square difference of the logarithms (of
the odds for the built share), each over its standard deviation among the extracts.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import shapely
from extracts import extracts
from rich.console import Console
from rich.table import Table

from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.towns.generate import STYLES, generate_town
from raylocus.scenes.towns.statistics import (
    TownStatistics,
    mean_statistics,
    statistics_distance,
    window_statistics,
)

WINDOW = 512.0
COLUMNS = ("built share", "footprint m²", "height m", "90 % height m", "street m", "block side m")


def style_statistics(style: str, seeds: int) -> TownStatistics:
    """Mean over seeds."""
    window = shapely.box(-WINDOW / 2, -WINDOW / 2, WINDOW / 2, WINDOW / 2)
    towns = [window_statistics(generate_town(style, seed, WINDOW), window) for seed in range(seeds)]
    return mean_statistics(towns, np.ones(seeds))


def extract_statistics(path: Path) -> TownStatistics:
    """Mean over the windows of an extract that hold buildings, by their number."""
    found = read_source(str(path), SourceOptions(), 0, WINDOW)
    city, extent = found.vector_map, found.extent
    points = np.array([one.footprint.representative_point().coords[0] for one in city.buildings])
    columns, rows = (max(1, int(side // WINDOW)) for side in (extent.width, extent.depth))
    limit = shapely.box(-extent.width / 2, -extent.depth / 2, extent.width / 2, extent.depth / 2)
    windows = []
    weights = []
    for west in WINDOW * (np.arange(columns) - columns / 2):
        for south in WINDOW * (np.arange(rows) - rows / 2):
            window = shapely.intersection(shapely.box(west, south, west + WINDOW, south + WINDOW), limit)
            inside = np.flatnonzero(shapely.contains_xy(window, points))
            if len(inside):
                here = dataclasses.replace(city, buildings=tuple(city.buildings[index] for index in inside))
                windows.append(window_statistics(here, window))
                weights.append(len(inside))
    return mean_statistics(windows, np.array(weights, float))


def row(statistics: TownStatistics) -> list[str]:
    """The numbers as text."""
    values = dataclasses.astuple(statistics)
    return [f"{values[0]:.3f}", *("-" if np.isnan(value) else f"{value:.1f}" for value in values[1:])]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    found = sorted(options.folder.glob("**/*.osm.pbf")) if options.folder else []
    with extracts(found) as paths:
        real_places = {path.name.split(".")[0]: extract_statistics(path) for path in paths}
    scale = np.nanstd(np.stack([each.features() for each in real_places.values()]), axis=0)
    table = Table("place", *COLUMNS, "closest extract", "distance", "second closest", "distance")
    for name, statistics in real_places.items():
        table.add_row(name, *row(statistics), "", "", "", "")
    table.add_section()
    for style in STYLES:
        statistics = style_statistics(style, options.seeds)
        near = sorted(
            (statistics_distance(statistics, real, scale), name) for name, real in real_places.items()
        )[:2]
        nearest = [text for distance, name in near for text in (name, f"{distance:.2f}")]
        table.add_row(style, *row(statistics), *nearest)
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
