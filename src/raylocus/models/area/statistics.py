"""What the unlabelled reports of a network say of it: how levels fall, who is heard, how far apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.models.area.anchors import Anchors, report_mean
from raylocus.network.field.heard import HeardNetwork

#: Reports that a cell's own level counts as in addition to those that it has.
LEVEL_PRIOR = 4.0
#: Sites about a report of which the share that is heard is counted.
NEAREST = 16
#: Counts of reports are read as at most this: what the network knows of more is no different.
MOST = 150


@dataclass(frozen=True)
class NetworkStatistics:
    """Of the network, of its sites and of its cells."""

    network: Float[np.ndarray, " statistic"]
    """Numbers of about unit size, none missing."""
    cell_level: Float[np.ndarray, " cell"]
    """Mean residual of each cell's levels about the network's fall with distance, drawn towards 0 [dB]."""
    cell_count: Float[np.ndarray, " cell"]
    """Reports of each cell."""
    site_share: Float[np.ndarray, " site"]
    """Share of reports that name each site."""
    reports: int
    """Reports that all of it is from, `MOST` at the most."""


def network_statistics(network: HeardNetwork, anchors: Anchors) -> NetworkStatistics:
    """Statistics of all reports of a network; no position is used but those of sites and centroids."""
    fall, residual = _fall(network, anchors)
    count = np.bincount(network.cell, minlength=len(network.cells.site)).astype(float)
    level = np.bincount(network.cell, residual, len(count)) / (count + LEVEL_PRIOR)
    sites = len(network.cells.sites)
    pairs = np.unique(network.report * sites + network.token_site)
    share = np.bincount(pairs % sites, minlength=sites) / len(network)
    numbers = np.concatenate([
        _counts(network), _levels(network), _geometry(network, anchors), fall, _azimuths(network, anchors),
        _listing(network, anchors), [np.std(level) / 10], _timing(network, anchors), _hearing(network, anchors, share),
    ])  # fmt: skip
    return NetworkStatistics(
        np.clip(np.nan_to_num(numbers), -10, 10),
        level,
        np.minimum(count, MOST),
        share,
        min(len(network), MOST),
    )


def _fall(
    network: HeardNetwork, anchors: Anchors
) -> tuple[Float[np.ndarray, " statistic"], Float[np.ndarray, " token"]]:
    """How levels fall with the distance to the centroid, within reports; and what is left of each token."""
    scale = anchors.scale[network.report]
    step = network.cells.position[network.cell] - anchors.plain[network.report]
    distance = np.log10(np.hypot(*step.T) / scale + 0.1)
    about = distance - report_mean(network, distance)[network.report]
    level = network.level - network.cells.power[network.cell]
    change = level - report_mean(network, level)[network.report]
    slope = float((about * change).sum() / ((about**2).sum() + 0.3))
    residual = change - slope * about
    at_scale = _median(level - slope * distance)
    return np.array([slope / 20, np.std(residual) / 10, (at_scale + 90) / 20]), residual


def _counts(network: HeardNetwork) -> Float[np.ndarray, " statistic"]:
    lengths = network.rows.lengths
    quantiles = np.log(_quantiles(lengths, (0.1, 0.5, 0.9)))
    return np.array(
        [np.log(min(len(network), MOST)) / 5, *quantiles, np.mean(lengths == 1), np.log(lengths.mean())]
    )


def _levels(network: HeardNetwork) -> Float[np.ndarray, " statistic"]:
    first = network.level[network.rows.starts]
    last = network.level[network.rows.offsets[1:] - 1]
    second = network.rows.rank == 1
    drop = network.level[network.rows.first[second]] - network.level[second]
    quantiles = (_quantiles(first, (0.1, 0.5, 0.9)) + 90) / 20
    return np.array(
        [*quantiles, _median(drop) / 10, _median(first - last) / 10, (network.level.min() + 90) / 20]
    )


def _geometry(network: HeardNetwork, anchors: Anchors) -> Float[np.ndarray, " statistic"]:
    step = network.cells.position[network.cell] - anchors.plain[network.report]
    spread = np.sqrt(report_mean(network, (step**2).sum(1))) / anchors.scale
    strongest = np.hypot(*step[network.rows.starts].T) / anchors.scale
    several = network.rows.lengths > 1
    wide = spread[several] if several.any() else np.zeros(1)
    return np.array([
        *np.log(_quantiles(wide, (0.5, 0.9)) + 0.1), np.log(_median(strongest) + 0.1),
        (np.log(_median(anchors.scale)) - 6) / 1.5,
    ])  # fmt: skip


def _azimuths(network: HeardNetwork, anchors: Anchors) -> Float[np.ndarray, " statistic"]:
    """Whether cells look towards the centroids of the reports that name them, as they do where azimuths are right."""
    azimuth = network.cells.azimuth[network.cell]
    known = np.isfinite(azimuth)
    step = anchors.plain[network.report] - network.cells.position[network.cell]
    usable = known & (np.hypot(*step.T) > 0.1 * anchors.scale[network.report])
    if usable.sum() < 2:
        return np.array([known.mean(), 0.0, 0.0])
    towards = np.cos(np.arctan2(step[usable, 1], step[usable, 0]) - azimuth[usable])
    return np.array([known.mean(), towards.mean(), np.log(min(usable.sum(), MOST)) / 5])


def _listing(network: HeardNetwork, anchors: Anchors) -> Float[np.ndarray, " statistic"]:
    deviation = network.cells.deviation
    heard = len(np.unique(network.token_site)) / len(network.cells.sites)
    several = len(network.cells.site) / len(network.cells.sites)
    return np.array([
        np.mean(deviation > 0), _median(deviation) / _median(anchors.scale), heard, np.log(several),
        np.log(len(network.cells.sites)) / 3, network.serving.sum() / len(network), np.std(network.cells.power) / 10,
    ])  # fmt: skip


def _timing(network: HeardNetwork, anchors: Anchors) -> Float[np.ndarray, " statistic"]:
    arrival, advance = np.isfinite(network.arrival), np.isfinite(network.advance)
    error = _median((anchors.range_error / anchors.scale[network.report])[arrival])
    return np.array([arrival.mean(), advance.any(), np.log(error + 0.01) if arrival.any() else 0.0])


def _hearing(
    network: HeardNetwork, anchors: Anchors, share: Float[np.ndarray, " site"]
) -> Float[np.ndarray, " statistic"]:
    """Which share of the sites that lie nearer to the centroid than the furthest heard one is heard."""
    sites = network.cells.sites
    nearest = min(NEAREST, len(sites))
    distance, index = network.cells.site_tree.query(anchors.plain, nearest)
    distance, index = distance.reshape(len(network), nearest), index.reshape(len(network), nearest)
    key = network.report * len(sites) + network.token_site
    heard = np.isin(np.arange(len(network))[:, None] * len(sites) + index, key)
    first = heard[:, 0].mean()
    step = network.cells.position[network.cell] - anchors.plain[network.report]
    reach = np.zeros(len(network))
    np.maximum.at(reach, network.report, np.hypot(*step.T))
    within = distance <= reach[:, None] * 1.0001 + 1e-6
    of_within = (heard & within).sum(1) / np.maximum(within.sum(1), 1)
    live = share[np.unique(network.token_site)]
    return np.array(
        [first, of_within.mean(), *_quantiles(of_within, (0.1,)), heard.mean(), np.log(_median(live))]
    )


def _median(values: Float[np.ndarray, " value"]) -> float:
    return float(_quantiles(values, (0.5,))[0]) if len(values) else 0.0


def _quantiles(
    values: Shaped[np.ndarray, " value"], shares: tuple[float, ...]
) -> Float[np.ndarray, " share"]:
    """As `numpy.quantile`, which takes ten times as long for the few values of one report."""
    place = np.array(shares) * (len(values) - 1)
    return np.interp(place, np.arange(len(values)), np.sort(values))
