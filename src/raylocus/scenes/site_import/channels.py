"""Channel and band numbers to carrier frequencies."""

from __future__ import annotations

from raylocus.errors import InputError

#: Downlink of LTE bands, TS 36.101 Table 5.7.3-1: (band, F_DL_low [MHz], first EARFCN, last EARFCN).
LTE_BANDS = (
    (1, 2110.0, 0, 599),
    (2, 1930.0, 600, 1199),
    (3, 1805.0, 1200, 1949),
    (4, 2110.0, 1950, 2399),
    (5, 869.0, 2400, 2649),
    (7, 2620.0, 2750, 3449),
    (8, 925.0, 3450, 3799),
    (12, 729.0, 5010, 5179),
    (13, 746.0, 5180, 5279),
    (14, 758.0, 5280, 5379),
    (17, 734.0, 5730, 5849),
    (18, 860.0, 5850, 5999),
    (19, 875.0, 6000, 6149),
    (20, 791.0, 6150, 6449),
    (21, 1495.9, 6450, 6599),
    (25, 1930.0, 8040, 8689),
    (26, 859.0, 8690, 9039),
    (28, 758.0, 9210, 9659),
    (30, 2350.0, 9770, 9869),
    (32, 1452.0, 9920, 10359),
    (38, 2570.0, 37750, 38249),
    (39, 1880.0, 38250, 38649),
    (40, 2300.0, 38650, 39649),
    (41, 2496.0, 39650, 41589),
    (42, 3400.0, 41590, 43589),
    (43, 3600.0, 43590, 45589),
    (66, 2110.0, 66436, 67335),
    (71, 617.0, 68586, 68935),
)
#: NR-ARFCN raster, TS 38.104 Table 5.4.2.1-1: (first number, last number, F_REF-Offs [MHz], step [kHz]).
NR_RASTER = (
    (0, 599_999, 0.0, 5.0),
    (600_000, 2_016_666, 3000.0, 15.0),
    (2_016_667, 3_279_165, 24_250.08, 60.0),
)
#: Middle of the downlink of bands that are NR's only, TS 38.101-1 Table 5.2-1 [MHz].
NR_BAND_CENTRES = {77: 3750.0, 78: 3550.0, 79: 4700.0}


def earfcn_frequency(number: int) -> float:
    """Downlink carrier frequency [Hz] of an LTE channel (TS 36.101 §5.7.3).

    Raises:
        InputError: the number is of no downlink band in `LTE_BANDS`.
    """
    for _, lowest, first, last in LTE_BANDS:
        if first <= number <= last:
            return (lowest + 0.1 * (number - first)) * 1e6
    raise InputError(f"{number} is no downlink EARFCN of a known LTE band; mend the channel number")


def arfcn_frequency(number: int) -> float:
    """Carrier frequency [Hz] of an NR channel (TS 38.104 §5.4.2.1).

    Raises:
        InputError: the number is not on NR's raster.
    """
    for first, last, offset, step in NR_RASTER:
        if first <= number <= last:
            return offset * 1e6 + step * 1e3 * (number - first)
    raise InputError(
        f"{number} is no NR-ARFCN, which runs from 0 to {NR_RASTER[-1][1]}; mend the channel number"
    )


def band_frequency(band: int) -> float:
    """Middle of a band's downlink [Hz]; for want of a channel number.

    Raises:
        InputError: the band is not known.
    """
    if band in NR_BAND_CENTRES:
        return NR_BAND_CENTRES[band] * 1e6
    for number, lowest, first, last in LTE_BANDS:
        if number == band:
            return (lowest + 0.1 * (last - first + 1) / 2) * 1e6
    raise InputError(f"band {band} is not known; give the cells' EARFCN, NR-ARFCN or frequency")
