"""`Reports` of a deployment as a `HeardNetwork`: cells found, levels and timing as lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from raylocus.models.area.assignment import Assignments, assign
from raylocus.network.field.heard import HeardNetwork, KnownCells, arrival_lengths
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.candidates import Candidates
from raylocus.scenes.sites import Deployment
from raylocus.units import timing_advance_distance

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
        _advances(reports, token, found.cell, deployment),
        arrival_lengths(_column(reports, "time_of_arrival")[token], clock.reshape(-1), len(clocks)),
    )  # fmt: skip


def _advances(
    reports: Reports,
    token: Int[np.ndarray, " read_token"],
    cell: Int[np.ndarray, " read_token"],
    deployment: Deployment,
) -> Float[np.ndarray, " read_token"]:
    steps = _column(reports, "timing_advance")[token]
    numerology = np.array([deployment.carriers[each.carrier].numerology for each in deployment.cells])
    lengths = np.array([timing_advance_distance(each) for each in range(7)])
    return steps * lengths[numerology[cell]]


def _column(reports: Reports, name: str) -> Float[np.ndarray, " token"]:
    if name not in reports.feature_names:
        return np.full(len(reports.features), np.nan)
    return reports.features[:, reports.feature_names.index(name)]
