"""Times of arrival over the ground: clocks cancel, late paths do not pull, and what agrees is believed."""

import pytest
import torch

from model_fixtures import reported_features, synthetic_place
from raylocus.models.density import ranged_densities
from raylocus.models.evidence.ranging import ranging_likelihood
from raylocus.models.inputs.maps import place_maps
from raylocus.units import SPEED_OF_LIGHT

ROW, COLUMN = 21, 9


@pytest.fixture(scope="module")
def maps():
    return place_maps(synthetic_place(1, size=128.0, sites=4, beams=2))


def lengths(maps, row=ROW, column=COLUMN) -> torch.Tensor:
    """Of the first path from every cell's site to a native ground cell [m]."""
    return maps.fine_distance[maps.site_of_cell][:, row, column]


def round_trips(maps, length, age=(0.0,)) -> torch.Tensor:
    """The likelihood of ranges [m] whose halves have the UE's clock in them."""
    delay = length / SPEED_OF_LIGHT
    return ranging_likelihood(
        reported_features(maps, age, ue_rx_tx=delay - 3e-6, gnb_rx_tx=delay + 3e-6), maps
    )[0]


def peak(likelihood) -> tuple[int, int]:
    return divmod(int(likelihood.argmax()), likelihood.shape[1])


def test_round_trips_find_the_ue_whatever_its_clock(maps):
    for row, column in ((ROW, COLUMN), (4, 27)):
        assert peak(round_trips(maps, lengths(maps, row, column))) == (row, column)


@pytest.mark.parametrize(
    ("names", "offset"), [(("rstd",), 1e-6), (("rstd", "ul_rtoa"), 1e-8), (("ul_rtoa",), 1e-8)]
)
def test_arrivals_find_the_ue_whatever_is_common_to_them(maps, names, offset):
    delay = lengths(maps) / SPEED_OF_LIGHT
    here, later = (
        ranging_likelihood(reported_features(maps, **dict.fromkeys(names, delay + common)), maps)[0]
        for common in (0.0, offset)
    )
    # Where clocks do not cancel they err by 15 m, so that neighbouring ground is nearly as likely.
    assert float(here.max() - here[ROW, COLUMN]) < 1.0
    assert float(here.max() - here.min()) > 2
    assert float((here - later).abs().max()) < 0.5


def test_arrivals_of_all_sites_that_are_much_too_late_are_likelier_far_from_them(maps):
    delay = lengths(maps) / SPEED_OF_LIGHT
    on_time, late = (
        ranging_likelihood(reported_features(maps, ul_rtoa=delay + common), maps)[0].max()
        for common in (0.0, 4e-7)
    )
    assert float(on_time) > float(late) + 1


def test_a_site_that_is_late_does_not_pull(maps):
    late = lengths(maps) + 120.0 * (maps.site_of_cell == 2)
    found = round_trips(maps, late)
    # One site says nothing more than that the path is not shorter.
    row, column = peak(found)
    assert abs(row - ROW) <= 1 and abs(column - COLUMN) <= 1
    early = round_trips(maps, lengths(maps) - 120.0 * (maps.site_of_cell == 2))
    assert float(found.max()) > float(early.max()) + 1


def test_a_range_may_be_late_rather_where_there_is_no_line_of_sight(maps):
    value = maps.fine_distance[0] + 60.0
    seen, hidden = (
        ranging_likelihood(
            reported_features(maps, ue_rx_tx=one, gnb_rx_tx=one),
            part,
        )[0, ROW, COLUMN]
        for one in [torch.where(maps.site_of_cell == 0, value[ROW, COLUMN] / SPEED_OF_LIGHT, torch.nan)]
        for part in (with_sight(maps, 1.0), with_sight(maps, 0.0))
    )
    assert float(hidden) > float(seen) + 1


def with_sight(maps, share):
    return maps.map_rasters(
        lambda raster: torch.full_like(raster, share) if raster is maps.line_of_sight else raster
    )


def test_ranges_that_agree_are_believed_more(maps):
    exact = round_trips(maps, lengths(maps))
    rough = round_trips(maps, lengths(maps) + 9.0 * torch.tensor([1.0, -1.0, 1.0, -1.0])[maps.site_of_cell])
    even = torch.full_like(exact, 1 / exact.numel())[None]
    sharp, wide = (float(ranged_densities(each[None], even)[0].max()) for each in (exact, rough))
    assert sharp > 3 * wide


def test_earlier_reports_add_to_the_last_one_and_old_ones_do_not(maps):
    length = lengths(maps)
    noisy = torch.stack([length - 6.0, length + 6.0])
    assert peak(round_trips(maps, noisy, (0.1, 0.0))) == (ROW, COLUMN)
    old = torch.stack([lengths(maps, 2, 2), torch.full_like(length, torch.nan)])
    assert not round_trips(maps, old, (30.0, 0.0)).any()


def test_reports_without_times_say_nothing_and_one_half_of_a_round_trip_neither(maps):
    assert not ranging_likelihood(reported_features(maps, ul_aoa=lengths(maps)), maps).any()
    assert not ranging_likelihood(reported_features(maps, ue_rx_tx=lengths(maps)), maps).any()
