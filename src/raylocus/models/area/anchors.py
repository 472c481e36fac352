"""What simple geometry says of each report: a scale, the centroids of the heard sites, the position by arrivals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from raylocus.network.field.heard import HeardNetwork
from raylocus.network.reports.centroid import AMPLITUDE_DECADE_DB

#: Neighbours by which the spacing of sites is measured.
NEIGHBOURS = 4
#: Spacing of a network of one site [m].
LONE_SPACING = 500.0
#: Bounds of a spacing [m]; tokens know distances in spacings alone, so that wide networks are as those of the law.
SPACINGS = (20.0, 100_000.0)
#: Rounds of positions and clocks, and smallest scale of their errors [m].
ROUNDS, NOISE_FLOOR = 10, 5.0
#: Scale of the error of a distance by timing advance [m], whatever its step.
ADVANCE_ERROR = 40.0
#: How far from its centroid a report may lie, in scales, as the first guess of the clocks takes it.
PRIOR_SPREAD = 0.7


@dataclass(frozen=True)
class Anchors:
    """Points and distances that every report has."""

    spacing: Float[np.ndarray, "stream site"]
    """Spacing of sites about each site, of those that a stream of reports names [m]."""
    scale: Float[np.ndarray, " report"]
    """Spacing of sites about the heard ones [m]."""
    weighted: Float[np.ndarray, "report 2"]
    """Centroid of the heard cells, weighted by amplitude [m]."""
    plain: Float[np.ndarray, "report 2"]
    """Centroid of the heard sites [m]."""
    timed: Float[np.ndarray, "report 2"]
    """Position by arrivals [m]; NaN where a report has less than two."""
    range: Float[np.ndarray, " token"]
    """Distance by advance or by arrival less the site's estimated clock [m]; NaN where there is none."""
    range_error: Float[np.ndarray, " token"]
    """Robust scale of the site's ranges [m]; NaN where there is none."""
    clocked: Float[np.ndarray, " token"]
    """Arrivals that the site's clock was estimated from."""

    def select(self, network: HeardNetwork, reports: Int[np.ndarray, " selected"]) -> Anchors:
        """The anchors of some reports of the network."""
        tokens, _ = network.rows.select(reports)
        of_report = [each[reports] for each in (self.scale, self.weighted, self.plain, self.timed)]
        return Anchors(
            self.spacing, *of_report, *(each[tokens] for each in (self.range, self.range_error, self.clocked))
        )


def anchors_of(network: HeardNetwork, stream: Int[np.ndarray, " report"] | None = None) -> Anchors:
    """Anchors of every report; all need at least one token.

    Args:
        network: the reports.
        stream: number of each report's stream, 0, 1, … without gaps; one if left out. The clocks of sites are estimated
            from all reports of a stream, no position being known.
    """
    of_token = streams_of(network, stream)[network.report]
    spacing = _site_spacing(network, of_token)
    scale = np.exp(report_mean(network, np.log(spacing)[of_token, network.token_site]))
    weighted = amplitude_centroid(network)
    of_site = 1 / _cells_of_site(network)
    plain = report_mean(network, network.cells.position[network.cell], of_site)
    timed, (distance, error, count) = _by_arrivals(network, of_token, weighted, scale)
    advanced = np.isfinite(network.advance)
    return Anchors(
        spacing, scale, weighted, plain, timed, np.where(advanced, network.advance, distance),
        np.where(advanced, ADVANCE_ERROR, error), np.where(advanced, 0, count),
    )  # fmt: skip


def streams_of(
    network: HeardNetwork, stream: Int[np.ndarray, " report"] | None
) -> Int[np.ndarray, " report"]:
    """Streams of reports as they are given; left out, all are of one."""
    return np.zeros(len(network), np.int64) if stream is None else stream


def amplitude_centroid(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Mean of the heard cells' sites, weighted by the amplitude that RSRP says: 10^(RSRP / 20) [m]."""
    amplitude = 10 ** ((network.level - network.level[network.rows.first]) / AMPLITUDE_DECADE_DB)
    return report_mean(network, network.cells.position[network.cell], amplitude)


def _site_spacing(
    network: HeardNetwork, stream: Int[np.ndarray, " token"]
) -> Float[np.ndarray, "stream site"]:
    """Spacing of sites about each site [m], of those that a stream named at all if there are several."""
    sites = network.cells.sites
    pairs = np.unique(stream * len(sites) + network.token_site)
    heard = np.split(pairs % len(sites), np.flatnonzero(np.diff(pairs // len(sites))) + 1)
    return np.stack([_spacing_at(sites, sites[own] if len(own) > 2 else sites) for own in heard])


def middle_spacing(sites: Float[np.ndarray, "site 2"]) -> float:
    """Median spacing of sites [m]."""
    return float(np.median(_spacing_at(sites, sites)))


def _spacing_at(
    points: Float[np.ndarray, "point 2"], sites: Float[np.ndarray, "site 2"]
) -> Float[np.ndarray, " point"]:
    """Spacing of sites about points at which sites are [m]."""
    if len(sites) < 2:
        return np.full(len(points), LONE_SPACING)
    neighbours = min(NEIGHBOURS, len(sites) - 1)
    distance, _ = cKDTree(sites).query(points, neighbours + 1)
    return np.clip(distance[:, -1] * np.sqrt(np.pi / neighbours), *SPACINGS)


def report_mean(
    network: HeardNetwork,
    values: Float[np.ndarray, "token ..."],
    weight: Float[np.ndarray, " token"] | None = None,
) -> Float[np.ndarray, "report ..."]:
    """Weighted mean of each report's tokens; NaN where it has none."""
    weight = np.ones(len(values)) if weight is None else weight
    columns = values.reshape(len(values), -1)
    total = np.bincount(network.report, weight, len(network))
    with np.errstate(invalid="ignore"):
        means = [np.bincount(network.report, weight * column, len(network)) / total for column in columns.T]
    return np.stack(means, axis=1).reshape(len(network), *values.shape[1:])


def _cells_of_site(network: HeardNetwork) -> Int[np.ndarray, " token"]:
    """Heard cells of each token's site in its report."""
    key = network.report * (int(network.cells.site.max()) + 1) + network.token_site
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    return count[inverse.reshape(-1)]


def _by_arrivals(
    network: HeardNetwork,
    stream: Int[np.ndarray, " token"],
    start: Float[np.ndarray, "report 2"],
    scale: Float[np.ndarray, " report"],
) -> tuple[Float[np.ndarray, "report 2"], Float[np.ndarray, "3 token"]]:
    """Positions and clocks in turn, each the robust optimum given the others.

    Returns:
        Position of each report [m], and of each token its distance, the site's scale of error [m] and its arrivals.
    """
    has = np.flatnonzero(np.isfinite(network.arrival))
    none = np.full(len(network.cell), np.nan)
    if not len(has):
        return np.full((len(network), 2), np.nan), np.stack([none, none, np.zeros(len(none))])
    report, own = network.report[has], stream[has] * len(network.cells.sites) + network.token_site[has]
    # A site has a clock of its own in each stream.
    site = np.unique(own, return_inverse=True)[1].reshape(-1)
    where, arrival, point = network.cells.position[network.cell[has]], network.arrival[has], start.copy()
    count = np.bincount(site)[site].astype(float)
    distances, spread = arrival, np.full(len(has), np.inf)
    for _ in range(ROUNDS):
        step = point[report] - where
        distance = np.maximum(np.hypot(*step.T), 1.0)
        distances = arrival - _medians(arrival - distance, site)[site]
        residual = distances - distance
        spread = np.maximum(1.48 * _medians(np.abs(residual), site), NOISE_FLOOR)[site]
        point = _stepped(
            point, start, scale, report, step / distance[:, None], residual, np.hypot(spread, 20.0)
        )
    some = np.bincount(report, minlength=len(network)) >= 2
    of_token = np.stack([none, none, np.zeros(len(none))])
    of_token[:, has] = distances, spread, count
    return np.where(some[:, None], point, np.nan), of_token


def _stepped(
    point: Float[np.ndarray, "report 2"], start: Float[np.ndarray, "report 2"], scale: Float[np.ndarray, " report"],
    report: Int[np.ndarray, " token"], direction: Float[np.ndarray, "token 2"], residual: Float[np.ndarray, " token"],
    spread: Float[np.ndarray, " token"],
) -> Float[np.ndarray, "report 2"]:  # fmt: skip
    """One Gauss–Newton step with Cauchy weights, held by a Gaussian about the start."""
    weight = 1 / (spread**2 + residual**2)
    count, (x, y) = len(point), direction.T
    prior = 1 / (PRIOR_SPREAD * scale) ** 2
    sums = [
        np.bincount(report, weight * each, count)
        for each in (x * x, x * y, y * y, x * residual, y * residual)
    ]
    a, b, c = sums[0] + prior, sums[1], sums[2] + prior
    gx, gy = (sums[3] + prior * (start - point)[:, 0], sums[4] + prior * (start - point)[:, 1])
    determinant = a * c - b * b
    step = np.stack([(c * gx - b * gy) / determinant, (a * gy - b * gx) / determinant], axis=1)
    length = np.maximum(np.hypot(*step.T) / (0.5 * scale), 1.0)
    return point + step / length[:, None]


def _medians(
    values: Float[np.ndarray, " token"], group: Int[np.ndarray, " token"]
) -> Float[np.ndarray, " group"]:
    """Median of each group 0, 1, …; NaN of empty ones."""
    order = np.lexsort((values, group))
    count = np.bincount(group)
    start = np.cumsum(count) - count
    low, high = start + np.maximum(count - 1, 0) // 2, start + count // 2
    ordered = values[order]
    middle = (ordered[np.minimum(low, len(values) - 1)] + ordered[np.minimum(high, len(values) - 1)]) / 2
    return np.where(count > 0, middle, np.nan)
