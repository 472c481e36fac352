"""Times of a log in seconds: ISO 8601, G-NetTrack's points, or numbers since 1970; one time zone a file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.errors import InputError

#: How G-NetTrack writes a time: 2026.03.31_14.43.00.
POINTS = r"^(\d{4})\.(\d\d)\.(\d\d)_(\d\d)\.(\d\d)\.(\d\d)"
_ZONE = re.compile(r"\d(?::\d\d(?:\.\d+)?)?\s*(Z|z|UTC|GMT|[+-]\d\d:?\d\d)$")
#: Numbers since 1970 from which they are ms, µs and ns; 1e11 s is the year 5138.
_UNITS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))


def seconds_of_texts(texts: Shaped[np.ndarray, " row"], source: Path) -> Float[np.ndarray, " row"]:
    """Seconds since 1970 of each time, NaN where it is none.

    Raises:
        InputError: the times are of several time zones.
    """
    import pandas

    series = pandas.Series(texts.astype(object), dtype=object)
    numbers = pandas.to_numeric(series, errors="coerce").to_numpy(float)
    zones = sorted(
        {
            _zone(text)
            for text, number in zip(texts.tolist(), numbers, strict=True)
            if text and number != number
        }
    )
    if len(zones) > 1:
        first, second = (zone or "none" for zone in zones[:2])
        raise InputError(
            f"{source} has times of several time zones ({first} and {second}); write all in one, best in UTC"
        )
    series = series.str.replace(POINTS, r"\1-\2-\3T\4:\5:\6", regex=True).str.replace(
        r"\s*(UTC|GMT|z)$", "Z", regex=True
    )
    dates = pandas.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    seconds = (dates - pandas.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(float)
    return np.where(np.isnan(numbers), seconds, _seconds_of_numbers(numbers))


def _zone(text: str) -> str:
    match = _ZONE.search(text)
    zone = match.group(1).upper().replace(":", "") if match else ""
    return "UTC" if zone in ("Z", "UTC", "GMT", "+0000", "-0000") else zone


def _seconds_of_numbers(numbers: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    scale = np.ones(len(numbers))
    for least, factor in reversed(_UNITS):
        scale = np.where(np.abs(numbers) >= least, factor, scale)
    return numbers * scale
