"""Values that RRC parameters may take (TS 38.331 and TS 36.331 ASN.1), as data."""

from __future__ import annotations

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
#: Q-OffsetRange [dB]: 1 dB steps within ±6, 2 dB beyond.
OFFSET_RANGE_DB = (*range(-24, -6, 2), *range(-6, 7), *range(8, 25, 2))
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
