"""What a UE is configured to measure and report: periodic and event-triggered reports, PRS and SRS (TS 38.331)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError

#: ReportInterval of NR [s]. There is no 80 ms.
REPORT_INTERVALS = (
    *(0.12, 0.24, 0.48, 0.64, 1.024, 2.048, 5.12, 10.24, 20.48, 40.96),
    *(60.0, 360.0, 720.0, 1800.0),
)
#: reportAmount; ∞ is "until released".
REPORT_AMOUNTS = (1, 2, 4, 8, 16, 32, 64, float("inf"))
#: TimeToTrigger [s].
TIMES_TO_TRIGGER = (
    *(0.0, 0.04, 0.064, 0.08, 0.1, 0.128, 0.16, 0.256, 0.32, 0.48, 0.512, 0.64),
    *(1.024, 1.28, 2.56, 5.12),
)
#: FilterCoefficient k; the default is 4.
FILTER_COEFFICIENTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 17, 19)
#: Period of a CSI or L1-RSRP report [slots].
CSI_PERIODS = (4, 5, 8, 10, 16, 20, 40, 80, 160, 320)
#: Period of SSBs and of the measurement window SMTC [s].
SSB_PERIODS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
#: Most neighbours, and most beams a cell, in a report.
MOST_REPORTED_CELLS, MOST_REPORTED_BEAMS = 8, 32
#: PRS: period 2^μ × these [slots], repetitions, and (comb, symbols) pairs (TS 38.214 §5.1.6.5, TS 38.211 §7.4.1.7.3).
PRS_PERIODS = (4, 5, 8, 10, 16, 20, 32, 40, 64, 80, 160, 320, 640, 1280, 2560, 5120, 10240)
PRS_REPETITIONS = (1, 2, 4, 6, 8, 16, 32)
PRS_COMB_SYMBOLS = (
    *((2, 2), (4, 4), (6, 6), (12, 12), (2, 4), (2, 6), (2, 12), (4, 12), (6, 12)),
    *((2, 1), (4, 1), (6, 1), (12, 1)),
)
#: SRS: combs, and bandwidths in resource blocks are multiples of 4 up to 272 (TS 38.211 §6.4.1.4).
SRS_COMBS = (2, 4, 8)
#: SRS: periods [slots] (TS 38.331 SRS-PeriodicityAndOffset, those of SRS for positioning included).
SRS_PERIODS = (1, 2, 4, 5, 8, 10, 16, 20, 32, 40, 64, 80, 160, 320, 640, 1280, 2560, 5120, 10240)
#: phr-PeriodicTimer and periodicBSR-Timer [s]; ∞ is never.
HEADROOM_TIMERS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, float("inf"))
BUFFER_STATUS_TIMERS = (
    *(0.001, 0.005, 0.01, 0.016, 0.02, 0.032, 0.04, 0.064, 0.08, 0.128, 0.16),
    *(0.32, 0.64, 1.28, 2.56, float("inf")),
)


@dataclass(frozen=True)
class ReportConfiguration:
    """ReportConfigNR: when a measurement report is sent and how much it holds."""

    interval: float = 0.48
    """ReportInterval [s]."""
    amount: int | float = float("inf")
    """reportAmount: reports after a trigger."""
    most_neighbours: int = 8
    """maxReportCells."""
    most_beams: int = 4
    """maxNrofRS-IndexesToReport."""
    filter_coefficient: int = 4
    """k of the L3 filter (TS 38.331 §5.5.3.2); 0 is no filter."""
    csi_period: int = 40
    """Period of CSI and L1-RSRP reports [slots]."""

    def __post_init__(self) -> None:
        check_listed("ReportInterval", self.interval, REPORT_INTERVALS)
        check_listed("reportAmount", self.amount, REPORT_AMOUNTS)
        check_listed("maxReportCells", self.most_neighbours, range(1, MOST_REPORTED_CELLS + 1))
        check_listed("maxNrofRS-IndexesToReport", self.most_beams, range(1, MOST_REPORTED_BEAMS + 1))
        check_listed("FilterCoefficient", self.filter_coefficient, FILTER_COEFFICIENTS)
        check_listed("the CSI period", self.csi_period, CSI_PERIODS)


@dataclass(frozen=True)
class PositioningSignal:
    """A PRS or SRS for positioning."""

    resource_blocks: int = 104
    """Bandwidth: 24 to 272, a multiple of 4 (the 4 is unverified)."""
    comb: int = 4
    symbols: int = 4
    """Symbols of an occasion; as many as the comb cover every subcarrier."""
    period: int = 160
    """Period / 2^μ [slots]."""
    repetition: int = 1

    def __post_init__(self) -> None:
        check_listed("(comb, symbols) of PRS", (self.comb, self.symbols), PRS_COMB_SYMBOLS)
        check_listed("the PRS bandwidth", self.resource_blocks, range(24, 273, 4))
        check_listed("the PRS period", self.period, PRS_PERIODS)
        check_listed("PRS repetition", self.repetition, PRS_REPETITIONS)

    def integration_gain(self) -> float:
        """Linear SNR gain of a subcarrier over one resource element: repetitions × symbols per comb offset."""
        return self.repetition * max(self.symbols / self.comb, 1.0)


@dataclass(frozen=True)
class SoundingSignal:
    """SRS for CSI and uplink positioning."""

    resource_blocks: int = 104
    comb: int = 2
    period: int = 40
    """Slots."""

    def __post_init__(self) -> None:
        check_listed("the SRS comb", self.comb, SRS_COMBS)
        check_listed("the SRS bandwidth", self.resource_blocks, range(4, 273, 4))
        check_listed("the SRS period", self.period, SRS_PERIODS)


def check_listed(name: str, value: object, choices: Iterable[object]) -> None:
    """Refuses a value, by its name, that is none of those of TS 38.331, with InputError."""
    allowed = tuple(choices)
    if value not in allowed:
        brief = ", ".join(map(str, allowed)) if len(allowed) <= 20 else f"{allowed[0]} to {allowed[-1]}"
        raise InputError(f"{name} cannot be {value}; TS 38.331 allows {brief}")


def sent_reports(
    due: Bool[np.ndarray, " report"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    configuration: ReportConfiguration,
) -> Bool[np.ndarray, " report"]:
    """Which instants carry a report: each trigger, then one an interval, up to the amount (§5.5.5).

    `due` are the instants at which an event fires, for periodic reports the first one of each sequence; times in s.
    """
    sent = np.zeros(len(due), bool)
    for start, end in zip(report_offsets[:-1], report_offsets[1:], strict=True):
        left, last = 0.0, -np.inf
        for instant in range(start, end):
            if due[instant]:
                left, last = configuration.amount, -np.inf
            # A report may be a rounding error early, never late by a whole interval.
            if left > 0 and time[instant] - last >= configuration.interval - 1e-9:
                sent[instant], left, last = True, left - 1, time[instant]
    return sent
