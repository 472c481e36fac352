"""What is shown of the phones of a reports file: where they were, what they heard, and the posterior as it grew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.inference.fix import Fix
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import Deployment
from raylocus.viz.viewer.packing import PackedArray, packed

#: Sequences shown unless others are asked for, and reports of each, the last ones.
MOST_SEQUENCES, MOST_REPORTS = 8, 24
#: Steps of credible levels; 50 % and 90 % are whole numbers of them.
CREDIBLE_STEP = 0.004


@dataclass(frozen=True)
class Heard:
    """Whole cells of one report that the place knows, strongest first."""

    cell: Int[np.ndarray, " heard"]
    rsrp: Float[np.ndarray, " heard"]
    """As reported [dBm]."""
    serving: Bool[np.ndarray, " heard"]


@dataclass(frozen=True)
class Track:
    """One sequence, report by report."""

    sequence: int
    """Its number in the reports file."""
    time: Float[np.ndarray, " report"]
    """Seconds since its first report."""
    truth: Float[np.ndarray, "report 2"]
    """True position [m]; NaN where not known."""
    heard: tuple[Heard, ...]
    """One for each report."""
    fixes: tuple[Fix, ...]
    """The answer to all reports up to each; empty where nobody was asked."""


def tracks_of(
    reports: Reports,
    deployment: Deployment,
    answers: Callable[[Reports], Sequence[Fix]] | None = None,
    sequences: Sequence[int] = (),
) -> list[Track]:
    """The tracks of some sequences; of long ones the last `MOST_REPORTS` reports.

    Args:
        reports: without tokens that the deployment does not know.
        deployment: the place's.
        answers: gives one fix a sequence; None where nobody is asked.
        sequences: which; the first `MOST_SEQUENCES` where left out.
    """
    chosen = sequences or range(min(len(reports), MOST_SEQUENCES))
    return [_track(reports, deployment, answers, sequence) for sequence in chosen]


def _track(
    reports: Reports,
    deployment: Deployment,
    answers: Callable[[Reports], Sequence[Fix]] | None,
    sequence: int,
) -> Track:
    one = reports.select(np.array([sequence]))
    shown = np.arange(len(one.time))[-MOST_REPORTS:]
    return Track(
        sequence,
        one.time[shown],
        one.position[shown, :2],
        tuple(_heard(one, deployment, report) for report in shown),
        tuple(answers(so_far(one, shown))) if answers else (),
    )


def so_far(sequence: Reports, ends: Int[np.ndarray, " end"]) -> Reports:
    """One sequence as it was after each of some of its reports, as so many sequences."""
    return Reports.concatenate([sequence.select_reports(np.arange(end + 1)) for end in ends])


def _heard(sequence: Reports, deployment: Deployment, report: int) -> Heard:
    rsrp = sequence.features[:, sequence.feature_names.index("rsrp")]
    own = (sequence.report_of_token == report) & (sequence.beam < 0) & ~np.isnan(rsrp)
    tokens = np.flatnonzero(own)
    tokens = tokens[np.argsort(-rsrp[tokens], kind="stable")]
    return Heard(deployment.cells_of(sequence.pci[tokens]), rsrp[tokens], sequence.serving[tokens])


def mapped_level(
    place: TracedPlace, cell: Int[np.ndarray, " heard"], position: Float[np.ndarray, "2"]
) -> Float[np.ndarray, " heard"]:
    """RSRP of cells by the map at one position [dBm]; NaN without a path, outside the tile, or untraced."""
    ground = int(place.tile.index(position)) if np.isfinite(position).all() else -1
    if ground < 0 or not place.radio_file.exists():
        return np.full(len(cell), np.nan)
    row, column = divmod(ground, place.tile.count)
    return place.radio_maps["rsrp"].values[cell, row, column].astype(float)


def credible_levels(density: Float[np.ndarray, "y x"]) -> PackedArray:
    """Of each ground cell the probability of all cells that are likelier, rounded down to steps.

    A ground cell lies in the smallest region that holds p exactly where this is below p, for p a whole number of
    steps; so the region is exact for 50 % and 90 %.
    """
    mass = density.ravel().astype(float)
    order = np.argsort(-mass, kind="stable")
    before = np.empty(len(mass))
    before[order] = np.concatenate([[0.0], np.cumsum(mass[order])[:-1]])
    steps = np.minimum(np.floor(before / CREDIBLE_STEP + 1e-9), round(1 / CREDIBLE_STEP) - 1)
    return packed((steps * CREDIBLE_STEP).reshape(density.shape), CREDIBLE_STEP)
