"""One cell for every token of reports, for readers that cannot sum over several.

Of several candidates (one PCI stands more than once in an area) the one that stands nearest to the other cells of the
report counts: the sum over the report's other tokens of log(d + 100 m), d the distance to their nearest candidate, is
smallest. The logarithm keeps one misread neighbour from deciding.

Cells and beams that a place does not know are passed over here too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import PlaceError
from raylocus.network.reports.reports import Reports, cell_label, cell_names
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
        nearest = elements[order[groups.starts]]
        chosen[doubtful] = cells[nearest]
    return chosen


def _distances(
    elements: Int[np.ndarray, " element"], candidates: Candidates, reports: Reports, deployment: Deployment
) -> Float[np.ndarray, " element"]:
    """How far some candidates stand from the other tokens of their reports: sums of logarithms."""
    token = candidates.rows.row
    report = reports.report_of_token[token]
    of_report = Rows.of(np.bincount(report, minlength=len(reports.time)))
    others, groups = of_report.select(report[elements])
    apart = token[others] != token[elements][groups.row]
    element, others = groups.row[apart], others[apart]
    site = deployment.site_positions[deployment.site_of_cell[candidates.cells], :2]
    distance = np.linalg.norm(site[elements][element] - site[others], axis=1)
    starts = np.flatnonzero(np.diff(element, prepend=-1) | np.diff(token[others], prepend=-1))
    if not len(starts):
        return np.zeros(len(elements))
    nearest = np.log(np.minimum.reduceat(distance, starts) + NEAR)
    return np.bincount(element[starts], weights=nearest, minlength=len(elements))


@dataclass(frozen=True)
class KnownReports:
    """Reports without the tokens that a place does not know."""

    reports: Reports
    """All reports; one that names no known cell is left without a token."""
    notes: tuple[str, ...]
    """What was passed over, counted."""
    hears: Bool[np.ndarray, " sample"]
    """Whether a sequence names any cell of the place."""


def known_reports(reports: Reports, deployment: Deployment) -> KnownReports:
    """The tokens of cells and beams that a deployment has; phones detect more cells than a place has.

    Raises:
        PlaceError: it has none of the reports' cells, so that they were made elsewhere.
    """
    known = tokens_of(reports, deployment)
    if len(reports.pci) and not known.hears.any():
        raise PlaceError(
            f"the place has none of the cells of the reports, such as {cell_label(reports, 0)}; give the place the "
            "reports were made in"
        )
    return known


def tokens_of(reports: Reports, deployment: Deployment) -> KnownReports:
    """The same, where reports may be of other cells only."""
    of_place = deployment.candidates(reports).known
    of_beam = of_place & (reports.beam >= deployment.beam_count)
    kept = of_place & ~of_beam
    known = reports.select_tokens(kept)
    tokens = np.diff(known.token_offsets)
    heard = np.bincount(reports.sequence_of_report, weights=tokens, minlength=len(reports)) > 0
    return KnownReports(known, tuple(_notes(reports, of_place, of_beam)), heard)


def _notes(
    reports: Reports, of_place: Bool[np.ndarray, " token"], of_beam: Bool[np.ndarray, " token"]
) -> list[str]:
    notes = []
    if not of_place.all():
        # One token of each unknown cell, the lowest PCIs first.
        names = cell_names(reports)[::-1, ~of_place]
        _, first = np.unique(names, axis=1, return_index=True)
        tokens = np.flatnonzero(~of_place)[first]
        more = " …" if len(tokens) > 5 else ""
        named = ", ".join(cell_label(reports, token) for token in tokens[:5].tolist()) + more
        notes.append(
            f"rows of cells that the place does not have ({named}), passed over: {np.count_nonzero(~of_place)}"
        )
    if of_beam.any():
        notes.append(f"rows of beams that the place does not have, passed over: {np.count_nonzero(of_beam)}")
    return notes
