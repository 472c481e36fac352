"""What is asked of a service, whatever its dialect, and the reports that a question stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.reports.features import CRITICAL, FEATURES, logged_levels, logged_range
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.channels import TECHNOLOGIES, technology_codes
from raylocus.units import timing_advance_step

NAN = math.nan


@dataclass(frozen=True)
class MeasuredBeam:
    """One SSB beam of a cell."""

    index: int
    """SSB index."""
    rsrp: float
    """L1-RSRP [dBm]."""


@dataclass(frozen=True)
class MeasuredCell:
    """One cell that a phone heard; what is not known is NaN or an empty text."""

    technology: str = ""
    """One of `network.formats.measurements.TECHNOLOGIES`."""
    channel: float = NAN
    """Downlink EARFCN or NR-ARFCN."""
    pci: float = NAN
    """Physical cell identity."""
    identity: float = NAN
    """E-UTRAN cell identity, 28 bits, or NR cell identity, 36 bits."""
    serving: bool = False
    rsrp: float = NAN
    """RSRP or SS-RSRP [dBm]."""
    rsrq: float = NAN
    """RSRQ or SS-RSRQ [dB]."""
    sinr: float = NAN
    """SINR or SS-SINR [dB]."""
    timing_advance: float = NAN
    """Timing advance, round trip [s]."""
    beams: tuple[MeasuredBeam, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether it says which cell it is of, and how strong it is."""
        return not math.isnan(self.rsrp) and not (math.isnan(self.pci) and math.isnan(self.identity))


@dataclass(frozen=True)
class MeasuredReport:
    """What one phone heard at one time."""

    time: float
    """Seconds; only differences count."""
    cells: tuple[MeasuredCell, ...]


@dataclass(frozen=True)
class Question:
    """Where was the phone at the last of these reports?"""

    reports: tuple[MeasuredReport, ...]
    """In time order; no two at one time."""

    @property
    def last(self) -> MeasuredReport:
        """The report whose position is asked for."""
        return self.reports[-1]

    @property
    def cells(self) -> int:
        """Number of cells of all reports."""
        return sum(len(report.cells) for report in self.reports)


@dataclass(frozen=True)
class Submitted:
    """What a phone heard where its position is known."""

    question: Question
    latitude: float
    """WGS84 [degrees]."""
    longitude: float
    """The same."""


#: Longest time between two reports that belong together [s]; what is older is left out.
GAP = 60.0


def question_of(reports: list[MeasuredReport]) -> Question:
    """The question of reports in any order: of those within `GAP` of the next one, the usable cells, each once.

    Reports of one time are one report. A question may be left without any cell.
    """
    by_time: dict[float, list[MeasuredCell]] = {}
    for report in sorted(reports, key=lambda each: each.time):
        by_time.setdefault(report.time, []).extend(cell for cell in report.cells if cell.usable)
    heard = [MeasuredReport(time, _each_once(cells)) for time, cells in by_time.items() if cells]
    kept = heard[-1:]
    for report in reversed(heard[:-1]):
        if kept[0].time - report.time > GAP:
            break
        kept.insert(0, report)
    return Question(tuple(kept) or (MeasuredReport(0.0, ()),))


def _each_once(cells: list[MeasuredCell]) -> tuple[MeasuredCell, ...]:
    """Of two rows of one cell the serving one stays, or else the stronger; at most one cell serves."""
    best: dict[tuple[str, float, float], MeasuredCell] = {}
    for cell in sorted(cells, key=lambda each: (not each.serving, -each.rsrp)):
        name = cell.identity if math.isnan(cell.pci) else cell.pci
        channel = -1.0 if math.isnan(cell.channel) else cell.channel
        best.setdefault((cell.technology, channel, name), cell)
    # The serving ones come first.
    kept = list(best.values())
    return (*kept[:1], *(replace(cell, serving=False) if cell.serving else cell for cell in kept[1:]))


_ADVANCE = CRITICAL.index("timing_advance")
#: Columns of a token's numbers, in their order; the first ones are whole.
_WHOLE = ("pci", "channel", "identity", "beam")
_NUMBERS = (*_WHOLE, "advance", "rsrp", "rsrq", "sinr", "l1_rsrp")


@dataclass(frozen=True)
class AskedReports:
    """The reports of several questions, one sequence a question."""

    reports: Reports
    """Without timing advances: their step depends on the carrier of the cell that serves."""
    advance: Float[np.ndarray, " token"]
    """Timing advance, round trip [s]."""

    def select_tokens(self, kept: Bool[np.ndarray, " token"]) -> AskedReports:
        """All questions, with some of their tokens."""
        return AskedReports(self.reports.select_tokens(kept), self.advance[kept])

    def with_advances(self, numerology: Int[np.ndarray, " token"]) -> Reports:
        """The reports with the timing advances of serving cells, in the steps of each token's carrier."""
        steps = np.round(self.advance / timing_advance_step(0) * 2.0**numerology)
        features = self.reports.features.copy()
        least, most = logged_range(FEATURES[_ADVANCE], self.reports.technology)
        possible = (steps >= least) & (steps <= most) & (self.reports.beam < 0)
        features[:, _ADVANCE] = np.where(possible & self.reports.serving, steps, np.nan)
        return replace(self.reports, features=features)


def asked_reports(questions: Sequence[Question]) -> AskedReports:
    """The reports of questions; values out of the range of report are left out."""
    reports = [report for question in questions for report in question.reports]
    cells = [cell for report in reports for cell in report.cells]
    numbers = np.array([row for cell in cells for row in _numbers(cell)], float).reshape(-1, len(_NUMBERS))
    column = dict(zip(_NUMBERS, numbers.T, strict=True))
    names = numbers.T[: len(_WHOLE)]
    whole = dict(zip(_WHOLE, np.where(np.isnan(names), -1, names).astype(np.int64, order="C"), strict=True))
    offsets = Rows.of(np.array([len(question.reports) for question in questions], int)).offsets
    lengths = [sum(1 + len(cell.beams) for cell in report.cells) for report in reports]
    of_cell = np.repeat(np.arange(len(cells)), [1 + len(cell.beams) for cell in cells])
    time = np.array([report.time for report in reports], float)
    technology = technology_codes([cell.technology for cell in cells])[of_cell]
    features = np.full((len(numbers), len(CRITICAL)), np.nan)
    censored = np.zeros(features.shape, np.int8)
    for index, feature in enumerate(FEATURES[:_ADVANCE]):
        features[:, index], censored[:, index] = logged_levels(column[feature.name], feature, technology)
    made = Reports(
        report_offsets=offsets,
        token_offsets=Rows.of(np.array(lengths, int)).offsets,
        time=time - time[Rows(offsets).first],
        position=np.full((len(reports), 3), np.nan),
        line_of_sight=np.full(len(reports), np.nan),
        pci=whole["pci"],
        technology=technology,
        channel=whole["channel"],
        identity=whole["identity"],
        serving=np.array([cell.serving for cell in cells], bool)[of_cell],
        beam=whole["beam"],
        features=features,
        censored=censored,
    )
    return AskedReports(made, column["advance"])


def _numbers(cell: MeasuredCell) -> list[tuple[float, ...]]:
    """The token of a cell, and those of its beams."""
    nan = math.nan
    # What is of no technology with PCIs is of no cell either, whatever its numbers are.
    foreign = cell.technology not in TECHNOLOGIES
    names = (nan, nan, nan) if foreign else (cell.pci, cell.channel, cell.identity)
    whole = (*names, -1.0, cell.timing_advance, cell.rsrp, cell.rsrq, cell.sinr, nan)
    beams = [(*names, float(beam.index), nan, nan, nan, nan, beam.rsrp) for beam in cell.beams]
    return [whole, *beams]
