"""What the unlabelled reports of a network say of it: how levels fall, who is heard, how far apart.

Of several streams of reports each says what its own do; all are worked out together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from raylocus.models.area.anchors import Anchors, report_mean, streams_of
from raylocus.network.field.heard import HeardNetwork

#: Reports that a cell's own level counts as in addition to those that it has.
LEVEL_PRIOR = 4.0
#: Sites about a report of which the share that is heard is counted.
NEAREST = 16
#: Counts of reports are read as at most this: what the network knows of more is no different.
MOST = 150


@dataclass(frozen=True)
class NetworkStatistics:
    """Of the network, of its sites and of its cells, as each stream of reports says it."""

    network: Float[np.ndarray, "stream statistic"]
    """Numbers of about unit size, none missing."""
    cell_level: Float[np.ndarray, "stream cell"]
    """Mean residual of each cell's levels about the network's fall with distance, drawn towards 0 [dB]."""
    cell_count: Float[np.ndarray, "stream cell"]
    """Reports of each cell."""
    site_share: Float[np.ndarray, "stream site"]
    """Share of reports that name each site."""
    reports: Int[np.ndarray, " stream"]
    """Reports that all of it is from, `MOST` at the most."""


def network_statistics(
    network: HeardNetwork, anchors: Anchors, stream: Int[np.ndarray, " report"] | None = None
) -> NetworkStatistics:
    """Statistics of all reports of each stream; no position is used but those of sites and centroids.

    Args:
        network: the reports.
        anchors: of them.
        stream: number of each report's stream, 0, 1, … without gaps; one if left out.
    """
    return _Streams(network, anchors, streams_of(network, stream)).all()


class _Streams:
    """Streams while they are counted."""

    def __init__(self, network: HeardNetwork, anchors: Anchors, stream: Int[np.ndarray, " report"]) -> None:
        self.network, self.anchors, self.stream = network, anchors, stream
        self.of_token, self.reports = stream[network.report], np.bincount(stream)
        self.tokens = np.bincount(self.of_token, minlength=len(self.reports))
        self.count, self.sites = len(self.reports), len(network.cells.sites)
        self.step = network.cells.position[network.cell] - anchors.plain[network.report]
        self.away = np.hypot(*self.step.T)
        self.named = np.unique(self.of_token * self.sites + network.token_site)

    def all(self) -> NetworkStatistics:
        """The numbers of each."""
        fall, residual = self._fall()
        count = self._by_cell(None)
        level = self._by_cell(residual) / (count + LEVEL_PRIOR)
        pairs = self.network.named
        key = self.stream[pairs // self.sites] * self.sites + pairs % self.sites
        named = np.bincount(key, minlength=self.count * self.sites).reshape(self.count, self.sites)
        share = named / self.reports[:, None]
        (lengths, first, drop, strongest, scale, within), nearest = self._of_reports()
        numbers = np.concatenate([
            self._counts(lengths), self._levels(first, drop), self._geometry(strongest, scale), fall, self._azimuths(),
            self._listing(scale), np.std(level, axis=1, keepdims=True) / 10, self._timing(),
            self._hearing(share, within, nearest),
        ], axis=1)  # fmt: skip
        return NetworkStatistics(
            np.clip(np.nan_to_num(numbers), -10, 10),
            level,
            np.minimum(count, MOST),
            share,
            np.minimum(self.reports, MOST),
        )

    def _by_cell(self, values: Float[np.ndarray, " token"] | None) -> Float[np.ndarray, "stream cell"]:
        """Sum of values over the tokens of each cell; without values how many there are."""
        cells = len(self.network.cells.site)
        key = self.of_token * cells + self.network.cell
        return np.bincount(key, values, self.count * cells).reshape(self.count, cells).astype(float)

    def _fall(self) -> tuple[Float[np.ndarray, "stream statistic"], Float[np.ndarray, " token"]]:
        """How levels fall with the distance to the centroid, within reports; and what is left of each token."""
        network, report = self.network, self.network.report
        distance = np.log10(self.away / self.anchors.scale[report] + 0.1)
        about = distance - report_mean(network, distance)[report]
        level = network.level - network.cells.power[network.cell]
        change = level - report_mean(network, level)[report]
        products, squares = (np.bincount(self.of_token, about * each, self.count) for each in (change, about))
        slope = products / (squares + 0.3)
        residual = change - slope[self.of_token] * about
        spread = np.sqrt(self._mean((residual - self._mean(residual)[self.of_token]) ** 2))
        at_scale = self._median(level - slope[self.of_token] * distance, self.of_token)
        return np.stack([slope / 20, spread / 10, (at_scale + 90) / 20], axis=1), residual

    def _of_reports(self) -> tuple[Float[np.ndarray, "kind stream 3"], Float[np.ndarray, "stream 3"]]:
        """Quantiles 0.1, 0.5 and 0.9 of what reports are, and means of which near sites are heard, see `_within`.

        Of each report these are its tokens, its first level and what levels fall by from there, the distance to the
        strongest cell, the scale, and the share of nearer sites that is heard.
        """
        network, level = self.network, self.network.level
        within, means = self._within()
        first = level[network.rows.starts]
        values = np.stack([
            network.rows.lengths, first, first - level[network.rows.offsets[1:] - 1],
            self.away[network.rows.starts] / self.anchors.scale, self.anchors.scale, within,
        ])  # fmt: skip
        return self._quantiles(values, self.stream, (0.1, 0.5, 0.9)), means

    def _counts(self, lengths: Float[np.ndarray, "stream 3"]) -> Float[np.ndarray, "stream statistic"]:
        few, number = np.log(np.minimum(self.reports, MOST)) / 5, self.network.rows.lengths
        return np.column_stack([
            few, np.log(lengths), self._mean_report(number == 1), np.log(self._mean_report(number)),
        ])  # fmt: skip

    def _levels(
        self, first: Float[np.ndarray, "stream 3"], fall: Float[np.ndarray, "stream 3"]
    ) -> Float[np.ndarray, "stream statistic"]:
        network, level = self.network, self.network.level
        second = network.rows.rank == 1
        drop = level[network.rows.first[second]] - level[second]
        least = np.full(self.count, np.inf)
        np.minimum.at(least, self.of_token, level)
        return np.column_stack([
            (first + 90) / 20, self._median(drop, self.of_token[second]) / 10, fall[:, 1] / 10, (least + 90) / 20,
        ])  # fmt: skip

    def _geometry(
        self, strongest: Float[np.ndarray, "stream 3"], scale: Float[np.ndarray, "stream 3"]
    ) -> Float[np.ndarray, "stream statistic"]:
        spread = np.sqrt(report_mean(self.network, (self.step**2).sum(1))) / self.anchors.scale
        several = self.network.rows.lengths > 1
        wide = self._quantiles(spread[several], self.stream[several], (0.5, 0.9))
        return np.column_stack([
            np.log(wide + 0.1), np.log(strongest[:, 1] + 0.1), (np.log(scale[:, 1]) - 6) / 1.5,
        ])  # fmt: skip

    def _azimuths(self) -> Float[np.ndarray, "stream statistic"]:
        """Whether cells look towards the centroids of the reports that name them, as where azimuths are right."""
        azimuth = self.network.cells.azimuth[self.network.cell]
        known = np.isfinite(azimuth)
        usable = known & (self.away > 0.1 * self.anchors.scale[self.network.report])
        towards = np.cos(np.arctan2(*-self.step[usable].T[::-1]) - azimuth[usable])
        found = np.bincount(self.of_token[usable], minlength=self.count)
        mean = np.bincount(self.of_token[usable], towards, self.count) / np.maximum(found, 1)
        some = found >= 2
        number = np.log(np.clip(found, 1, MOST)) / 5
        return np.column_stack([self._mean(known), np.where(some, mean, 0.0), np.where(some, number, 0.0)])

    def _listing(self, scale: Float[np.ndarray, "stream 3"]) -> Float[np.ndarray, "stream statistic"]:
        cells = self.network.cells
        heard = np.bincount(self.named // self.sites, minlength=self.count) / self.sites
        off = cells.middle_deviation / scale[:, 1]
        serving = np.bincount(self.of_token, self.network.serving, self.count) / self.reports
        every = np.ones(self.count)
        return np.column_stack([
            every * np.mean(cells.deviation > 0), off, heard, every * np.log(len(cells.site) / self.sites),
            every * np.log(self.sites) / 3, serving, every * cells.power_spread / 10,
        ])  # fmt: skip

    def _timing(self) -> Float[np.ndarray, "stream statistic"]:
        arrival, advance = np.isfinite(self.network.arrival), np.isfinite(self.network.advance)
        error = (self.anchors.range_error / self.anchors.scale[self.network.report])[arrival]
        share, advanced = self._mean(arrival), self._mean(advance) > 0
        log_error = np.log(self._median(error, self.of_token[arrival]) + 0.01)
        return np.column_stack([share, advanced, np.where(share > 0, log_error, 0.0)])

    def _within(self) -> tuple[Float[np.ndarray, " report"], Float[np.ndarray, "stream 3"]]:
        """Share that is heard of the sites that lie nearer to each report's centroid than the furthest heard one.

        And the means of whether the nearest is heard, of that share, and of the share of the `NEAREST`.
        """
        network, nearest = self.network, min(NEAREST, self.sites)
        distance, index = network.cells.site_tree.query(self.anchors.plain, nearest)
        distance, index = distance.reshape(len(network), nearest), index.reshape(len(network), nearest)
        heard = network.names(index)
        reach = np.zeros(len(network))
        np.maximum.at(reach, network.report, self.away)
        within = distance <= reach[:, None] * 1.0001 + 1e-6
        share = (heard & within).sum(1) / np.maximum(within.sum(1), 1)
        means = (self._mean_report(each) for each in (heard[:, 0], share, heard.mean(1)))
        return share, np.stack(list(means), axis=1)

    def _hearing(
        self,
        share: Float[np.ndarray, "stream site"],
        within: Float[np.ndarray, "stream 3"],
        nearest: Float[np.ndarray, "stream 3"],
    ) -> Float[np.ndarray, "stream statistic"]:
        """Whether the nearest sites, those nearer than the furthest heard one, and those named at all are heard."""
        live = self._median(share.ravel()[self.named], self.named // self.sites)
        return np.column_stack([nearest[:, :2], within[:, 0], nearest[:, 2], np.log(live)])

    def _mean(self, values: Shaped[np.ndarray, " token"]) -> Float[np.ndarray, " stream"]:
        return np.bincount(self.of_token, values, self.count) / self.tokens

    def _mean_report(self, values: Shaped[np.ndarray, " report"]) -> Float[np.ndarray, " stream"]:
        return np.bincount(self.stream, values, self.count) / self.reports

    def _median(
        self, values: Float[np.ndarray, " value"], stream: Int[np.ndarray, " value"]
    ) -> Float[np.ndarray, " stream"]:
        return self._quantiles(values, stream, (0.5,))[:, 0]

    def _quantiles(
        self,
        values: Shaped[np.ndarray, "*kind value"],
        stream: Int[np.ndarray, " value"],
        shares: tuple[float, ...],
    ) -> Float[np.ndarray, "*kind stream share"]:
        """As `numpy.quantile` of each stream's values; 0 where it has none."""
        number = np.bincount(stream, minlength=self.count)
        start, last = (np.cumsum(number) - number)[:, None], np.maximum(number - 1, 0)[:, None]
        place = np.array(shares) * last
        low = place.astype(np.int64)
        order = np.lexsort((values, np.broadcast_to(stream, values.shape)))
        ordered = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
        ordered[..., :-1] = np.take_along_axis(values, order, -1)
        below, above = (ordered[..., start + each] for each in (low, np.minimum(low + 1, last)))
        return np.where(number[:, None] > 0, below + (above - below) * (place - low), 0.0)
