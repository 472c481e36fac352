"""One cell for every token of reports, for readers that cannot sum over several.

Of several candidates (one PCI stands more than once in an area) the one that stands nearest to the other cells of the
report counts: the sum over the report's other tokens of log(d + 100 m), d the distance to their nearest candidate, is
smallest. The logarithm keeps one misread neighbour from deciding.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.candidates import Candidates
from raylocus.scenes.sites import Deployment

#: Added to distances between sites [m], below which they are as good as equal.
NEAR = 100.0


def token_cells(reports: Reports, deployment: Deployment) -> Int[np.ndarray, " token"]:
    """Cell index of each token.

    Raises:
        PlaceError: a token is of no cell of this deployment.
    """
    candidates = deployment.candidates(reports)
    if not candidates.known.all():
        unknown = reports.pci[~candidates.known].min()
        raise PlaceError(
            f"the reports name PCI {unknown}, which this place does not have; give the place the reports were made in"
        )
    return nearest_candidates(candidates, reports, deployment)


def nearest_candidates(
    candidates: Candidates, reports: Reports, deployment: Deployment
) -> Int[np.ndarray, " token"]:
    """One candidate of each token, −1 where it has none."""
    rows, cells = candidates.rows, candidates.cells
    chosen = np.full(len(reports.pci), -1)
    chosen[candidates.known] = cells[rows.starts]
    doubtful = np.flatnonzero(rows.lengths > 1)
    if len(doubtful):
        elements, groups = rows.select(doubtful)
        badness = _distances(elements, candidates, reports, deployment)
        order = np.lexsort((badness, groups.row))
        chosen[doubtful] = cells[elements[order[groups.starts]]]
    return chosen


def _distances(
    elements: Int[np.ndarray, " element"], candidates: Candidates, reports: Reports, deployment: Deployment
) -> Float[np.ndarray, " element"]:
    """How far some candidates stand from the other tokens of their reports: sums of logarithms."""
    token = candidates.rows.row
    report = reports.report_of_token[token]
    of_report = Rows.of(np.bincount(report, minlength=len(reports.time)))
    others, groups = of_report.select(report[elements])
    other_token = token[others]
    element = groups.row[other_token != token[elements][groups.row]]
    others = others[other_token != token[elements][groups.row]]
    site = deployment.site_positions[deployment.site_of_cell[candidates.cells], :2]
    distance = np.linalg.norm(site[elements][element] - site[others], axis=1)
    starts = np.flatnonzero(np.diff(element, prepend=-1) | np.diff(token[others], prepend=-1))
    if not len(starts):
        return np.zeros(len(elements))
    nearest = np.log(np.minimum.reduceat(distance, starts) + NEAR)
    return np.bincount(element[starts], weights=nearest, minlength=len(elements))
