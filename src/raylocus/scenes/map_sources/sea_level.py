"""Building heights that turn out to be levels above the sea: recognised, the ground taken off, or refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.scenes.map_sources.building_columns import Columns, text_of
from raylocus.scenes.tagged import Feature, in_frame, parse_length

#: Words in a column's name that mean a level above the sea.
_WORDS = {
    "abs", "absolute", "asl", "amsl", "msl", "elev", "elevation", "altitude", "alt", "z", "zmax", "ztop", "zroof",
    "dtm", "dsm", "dem", "nap", "nhn", "nn", "navd", "navd88", "sealevel",
}  # fmt: skip
#: Names, squeezed, of columns that hold the ground's level.
GROUND_NAMES = (
    "ground", "groundelev", "groundelevation", "groundheight", "groundlevel", "groundz", "zground", "zmin", "zbase",
    "baseelev", "baseelevation", "hground", "hoehegrund", "hdtm", "zdtm", "dtm", "dem", "hmaaiveld", "b3hmaaiveld",
    "zminsol", "terrain", "terrainheight", "terrainelevation",
)  # fmt: skip
#: Half of all buildings are never this many times as high as wide, nor nine in ten of a town this high [m].
SLENDER, LOW = 5.0, 30.0
#: Storeys of 3 m explain a height to within this [m]; grounds above this differ from heights [m].
UNEXPLAINED, HIGH_GROUND = 15.0, 20.0
#: Ground varies where it spreads by more [m]; heights follow it from this correlation on.
RELIEF, FOLLOWS = 3.0, 0.8
#: One in ten buildings of a town is lower than this [m].
LOWEST_HOUSES = 10.0
#: Fewer heights than this prove nothing; and the share of them that counts as all.
FEWEST, ALMOST_ALL = 3, 0.95
#: Of tops less the ground under them, this share may come out below it, and half are at least this high [m].
SHARE_BELOW, LOWEST_MEDIAN = 0.2, 2.0


@dataclass(frozen=True)
class Tops:
    """The heights of a file, with what can be compared with them; NaN where it is not known."""

    name: str
    """Of the column."""
    height: Float[np.ndarray, " building"]
    """As the file has them [m]."""
    width: Float[np.ndarray, " building"]
    """Square root of the footprint's area [m]."""
    levels: Float[np.ndarray, " building"]
    """Storeys."""
    ground: Float[np.ndarray, " building"]
    """Lowest ground under each, above sea level [m]."""


def words_of(name: str) -> list[str]:
    """The words of a column's name: `roofElev`, `roof_elev` and `ROOF ELEV` are two each."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def is_ground_name(name: str) -> bool:
    """Whether a column's name is one of the ground's level."""
    return "".join(words_of(name)) in GROUND_NAMES


def evidence_of_sea_level(tops: Tops) -> str | None:
    """Why the heights are those above sea level; None where nothing says so."""
    if _WORDS & set(words_of(tops.name)):
        return "its name says so"
    known = np.isfinite(tops.height)
    if known.sum() < FEWEST:
        return None
    height = tops.height[known]
    return (
        _against_storeys(height, tops.levels[known])
        or _against_ground(tops, known)
        or _against_width(height, tops.width[known])
    )


def _against_storeys(
    height: Float[np.ndarray, " building"], levels: Float[np.ndarray, " building"]
) -> str | None:
    rest = (height - 3 * levels)[np.isfinite(levels)]
    if (
        len(rest) < FEWEST
        or np.quantile(rest, 0.1) < UNEXPLAINED
        or np.median(rest) < 3 * np.nanmedian(levels)
    ):
        return None
    return f"their storeys leave {np.median(rest):.0f} m unexplained"


def _against_ground(tops: Tops, known: np.ndarray) -> str | None:
    """Tops that follow the ground's ups and downs, or that are high for their widths and all above its level."""
    known = known & np.isfinite(tops.ground)
    if known.sum() < FEWEST or np.median(tops.ground[known]) < HIGH_GROUND:
        return None
    height, ground = tops.height[known], tops.ground[known]
    if np.mean(height > ground + 1) < ALMOST_ALL:
        return None
    if np.std(ground) > RELIEF and np.std(height) > 0 and np.corrcoef(height, ground)[0, 1] > FOLLOWS:
        return "they rise and fall with the ground"
    slender = np.median(height / np.maximum(tops.width[known], 1.0)) > SLENDER / 2
    low = np.quantile(height - ground, 0.1) < LOWEST_HOUSES
    return "all of them are above the ground's own level" if slender and low else None


def _against_width(
    height: Float[np.ndarray, " building"], width: Float[np.ndarray, " building"]
) -> str | None:
    if np.quantile(height, 0.1) < LOW or np.median(height / np.maximum(width, 1.0)) < SLENDER:
        return None
    return f"half of them are above {np.median(height):.0f} m, on footprints {np.median(width):.0f} m wide"


def ground_column(names: Sequence[str], height_name: str) -> str | None:
    """The column of the ground's level, other than the one of the heights."""
    return next((name for name in names if name != height_name and is_ground_name(name)), None)


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
