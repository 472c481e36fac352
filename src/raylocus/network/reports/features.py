"""The features of a report as data: adding one is adding a row to `features.csv` and a function that fills it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.scenes.cell_names.channels import LTE, TECHNOLOGIES


def feature_values(**values: Float[np.ndarray, "report ..."]) -> xr.Dataset:
    """What a layer of the stack has of reports, or of each one's cells or beams: most are rows of `features.csv`."""
    return xr.Dataset({name: (("report", "slot")[: each.ndim], each) for name, each in values.items()})


@dataclass(frozen=True)
class ReportFeature:
    """One measured quantity of a token."""

    name: str
    unit: str
    low: float
    """Lower end of the report range; below it the report is censored."""
    high: float
    """Upper end of the report range; at and above it the report is censored."""
    step: float
    """Width of one report bin; 0 where it is not uniform or not quantised."""
    clause: str
    """Where the mapping is specified."""
    meaning: str
    layer: str
    """phy, mac, rrc, rlc, system or positioning."""
    token: str
    """What it is of: every `cell`, the `serving` cell, or a `beam` of the serving cell."""
    availability: float
    """Share of the reports in which a usual network has it, its occasion apart and where radio gives it: an engineer's
    estimate and no measurement. Reports have it as often, see `network.stack.columns`."""
    needs: str = ""
    """What a UE or network must be set up for: sinr, downlink, uplink, phase, or nothing."""
    occasion: str = ""
    """What renews it between two reports: csi, prs, srs, phr, bsr, or nothing where every report has it."""
    circular: bool = False
    """Whether the ends of its range are one and the same direction or phase."""


def _read_schema() -> Iterator[ReportFeature]:
    text = resources.files("raylocus.network.reports").joinpath("features.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        numbers = {name: float(row[name]) for name in ("low", "high", "step", "availability")}
        given: dict[str, Any] = row | numbers | {"circular": row["circular"] == "yes"}
        yield ReportFeature(**given)


#: Every feature there is, in the order of columns. The first five are those of every `Reports`.
SCHEMA = tuple(_read_schema())
#: The features of every `Reports`, whatever else it has.
CRITICAL = ("rsrp", "rsrq", "sinr", "l1_rsrp", "timing_advance")
_BY_NAME = {feature.name: feature for feature in SCHEMA}
#: Column order of `Reports.features` for the critical features.
FEATURES = tuple(_BY_NAME[name] for name in CRITICAL)
FEATURE_INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}
#: Named feature sets. Each begins with the critical features, in their order.
FEATURE_SETS = {
    "critical": CRITICAL,
    "always": tuple(
        feature.name
        for feature in SCHEMA
        if feature.name in CRITICAL or (not feature.needs and feature.layer != "positioning")
    ),
    "fr2": (*CRITICAL, "l1_sinr", "cqi", "ri", "pmi_i11", "dl_aod"),
    "positioning": (*CRITICAL, *(each.name for each in SCHEMA if each.layer == "positioning")),
    "all": tuple(feature.name for feature in SCHEMA),
}


def features_named(names: tuple[str, ...]) -> tuple[ReportFeature, ...]:
    """The schema's rows of some features.

    Raises:
        InputError: a feature is not in the schema.
    """
    for name in names:
        if name not in _BY_NAME:
            raise InputError(
                f"there is no report feature {name!r}; see raylocus.network.reports.features.SCHEMA"
            )
    return tuple(_BY_NAME[name] for name in names)


def feature_set(name: str) -> tuple[ReportFeature, ...]:
    """The features of a named set. Raises InputError where there is no set of this name."""
    if name not in FEATURE_SETS:
        raise InputError(f"there is no feature set {name!r}; choose one of {', '.join(FEATURE_SETS)}")
    return features_named(FEATURE_SETS[name])


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

    Technologies are numbers of `cell_names.channels.TECHNOLOGIES`.
    """
    of_lte = technology == LTE
    low, high = _LOGGED.get(feature.name, _REPORTED.get(feature.name, (feature.low, feature.high))[:2])
    return np.where(of_lte, low, feature.low), np.where(of_lte, high, feature.high)


def logged_levels(
    values: Float[np.ndarray, " row"], feature: ReportFeature, technology: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, " row"], Int[np.ndarray, " row"]]:
    """Levels of a log as reports have them, NaN out of range; and −1 or +1 for those at its ends: censored."""
    low, high = logged_range(feature, technology)
    above = _ABOVE.get(feature.name, 0.0)
    kept = np.where((values >= low) & (values <= high + above * (technology == LTE)), values, np.nan)
    ends = (kept >= high).astype(np.int8) - (kept <= low).astype(np.int8)
    return np.clip(kept, low, high), ends.astype(np.int8)
