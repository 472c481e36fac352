"""`observe`: what comes out of the stack for known channels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from network_fixtures import deployment, free_space_maps, ground
from raylocus.errors import InputError
from raylocus.network.channel.links import ChannelState, channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.impairments.report_errors import ClockErrors
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.explain import explain
from raylocus.network.reports.features import FEATURE_INDEX, FEATURES
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.network.rrc.events import Event
from raylocus.network.rrc.measurement_configuration import ReportConfiguration
from raylocus.units import SPEED_OF_LIGHT, timing_advance_step

#: Nothing random and nothing missing.
EXACT = NetworkConfiguration(
    receiver_noise_db=0.0,
    beam_noise_db=0.0,
    device_bias_db=0.0,
    neighbour_dropout=0.0,
    timing=MapTiming(noise=0.0),
    report=ReportConfiguration(filter_coefficient=0),
    handover=Event("A3"),
    availability={feature.name: 1.0 for feature in FEATURES},
    clocks=ClockErrors(0.0, 0.0),
)
PLACE = deployment(3)
RSRP, L1, TA, SINR = (FEATURE_INDEX[name] for name in ("rsrp", "l1_rsrp", "timing_advance", "sinr"))


@pytest.fixture(scope="module")
def maps() -> xr.Dataset:
    return free_space_maps(PLACE)


def trajectories(count: int) -> Trajectories:
    return sample_trajectories(ground(), count, MobilityConfiguration(), np.random.default_rng(5))


def observed(maps: xr.Dataset, count: int, configuration: NetworkConfiguration, seed: int = 0) -> Reports:
    walked = trajectories(count)
    return observe(KnownChannel(channel_at(maps, walked.position), PLACE), walked, configuration, seed)


@pytest.fixture(scope="module")
def exact(maps: xr.Dataset) -> Reports:
    return observed(maps, 60, EXACT)


def test_the_channel_is_that_of_the_ground_cell_under_the_ue(maps: xr.Dataset) -> None:
    # 81 m east and 21 m south of the origin: in the ground cell whose centre is (82, −22).
    state = channel_at(maps, np.array([[81.0, -21.0, 1.5]]))
    distance = np.linalg.norm(PLACE.site_positions - [82.0, -22.0, 1.5], axis=1)
    np.testing.assert_allclose(state.delay[0] * SPEED_OF_LIGHT, distance, rtol=1e-6)
    nearest = PLACE.site_of_cell[state.rsrp_beam[0].max(axis=-1).argmax()]
    assert nearest == distance.argmin()


def test_reported_levels_are_the_maps_within_half_a_step(maps: xr.Dataset, exact: Reports) -> None:
    truth = channel_at(maps, exact.position).rsrp_beam
    token = exact.beam < 0
    cell = token_cells(exact, PLACE)[token]
    level = truth.max(axis=-1)[exact.report_of_token[token], cell]
    assert np.abs(exact.features[token, RSRP] - level).max() <= 0.5 + 1e-4


def test_beams_are_the_serving_cells_within_a_differential_step(maps: xr.Dataset, exact: Reports) -> None:
    truth = channel_at(maps, exact.position).rsrp_beam
    token = (exact.beam >= 0) & (exact.censored[:, L1] == 0)
    assert exact.serving[exact.beam >= 0].all()
    level = truth[exact.report_of_token[token], token_cells(exact, PLACE)[token], exact.beam[token]]
    # Half a step of the absolute value and half of the differential one.
    assert np.abs(exact.features[token, L1] - level).max() <= 0.5 + 1.0 + 1e-4


def test_timing_advance_is_of_the_serving_cell_only(maps: xr.Dataset, exact: Reports) -> None:
    serving = exact.serving & (exact.beam < 0)
    assert np.isnan(exact.features[~serving, TA]).all()
    site = PLACE.site_of_cell[token_cells(exact, PLACE)[serving]]
    delay = channel_at(maps, exact.position).delay[np.arange(len(exact.time)), site]
    assert np.array_equal(exact.features[serving, TA], np.round(2 * delay / timing_advance_step(1)))


def test_each_report_has_one_serving_cell_first_then_weaker_neighbours(exact: Reports) -> None:
    for start, end in zip(exact.token_offsets[:-1], exact.token_offsets[1:], strict=True):
        cells = np.flatnonzero(exact.beam[start:end] < 0) + start
        assert exact.serving[cells].tolist() == [True] + [False] * (len(cells) - 1)
        # Without filter and hysteresis the serving cell is the strongest.
        assert (np.diff(exact.features[cells, RSRP]) <= 0).all()
        assert len(np.unique(exact.pci[cells])) == len(cells) <= 9
        assert len(cells) == cells[-1] - start + 1 and end - start - len(cells) <= 4


def test_a_report_without_a_cell_is_dropped_and_so_is_an_empty_sequence() -> None:
    walked = trajectories(3)
    levels = np.full((len(walked.time), 9, 8), -90.0)
    delay = np.full((len(walked.time), 3), 1e-6)
    levels[: walked.report_offsets[1]] = np.nan
    silent = walked.report_offsets[1] + np.array([0, 2])
    levels[silent] = -150.0
    state = ChannelState(levels, delay, np.ones_like(delay))
    heard = dataclasses.replace(EXACT, detection_sinr=-100.0)
    reports = observe(KnownChannel(state, PLACE), walked, heard, seed=0)
    keep = np.setdiff1d(np.arange(walked.report_offsets[1], len(walked.time)), silent)
    assert len(reports) == 2
    assert np.array_equal(reports.position, walked.position[keep])
    assert np.array_equal(reports.report_offsets, [0, np.diff(walked.report_offsets)[1] - 2, len(keep)])
    assert (reports.time[reports.report_offsets[:-1]] == 0).all()
    assert reports.time[1] == pytest.approx(walked.time[keep[1]] - walked.time[keep[0]])


def test_where_nobody_hears_anything_there_are_no_reports(maps: xr.Dataset) -> None:
    reports = observed(maps, 4, dataclasses.replace(EXACT, detection_rsrp=0.0))
    assert len(reports) == 0 and len(reports.time) == 0 and len(reports.pci) == 0


def test_parts_go_missing_as_often_as_the_table_says(maps: xr.Dataset) -> None:
    # Every report of this city has a delay and beams, so only the table takes them away.
    law = dataclasses.replace(NetworkConfiguration(), detection_rsrp=-200.0, detection_sinr=-200.0)
    reports = observed(maps, 400, law.at_severity(0.5))
    cells = reports.beam < 0
    for feature, token in zip(FEATURES[:3], (cells, cells, cells), strict=True):
        there = np.isfinite(reports.features[token, FEATURE_INDEX[feature.name]])
        assert there.mean() == pytest.approx(feature.availability, abs=0.03), feature.name
    serving = reports.serving & cells
    assert np.isfinite(reports.features[serving, TA]).mean() == pytest.approx(0.7, abs=0.03)
    with_beams = np.isin(np.arange(len(reports.time)), reports.report_of_token[reports.beam >= 0])
    assert with_beams.mean() == pytest.approx(0.7, abs=0.03)
    everything = observed(maps, 400, dataclasses.replace(law, neighbour_dropout=0.0))
    share = (reports.heard_cells.sum() - len(reports.time)) / (
        everything.heard_cells.sum() - len(everything.time)
    )
    # Eight neighbours at most: what is dropped of nine cells leaves room for the weakest.
    assert share == pytest.approx(0.85, abs=0.03)


def test_device_bias_moves_levels_but_not_ratios(maps: xr.Dataset) -> None:
    biased = observed(maps, 200, dataclasses.replace(EXACT, device_bias_db=3.0))
    plain = observed(maps, 200, EXACT)
    assert np.array_equal(biased.pci, plain.pci)
    for column, feature in enumerate(FEATURES):
        same = np.array_equal(biased.features[:, column], plain.features[:, column], equal_nan=True)
        assert same == (feature.name not in ("rsrp", "l1_rsrp"))
    shift = (biased.features - plain.features)[:, RSRP]
    sequence = biased.sequence_of_report[biased.report_of_token]
    spread = [np.ptp(shift[(sequence == each) & ~np.isnan(shift)]) for each in range(20)]
    # One bias a UE: within a sequence only the rounding to 1 dB differs.
    assert max(spread) <= 1.0


def test_the_same_seed_gives_the_same_reports_and_another_seed_others(maps: xr.Dataset) -> None:
    first, again, other = (observed(maps, 20, NetworkConfiguration(), seed) for seed in (1, 1, 2))
    assert first.features.tobytes() == again.features.tobytes()
    assert first.features.tobytes() != other.features.tobytes()


def test_a_position_outside_the_tile_is_refused(maps: xr.Dataset) -> None:
    with pytest.raises(InputError, match=r"outside the 256 m tile"):
        channel_at(maps, np.array([[0.0, 0.0, 1.5], [300.0, 0.0, 1.5]]))


def test_explain_shows_every_token_with_its_censored_ends(exact: Reports) -> None:
    table = explain(exact, 0)
    assert table.row_count == exact.token_offsets[1]
    assert str(exact.pci[0]) in list(table.columns[0].cells)
    assert "truly at" in str(table.title)
