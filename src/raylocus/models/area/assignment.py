"""Which cells the tokens of reports are of, where a PCI stands several times in an area: the likely assignments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.ragged import Rows
from raylocus.scenes.cell_names.candidates import Candidates

#: Assignments of a report that are looked at.
MOST_ASSIGNMENTS = 8


@dataclass(frozen=True)
class Assignments:
    """One or several readings of each report; those of a report are summed over with their weights."""

    report: Int[np.ndarray, " reading"]
    """Report of each reading, ascending."""
    weight: Float[np.ndarray, " reading"]
    """Sums to 1 over the readings of a report."""
    rows: Rows
    """Tokens of each reading."""
    token: Int[np.ndarray, " read_token"]
    cell: Int[np.ndarray, " read_token"]


def assign(
    candidates: Candidates, tokens: Rows, position: Float[np.ndarray, "cell 2"], spacing: float
) -> Assignments:
    """Readings of every report that has a token of a known cell.

    Where a token can only be of one cell, the others of its report are taken for the nearest of their candidates. Where
    none is certain, each candidate of the report's first token makes a reading; readings that lie closer together weigh
    more, by a Cauchy law of their extent.

    Args:
        candidates: the cells that each token may be of; tokens without one are left out.
        tokens: the tokens of each report, the strongest first.
        position: site of each cell [m].
        spacing: distance of neighbouring sites [m].
    """
    report, centre = _centres(candidates, tokens, position)
    read, rows = _known(candidates, tokens).select(report)
    token = np.flatnonzero(candidates.known)[read]
    near, distance = _nearest(candidates, token, centre[rows.row], position)
    extent = np.bincount(rows.row, np.log1p((distance / spacing) ** 2), len(report)).astype(float)
    weight = np.exp(-(extent - _least(extent, report)))
    total = np.bincount(report, weight, int(report.max(initial=0)) + 1)
    return Assignments(report, weight / total[report], rows, token, near)


def _known(candidates: Candidates, tokens: Rows) -> Rows:
    """The known tokens of each report, in their own numbering."""
    return Rows.of(np.bincount(tokens.row[candidates.known], minlength=len(tokens.lengths)))


def _centres(
    candidates: Candidates, tokens: Rows, position: Float[np.ndarray, "cell 2"]
) -> tuple[Int[np.ndarray, " reading"], Float[np.ndarray, "reading 2"]]:
    """About where each reading of each report takes its UE to be."""
    lengths, count = candidates.rows.lengths, len(tokens.lengths)
    certain = lengths == 1
    of, first = tokens.row[certain], position[candidates.cells[candidates.rows.offsets[:-1][certain]]]
    number = np.bincount(of, minlength=count)
    sums = np.stack([np.bincount(of, axis, count) for axis in first.T], axis=1)
    sure = np.flatnonzero(number > 0)
    lead = _leads(candidates.known, tokens, number == 0)
    cells, rows = candidates.rows.select(lead)
    cells, owner = cells[rows.rank < MOST_ASSIGNMENTS], rows.row[rows.rank < MOST_ASSIGNMENTS]
    report = np.concatenate([sure, tokens.row[lead][owner]])
    centre = np.concatenate([sums[sure] / number[sure, None], position[candidates.cells[cells]]])
    order = np.argsort(report, kind="stable")
    return report[order], centre[order]


def _leads(
    known: Bool[np.ndarray, " token"], tokens: Rows, wanted: Bool[np.ndarray, " report"]
) -> Int[np.ndarray, " lead"]:
    """The first known token of each wanted report that has one."""
    token = np.flatnonzero(known & wanted[tokens.row])
    return token[np.unique(tokens.row[token], return_index=True)[1]]


def _nearest(
    candidates: Candidates, token: Int[np.ndarray, " read_token"], centre: Float[np.ndarray, "read_token 2"],
    position: Float[np.ndarray, "cell 2"],
) -> tuple[Int[np.ndarray, " read_token"], Float[np.ndarray, " read_token"]]:  # fmt: skip
    """The candidate nearest to a point, and its distance [m]."""
    index, rows = candidates.rows.select(token)
    cell = candidates.cells[index]
    distance = np.hypot(*(position[cell] - centre[rows.row]).T)
    order = np.lexsort((distance, rows.row))
    best = order[rows.offsets[:-1]]
    return cell[best], distance[best]


def _least(
    values: Float[np.ndarray, " reading"], report: Int[np.ndarray, " reading"]
) -> Float[np.ndarray, " reading"]:
    least = np.full(int(report.max()) + 1 if len(report) else 0, np.inf)
    np.minimum.at(least, report, values)
    return least[report]
