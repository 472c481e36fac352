"""Which cells of a deployment the tokens of questions are of, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from raylocus.network.formats.cell_resolution import Known
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import nearest_candidates
from raylocus.scenes.sites import Deployment
from raylocus.service.questions import AskedReports


@dataclass(frozen=True)
class FoundCells:
    """Of each token, its cell in a deployment."""

    cell: Int[np.ndarray, " token"]
    """Index of the cell; −1 where the deployment does not have it."""
    known: Int[np.ndarray, " token"]
    """`Known` of each."""


def found_cells(asked: AskedReports, deployment: Deployment) -> FoundCells:
    """One cell of each token, and by what it was found."""
    reports = asked.reports
    cell = nearest_candidates(deployment.candidates(reports), reports, deployment)
    table = deployment.cell_table
    identity = table.identity[cell]
    by_identity = (identity >= 0) & (identity == reports.identity)
    # A PCI that was planned for a list without PCIs is no name that a phone can know.
    cell = np.where(table.planned[cell] & ~by_identity, -1, cell)
    by_name = np.where(reports.channel >= 0, Known.CHANNEL, Known.PCI)
    known = np.where(by_identity, Known.IDENTITY, by_name)
    return FoundCells(cell, np.where(cell >= 0, known, Known.UNKNOWN))


def located_reports(
    asked: AskedReports, found: FoundCells, questions: Int[np.ndarray, " selected"], deployment: Deployment
) -> Reports:
    """The reports of some questions (ascending) that name known cells, with those, each cell once a report."""
    reports = asked.reports
    report = reports.report_of_token
    asked_for = np.zeros(len(reports), bool)
    asked_for[questions] = True
    own = asked_for[reports.sequence_of_report[report]] & (found.cell >= 0)
    beams = reports.beam.max(initial=0) + 2  # −1 is the cell itself
    key = (report * len(deployment.cells) + found.cell) * beams + reports.beam
    first = np.zeros(len(own), bool)
    first[np.unique(key, return_index=True)[1]] = True
    kept = own & first
    numerology = np.array([each.numerology for each in deployment.carriers])
    of_token = numerology[deployment.carrier_of_cell[found.cell[kept]]]
    known = asked.select_tokens(kept).with_advances(of_token)
    filled = known.token_offsets[1:] > known.token_offsets[:-1]
    # Most phones hear known cells in every report.
    return known if filled.all() else known.select_reports(np.flatnonzero(filled))


def last_known_reports(asked: AskedReports, found: FoundCells) -> Int[np.ndarray, " sample"]:
    """The last report of each question that names a known cell; −1 where none does."""
    last = np.full(len(asked.reports), -1)
    report = asked.reports.report_of_token[found.cell >= 0]
    # Reports ascend, so that the last one of each question stays.
    last[asked.reports.sequence_of_report[report]] = report
    return last
