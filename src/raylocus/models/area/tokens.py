"""Reports of a network as tensors: a row a report, of heard cells, silent sites near them and anchors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.models.area.anchors import Anchors, anchors_of, streams_of
from raylocus.models.area.statistics import MOST, NetworkStatistics, network_statistics
from raylocus.network.field.heard import HeardNetwork

#: Heard cells, silent sites and anchors of a row; of more heard cells the strongest are taken.
HEARD, SILENT, ANCHORS = 12, 8, 3
TOKENS = HEARD + SILENT + ANCHORS
#: Numbers that a token is described by.
TOKEN_FEATURES = 28


@dataclass(frozen=True)
class AreaTokens:
    """Everything the network reads, in each report's own frame: lengths in scales, from the weighted centroid."""

    features: Float[np.ndarray, "report token feature"]
    position: Float[np.ndarray, "report token 2"]
    direction: Float[np.ndarray, "report token 2"]
    """Unit vector of the listed azimuth; 0 where there is none."""
    range: Float[np.ndarray, "report token"]
    """Distance by timing; NaN where there is none."""
    range_error: Float[np.ndarray, "report token"]
    present: Bool[np.ndarray, "report token"]
    report: Float[np.ndarray, "report context"]
    """Numbers of the report as a whole, then those of the network."""
    centre: Float[np.ndarray, "report 2"]
    """Origin of the frame [m]."""
    scale: Float[np.ndarray, " report"]
    """Unit of length [m]."""

    def __len__(self) -> int:
        return len(self.scale)

    def select(self, reports: Int[np.ndarray, " selected"]) -> AreaTokens:
        """Some of the reports."""
        return AreaTokens(**{name: getattr(self, name)[reports] for name in self.__dataclass_fields__})

    @classmethod
    def concatenate(cls, parts: list[AreaTokens]) -> AreaTokens:
        """The reports of all parts."""
        return cls(
            **{
                name: np.concatenate([getattr(part, name) for part in parts])
                for name in cls.__dataclass_fields__
            }
        )


@dataclass(frozen=True)
class ReadNetwork:
    """A network with everything that the reports of each stream together say of it."""

    network: HeardNetwork
    stream: Int[np.ndarray, " report"]
    anchors: Anchors
    statistics: NetworkStatistics

    @classmethod
    def of(cls, network: HeardNetwork, stream: Int[np.ndarray, " report"] | None = None) -> ReadNetwork:
        """Reads a network.

        Args:
            network: the reports.
            stream: number of each report's stream, 0, 1, … without gaps; one if left out.

        Raises:
            ValueError: a report has no token.
        """
        if (network.rows.lengths == 0).any():
            raise ValueError("a report without a token has no row")
        stream = streams_of(network, stream)
        anchors = anchors_of(network, stream)
        return cls(network, stream, anchors, network_statistics(network, anchors, stream))

    def tokens(self, wanted: Int[np.ndarray, " wanted"]) -> AreaTokens:
        """The rows of some reports."""
        anchors = self.anchors.select(self.network, wanted)
        table = _Table(self.network.select(wanted), self.stream[wanted], anchors, self.statistics)
        table.put_heard()
        table.put_silent()
        table.put_anchors()
        return table.tokens()


def area_tokens(network: HeardNetwork, wanted: Int[np.ndarray, " wanted"] | None = None) -> AreaTokens:
    """The rows of reports of a network, each with at least one token.

    Args:
        network: all reports, from which its statistics are taken.
        wanted: the reports whose rows are asked for; all if left out.

    Raises:
        ValueError: a report has no token.
    """
    return ReadNetwork.of(network).tokens(np.arange(len(network)) if wanted is None else wanted)


class _Table:
    """The rows while they are filled."""

    def __init__(
        self,
        network: HeardNetwork,
        stream: Int[np.ndarray, " report"],
        anchors: Anchors,
        statistics: NetworkStatistics,
    ) -> None:
        self.stream = stream
        self.network, self.anchors, self.statistics = network, anchors, statistics
        count = len(network)
        self.features = np.zeros((count, TOKENS, TOKEN_FEATURES), np.float32)
        self.point = np.zeros((count, TOKENS, 2))
        self.azimuth = np.full((count, TOKENS), np.nan)
        self.range, self.error = np.full((count, TOKENS), np.nan), np.full((count, TOKENS), np.nan)
        self.present = np.zeros((count, TOKENS), bool)

    def put_heard(self) -> None:
        """The strongest cells of each report."""
        net = self.network
        kept = net.rows.rank < HEARD
        report, column, cell = net.report[kept], net.rows.rank[kept], net.cell[kept]
        level = net.level[kept]
        self._place(report, column, net.cells.position[cell], net.cells.azimuth[cell])
        self.range[report, column], self.error[report, column] = (
            self.anchors.range[kept],
            self.anchors.range_error[kept],
        )
        drop = level - net.level[net.rows.first[kept]]
        about = self._site_features(report, net.cells.site[cell])
        advanced, said, stream = np.isfinite(net.advance[kept]), self.statistics, self.stream[report]
        self.features[report, column, :14] = np.stack([
            np.ones(len(cell)), np.zeros(len(cell)), np.zeros(len(cell)), drop / 10, (level + 90) / 20, column / 5,
            net.serving[kept], net.cells.power[cell] / 10, said.cell_level[stream, cell] / 10,
            np.log1p(said.cell_count[stream, cell]) / 5, net.cells.deviation[cell] / self.anchors.scale[report],
            net.cells.deviation[cell] > 0, advanced, np.log1p(np.minimum(self.anchors.clocked[kept], MOST)) / 5,
        ], axis=1)  # fmt: skip
        self.features[report, column, 14:16] = about

    def put_silent(self) -> None:
        """The nearest listed sites that a report does not name."""
        net, sites = self.network, self.network.cells.sites
        wanted = min(len(sites), SILENT + HEARD)
        _, nearest = net.cells.site_tree.query(self.anchors.weighted, wanted)
        nearest = nearest.reshape(len(net), wanted)
        silent = ~net.names(nearest)
        rank = np.cumsum(silent, axis=1) - 1
        report, place = np.nonzero(silent & (rank < SILENT))
        site, column = nearest[report, place], HEARD + rank[report, place]
        self._place(report, column, sites[site], np.full(len(site), np.nan))
        deviation = net.cells.deviation[net.cells.first_of_site][site]
        self.features[report, column, 1] = 1
        self.features[report, column, 10:12] = np.stack(
            [deviation / self.anchors.scale[report], deviation > 0], axis=1
        )
        self.features[report, column, 14:16] = self._site_features(report, site)

    def put_anchors(self) -> None:
        """The two centroids, and the position by arrivals where there is one."""
        every = np.arange(len(self.network))
        for number, point in enumerate((self.anchors.weighted, self.anchors.plain, self.anchors.timed)):
            some = every[np.isfinite(point[:, 0])]
            column = np.full(len(some), HEARD + SILENT + number)
            self._place(some, column, point[some], np.full(len(some), np.nan))
            self.features[some, column, 2] = 1
            self.features[some, column, 25 + number] = 1

    def _place(
        self, report: Int[np.ndarray, " put"], column: Int[np.ndarray, " put"], point: Float[np.ndarray, "put 2"],
        azimuth: Float[np.ndarray, " put"],
    ) -> None:  # fmt: skip
        self.point[report, column], self.azimuth[report, column] = point, azimuth
        self.present[report, column] = True

    def _site_features(
        self, report: Int[np.ndarray, " put"], site: Int[np.ndarray, " put"]
    ) -> Float[np.ndarray, "put 2"]:
        stream, said = self.stream[report], self.statistics
        return np.stack([
            np.log(said.site_share[stream, site] + 0.3 / said.reports[stream]) / 3,
            np.log(self.anchors.spacing[stream, site] / self.anchors.scale[report]),
        ], axis=1)  # fmt: skip

    def tokens(self) -> AreaTokens:
        """The rows, in their own frames, with what follows from the geometry."""
        scale, centre = self.anchors.scale, self.anchors.weighted
        position = (self.point - centre[:, None]) / scale[:, None, None]
        position[~self.present] = 0
        ranges = self.range / scale[:, None]
        error = self.error / scale[:, None]
        direction = np.nan_to_num(np.stack([np.cos(self.azimuth), np.sin(self.azimuth)], axis=-1))
        self._put_geometry(position, direction, ranges, error)
        self.features[~self.present] = 0
        float32 = np.float32
        return AreaTokens(
            self.features, position.astype(float32), direction.astype(float32), ranges.astype(float32),
            error.astype(float32), self.present, self._report_features(position), centre, scale,
        )  # fmt: skip

    def _put_geometry(
        self, position: Float[np.ndarray, "report token 2"], direction: Float[np.ndarray, "report token 2"],
        ranges: Float[np.ndarray, "report token"], error: Float[np.ndarray, "report token"],
    ) -> None:  # fmt: skip
        points = [position, position - position[:, HEARD + SILENT + 1, None], position - position[:, :1]]
        distances = [np.hypot(point[..., 0], point[..., 1]) for point in points]
        away = np.maximum(distances[0], 1e-6)
        facing = -(direction * position).sum(-1) / away
        timed = np.isfinite(ranges)
        filled = np.where(timed, ranges, 0.0)
        self.features[..., 16:25] = np.stack([
            *(np.log(distance + 0.05) for distance in distances), np.isfinite(self.azimuth), facing, timed,
            np.where(timed, np.clip(filled - distances[0], -5, 5), 0), np.where(timed, np.clip(filled, -2, 10), 0),
            np.where(timed, np.log(np.where(timed, error, 1) + 0.01), 0),
        ], axis=-1)  # fmt: skip

    def _report_features(
        self, position: Float[np.ndarray, "report token 2"]
    ) -> Float[np.ndarray, "report context"]:
        lengths, net = self.network.rows.lengths, self.network
        heard = self.present[:, :HEARD, None]
        spread = np.sqrt((position[:, :HEARD] ** 2 * heard).sum((1, 2)) / heard.sum((1, 2)))
        first = net.level[net.rows.starts]
        sites = np.bincount(net.named // len(net.cells.sites), minlength=len(net))
        own = np.stack([
            np.log(self.anchors.scale) / 1.5 - 4, np.log(lengths), np.log(sites), np.log(spread + 0.05),
            (first + 90) / 20, np.isfinite(self.anchors.timed[:, 0]), self.present[:, HEARD:-ANCHORS].mean(1),
            np.isfinite(self.range).sum(1) / 5,
        ], axis=1)  # fmt: skip
        return np.concatenate([own, self.statistics.network[self.stream]], axis=1).astype(np.float32)
