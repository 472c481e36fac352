"""Buildings whose heights turn out to be levels above the sea: the ground is taken off, or they are refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.scenes.map_sources.absolute_heights import Tops, evidence_of_sea_level, ground_column
from raylocus.scenes.map_sources.building_columns import Columns, text_of
from raylocus.scenes.tagged.features import Feature, in_frame, parse_length

#: Of tops less the ground under them, this share may come out below it, and half are at least this high [m].
SHARE_BELOW, LOWEST_MEDIAN = 0.2, 2.0


def above_ground(
    path: Path,
    buildings: list[Feature],
    cells: dict[str, list[Any]],
    columns: Columns,
    terrain: Path | None,
    tally: Counter[str],
) -> list[Feature]:
    """The buildings with heights above the ground.

    Args:
        path: of the file, for the sentence.
        buildings: in longitude and latitude, with the tags of their rows.
        cells: of the file, by column.
        columns: how they are read.
        terrain: elevation, from which the ground comes where no column holds it.
        tally: counts what is corrected.

    Raises:
        InputError: the heights are above sea level and the ground is not known, or does not fit them.
    """
    key = next((key for key in ("height", "building:height") if key in columns.keys), None)
    if key is None or not buildings:
        return buildings
    name = columns.keys[key][0]
    height = _numbers([feature.tags.get(key, "") for feature in buildings])
    column = ground_column(list(cells), name)
    ground = _ground(buildings, cells[column] if column else None, terrain)
    levels = _numbers([feature.tags.get("building:levels", "") for feature in buildings])
    evidence = evidence_of_sea_level(Tops(name, height, _widths(buildings), levels, ground))
    if evidence is None:
        return buildings
    rest, known = height - ground, np.isfinite(height)
    if not _plausible(rest[known]):
        raise InputError(
            f"{path}: column {name!r} seems to hold tops above sea level and not heights above the ground "
            f"({evidence}); add --terrain FILE so that the ground is taken off, or name another column with "
            "--height-field"
        )
    source = f"column {column!r}" if column else "the terrain file"
    tally[f"top above sea level ({name!r}: {evidence}) less the ground of {source}"] += int(known.sum())
    return [_with_height(feature, key, top) for feature, top in zip(buildings, rest, strict=True)]


def _plausible(rest: Float[np.ndarray, " known"]) -> bool:
    if len(rest) == 0 or not np.isfinite(rest).all():
        return False
    return bool(np.mean(rest < 0) <= SHARE_BELOW and np.median(rest) >= LOWEST_MEDIAN)


def _with_height(feature: Feature, key: str, height: float) -> Feature:
    tags = {each: value for each, value in feature.tags.items() if each != key}
    if np.isfinite(height):
        tags[key] = f"{max(height, 0.0):.2f}"
    return Feature(feature.identifier, tags, feature.geometry)


def _ground(
    buildings: list[Feature], column: list[Any] | None, terrain: Path | None
) -> Float[np.ndarray, " building"]:
    """Lowest ground under each building above sea level [m]; NaN where nothing says it."""
    if column is not None:
        return _numbers([text_of(column[int(feature.identifier.split("/")[1])]) for feature in buildings])
    if terrain is None:
        return np.full(len(buildings), np.nan)
    from raylocus.scenes.ground.terrain import read_terrain
    from raylocus.scenes.map_sources.assemble import TERRAIN_MARGIN, frame_of
    from raylocus.scenes.map_sources.elevation_tiles import elevation_for
    from raylocus.scenes.meshing.scene_mesh import lowest_ground

    west, south, east, north = shapely.total_bounds([each.geometry for each in buildings]).tolist()
    frame, extent = frame_of((west, south, east, north))
    side = max(extent.width, extent.depth) + 2 * TERRAIN_MARGIN
    shapes = np.array([each.geometry for each in in_frame(buildings, frame)], object)
    return lowest_ground(read_terrain(elevation_for(terrain, frame, side).path, frame, side), shapes)[0]


def _numbers(texts: list[str]) -> Float[np.ndarray, " building"]:
    found = (parse_length(text) if text else None for text in texts)
    return np.array([np.nan if value is None else value for value in found], float)


def _widths(buildings: list[Feature]) -> Float[np.ndarray, " building"]:
    """Square roots of the footprints' areas [m]."""
    shapes = np.array([each.geometry for each in buildings], object)
    # Middles of boxes: a shape that encloses nothing has no centroid.
    latitude = np.radians(shapely.bounds(shapes)[:, [1, 3]].mean(axis=1))
    metres = np.radians(1.0) * 6_371_000.0
    return np.asarray(np.sqrt(shapely.area(shapes) * np.cos(latitude)) * metres)
