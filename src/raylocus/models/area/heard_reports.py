"""`Reports` of a deployment as a `HeardNetwork`: the likely cells of each token, levels, and timing as lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.field.heard import HeardNetwork, KnownCells, arrival_lengths
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.candidates import Candidates
from raylocus.scenes.sites import Deployment
from raylocus.units import timing_advance_distance

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


#: Free-space loss grows with 20·log10 of the frequency; levels are compared at this one [Hz].
REFERENCE_FREQUENCY = 1e9
#: Deployments of which the cells are kept as they are known here.
KEPT_DEPLOYMENTS = 8


@dataclass(frozen=True)
class HeardReports:
    """The readings of all reports that name a known cell."""

    network: HeardNetwork
    report: Int[np.ndarray, " reading"]
    """Report of each reading."""
    weight: Float[np.ndarray, " reading"]
    """Weight of each reading among those of its report."""

    def likeliest(self, wanted: Int[np.ndarray, " wanted"]) -> HeardNetwork:
        """The likeliest reading of each wanted report, all of which have one."""
        order = np.lexsort((-self.weight, self.report))
        return self.network.select(order[np.searchsorted(self.report[order], wanted)])


def heard_reports(
    reports: Reports, deployment: Deployment, stream: Int[np.ndarray, " report"] | None = None
) -> HeardReports:
    """The tokens of whole cells that the deployment may have.

    Args:
        reports: the reports.
        deployment: sites and cells.
        stream: number of the stream that each report is of, to which nothing of others is known; one if left out.
    """
    stream = np.zeros(len(reports.time), np.int64) if stream is None else stream
    whole = reports.select_tokens(reports.beam < 0)
    level, order = _filled_levels(whole, stream)
    cells, candidates = known_cells(deployment), deployment.candidates(whole)
    tokens = Rows(whole.token_offsets)
    chosen, rows = candidates.rows.select(order)
    ordered = Candidates(rows, candidates.cells[chosen])
    found = assign(ordered, tokens, cells.position, _spacing(cells))
    network = _network(found, whole, order, level, cells, deployment, stream)
    return HeardReports(network, found.report, found.weight)


@lru_cache(KEPT_DEPLOYMENTS)
def known_cells(deployment: Deployment) -> KnownCells:
    """What a deployment lists of its cells; an antenna that sends all around has no azimuth."""
    site = np.unique(deployment.site_of_cell, return_inverse=True)[1].reshape(-1)
    azimuth = np.array([
        cell.azimuth if cell.pattern.back_lobe_floor > 0 else np.nan for cell in deployment.cells
    ])  # fmt: skip
    frequency = np.array([deployment.carriers[cell.carrier].frequency for cell in deployment.cells])
    blocks = np.array([deployment.carriers[cell.carrier].resource_blocks for cell in deployment.cells])
    power = np.array([cell.power_dbm for cell in deployment.cells]) - 10 * np.log10(blocks)
    power = power - 20 * np.log10(frequency / REFERENCE_FREQUENCY)
    deviation = np.array([deployment.sites[cell.site].deviation for cell in deployment.cells])
    position = deployment.site_positions[deployment.site_of_cell, :2]
    return KnownCells(position, azimuth, power - np.median(power), deviation, site)


def _filled_levels(
    reports: Reports, stream: Int[np.ndarray, " report"]
) -> tuple[Float[np.ndarray, " token"], Int[np.ndarray, " token"]]:
    """Levels, and the tokens of each report from the strongest down.

    A serving cell without a level has that of the strongest, another that of the weakest of its report; of a report
    without any, the usual level of its stream.
    """
    level = reports.features[:, reports.feature_names.index("rsrp")].copy()
    report, missing = reports.report_of_token, np.isnan(level)
    strongest, weakest = np.full(len(reports.time), -np.inf), np.full(len(reports.time), np.inf)
    np.maximum.at(strongest, report[~missing], level[~missing])
    np.minimum.at(weakest, report[~missing], level[~missing])
    filled = np.where(reports.serving, strongest[report], weakest[report])
    level = np.where(missing & np.isfinite(filled), filled, level)
    empty = ~np.isfinite(strongest)[report]
    for number in np.unique(stream[report[empty]]):
        own = stream[report] == number
        level[own & empty] = np.median(level[own & ~missing]) if (own & ~missing).any() else -90.0
    return level, np.lexsort((~reports.serving, -level, report))


def _spacing(cells: KnownCells) -> float:
    extent = np.ptp(cells.sites, axis=0)
    return float(np.sqrt(max(extent[0] * extent[1], 1e4) / len(cells.sites)))


def _network(
    found: Assignments, reports: Reports, order: Int[np.ndarray, " token"], level: Float[np.ndarray, " token"],
    cells: KnownCells, deployment: Deployment, stream: Int[np.ndarray, " report"],
) -> HeardNetwork:  # fmt: skip
    token = order[found.token]
    key = stream[reports.report_of_token[token]] * len(cells.sites) + cells.site[found.cell]
    clocks, clock = np.unique(key, return_inverse=True)
    return HeardNetwork(
        cells, found.rows, found.cell, level[token], reports.serving[token],
        _column(reports, "timing_advance")[token] * _advance_steps(deployment)[found.cell],
        arrival_lengths(_column(reports, "time_of_arrival")[token], clock.reshape(-1), len(clocks)),
    )  # fmt: skip


@lru_cache(KEPT_DEPLOYMENTS)
def _advance_steps(deployment: Deployment) -> Float[np.ndarray, " cell"]:
    """Distance of one step of timing advance at each cell [m]."""
    carriers = [deployment.carriers[each.carrier] for each in deployment.cells]
    return np.array([timing_advance_distance(each.numerology) for each in carriers])


def _column(reports: Reports, name: str) -> Float[np.ndarray, " token"]:
    if name not in reports.feature_names:
        return np.full(len(reports.features), np.nan)
    return reports.features[:, reports.feature_names.index(name)]
