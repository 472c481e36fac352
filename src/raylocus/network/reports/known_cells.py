"""Reports at a place: the cells and beams that it knows, and what is passed over because it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from raylocus.errors import PlaceError
from raylocus.network.reports.reports import Reports, cell_label, cell_names
from raylocus.scenes.sites import Deployment


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
    of_place = deployment.candidates(reports).known
    if len(of_place) and not of_place.any():
        raise PlaceError(
            f"the place has none of the cells of the reports, such as {cell_label(reports, 0)}; give the place the "
            "reports were made in"
        )
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
        named = ", ".join(cell_label(reports, token) for token in tokens[:5].tolist()) + (
            " …" if len(tokens) > 5 else ""
        )
        notes.append(
            f"rows of cells that the place does not have ({named}), passed over: {np.count_nonzero(~of_place)}"
        )
    if of_beam.any():
        notes.append(f"rows of beams that the place does not have, passed over: {np.count_nonzero(of_beam)}")
    return notes
