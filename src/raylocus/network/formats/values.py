"""Values of a log against what a network can report: out of range is no value, and a row without a level is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from raylocus.network.formats.measurements import Measurements
from raylocus.network.reports.features import features_named

#: Fields that are features of a report as they stand, in the range of `features.csv`.
LEVELS = ("rsrp", "rsrq", "sinr")
#: Time from which a number cannot be seconds since 1970 [s]: the year 5138.
LATEST = 1e11


@dataclass(frozen=True)
class CheckedRows:
    """Rows whose values can be, and what became of the others."""

    measurements: Measurements
    refused: Counter[str]
    """Rows left out, by reason."""
    notes: Counter[str]
    """Values left out, by reason."""


def checked_rows(measured: Measurements) -> CheckedRows:
    """Leaves out values that no network can report, and rows that have no level or no time."""
    notes: Counter[str] = Counter()
    placeholder = measured.rsrp == 0
    levels = {name: _in_range(measured, name, placeholder, notes) for name in LEVELS}
    measured = replace(measured, **levels, **_positions(measured, notes))
    timely = (measured.time >= 0) & (measured.time < LATEST)
    reasons = {
        "level of 0 dBm, a placeholder": placeholder,
        "no level in the range of report": np.isnan(measured.rsrp) & ~placeholder,
        "no time that can be read": ~timely & ~np.isnan(measured.rsrp),
    }
    kept = ~np.any(list(reasons.values()), axis=0)
    refused = Counter({name: int(np.count_nonzero(mask)) for name, mask in reasons.items()})
    return CheckedRows(measured.select(kept), refused, notes)


def _in_range(
    measured: Measurements, name: str, placeholder: Bool[np.ndarray, " row"], notes: Counter[str]
) -> Float[np.ndarray, " row"]:
    (feature,) = features_named((name,))
    values = getattr(measured, name)
    out = (values < feature.low) | (values > feature.high)
    text = f"{name} outside {feature.low:g} to {feature.high:g} {feature.unit}, left out"
    notes[text] += int(np.count_nonzero(out & ~placeholder))
    return np.where(out, np.nan, values)


def _positions(measured: Measurements, notes: Counter[str]) -> dict[str, Float[np.ndarray, " row"]]:
    """Latitude and longitude, both or neither; (0, 0) is what receivers write without a fix."""
    latitude, longitude = measured.latitude, measured.longitude
    known = ~np.isnan(latitude) & ~np.isnan(longitude)
    bad = known & ((np.abs(latitude) > 90) | (np.abs(longitude) > 180) | ((latitude == 0) & (longitude == 0)))
    notes["positions at (0, 0) or off the Earth, left out"] += int(np.count_nonzero(bad))
    kept = known & ~bad
    return {"latitude": np.where(kept, latitude, np.nan), "longitude": np.where(kept, longitude, np.nan)}
