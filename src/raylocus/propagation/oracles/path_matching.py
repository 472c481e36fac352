"""Two lists of paths to the same points laid side by side: the atlas's and PathSolver's, or any others."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.atlas.ue_paths import UePaths
from raylocus.units import to_decibel

#: Two paths are the same up to this difference of their lengths [m] and of their unit vectors of arrival; what two
#: engines compute of one path differs by some 10⁻⁵.
SAME = 2e-3
#: … and of their gains [dB]. On a shadow boundary a path over the edge has the geometry of the one that it takes over
#: from, and where houses touch two edges lie in one line, the field of one 60 dB below the other's.
SAME_GAIN_DB = 20.0
#: What a decibel counts for in choosing among several [m].
PER_DECIBEL = 1e-3
#: What `PointPaths` has of each path.
COLUMNS = ("point", "length", "departure", "arrival", "field", "line_of_sight")


def centre_paths(atlas: PathAtlas, cells: Int[np.ndarray, " point"]) -> UePaths:
    """The paths of one site's atlas to the middles of some ground cells, as they are stored."""
    own = np.flatnonzero(atlas.at_centre & np.isin(atlas.ground_cell, cells))
    order = np.argsort(cells, kind="stable")
    point = order[np.searchsorted(cells, atlas.ground_cell[own], sorter=order)]
    by_point = np.argsort(point, kind="stable")
    return UePaths(point[by_point], len(cells), reorder(atlas, own[by_point]))


def chosen(paths: PointPaths, which: Int[np.ndarray, " chosen"]) -> PointPaths:
    """Some of the paths."""
    columns: dict[str, Any] = {name: getattr(paths, name)[which] for name in COLUMNS}
    return dataclasses.replace(paths, **columns)


def partners(mine: PointPaths, other: PointPaths) -> Int[np.ndarray, " path"]:
    """Which path of the other list each of mine is, and no other of mine; −1 where the other list lacks it."""
    found = np.full(len(mine.point), -1)
    for point in np.intersect1d(mine.point, other.point):
        here, there = (np.flatnonzero(paths.point == point) for paths in (mine, other))
        apart = _apart(chosen(mine, here), chosen(other, there))
        nearest, nearest_back = apart.argmin(axis=1), apart.argmin(axis=0)
        mutual = nearest_back[nearest] == np.arange(len(here))
        same = mutual & np.isfinite(apart.min(axis=1))
        found[here[same]] = there[nearest[same]]
    return found


def united(lists: list[PointPaths]) -> tuple[PointPaths, list[PointPaths]]:
    """The union of several lists of paths to the same points, and what each list has of it.

    A path of several lists counts once, as the first has it.
    """
    union, members = lists[0], [np.arange(len(lists[0].point))]
    for paths in lists[1:]:
        member = partners(paths, union)
        new = np.flatnonzero(member < 0)
        member[new] = len(union.point) + np.arange(len(new))
        union, members = _joined(union, chosen(paths, new)), [*members, member]
    return union, [chosen(union, member) for member in members]


def _joined(first: PointPaths, second: PointPaths) -> PointPaths:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in COLUMNS
    }
    return dataclasses.replace(first, **columns)


def _apart(mine: PointPaths, other: PointPaths) -> Float[np.ndarray, "mine other"]:
    """How far each path of mine is from each of the other list; inf where they cannot be the same."""
    longer = np.abs(mine.length[:, None] - other.length)
    turned = np.linalg.norm(mine.arrival[:, None] - other.arrival, axis=2)
    louder = np.abs(to_decibel(mine.gain[:, None]) - to_decibel(other.gain))
    # Without any power the level is NaN, and like nothing.
    same = (longer < SAME) & (turned < SAME) & (louder < SAME_GAIN_DB)
    return np.where(same, longer + turned + PER_DECIBEL * louder, np.inf)
