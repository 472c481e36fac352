"""The area locator: reports anywhere in a network to posteriors, from sites, levels and timing alone.

It has learned what real networks are like from networks drawn by formula (`network.field`), needs no traced maps, and
reads the network's own law, how levels fall and who is heard, from all reports that it is given, without any position.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from raylocus.geo import Extent, GeoFrame, Grid
from raylocus.inference.fix import Answers, Fix
from raylocus.models.area.anchors import middle_spacing
from raylocus.models.area.ground_masses import GroundMasses, Located, ground_masses
from raylocus.models.area.heard_reports import KEPT_DEPLOYMENTS, heard_reports
from raylocus.models.area.pooling import pooled
from raylocus.models.area.streams import Streams
from raylocus.models.area.tokens import AreaTokens
from raylocus.models.area.trained import TrainedAreaNetwork, load_area_network
from raylocus.network.field.heard import HeardNetwork
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.stretches import in_stretches
from raylocus.ragged import Rows
from raylocus.scenes.sites import Deployment

#: Reports that go through the network together.
BATCH = 32
#: Reports in which a phone that drives [m/s] goes less than this part of the spacing of sites are read as one.
STRETCH, SPEED = 0.3, 10.0
#: Stretches of a sequence that are looked at, evenly among those that are not older than its last by so much [s].
MOST_REPORTS, OLDEST = 8, 60.0
#: A phone that is asked about on ground of which there is a map is so much less likely per square metre outside of it.
OUTSIDE = 0.1
#: Cells along the side of the prior of an area, the answer to a report that names none of its cells.
PRIOR_CELLS = 64


@runtime_checkable
class Network(Protocol):
    """What of an area or place is needed to locate in it."""

    @property
    def deployment(self) -> Deployment:
        """Its sites and cells."""

    @property
    def frame(self) -> GeoFrame:
        """Its frame."""


@dataclass(frozen=True)
class AreaLocator:
    """Answers where phones are in any network whose sites are known."""

    trained: TrainedAreaNetwork
    name: str = "raylocus area"
    mapped: Extent | None = None
    """Ground that phones are asked about; None where nobody said it, as around the sites of a list."""

    @classmethod
    def pretrained(cls) -> AreaLocator:
        """The locator that comes with raylocus."""
        return cls(_shipped())

    @classmethod
    def load(cls, path: Path | str) -> AreaLocator:
        """A locator from a file of `raylocus train area`.

        Raises:
            CheckpointError: there is no such file, or it is another one.
        """
        return cls(load_area_network(Path(path)))

    def located(self, reports: Reports, deployment: Deployment) -> Iterator[Located]:
        """Posteriors of the sequences whose last report names a cell of the deployment, a few at a time.

        Args:
            reports: one stream of one network: its law, and its sites' clocks, are taken from all of it.
            deployment: its sites and cells.
        """
        return self.located_by_stream(reports, deployment, np.zeros(len(reports), np.int64))

    def located_by_stream(
        self, reports: Reports, deployment: Deployment, stream: Int[np.ndarray, " sequence"]
    ) -> Iterator[Located]:
        """The same for several streams, of which none knows of the others.

        Args:
            reports: of one network.
            deployment: its sites and cells.
            stream: number of the stream that each sequence is of, ascending.
        """
        if not len(reports):
            return
        reports = in_stretches(reports, _stretch(deployment))
        of_report = stream[reports.sequence_of_report]
        heard = heard_reports(reports, deployment, of_report)
        streams = Streams(self.trained, heard.network, of_report[heard.report])
        readings = Rows.of(np.bincount(heard.report, minlength=len(reports.time)))
        for used, phones in _batches(reports, readings.lengths > 0):
            chosen, own = readings.select(used)
            tokens = streams.tokens(chosen)
            ground = self._masses(tokens, heard.network.select(chosen), heard.weight[chosen], own)
            scale, time = tokens.scale[own.offsets[:-1]], reports.time[used]
            # Those of one report keep its squares, all others have the same number of them.
            for some in map(np.flatnonzero, (phones.lengths == 1, phones.lengths > 1)):
                if len(some):
                    rows, each = phones.select(some)
                    part = pooled(ground.select(rows), scale[rows], time[rows], each)
                    if self.mapped is not None:
                        part = part.within(self.mapped, OUTSIDE)
                    last = used[phones.offsets[some + 1] - 1]
                    yield Located(reports.sequence_of_report[last], part, heard.likeliest(last))

    @torch.inference_mode()
    def _masses(
        self, tokens: AreaTokens, heard: HeardNetwork, weight: Float[np.ndarray, " reading"], rows: Rows
    ) -> GroundMasses:
        """Posteriors of reports, each of one or several readings."""
        masses = self.trained.masses(tokens, heard)
        count, most = len(rows.lengths), int(rows.lengths.max())
        reading, share = np.zeros((count, most), np.int64), np.zeros((count, most))
        reading[:] = rows.offsets[:-1, None]
        reading[rows.row, rows.rank], share[rows.row, rows.rank] = np.arange(len(weight)), weight
        return ground_masses(masses, tokens, reading, share)

    def fixes(self, reports: Reports, area: Network, extent: Extent) -> list[Fix]:
        """One fix a sequence; one whose last report names no cell of the area has the area itself for its answer.

        Args:
            reports: one stream of the area's network.
            area: the area or place.
            extent: where a phone may be of which nothing is known.
        """
        located = self.located(reports, area.deployment)
        return answers_in(located, len(reports), area.frame, extent).fixes

    def on_grid(
        self, reports: Reports, deployment: Deployment, grid: Grid, stream: Int[np.ndarray, " sample"]
    ) -> Float[np.ndarray, "sample y x"]:
        """Densities over a grid; mass outside of it is spread evenly over it.

        Args:
            reports: of one network.
            deployment: its sites and cells, in the grid's frame.
            grid: where phones are taken to be.
            stream: see `located_by_stream`.
        """
        even = 1 / grid.count**2
        density = np.full((len(reports), *grid.shape), even, np.float32)
        for located in self.located_by_stream(reports, deployment, stream):
            inside = located.ground.rasters(np.arange(len(located.sequence)), grid)
            outside = np.maximum(1 - inside.sum((1, 2), keepdims=True, dtype=float), 0)
            density[located.sequence] = inside + outside * even
        return density


def answers_in(located: Iterable[Located], sequences: int, frame: GeoFrame, extent: Extent) -> Answers:
    """One fix a sequence; one that is not located names no known cell, and is anywhere in the extent.

    Args:
        located: posteriors of some sequences.
        sequences: number of all.
        frame: frame of the area.
        extent: where a phone may be.
    """
    found: list[Fix | None] = [None] * sequences
    for some in located:
        covariance = some.ground.covariance()
        for index, sequence in enumerate(some.sequence.tolist()):
            grid = some.ground.window(index)
            heatmap = some.ground.raster(index, grid)
            found[sequence] = Fix(
                some.ground.median[index], covariance[index], heatmap / heatmap.sum(), grid, frame, some.fit
            )
    unknown = _prior(extent, frame)
    return Answers([unknown if fix is None else fix for fix in found], [fix is not None for fix in found])


def _batches(
    reports: Reports, known: Bool[np.ndarray, " report"]
) -> Iterator[tuple[Int[np.ndarray, " used"], Rows]]:
    """Reports of sequences whose last one is known, and whose they are: at most `BATCH` at once, single ones first."""
    phones: list[Int[np.ndarray, " used"]] = []
    for start, stop in pairwise(reports.report_offsets.tolist()):
        if known[stop - 1]:
            recent = reports.time[stop - 1] - reports.time[start:stop] <= OLDEST
            own = start + np.flatnonzero(known[start:stop] & recent)
            kept = np.linspace(0, len(own) - 1, min(len(own), MOST_REPORTS)).round().astype(np.int64)
            phones.append(own[kept])
    phones.sort(key=lambda own: len(own) > 1)
    while phones:
        several = np.cumsum([len(own) for own in phones[:BATCH]]) <= BATCH
        some, phones = phones[: several.sum()], phones[several.sum() :]
        yield np.concatenate(some), Rows.of(np.array([len(own) for own in some]))


@lru_cache(KEPT_DEPLOYMENTS)
def _stretch(deployment: Deployment) -> float:
    """Length of a stretch [s] in a network."""
    return STRETCH * middle_spacing(deployment.site_positions[:, :2]) / SPEED


@cache
def _shipped() -> TrainedAreaNetwork:
    with resources.as_file(resources.files("raylocus.models.area") / "area.ckpt") as path:
        return load_area_network(path)


def _prior(extent: Extent, frame: GeoFrame) -> Fix:
    """A phone anywhere in an extent."""
    side = max(extent.east - extent.west, extent.north - extent.south)
    grid = extent.grid(side / PRIOR_CELLS)
    inside = extent.contains(grid.centres).reshape(grid.shape).astype(float)
    centre = np.array([(extent.west + extent.east) / 2, (extent.south + extent.north) / 2])
    variance = np.array([extent.east - extent.west, extent.north - extent.south]) ** 2 / 12
    return Fix(centre, np.diag(variance), inside / inside.sum(), grid, frame)
