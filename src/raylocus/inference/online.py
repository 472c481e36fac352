"""Locating while learning: the levels of cells, and the clocks of sites on maps, follow the stream that is served.

Answers come first, a part of the stream at a time, from measurements corrected by what was learned before. Then
reports of known position are learned from, and, where none is known, the locator's own trusted fixes, which count less.
A position outside of the region that its own report leaves open contradicts it and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.inference.answering import Answering
from raylocus.inference.fix import Answers, Fix
from raylocus.inference.online_expected import expected_by, offsets_of
from raylocus.inference.online_journal import OnlineJournal, load_journal
from raylocus.inference.online_offsets import COMMON, OWN
from raylocus.inference.online_state import ReportEntry
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.scenes.area import deployment_digest

#: Sequences that are answered before anything is learned of them.
PART = 100
#: A tag outside of this region of its own report's answer is not learned from.
REGION = 0.99
#: Variance of an own fix's levels over those of a tag: it finds in part what was learned before.
OWN_FIX = 4.0
#: Share of a fix's mass in the ground cells that its levels are expected over.
MASS = 0.98


@dataclass(frozen=True)
class Learned:
    """What was learned from, counted."""

    tags: int = 0
    """Reports of known position."""
    own: int = 0
    """Trusted fixes of reports of unknown position."""
    contradicting: int = 0
    """Positions that contradict their reports: passed over."""

    def __add__(self, other: Learned) -> Learned:
        return Learned(self.tags + other.tags, self.own + other.own, self.contradicting + other.contradicting)


@dataclass(frozen=True)
class OnlineAnswers:
    """Answers to a stream, and what was learned of it."""

    answers: Answers
    journal: OnlineJournal
    learned: Learned

    @property
    def note(self) -> str:
        """What was learned, as a sentence."""
        levels, clocks, learned = self.journal.state.levels, self.journal.state.clocks, self.learned
        own = levels.mean[OWN:] if len(levels.known) else np.zeros(1)
        timed = (
            f"; clocks of {len(clocks.known)} sites by up to {np.abs(clocks.mean[OWN:]).max():.0f} m"
            if len(clocks.known)
            else ""
        )
        return (
            f"learned from {learned.tags} reports of known position and {learned.own} own fixes; positions that "
            f"contradict their reports, passed over: {learned.contradicting}; levels are off by "
            f"{levels.mean[COMMON]:+.1f} dB, those of {len(levels.known)} cells by {own.min():+.1f} to "
            f"{own.max():+.1f} dB more{timed}"
        )


class OnlineLocator:
    """Who answers in a place or an area, and what is expected there."""

    def __init__(self, answering: Answering) -> None:
        self.answering, self.expected = answering, expected_by(answering)
        self.deployment = self.expected.deployment
        self.network = f"{self.expected.name} {deployment_digest(self.deployment)}"

    def journal(self, path: Path) -> OnlineJournal:
        """What a file holds of this network; where there is no file, nothing learned.

        Raises:
            InputError: it is no such file, or of another network.
        """
        if not path.exists():
            return OnlineJournal.start(self.network, self.expected.law)
        journal = load_journal(path)
        if journal.network != self.network:
            raise InputError(
                f"{path} was learned in a network of other sites, cells or maps; name a file of its own for this one"
            )
        return journal

    def answers(self, reports: Reports, journal: OnlineJournal) -> OnlineAnswers:
        """Fixes of a stream, and the journal after it.

        Args:
            reports: one stream; each sequence's last report is answered and may be learned from.
            journal: what was learned of this network before.

        Raises:
            PlaceError: the network has none of the reports' cells.
        """
        hears = known_reports(reports, self.deployment).hears
        fixes: dict[int, Fix] = {}
        learned = Learned()
        for part in _parts(hears):
            some = reports.select(part)
            found = self._fixes(some, journal)
            fixes |= dict(zip(part.tolist(), found, strict=True))
            last = some.select_reports(some.last_report)
            journal = journal.answered(last.select(hears[part]))
            for number in np.flatnonzero(hears[part]).tolist():
                one = last.select(np.array([number]))
                more, journal = self._learned(one, found[number], journal)
                learned += more
        answers = Answers([fixes[number] for number in range(len(reports))], hears.tolist())
        return OnlineAnswers(answers, journal, learned)

    def _fixes(self, some: Reports, journal: OnlineJournal) -> list[Fix]:
        """By corrected measurements; the network's law and clocks are taken from recent reports too."""
        recent = journal.recent
        if recent.feature_names != some.feature_names:
            recent = some.select(np.arange(0))
        corrected = (journal.state.corrected(each, self.deployment) for each in (some, recent))
        return self.answering.fixes_among(*corrected)

    def _learned(self, one: Reports, fix: Fix, journal: OnlineJournal) -> tuple[Learned, OnlineJournal]:
        """What is learned of a single report with its answer, and the journal after it."""
        true = one.position[0, :2]
        tagged = bool(np.isfinite(true).all())
        if tagged and _rank(fix, true) > REGION:
            return Learned(contradicting=1), journal
        if not (tagged or fix.trusted):
            return Learned(), journal
        points, mass = (true[None], np.ones(1)) if tagged else _heaviest(fix)
        where, factor = (true, 1.0) if tagged else (fix.position, OWN_FIX)
        entry = ReportEntry(*offsets_of(one, self.expected, points, mass), where, factor)
        if not len(entry.levels.index):
            return Learned(), journal
        return Learned(tags=int(tagged), own=int(not tagged)), journal.learned(entry)


def _rank(fix: Fix, point: Float[np.ndarray, "2"]) -> float:
    """Mass of the ground that is likelier than a point by the heatmap of a fix; 1 outside of it."""
    index = int(fix.grid.index(point))
    heatmap = fix.heatmap.ravel()
    return float(heatmap[heatmap > heatmap[index]].sum()) if index >= 0 else 1.0


def _heaviest(fix: Fix) -> tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, " point"]]:
    """The likeliest ground cells that hold `MASS`, and their shares of it."""
    heatmap = fix.heatmap.ravel().astype(float)
    order = np.argsort(-heatmap, kind="stable")
    held = heatmap[order].cumsum()
    some = order[: int(np.searchsorted(held, MASS * held[-1])) + 1]
    return fix.grid.centres[some], heatmap[some] / heatmap[some].sum()


def _parts(hears: Bool[np.ndarray, " sequence"]) -> Iterator[Int[np.ndarray, " some"]]:
    """Sequences that are answered together; none that names no known cell is alone with its like."""
    hearing, deaf = np.flatnonzero(hears), np.flatnonzero(~hears)
    for start in range(0, max(len(hearing), 1), PART):
        yield np.concatenate([hearing[start : start + PART], deaf if start == 0 else deaf[:0]])
