"""Which radio a cell is of, by the words that lists use, and what names of bands say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from raylocus.errors import InputError
from raylocus.scenes.cell_names.channels import (
    LTE_BANDS,
    band_frequency,
    lte_band_frequency,
    nr_band_frequency,
)
from raylocus.scenes.site_import.columns import Column, FoundColumns, SiteColumns
from raylocus.scenes.site_import.records import Table


class Technology(Enum):
    """Radios that a place can have, and all others."""

    LTE = "LTE"
    NR = "NR"
    OTHER = "other"


# fmt: off
_LTE = [
    "lte", "4g", "eutra", "eutran", "ltea", "lteadvanced", "ltefdd", "ltetdd", "fddlte", "tddlte",
    "4glte",
]
_NR = [
    "nr", "5g", "5gnr", "nr5g", "newradio", "5gsa", "5gnsa", "nrsa", "nrnsa", "nrfdd", "nrtdd",
]
_OTHER = [
    "gsm", "gprs", "edge", "2g", "umts", "wcdma", "3g", "hspa", "hsdpa", "hsupa", "tdscdma", "utra",
    "utran", "cdma", "cdma2000", "evdo", "1xrtt", "iden", "gsmr", "tetra", "wimax", "wifi", "wlan",
    "lora", "nbiot", "ltem", "catm", "catm1", "iot", "dvbt", "fm", "dab", "amps", "pdc", "microwave",
    "fh",
]
# fmt: on
_WORDS = {
    **dict.fromkeys(_LTE, Technology.LTE),
    **dict.fromkeys(_NR, Technology.NR),
    **dict.fromkeys(_OTHER, Technology.OTHER),
}
#: Letters before a band's number or nominal frequency.
_PREFIXES = {
    **dict.fromkeys(["l", "lte", "b", "band", "eutra", "lteband", "lteb", "4g"], Technology.LTE),
    **dict.fromkeys(["n", "nr", "5g", "nrband", "nrn", "5gn", "bandn"], Technology.NR),
    **dict.fromkeys(
        ["g", "gsm", "u", "umts", "wcdma", "dcs", "egsm", "2g", "3g", "c", "cdma"], Technology.OTHER
    ),
}
#: Highest number of a band (n263); larger numbers in a band's name are nominal frequencies [MHz].
LAST_BAND = 263
#: Bands by nominal frequency [MHz], where one band alone is called so; 700 MHz, for one, may be 12, 13, 14, 17 or 28.
_NOMINAL = {850: 5, 900: 8, 1800: 3, 1900: 2, 2100: 1, 2300: 40}
_NOMINAL_OF = {
    Technology.LTE: {**_NOMINAL, 800: 20, 2600: 7},
    Technology.NR: {**_NOMINAL, 3400: 78, 3500: 78, 3600: 78},
}


@dataclass(frozen=True)
class NamedBand:
    """What the name of a band says."""

    technology: Technology
    name: str
    """Of the carrier, such as `band 3` or `band n78`."""
    frequency: float
    """Middle of the downlink [Hz]; NaN of other technologies."""


def technology_of(word: str) -> Technology | None:
    """The technology that a word such as `LTE`, `5G`, `UMTS` or `LTE1800` names; None where it names none."""
    plain = re.sub(r"[^a-z0-9]", "", word.lower())
    return _WORDS.get(plain) or _WORDS.get(re.sub(r"\d{3,4}(mhz)?$", "", plain))


def named_band(text: str, stated: Technology | None) -> NamedBand:
    """The band that a text such as `20`, `B3`, `n78`, `L1800` or `Band 48` names.

    Args:
        text: the name.
        stated: the cell's technology where the list says it.

    Raises:
        InputError: it is no name of one band, or of the other technology.
    """
    plain = re.sub(r"[\s_./-]|mhz$", "", text.lower())
    match = re.fullmatch(r"((?:[2345]g)?[a-z]*)(\d+)", plain)
    prefix, digits = match.groups() if match else ("?", "0")
    by_letter = _PREFIXES.get(prefix) if prefix else None
    if match is None or (prefix and by_letter is None):
        raise InputError(f"{text!r} is not a band such as 20 or n78; correct it")
    if by_letter is Technology.OTHER:
        return NamedBand(Technology.OTHER, text, float("nan"))
    if stated is not None and by_letter not in (stated, None):
        raise InputError(f"band {text!r} is not of {stated.value}, which the line says; correct one of them")
    return _band(text, int(digits), stated or by_letter)


def _band(text: str, number: int, technology: Technology | None) -> NamedBand:
    if number > LAST_BAND:
        number = _nominal(text, number, technology or Technology.LTE)
    if technology is Technology.NR:
        return NamedBand(Technology.NR, f"band n{number}", nr_band_frequency(number))
    if technology is Technology.LTE:
        return NamedBand(Technology.LTE, f"band {number}", lte_band_frequency(number))
    frequency = band_frequency(number)
    known = any(band.number == number for band in LTE_BANDS)
    chosen = Technology.LTE if known else Technology.NR
    return NamedBand(chosen, f"band {'' if known else 'n'}{number}", frequency)


def _nominal(text: str, megahertz: int, technology: Technology) -> int:
    named = _NOMINAL_OF[technology].get(megahertz)
    if named is None:
        raise InputError(
            f"{text!r} is not the name of one band of {technology.value}; give the band's number, such as 28 or n78, "
            "or the frequency in a column frequency"
        )
    return named


def with_technology(table: Table, columns: FoundColumns, given: SiteColumns) -> FoundColumns:
    """The columns with one of technologies: `system` with GSM 900 and LTE 1800 in it is one.

    Raises:
        InputError: a column names GSM or UMTS in some lines and something else in others.
    """
    if "technology" in columns.by_field or given.technology is not None:
        return columns
    used = {column.name for column in columns.by_field.values()}
    for name in table.header:
        words = [word for row in table.rows if (word := row.text(name)) is not None and name not in used]
        found = [technology_of(word) for word in words]
        if words and None not in found:
            return FoundColumns({**columns.by_field, "technology": Column("technology", name)})
        if Technology.OTHER in found:
            example = words[found.index(Technology.OTHER)]
            raise InputError(
                f"{table.path} has a column {name!r} with {example!r} in it and with what names no radio; say that it "
                f"holds the radio with --site-columns technology={name}, or that it does not with technology=none"
            )
    return columns
