"""Questions as `Reports`, the one type that every locator reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.network.reports.features import CRITICAL, FEATURES
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.service.questions import MeasuredCell, Question
from raylocus.units import timing_advance_step

_RSRP, _RSRQ, _SINR, _BEAM, _ADVANCE = (
    CRITICAL.index(name) for name in ("rsrp", "rsrq", "sinr", "l1_rsrp", "timing_advance")
)


@dataclass(frozen=True)
class AskedReports:
    """The reports of several questions, one sequence a question, and what names the cell of each token."""

    reports: Reports
    """Without timing advances: their step depends on the carrier of the cell that serves."""
    technology: Shaped[np.ndarray, " token"]
    channel: Float[np.ndarray, " token"]
    identity: Float[np.ndarray, " token"]
    advance: Float[np.ndarray, " token"]
    """Timing advance of the serving cell, round trip [s]; NaN elsewhere."""

    def select(self, questions: Int[np.ndarray, " selected"]) -> AskedReports:
        """Some of the questions, in that order."""
        reports = Rows(self.reports.report_offsets).select(questions)[0]
        tokens = Rows(self.reports.token_offsets).select(reports)[0]
        return AskedReports(self.reports.select(questions), *(column[tokens] for column in self._names()))

    def select_tokens(self, kept: Bool[np.ndarray, " token"]) -> AskedReports:
        """All questions, with some of their tokens."""
        return AskedReports(self.reports.select_tokens(kept), *(column[kept] for column in self._names()))

    def with_advances(self, numerology: Int[np.ndarray, " token"]) -> Reports:
        """The reports with timing advances in the steps of each token's carrier."""
        steps = np.round(self.advance / timing_advance_step(0) * 2.0**numerology)
        feature, features = FEATURES[_ADVANCE], self.reports.features.copy()
        possible = (steps >= feature.low) & (steps <= feature.high) & (self.reports.beam < 0)
        features[:, _ADVANCE] = np.where(possible & self.reports.serving, steps, np.nan)
        return replace(self.reports, features=features)

    def _names(self) -> tuple[np.ndarray, ...]:
        return self.technology, self.channel, self.identity, self.advance


def asked_reports(questions: Sequence[Question]) -> AskedReports:
    """The reports of questions; values out of the range of report are left out."""
    reports = [report for question in questions for report in question.reports]
    rows = [row for report in reports for cell in report.cells for row in _rows(cell)]
    numbers = np.array([row.numbers for row in rows], float).reshape(len(rows), len(_Row.NUMBERS))
    columns = dict(zip(_Row.NUMBERS, numbers.T, strict=True))
    features = _in_range(np.stack([columns[name] for name in CRITICAL[:4]] + [np.full(len(rows), np.nan)], 1))
    report_offsets = Rows.of(np.array([len(question.reports) for question in questions])).offsets
    time = np.array([report.time for report in reports])
    counts = [sum(1 + len(cell.beams) for cell in report.cells) for report in reports]
    made = Reports(
        report_offsets=report_offsets,
        token_offsets=Rows.of(np.array(counts)).offsets,
        time=time - time[Rows(report_offsets).first],
        position=np.full((len(reports), 3), np.nan),
        line_of_sight=np.full(len(reports), np.nan),
        pci=np.nan_to_num(columns["pci"], nan=-1).astype(np.int64),
        serving=np.array([row.serving for row in rows], bool),
        beam=columns["beam"].astype(np.int64),
        features=features,
        censored=np.zeros(features.shape, np.int8),
    )
    technology = np.array([row.technology for row in rows], np.str_)
    return AskedReports(made, technology, columns["channel"], columns["identity"], columns["advance"])


@dataclass(frozen=True)
class _Row:
    """One token: of a cell, or of one of its beams."""

    technology: str
    serving: bool
    numbers: tuple[float, ...]

    NUMBERS = ("pci", "channel", "identity", "advance", "beam", "rsrp", "rsrq", "sinr", "l1_rsrp")


def _rows(cell: MeasuredCell) -> list[_Row]:
    """The token of a cell, and those of its beams."""
    names, nan = (cell.pci, cell.channel, cell.identity), math.nan
    whole = (*names, cell.timing_advance, -1.0, cell.rsrp, cell.rsrq, cell.sinr, nan)
    beams = [(*names, nan, float(beam.index), nan, nan, nan, beam.rsrp) for beam in cell.beams]
    return [_Row(cell.technology, cell.serving, numbers) for numbers in (whole, *beams)]


def _in_range(features: Float[np.ndarray, "token feature"]) -> Float[np.ndarray, "token feature"]:
    low, high = (np.array([getattr(feature, end) for feature in FEATURES]) for end in ("low", "high"))
    return np.where((features >= low) & (features <= high), features, np.nan)
