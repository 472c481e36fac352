from __future__ import annotations

import pytest

from raylocus.errors import InputError
from raylocus.scenes.site_import.channels import LTE_BANDS, arfcn_frequency, band_frequency, earfcn_frequency


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
