"""Physical cell identities: none twice within reach, and different synchronisation signals for those heard together.

PCI = 3·N1 + N2 (TS 38.211 §7.4.2.1). Two cells with the same N2 send the same primary synchronisation
signal, and in LTE their reference signals collide, so neighbours that face each other should differ in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.scenes.sites import Carrier

#: Number of N1, the groups of three PCIs.
GROUPS = 336
#: The same in LTE (TS 36.211 §6.11).
LTE_GROUPS = 168
#: Squares of a network that use other groups than their neighbours.
COLOURS = 9
#: Squares that are cut no smaller [m].
SMALLEST_SQUARE = 1.0
#: Distance at which a cell is heard half as well [m].
HEARING_DISTANCE = 150.0
#: Loss of the second cell per distance, for judging which cells are heard together.
HEARING_EXPONENT = 3.5
#: Cells of one site are heard together everywhere; their clash outweighs any other.
SAME_SITE = 100.0
#: Cells of one site whose N2 are chosen over all combinations, 3 to that power; a mast of more is planned in parts.
MOST_TOGETHER = 8
#: Rounds over the sites; the plan settles in three or four.
ROUNDS = 10
#: Clashes that differ by less are equal: on a regular grid of sites many are, except for the order of their sums.
EQUAL_CLASH = 1e-9


def groups_of(carrier: Carrier) -> int:
    """Values of N1 in a carrier's technology."""
    return GROUPS if carrier.technology == "NR" else LTE_GROUPS


def plan_pcis(
    positions: Float[np.ndarray, "cell 2"],
    azimuths: Float[np.ndarray, " cell"],
    site_of_cell: Int[np.ndarray, " cell"],
    generator: np.random.Generator,
    groups: int = GROUPS,
) -> Int[np.ndarray, " cell"]:
    """A PCI for each cell, no two alike within reach, with few neighbours alike modulo 3.

    Up to so many groups of cells no PCI is used twice, so no cell has a neighbour of its own PCI (collision) nor two
    neighbours of one PCI (confusion). A larger network is cut into squares whose PCIs come again two squares on.
    N2 is chosen site by site, over all combinations of `MOST_TOGETHER` cells at the most, until none can improve.

    Args:
        positions: (x, y) of each cell's antenna [m].
        azimuths: boresight of each cell [rad].
        site_of_cell: site index of each cell.
        generator: draws the groups and the first plan.
        groups: values of N1.

    Raises:
        PlaceError: more cells stand in one spot than there are PCIs.
    """
    if _groups_needed(site_of_cell) <= groups:
        return _planned(positions, azimuths, site_of_cell, generator, np.arange(groups))
    pcis = np.zeros(len(site_of_cell), np.int64)
    for cells, own in _squares(positions, site_of_cell, groups):
        pcis[cells] = _planned(positions[cells], azimuths[cells], site_of_cell[cells], generator, own)
    return pcis


def _squares(
    positions: Float[np.ndarray, "cell 2"], site_of_cell: Int[np.ndarray, " cell"], groups: int
) -> Iterator[tuple[Int[np.ndarray, " own"], Int[np.ndarray, " group"]]]:
    """The cells of each square, and the groups that it may use: other ones than the eight squares around it."""
    side = float(np.ptp(positions, axis=0).max())
    while side > SMALLEST_SQUARE:
        square = np.floor((positions - positions.min(axis=0)) / side).astype(np.int64)
        of_cell = np.unique(square, axis=0, return_inverse=True)[1].ravel()
        members = [np.flatnonzero(of_cell == each) for each in range(of_cell.max() + 1)]
        if max(_groups_needed(site_of_cell[cells]) for cells in members) <= groups // COLOURS:
            for cells in members:
                column, row = square[cells[0]] % 3
                yield cells, np.arange(groups)[column + 3 * row :: COLOURS][: groups // COLOURS]
            return
        side /= 1.2
    raise PlaceError(
        "more cells stand in one spot than there are PCIs; make the tile smaller or the sites fewer"
    )


def _groups_needed(site_of_cell: Int[np.ndarray, " cell"]) -> int:
    """Groups that are enough: one for every three cells of a site."""
    _, cells = np.unique(site_of_cell, return_counts=True)
    return int((-(-cells // 3)).sum())


def _planned(
    positions: Float[np.ndarray, "cell 2"],
    azimuths: Float[np.ndarray, " cell"],
    site_of_cell: Int[np.ndarray, " cell"],
    generator: np.random.Generator,
    groups: Int[np.ndarray, " group"],
) -> Int[np.ndarray, " cell"]:
    """A plan without reuse, of some of the groups."""
    weights = heard_together(positions, azimuths, site_of_cell)
    plan = generator.integers(0, 3, len(site_of_cell))
    sites = [np.flatnonzero(site_of_cell == site) for site in np.unique(site_of_cell)]
    together = [part for cells in sites for part in np.array_split(cells, -(-len(cells) // MOST_TOGETHER))]
    for _ in range(ROUNDS):
        before = plan.copy()
        for cells in together:
            plan[cells] = _best_combination(plan, cells, weights)
        if np.array_equal(plan, before):
            break
    return 3 * _groups(plan, site_of_cell, generator, groups) + plan


def heard_together(
    positions: Float[np.ndarray, "cell 2"],
    azimuths: Float[np.ndarray, " cell"],
    site_of_cell: Int[np.ndarray, " cell"],
) -> Float[np.ndarray, "cell cell"]:
    """How much each pair of cells covers the same ground: both facing the middle between them, and near."""
    offset = positions[None] - positions[:, None]
    distance = np.linalg.norm(offset, axis=-1)
    bearing = np.arctan2(offset[..., 1], offset[..., 0])
    faces = (1 + np.cos(bearing - azimuths[:, None])) / 2
    near = 1 / (1 + (distance / (2 * HEARING_DISTANCE)) ** HEARING_EXPONENT)
    same_site = site_of_cell[:, None] == site_of_cell
    weights = np.where(same_site, SAME_SITE, faces * faces.T * near)
    np.fill_diagonal(weights, 0.0)
    return weights


def _best_combination(
    plan: Int[np.ndarray, " cell"], cells: Int[np.ndarray, " own"], weights: Float[np.ndarray, "cell cell"]
) -> Int[np.ndarray, " own"]:
    """The N2 of some cells of one site that clash least, all other cells as planned."""
    to_others = weights[cells]
    inside = to_others[:, cells].copy()
    to_others[:, cells] = 0.0
    outside = to_others @ (plan[:, None] == np.arange(3))

    # The present plan comes first, so that a tie changes nothing and the rounds end.
    options = np.concatenate([plan[None, cells], _combinations(len(cells))])
    with_others = outside[np.arange(len(cells)), options].sum(axis=1)
    alike = options[:, :, None] == options[:, None, :]
    among_own = np.einsum("ij,oij->o", inside, alike) / 2
    clashes = with_others + among_own
    return options[np.argmax(clashes <= clashes.min() + EQUAL_CLASH)]


@cache
def _combinations(cells: int) -> Int[np.ndarray, "option cell"]:
    """Every choice of N2 for a number of cells."""
    return np.array([*itertools.product(range(3), repeat=cells)])


def _groups(
    plan: Int[np.ndarray, " cell"],
    site_of_cell: Int[np.ndarray, " cell"],
    generator: np.random.Generator,
    groups: Int[np.ndarray, " group"],
) -> Int[np.ndarray, " cell"]:
    """N1 of each cell: one for a site, another for its cells that repeat an N2."""
    repeats = np.array(
        [np.sum((site_of_cell[:n] == site) & (plan[:n] == plan[n])) for n, site in enumerate(site_of_cell)]
    )
    pairs, group = np.unique(np.stack([site_of_cell, repeats], axis=-1), axis=0, return_inverse=True)
    if len(pairs) > len(groups):
        raise PlaceError(
            f"{len(pairs)} sites need more PCIs than there are; make the tile smaller or the sites fewer"
        )
    return generator.permutation(groups)[group.ravel()]
