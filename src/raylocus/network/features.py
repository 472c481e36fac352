"""The features of a report as data: adding one is adding a row here and a function that fills it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One measured quantity of a token."""

    name: str
    unit: str
    low: float
    """Lower end of the report range; below it the report is censored."""
    high: float
    """Upper end of the report range; at and above it the report is censored."""
    step: float
    """Width of one report bin."""
    clause: str
    """Where the mapping is specified."""
    meaning: str


#: Column order of `Reports.features`.
FEATURES = (
    Feature(
        "rsrp", "dBm", -156.0, -31.0, 1.0, "TS 38.133 10.1.6", "SS-RSRP of the cell's best beam, L3 filtered"
    ),
    Feature("rsrq", "dB", -43.0, 20.0, 0.5, "TS 38.133 10.1.11", "SS-RSRQ of the cell"),
    Feature("sinr", "dB", -23.0, 40.0, 0.5, "TS 38.133 10.1.16", "SS-SINR of the cell"),
    Feature(
        "l1_rsrp",
        "dBm",
        -140.0,
        -44.0,
        1.0,
        "TS 38.133 10.1.6",
        "L1-RSRP of one SSB beam of the serving cell",
    ),
    Feature(
        "timing_advance",
        "T_A",
        0.0,
        3846.0,
        1.0,
        "TS 38.213 4.2",
        "T_A of the serving cell, in its numerology's step",
    ),
)
FEATURE_INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}
