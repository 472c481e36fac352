"""The ranges of what LTE reports, where they are not NR's of `features.csv`; bins of both begin at the lower end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.reports.features import ReportFeature
from raylocus.scenes.cell_names.channels import LTE, TECHNOLOGIES

#: Lower and upper end of LTE's reports, and their clauses.
_REPORTED = {
    "rsrp": (-140.0, -44.0, "TS 36.133 Table 9.1.4-1"),
    "rsrq": (-19.5, -3.0, "TS 36.133 Table 9.1.7-1"),
    "sinr": (-23.0, 40.0, "TS 36.133 9.1.17"),
    "timing_advance": (0.0, 1282.0, "TS 36.213 4.2.3"),
}
#: The same with the extended ranges of later releases (TS 36.133 9.1.4 and 9.1.7), which phones log without saying so.
_LOGGED = {"rsrp": (-156.0, -44.0), "rsrq": (-34.0, 2.5)}
#: What Android has for "at or above": the last index of RSRP is −43 dBm and of RSRQ 3 dB (`CellSignalStrengthLte`).
_ABOVE = {"rsrp": 1.0, "rsrq": 0.5}


def reported_in(feature: ReportFeature, technology: str) -> ReportFeature:
    """A feature with the range in which a technology reports it, by its name or its number in `TECHNOLOGIES`."""
    if technology != TECHNOLOGIES[LTE] or feature.name not in _REPORTED:
        return feature
    low, high, clause = _REPORTED[feature.name]
    return replace(feature, low=low, high=high, clause=clause)


def logged_range(
    feature: ReportFeature, technology: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """Lower and upper end of what each row of a log may have.

    Args:
        feature: the quantity.
        technology: of each row's cell, as `cell_names.channels.TECHNOLOGIES` numbers them.
    """
    of_lte = technology == LTE
    low, high = _LOGGED.get(feature.name, _REPORTED.get(feature.name, (feature.low, feature.high))[:2])
    return np.where(of_lte, low, feature.low), np.where(of_lte, high, feature.high)


def logged_levels(
    values: Float[np.ndarray, " row"], feature: ReportFeature, technology: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, " row"], Int[np.ndarray, " row"]]:
    """Levels of a log as reports have them, NaN out of range; and −1 or +1 for those at its ends, which are censored.

    Args:
        values: of each row.
        feature: `rsrp`, `rsrq` or `sinr`.
        technology: of each row's cell, as `cell_names.channels.TECHNOLOGIES` numbers them.
    """
    low, high = logged_range(feature, technology)
    above = _ABOVE.get(feature.name, 0.0)
    kept = np.where((values >= low) & (values <= high + above * (technology == LTE)), values, np.nan)
    ends = (kept >= high).astype(np.int8) - (kept <= low).astype(np.int8)
    return np.clip(kept, low, high), ends.astype(np.int8)
