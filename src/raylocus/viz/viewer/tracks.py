"""What is shown of the phones of a reports file: where they were, what they heard, and the posterior as it grew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.inference.fix import Fix
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
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
    at_truth: Float[np.ndarray, " heard"]
    """RSRP by the map at the true position [dBm]; NaN where it has none."""
    at_estimate: Float[np.ndarray, " heard"]
    """RSRP by the map at the estimate [dBm]; NaN where it has none."""


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
    hears: Bool[np.ndarray, " report"]
    """Whether any report up to each names a cell of the place; an answer without one is not trusted."""
    fixes: tuple[Fix, ...]
    """The answer to all reports up to each."""


#: One fix for each of some sequences.
Answers = Callable[[Reports], Sequence[Fix]]
#: RSRP of each cell [dBm] by the map at a position [m]; NaN where it has none.
MappedLevels = Callable[[Float[np.ndarray, "2"]], Float[np.ndarray, " cell"]]


@dataclass(frozen=True)
class TrackMaker:
    """Makes tracks of reports at one place or area."""

    deployment: Deployment
    answers: Answers
    levels: MappedLevels

    def tracks(self, reports: Reports, sequences: Sequence[int]) -> list[Track]:
        """The tracks of some sequences; of long ones the last `MOST_REPORTS` reports.

        Args:
            reports: of phones; tokens of cells that the deployment does not have are not shown.
            sequences: which.
        """
        ones = [reports.select(np.array([sequence])) for sequence in sequences]
        return [self._track(*each) for each in zip(ones, sequences, self._fixes(ones), strict=True)]

    def _fixes(self, ones: Sequence[Reports]) -> list[tuple[Fix, ...]]:
        """The answers to every sequence as it was after each report that is shown.

        All sequences are asked about together, each once: a locator judges by all of them, and one sequence twice
        would count twice.
        """
        fixes: list[list[Fix]] = [[] for _ in ones]
        for step in range(max((len(_shown(one)) for one in ones), default=0)):
            some = [index for index, one in enumerate(ones) if step < len(_shown(one))]
            asked = [ones[index].select_reports(np.arange(_shown(ones[index])[step] + 1)) for index in some]
            for index, fix in zip(some, self.answers(Reports.concatenate(asked)), strict=True):
                fixes[index].append(fix)
        return [tuple(each) for each in fixes]

    def _track(self, one: Reports, sequence: int, fixes: tuple[Fix, ...]) -> Track:
        known = one.select_tokens(self.deployment.candidates(one).known)
        cells, shown = token_cells(known, self.deployment), _shown(one)
        estimates = [fix.position for fix in fixes]
        truth = one.position[shown, :2]
        heard = [
            self._heard(known, cells, *each) for each in zip(shown.tolist(), truth, estimates, strict=True)
        ]
        hears = known.token_offsets[shown + 1] > 0
        return Track(sequence, one.time[shown], truth, tuple(heard), hears, fixes)

    def _heard(
        self,
        known: Reports,
        cells: Int[np.ndarray, " token"],
        report: int,
        truth: Float[np.ndarray, "2"],
        estimate: Float[np.ndarray, "2"],
    ) -> Heard:
        rsrp = known.features[:, known.feature_names.index("rsrp")]
        own = (known.report_of_token == report) & (known.beam < 0) & ~np.isnan(rsrp)
        tokens = np.flatnonzero(own)
        tokens = tokens[np.argsort(-rsrp[tokens], kind="stable")]
        cell = cells[tokens]
        at_truth, at_estimate = self.levels(truth)[cell], self.levels(estimate)[cell]
        return Heard(cell, rsrp[tokens], known.serving[tokens], at_truth, at_estimate)


def _shown(one: Reports) -> Int[np.ndarray, " shown"]:
    """The reports of one sequence that are shown."""
    return np.arange(len(one.time))[-MOST_REPORTS:]


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
