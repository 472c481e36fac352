"""Numbers and times as logs write them: decimal commas, units after the number, dates of several countries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.errors import InputError

if TYPE_CHECKING:
    import pandas

#: Units that may stand after a number, and hemispheres of a latitude or longitude.
_UNIT = r"\s*(?:dBm|dB|°)$"
_HEMISPHERE = r"^\+?([\d.,]+)\s*°?\s*([NSEWnsew])$"
#: A number with a decimal comma.
_COMMA = r"[+-]?\d+,\d+"
#: Cells that an eNB may number, and the last identity that is no E-UTRAN cell's (TS 36.413 §9.2.1.38).
LOCAL_CELLS, LAST_SHORT = 256, 2**16
#: How G-NetTrack writes a time: 2026.03.31_14.43.00.
POINTS = r"^(\d{4})\.(\d\d)\.(\d\d)_(\d\d)\.(\d\d)\.(\d\d)"
#: A time whose year stands last: 31.03.2026 14:43, 3/31/2026 2:43:00 PM.
_YEAR_LAST = re.compile(
    r"^(\d{1,2})([./-])(\d{1,2})\2(\d{4})[ T,]+(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?\s*([AaPp][Mm])?\s*"
    r"(Z|z|UTC|GMT|[+-]\d\d:?\d\d)?$"
)
_ZONE = re.compile(r"\d(?::\d\d(?:\.\d+)?)?\s*(Z|z|UTC|GMT|[+-]\d\d:?\d\d)$")
#: Numbers since 1970 from which they are ms, µs and ns; 1e11 s is the year 5138.
_UNITS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))


def numbers_of_texts(texts: pandas.Series) -> tuple[Float[np.ndarray, " row"], int]:
    """Numbers of a column, NaN where a text is none, and how many had a decimal comma.

    A unit of level, a degree sign and a hemisphere may follow a number. Commas are decimal where no number of the
    column has a point, unless all have three digits behind the comma, which may as well be thousands.
    """
    import pandas

    values = pandas.to_numeric(texts, errors="coerce")
    odd = values.isna() & (texts != "")
    if not odd.any():
        return values.to_numpy(float), 0
    plain = texts[odd].str.replace(_UNIT, "", regex=True).str.replace(_HEMISPHERE, _signed, regex=True)
    comma = plain.str.fullmatch(_COMMA) & ~texts.str.contains(".", regex=False).any()
    comma &= ~plain[comma].str.fullmatch(r"[+-]?\d{1,3},\d{3}").all()
    plain = plain.mask(comma, plain.str.replace(",", ".", regex=False))
    values[odd] = pandas.to_numeric(plain, errors="coerce")
    return values.to_numpy(float), int(comma.sum())


def _signed(match: re.Match[str]) -> str:
    return ("-" if match.group(2).upper() in "SW" else "") + match.group(1)


def identities_of_texts(texts: Shaped[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """Cell identities of texts, NaN where a text is none.

    Read are whole numbers behind any letters (`LTE:25651201`), hexadecimal ones (`0x187A801`, and where all of a column
    look like it and some have letters), `eNB-cell` and, at the end of an ECGI, the identity or both of its parts.
    """
    found = {text: _identity(text) for text in np.unique(texts).tolist()}
    bare = [text for text in found if text]
    if all(re.fullmatch(r"[0-9A-Fa-f]{5,9}", text) for text in bare) and any(
        re.search("[A-Fa-f]", text) for text in bare
    ):
        found = {text: float(int(text, 16)) if text else np.nan for text in found}
    return np.array([found[text] for text in texts.tolist()], float)


def _identity(text: str) -> float:
    text = re.sub(r"\.0+$", "", text)
    if re.fullmatch(r"0[xX][0-9A-Fa-f]+", text):
        return float(int(text, 16))
    parts = [
        int(part)
        for part in re.split(r"[-_:/ ]+", re.sub(r"^[A-Za-z]+[\s:_-]*", "", text))
        if part.isdecimal()
    ]
    if not re.fullmatch(r"(?:[A-Za-z]+[\s:_-]*)?\d+(?:[-_:/ ]+\d+){0,3}", text):
        return np.nan
    if len(parts) in (2, 4) and parts[-1] < LOCAL_CELLS:
        return float(parts[-2] * LOCAL_CELLS + parts[-1])
    return float(parts[-1]) if len(parts) == 1 or parts[-1] > LAST_SHORT else np.nan


def seconds_of_texts(texts: Shaped[np.ndarray, " row"], source: Path) -> Float[np.ndarray, " row"]:
    """Seconds since 1970 of each time, NaN where it is none.

    Read are ISO 8601, numbers of s, ms, µs or ns, and dates whose year stands last, of which day and month differ by a
    number above 12, or by the point between them that says day first.

    Raises:
        InputError: the times are of several time zones, or day and month could be either.
    """
    import pandas

    series = pandas.Series(texts.astype(object), dtype=object)
    numbers = pandas.to_numeric(series, errors="coerce").to_numpy(float)
    _refuse_zones(
        [text for text, number in zip(texts.tolist(), numbers, strict=True) if number != number], source
    )
    series = series.str.replace(POINTS, r"\1-\2-\3T\4:\5:\6", regex=True)
    series = _year_first(series, source)
    series = series.str.replace(r"\s*(UTC|GMT|z)$", "Z", regex=True).str.replace(
        r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3", regex=True
    )
    dates = pandas.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    seconds = (dates - pandas.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(float)
    return np.where(np.isnan(numbers), seconds, _seconds_of_numbers(numbers))


def _refuse_zones(texts: list[str], source: Path) -> None:
    zones = sorted({_zone(text) for text in texts if text})
    if len(zones) > 1:
        first, second = (zone or "none" for zone in zones[:2])
        raise InputError(
            f"{source} has times of several time zones ({first} and {second}); write all in one, best in UTC"
        )


def _zone(text: str) -> str:
    match = _ZONE.search(text)
    zone = match.group(1).upper().replace(":", "") if match else ""
    return "UTC" if zone in ("Z", "UTC", "GMT", "+0000", "-0000") else zone


def _year_first(series: pandas.Series, source: Path) -> pandas.Series:
    """Times whose year stands last, as ISO 8601."""
    found = {text: match for text in series.unique() if (match := _YEAR_LAST.match(text))}
    if not found:
        return series
    first, second = (max(int(match.group(part)) for match in found.values()) for part in (1, 3))
    pointed = all(match.group(2) == "." for match in found.values())
    if not pointed and max(first, second) <= 12:
        raise InputError(
            f"{source} has times such as {next(iter(found))}, of which day and month could be either; write the year "
            "first"
        )
    day = 1 if pointed or first > 12 else 3
    return series.map(lambda text: _iso(found[text], day) if text in found else text)


def _iso(match: re.Match[str], day: int) -> str:
    hour = int(match.group(5))
    if match.group(8):
        hour = hour % 12 + (12 if match.group(8).upper() == "PM" else 0)
    seconds = (match.group(7) or "00").replace(",", ".")
    date = f"{match.group(4)}-{int(match.group(4 - day)):02d}-{int(match.group(day)):02d}"
    return f"{date}T{hour:02d}:{match.group(6)}:{seconds}{match.group(9) or ''}"


def _seconds_of_numbers(numbers: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    scale = np.ones(len(numbers))
    for least, factor in reversed(_UNITS):
        scale = np.where(np.abs(numbers) >= least, factor, scale)
    return numbers * scale
