from __future__ import annotations

import csv
from importlib import resources

import pytest

from raylocus.errors import InputError
from raylocus.scenes.cell_names.channels import (
    LTE_BANDS,
    NR_BANDS,
    LteBand,
    NrBand,
    arfcn_frequency,
    band_frequency,
    earfcn_frequency,
    lte_band_frequency,
    nr_band_frequency,
    nr_carrier_frequency,
)
from raylocus.scenes.site_import.technologies import Technology, named_band, technology_of


@pytest.mark.parametrize(
    ("earfcn", "megahertz"),
    # First and last channels of the bands, TS 36.101 Table 5.7.3-1.
    [(0, 2110.0), (599, 2169.9), (600, 1930.0), (1300, 1815.0), (2749, None), (2750, 2620.0), (3449, 2689.9)]
    + [
        (6150, 791.0),
        (6300, 806.0),
        (6449, 820.9),
        (9210, 758.0),
        (45589, 3799.9),
        (45590, 703.0),
        (46589, 802.9),
        (68586, 617.0),
    ],
)
def test_an_earfcn_is_the_frequency_of_the_table(earfcn: int, megahertz: float | None) -> None:
    if megahertz is None:
        with pytest.raises(InputError, match=str(earfcn)):
            earfcn_frequency(earfcn)
    else:
        assert earfcn_frequency(earfcn) == pytest.approx(megahertz * 1e6, abs=1)


def test_lte_bands_do_not_overlap_in_their_channel_numbers() -> None:
    ends = sorted((first, last) for _, _, first, last in LTE_BANDS)
    assert all(last < following for (_, last), (following, _) in zip(ends[:-1], ends[1:], strict=True))


@pytest.mark.parametrize(
    ("arfcn", "megahertz"),
    # Both sides of the raster's bins, TS 38.104 Table 5.4.2.1-1.
    [(0, 0.0), (599_999, 2999.995), (600_000, 3000.0), (633_334, 3500.01), (2_016_666, 24_249.99)]
    + [(2_016_667, 24_250.08), (3_279_165, 99_999.96)],
)
def test_an_nr_arfcn_is_the_frequency_of_the_raster(arfcn: int, megahertz: float) -> None:
    assert arfcn_frequency(arfcn) == pytest.approx(megahertz * 1e6, abs=1)


@pytest.mark.parametrize("arfcn", [-1, 3_279_166])
def test_numbers_off_the_raster_are_named(arfcn: int) -> None:
    with pytest.raises(InputError, match=str(arfcn)):
        arfcn_frequency(arfcn)


@pytest.mark.parametrize(("band", "megahertz"), [(1, 2140.0), (20, 806.0), (3, 1842.5), (78, 3550.0)])
def test_a_band_is_the_middle_of_its_downlink(band: int, megahertz: float) -> None:
    assert band_frequency(band) == pytest.approx(megahertz * 1e6, abs=1e5)


def test_an_unknown_band_is_named() -> None:
    with pytest.raises(InputError, match="band 99"):
        band_frequency(99)


def rows(table: str) -> dict[int, dict[str, str]]:
    text = resources.files("raylocus.scenes.cell_names").joinpath(table).read_text()
    return {int(row["band"]): row for row in csv.DictReader(text.splitlines())}


@pytest.mark.parametrize("band", LTE_BANDS, ids=lambda band: f"B{band.number}")
def test_every_lte_band_fills_its_channel_numbers(band: LteBand) -> None:
    """N_DL = N_Offs-DL + (F_DL - F_DL_low) / 0.1 at both edges: the last channel is one step below F_DL_high."""
    row = rows("lte_bands.csv")[band.number]
    low, high = float(row["downlink_low_mhz"]), float(row["downlink_high_mhz"])
    for channel in (band.first, band.first + 1, (band.first + band.last) // 2, band.last):
        frequency = earfcn_frequency(channel) / 1e6
        assert round(band.first + (frequency - low) / 0.1) == channel
    assert earfcn_frequency(band.first) / 1e6 == pytest.approx(low, abs=1e-6)
    assert earfcn_frequency(band.last) / 1e6 == pytest.approx(high - 0.1, abs=1e-6)
    assert lte_band_frequency(band.number) / 1e6 == pytest.approx((low + high) / 2, abs=1e-6)


@pytest.mark.parametrize("band", NR_BANDS, ids=lambda band: f"n{band.number}")
def test_every_nr_band_lies_between_its_channel_numbers(band: NrBand) -> None:
    """The first and last applicable NR-ARFCN are in the band; the inverse of the raster's formula leads back."""
    for channel in (band.first, (band.first + band.last) // 2, band.last):
        frequency = arfcn_frequency(channel) / 1e6
        assert band.lowest <= frequency <= band.highest
        steps = ((0.0, 0, 0.005), (3000.0, 600_000, 0.015), (24_250.08, 2_016_667, 0.06))
        offset, start, step = max(each for each in steps if each[0] <= frequency + 1e-9)
        assert round(start + (frequency - offset) / step) == channel
        assert nr_carrier_frequency(channel) == arfcn_frequency(channel)
    # But for guards at the ends of n102 and n263, the raster reaches the edges of the band.
    if band.number not in (102, 263):
        assert arfcn_frequency(band.first) / 1e6 == pytest.approx(band.lowest, abs=0.1)
        assert arfcn_frequency(band.last) / 1e6 == pytest.approx(band.highest, abs=0.1)
    assert nr_band_frequency(band.number) / 1e6 == pytest.approx((band.lowest + band.highest) / 2)


def test_the_bands_that_users_asked_for_are_there() -> None:
    assert {11, 29, 31, 46, 48, 65, 66, 71, 85, 87, 88} <= {band.number for band in LTE_BANDS}
    assert {5, 12, 28, 41, 48, 71, 77, 78, 79, *range(257, 264)} <= {band.number for band in NR_BANDS}
    assert earfcn_frequency(55650) == pytest.approx(3591.0e6)  # CBRS


@pytest.mark.parametrize(
    ("text", "stated", "name", "megahertz"),
    [
        ("48", None, "band 48", 3625.0),
        ("n48", None, "band n48", 3625.0),
        ("B3", None, "band 3", 1842.5),
        ("Band 20", None, "band 20", 806.0),
        ("LTE_B7", None, "band 7", 2655.0),
        ("L1800", None, "band 3", 1842.5),
        ("LTE 800", None, "band 20", 806.0),
        ("1800 MHz", None, "band 3", 1842.5),
        ("NR3500", None, "band n78", 3550.0),
        ("78", None, "band n78", 3550.0),
        ("n257", None, "band n257", 28000.0),
        ("n263", None, "band n263", 64000.0),
        ("3", Technology.NR, "band n3", 1842.5),
        ("5", Technology.LTE, "band 5", 881.5),
    ],
)
def test_names_of_bands(text: str, stated: Technology | None, name: str, megahertz: float) -> None:
    band = named_band(text, stated)
    assert (band.name, band.frequency / 1e6) == (name, pytest.approx(megahertz, abs=1e-3))
    assert (band.technology is Technology.NR) == name.startswith("band n")


@pytest.mark.parametrize("text", ["G900", "U2100", "GSM1800", "3G900", "DCS1800"])
def test_bands_of_older_radios_are_no_bands_of_lte(text: str) -> None:
    assert named_band(text, None).technology is Technology.OTHER


@pytest.mark.parametrize("text", ["L700", "NR700", "n80", "wide", "B999999", "X3", "n3500000"])
def test_names_that_are_not_one_band_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        named_band(text, None)


def test_a_band_of_the_other_technology_is_refused() -> None:
    with pytest.raises(InputError, match="correct one of them"):
        named_band("n78", Technology.LTE)


@pytest.mark.parametrize("channel", [1575, 6300, 10700])
def test_channel_numbers_of_older_radios_are_no_nr_arfcn(channel: int) -> None:
    """EARFCN 1575 and 6300 and UARFCN 10700 would lie far below every band of NR."""
    with pytest.raises(InputError, match="earfcn=COLUMN"):
        nr_carrier_frequency(channel)


@pytest.mark.parametrize(
    ("word", "technology"),
    [("LTE", Technology.LTE), ("lte", Technology.LTE), ("4G", Technology.LTE), ("E-UTRA", Technology.LTE)]
    + [
        ("NR", Technology.NR),
        ("5G NR", Technology.NR),
        ("nr3500", Technology.NR),
        ("LTE1800", Technology.LTE),
    ]
    + [
        (word, Technology.OTHER)
        for word in ("GSM", "UMTS", "WCDMA", "CDMA", "2G", "3G", "NB-IoT", "UMTS2100")
    ]
    + [("", None), ("4G/5G", None), ("Vodafone", None)],
)
def test_words_for_technologies(word: str, technology: Technology | None) -> None:
    assert technology_of(word) is technology
