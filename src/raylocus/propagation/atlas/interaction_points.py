"""Where paths meet walls and edges: the points between site and UE, from each path's directions and length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.propagation.atlas.atlas import DIFFRACTED, SCATTERED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.atlas.ue_paths import UePaths

#: Legs are distinguished where the smallest singular value of their directions is above this; two parallel
#: walls leave open where between them a path turns.
SMALLEST_SINGULAR_VALUE = 1e-3


@dataclass(frozen=True)
class _Legs:
    """Directions of the legs of some paths, and what is known of the legs' lengths."""

    direction: Float[np.ndarray, "path 3 leg"]
    summed: Float[np.ndarray, "sum leg"]
    """1 for the legs of each sum."""
    sums: Float[np.ndarray, "path sum"]
    """Their length together [m]."""


def interaction_points(
    ue_paths: UePaths, site: Float[np.ndarray, "3"], position: Float[np.ndarray, "ue 3"]
) -> Float[np.ndarray, "path interaction 3"]:
    """Points of reflection, diffraction and scattering of every path [m], in order from the site.

    Legs t_i along known directions d_i satisfy Σ t_i d_i = u − s and Σ t_i = L (before and after an edge
    apart), which fixes them for up to three reflections unless directions repeat.

    Args:
        ue_paths: paths from one site.
        site: its antenna centre [m].
        position: UE antennas [m] that the paths lead to.

    Returns:
        Points [m]; NaN past a path's last interaction, where the directions leave them open, over roofs and
        through walls.
    """
    paths = ue_paths.paths
    points = np.full((len(paths.site), paths.material.shape[1] + 1, 3), np.nan)
    rough = paths.kind == SCATTERED
    points[rough, 0] = site + paths.first_leg[rough, None] * paths.departure[rough]
    shape = np.stack([paths.kind, paths.interactions, paths.before_edge], axis=1)
    for kind, count, before in np.unique(shape, axis=0).tolist():
        own = np.flatnonzero((shape == (kind, count, before)).all(axis=1))
        some, step = reorder(paths, own), position[ue_paths.ue[own]] - site
        if kind == SPECULAR and count:
            points[own, :count] = site + _points(_mirror_legs(some, count), step)
        elif kind == DIFFRACTED:
            points[own, : count + 1] = site + _points(_edge_legs(some, before, count), step)
    return points


def _mirror_legs(paths: PathAtlas, count: int) -> _Legs:
    """Legs of paths of so many reflections."""
    legs = _onwards(paths, count)
    return _Legs(np.stack(legs, axis=2), np.ones((1, count + 1)), paths.length[:, None].astype(float))


def _edge_legs(paths: PathAtlas, before: int, count: int) -> _Legs:
    """Legs of paths over an edge that comes after `before` of so many reflections."""
    legs = [paths.arrival.astype(float)]
    for bounce in reversed(range(before, count)):
        legs.insert(0, _mirrored(legs[0], paths.normals[:, bounce]))
    legs = _onwards(paths, before) + legs
    of_first = (np.arange(count + 2) <= before).astype(float)
    sums = np.column_stack([paths.first_leg, paths.length - paths.first_leg]).astype(float)
    return _Legs(np.stack(legs, axis=2), np.stack([of_first, 1 - of_first]), sums)


def _onwards(paths: PathAtlas, count: int) -> list[Float[np.ndarray, "path 3"]]:
    """Directions from the site on, over the first so many reflections."""
    legs = [paths.departure.astype(float)]
    for bounce in range(count):
        legs.append(_mirrored(legs[-1], paths.normals[:, bounce]))
    return legs


def _mirrored(
    direction: Float[np.ndarray, "path 3"], normal: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path 3"]:
    return direction - 2 * np.einsum("pi,pi->p", direction, normal.astype(float))[:, None] * normal


def _points(legs: _Legs, step: Float[np.ndarray, "path 3"]) -> Float[np.ndarray, "path interaction 3"]:
    """Ends of all legs but the last, from the site, of paths that lead `step` away; NaN where they are left open."""
    count = legs.direction.shape[2]
    summed = np.broadcast_to(legs.summed, (len(step), *legs.summed.shape))
    equations = np.concatenate([legs.direction, summed], axis=1)
    length = np.einsum("plk,pk->pl", np.linalg.pinv(equations), np.column_stack([step, legs.sums]))
    values = np.linalg.svd(equations, compute_uv=False)
    solved = (values[:, -1] > SMALLEST_SINGULAR_VALUE) & (values.shape[1] == count)
    # In a corner a path at the ground cell's middle may meet the two surfaces in the other order than here.
    solved &= (length >= 0).all(axis=1)
    walked = np.cumsum(length[:, None, :] * legs.direction, axis=2)[:, :, :-1]
    return np.where(solved[:, None, None], np.moveaxis(walked, 2, 1), np.nan)
