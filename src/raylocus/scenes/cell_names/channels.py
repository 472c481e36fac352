"""Technologies, and their channel and band numbers to carrier frequencies (rasters of TS 36.101 and TS 38.104)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from raylocus.errors import InputError

#: Names by code; code 0 is unknown.
TECHNOLOGIES = ("", "NR", "LTE", "NB-IoT")
UNKNOWN, NR, LTE, NB_IOT = range(4)


class LteBand(NamedTuple):
    """Downlink of an LTE band, a row of TS 36.101 Tables 5.5-1 and 5.7.3-1."""

    number: int
    lowest: float
    """F_DL_low [MHz]."""
    first: int
    """N_Offs-DL, its first downlink EARFCN."""
    last: int
    """Its last downlink EARFCN."""


class NrBand(NamedTuple):
    """Downlink of an NR band, a row of TS 38.104 Tables 5.2-1, 5.2-2 and 5.4.2.3-1 to -3."""

    number: int
    lowest: float
    """F_DL,low [MHz]."""
    highest: float
    """F_DL,high [MHz]."""
    first: int
    """Its first applicable NR-ARFCN."""
    last: int
    """Its last applicable NR-ARFCN."""


def _rows(table: str) -> list[dict[str, str]]:
    text = resources.files("raylocus.scenes.cell_names").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


#: Downlinks of LTE. Band 6 is "not applicable" (TS 36.101 Table 5.5-1), bands 107 and 108 are for broadcasts.
LTE_BANDS = tuple(
    LteBand(
        int(row["band"]),
        float(row["downlink_low_mhz"]),
        int(row["first_earfcn"]),
        int(row["last_earfcn"]),
    )
    for row in _rows("lte_bands.csv")
)


#: Downlinks of NR in FR1 and FR2; supplementary uplinks have none, satellites are no sites.
NR_BANDS = tuple(
    NrBand(
        int(row["band"]),
        float(row["downlink_low_mhz"]),
        float(row["downlink_high_mhz"]),
        int(row["first_arfcn"]),
        int(row["last_arfcn"]),
    )
    for row in _rows("nr_bands.csv")
)


#: NR-ARFCN raster, TS 38.104 Table 5.4.2.1-1: (first number, last number, F_REF-Offs [MHz], step [kHz]).
NR_RASTER = (
    (0, 599_999, 0.0, 5.0),
    (600_000, 2_016_666, 3000.0, 15.0),
    (2_016_667, 3_279_165, 24_250.08, 60.0),
)


#: Step of LTE's raster [MHz], TS 36.101 §5.7.1.
LTE_STEP = 0.1


def earfcn_frequency(number: int) -> float:
    """Downlink carrier frequency [Hz] of an LTE channel: F_DL_low + 0.1 (N_DL − N_Offs-DL) (TS 36.101 §5.7.3).

    Raises:
        InputError: the number is of no downlink band in `LTE_BANDS`.
    """
    for band in LTE_BANDS:
        if band.first <= number <= band.last:
            return (band.lowest + LTE_STEP * (number - band.first)) * 1e6
    raise InputError(
        f"{number} is no downlink EARFCN of an LTE band (TS 36.101 Table 5.7.3-1); correct the channel number, or "
        "name the column of an NR-ARFCN with --site-columns arfcn=COLUMN"
    )


def arfcn_frequency(number: int) -> float:
    """Reference frequency [Hz] of an NR channel on the global raster (TS 38.104 §5.4.2.1).

    Raises:
        InputError: the number is not on NR's raster.
    """
    for first, last, offset, step in NR_RASTER:
        if first <= number <= last:
            return offset * 1e6 + step * 1e3 * (number - first)
    raise InputError(
        f"{number} is no NR-ARFCN, which runs from 0 to {NR_RASTER[-1][1]}; correct the channel number"
    )


def nr_carrier_frequency(number: int) -> float:
    """Frequency [Hz] of an NR-ARFCN that is in the downlink of a band.

    Raises:
        InputError: it is off the raster or in no band, as an LTE or UMTS channel number is.
    """
    frequency = arfcn_frequency(number)
    if not any(band.lowest <= frequency / 1e6 <= band.highest for band in NR_BANDS):
        raise InputError(
            f"{number} is no NR-ARFCN of a band (it would be {frequency / 1e6:g} MHz); correct it, or where it is an "
            "LTE channel number name its column with --site-columns earfcn=COLUMN,arfcn=none"
        )
    return frequency


def lte_band_frequency(number: int) -> float:
    """Middle of an LTE band's downlink [Hz].

    Raises:
        InputError: there is no such band.
    """
    for band in LTE_BANDS:
        if band.number == number:
            return (band.lowest + LTE_STEP * (band.last - band.first + 1) / 2) * 1e6
    raise InputError(f"band {number} is not known of LTE; give the cells' EARFCN or frequency")


def nr_band_frequency(number: int) -> float:
    """Middle of an NR band's downlink [Hz].

    Raises:
        InputError: there is no such band, or it has no downlink.
    """
    for band in NR_BANDS:
        if band.number == number:
            return (band.lowest + band.highest) / 2 * 1e6
    raise InputError(f"band n{number} is not known with a downlink; give the cells' NR-ARFCN or frequency")


def band_frequency(number: int) -> float:
    """Middle of the downlink [Hz] of a band without a letter: LTE's, and NR's where LTE has none of this number.

    Raises:
        InputError: neither has such a band.
    """
    if any(band.number == number for band in LTE_BANDS):
        return lte_band_frequency(number)
    if any(band.number == number for band in NR_BANDS):
        return nr_band_frequency(number)
    raise InputError(f"band {number} is not known; give the cells' EARFCN, NR-ARFCN or frequency")


def technology_codes(names: Sequence[str]) -> Int[np.ndarray, " name"]:
    """Codes of names; 0 for any other name."""
    codes = {name: code for code, name in enumerate(TECHNOLOGIES)}
    return np.array([codes.get(name, UNKNOWN) for name in names], np.int8)


def channel_frequency(channel: int, technology: int) -> float:
    """Downlink frequency [Hz] of a channel number of a technology; NaN where it is no channel.

    An NR-ARFCN in reports is that of the SSB, anywhere in the carrier; an EARFCN is the carrier's centre.
    """
    try:
        return arfcn_frequency(channel) if technology == NR else earfcn_frequency(channel)
    except InputError:
        return float("nan")
