"""Where paths meet walls and edges: the points between site and UE, from each path's directions and length."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.propagation.atlas import DIFFRACTED, SCATTERED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.ue_paths import UePaths

#: Legs are told apart where the smallest singular value of their directions is above this; two parallel
#: walls leave open where between them a path turns.
SMALLEST_SINGULAR_VALUE = 1e-3


def interaction_points(
    ue_paths: UePaths, site: Float[np.ndarray, "3"], position: Float[np.ndarray, "ue 3"]
) -> Float[np.ndarray, "path interaction 3"]:
    """Points of reflection, diffraction and scattering of every path [m], in order from the site.

    Legs t_i along known directions d_i satisfy Σ t_i d_i = u − s and Σ t_i = L, which fixes them for up to
    three reflections unless directions repeat.

    Args:
        ue_paths: paths from one site.
        site: its antenna centre [m].
        position: UE antennas [m] that the paths lead to.

    Returns:
        Points [m]; NaN past a path's last interaction, where the directions leave them open (also over an edge
        and a mirror), over roofs and through walls.
    """
    paths = ue_paths.paths
    depth = max(paths.material.shape[1], 1)
    points = np.full((len(paths.site), depth, 3), np.nan)
    # Of a path over an edge and a mirror, the directions do not tell where it meets them.
    met = (paths.kind == SCATTERED) | ((paths.kind == DIFFRACTED) & (paths.interactions == 0))
    points[met, 0] = site + paths.first_leg[met, None] * paths.departure[met]
    counts = np.where(paths.kind == SPECULAR, paths.interactions, 0)
    for count in range(1, depth + 1):
        own = np.flatnonzero(counts == count)
        if len(own):
            step = position[ue_paths.ue[own]] - site
            points[own, :count] = site + _reflection_points(reorder(paths, own), count, step)
    return points


def _reflection_points(
    paths: PathAtlas, count: int, step: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path interaction 3"]:
    """Points relative to the site of paths of so many reflections that lead `step` away."""
    direction = [paths.departure.astype(float)]
    for bounce in range(count):
        normal = paths.normals[:, bounce].astype(float)
        before = direction[-1]
        direction.append(before - 2 * np.einsum("pi,pi->p", before, normal)[:, None] * normal)
    legs = np.stack(direction, axis=2)
    equations = np.concatenate([legs, np.ones((len(legs), 1, count + 1))], axis=1)
    known = np.column_stack([step, paths.length])
    length = np.einsum("plk,pk->pl", np.linalg.pinv(equations), known)
    told = np.linalg.svd(equations, compute_uv=False)[:, count if count < 4 else -1] > SMALLEST_SINGULAR_VALUE
    # In a corner a path at the ground cell's middle may meet the two surfaces in the other order than here.
    told &= (length >= 0).all(axis=1)
    walked = np.cumsum(length[:, None, :count] * legs[:, :, :count], axis=2)
    return np.where((told & (count < 4))[:, None, None], np.moveaxis(walked, 2, 1), np.nan)
