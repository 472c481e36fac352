"""What is asked: the measurements of one phone, whatever dialect they came in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
