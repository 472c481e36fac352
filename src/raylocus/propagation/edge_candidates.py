"""Which pairs of edge and ground cell can have a diffracted path: one kernel instead of many array passes.

A path over an edge needs Fermat's point on the edge and a ground cell outside the wedge. Of all pairs a few
in a hundred pass, so they are sieved by Dr.Jit in single precision, with a margin, and only those are
computed exactly and shot at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt

from raylocus.propagation.pieces import piece_length, piece_slices
from raylocus.propagation.wedges import Wedges

#: More than single precision is off by over a kilometre [m].
MARGIN = 5e-2
#: Pairs of a piece are numbered in 32 bits.
MOST_PAIRS = 1 << 31
#: What a pair takes in the sieve [byte].
BYTES_PER_PAIR = 16


def candidate_pairs(
    source: Float[np.ndarray, "3"],
    wedges: Wedges,
    edges: Int[np.ndarray, "edge"],
    point: Float[np.ndarray, "cell 3"],
    memory_budget: float,
) -> tuple[Int[np.ndarray, "pair"], Int[np.ndarray, "pair"]]:
    """Edges (indices into the wedges) and cells (indices into the points) of the pairs that may have a path.

    Args:
        source: position of the site [m].
        wedges: edges of the scene.
        edges: those that the site sees.
        point: UE positions [m].
        memory_budget: for the pieces that are worked on at once [GiB].

    Raises:
        MemoryBudgetError: the budget does not hold one edge with all points.
    """
    cells = max(len(point), 1)
    length = piece_length(memory_budget, BYTES_PER_PAIR * cells, "one edge with all ground cells")
    length = min(length, max(MOST_PAIRS // cells, 1))
    found_edge, found_cell = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    columns = _flat(point)
    for piece in piece_slices(len(edges) if len(point) else 0, length):
        pair = _sieved(source, wedges, edges[piece], columns, len(point))
        edge, cell = np.divmod(pair.astype(np.int64), len(point))
        found_edge.append(edges[piece][edge])
        found_cell.append(cell)
    return np.concatenate(found_edge), np.concatenate(found_cell)


def _sieved(
    source: Float[np.ndarray, "3"], wedges: Wedges, edges: Int[np.ndarray, "edge"], point: Any, count: int
) -> UInt[np.ndarray, "pair"]:
    """Numbers edge · count + cell of the pairs that pass, ascending."""
    import drjit as dr
    import mitsuba as mi

    offset = source - wedges.origin[edges]
    along = np.einsum("ei,ei->e", offset, wedges.direction[edges])
    away = np.linalg.norm(np.cross(offset, wedges.direction[edges]), axis=1)
    origin, direction, first, other = (
        _flat(part) for part in (wedges.origin[edges], wedges.direction[edges],
                                 wedges.normals[edges, 0], wedges.normals[edges, 1])
    )  # fmt: skip
    source_along, source_away, length = (_flat(part) for part in (along, away, wedges.length[edges]))
    cells = dr.opaque(mi.UInt32, count)
    pair = dr.arange(mi.UInt32, len(edges) * count)
    edge = pair // cells
    target = dr.gather(mi.Vector3f, point, pair - edge * cells) - dr.gather(mi.Vector3f, origin, edge)
    towards = dr.gather(mi.Vector3f, direction, edge)
    target_along, target_away = dr.dot(target, towards), dr.norm(dr.cross(target, towards))
    near, far = dr.gather(mi.Float, source_away, edge), dr.gather(mi.Float, source_along, edge)
    met = (far * target_away + target_along * near) / dr.maximum(near + target_away, 1e-9)
    outside = (dr.dot(target, dr.gather(mi.Vector3f, first, edge)) > -MARGIN) | (
        dr.dot(target, dr.gather(mi.Vector3f, other, edge)) > -MARGIN
    )
    on_edge = (met > -MARGIN) & (met < dr.gather(mi.Float, length, edge) + MARGIN)
    passed: UInt[np.ndarray, "pair"] = dr.compress(on_edge & outside).numpy()
    return passed


def _flat(values: Float[np.ndarray, "..."]) -> Any:
    """An array as Dr.Jit has it: single precision, one row after the other."""
    import mitsuba as mi

    return mi.Float(np.ascontiguousarray(values, np.float32).ravel())
