"""Which diffracted paths end where the ray does that they take over from at a shadow boundary.

At the boundary a path over the edge has the geometry of the ray that goes straight on there, or that a face of the
wedge mirrors. On the boundary itself the last bit decides whether that ray counts, and would once more decide on which
side the diffracted field is. So it is decided once, by the ray: the point is lit if the atlas has it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from raylocus.propagation.atlas.atlas import SPECULAR, PathAtlas

#: Two paths of one ground cell are one at a boundary up to this difference of their lengths [m] and of their unit
#: vectors of arrival; within `utd.BOUNDARY` they differ by less.
SAME_LENGTH, SAME_ARRIVAL = 1e-4, 1e-2


def lit_over_edges(atlas: PathAtlas, over_edge: Int[np.ndarray, "path"]) -> Bool[np.ndarray, "path"]:
    """Whether the atlas has the specular path that each of its paths over an edge takes over from.

    Args:
        atlas: all paths that are summed up with those over edges.
        over_edge: indices of diffracted paths.
    """
    optical = np.flatnonzero((atlas.kind == SPECULAR) & atlas.at_centre)
    group = atlas.site.astype(np.int64) * atlas.grid.count**2 + atlas.ground_cell
    optical = optical[np.argsort(group[optical], kind="stable")]
    first, last = (np.searchsorted(group[optical], group[over_edge], side) for side in ("left", "right"))
    lit = np.zeros(len(over_edge), bool)
    for number in range(int((last - first).max(initial=0))):
        some = np.flatnonzero(first + number < last)
        lit[some] |= _one_at_a_boundary(atlas, over_edge[some], optical[first[some] + number])
    return lit


def _one_at_a_boundary(
    atlas: PathAtlas, path: Int[np.ndarray, "pair"], other: Int[np.ndarray, "pair"]
) -> Bool[np.ndarray, "pair"]:
    same = np.abs(atlas.length[path] - atlas.length[other]) < SAME_LENGTH
    close = np.flatnonzero(same)
    turn = atlas.arrival[path[close]].astype(float) - atlas.arrival[other[close]]
    same[close] = np.linalg.norm(turn, axis=1) < SAME_ARRIVAL
    return same
