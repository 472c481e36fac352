"""Heights above sea level in a column that should hold heights above the ground: by what they are recognised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

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
