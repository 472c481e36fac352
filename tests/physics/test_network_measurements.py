"""PHY, RRC and MAC against closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network_fixtures import deployment
from raylocus.network.channel.links import ChannelState
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.uplink import TimingLoop, commanded_timing_advance
from raylocus.network.rrc.events import Event, filter_weight, l3_filter
from raylocus.network.rrc.handover import handover_history, neighbour_cells
from raylocus.network.stack.cell_levels import detected_cells, measure_cells, strongest_beams
from raylocus.network.stack.downlink import receive
from raylocus.scenes.sites import Carrier
from raylocus.units import SPEED_OF_LIGHT

CARRIER = Carrier()
NO_NOISE = -400.0


def channel(rsrp_beam: list) -> ChannelState:
    levels = np.array(rsrp_beam, float)
    sites = np.zeros((len(levels), 1))
    return ChannelState(levels, sites, sites)


def test_a_fully_loaded_lone_cell_without_noise_has_rsrq_of_minus_10_8_decibels() -> None:
    measured = measure_cells(channel([[[-80.0]]]), CARRIER, 1.0, NO_NOISE)
    assert measured.rsrq[0, 0] == pytest.approx(-10 * np.log10(12))


@pytest.mark.parametrize(("load", "rsrq"), [(0.0, -10.16), (0.5, -10.48), (1.0, -10.79)])
def test_near_a_lone_cell_rsrq_stays_where_its_own_ssb_puts_it(load: float, rsrq: float) -> None:
    # 830 of the 960 resource elements of an SSB are in use; phones in a lone cell report −10.3 dB.
    measured = measure_cells(channel([[[-80.0, -90.0]]]), CARRIER, load, NO_NOISE)
    assert measured.rsrq[0, 0] == pytest.approx(rsrq, abs=0.01)


def test_a_lone_cell_has_its_signal_to_noise_ratio() -> None:
    # 3gpp.md 2.1: noise in one resource element of 30 kHz at a noise figure of 9 dB is −120.2 dBm.
    measured = measure_cells(channel([[[-100.0]]]), CARRIER, 0.5, 9.0)
    assert measured.sinr[0, 0] == pytest.approx(20.23, abs=0.01)


def test_two_equal_cells_at_full_load_have_sinr_0_and_rsrq_minus_13_8() -> None:
    measured = measure_cells(channel([[[-70.0], [-70.0]]]), CARRIER, 1.0, NO_NOISE)
    np.testing.assert_allclose(measured.sinr, 0, atol=1e-9)
    np.testing.assert_allclose(measured.rsrq, -10 * np.log10(24))


def test_half_the_load_is_half_the_interference() -> None:
    state = channel([[[-70.0], [-73.0]]])
    full, half = (measure_cells(state, CARRIER, load, NO_NOISE).sinr for load in (1.0, 0.5))
    np.testing.assert_allclose(half - full, 10 * np.log10(2))


def test_rsrp_is_the_best_beams_and_dark_cells_are_missing() -> None:
    state = channel([[[-90.0, -84.0, np.nan], [np.nan, np.nan, np.nan]]])
    measured = measure_cells(state, CARRIER, 0.5, 9.0)
    assert measured.rsrp[0, 0] == pytest.approx(-84.0)
    for level in (measured.rsrp, measured.rsrq, measured.sinr):
        assert np.isnan(level[0, 1])
    assert not detected_cells(measured, NetworkConfiguration())[0, 1]


@given(st.floats(-60, 60), st.integers(1, 6), st.integers(1, 8))
def test_ratios_do_not_know_the_level(offset: float, cells: int, beams: int) -> None:
    levels = np.random.default_rng(cells * 10 + beams).uniform(-110, -60, (4, cells, beams))
    here = measure_cells(channel(levels), CARRIER, 0.5, NO_NOISE)
    there = measure_cells(channel(levels + offset), CARRIER, 0.5, NO_NOISE)
    np.testing.assert_allclose(there.rsrp - here.rsrp, offset, atol=1e-6)
    np.testing.assert_allclose(there.rsrq, here.rsrq, atol=1e-6)
    if cells > 1:
        np.testing.assert_allclose(there.sinr, here.sinr, atol=1e-6)


def test_measurements_follow_the_cells_when_they_are_renumbered() -> None:
    generator = np.random.default_rng(0)
    levels = generator.uniform(-110, -60, (5, 7, 4))
    order = generator.permutation(7)
    plain, renumbered = (
        measure_cells(channel(each), CARRIER, 0.5, 9.0) for each in (levels, levels[:, order])
    )
    for field in dataclasses.fields(plain):
        np.testing.assert_allclose(getattr(plain, field.name)[:, order], getattr(renumbered, field.name))


def test_strongest_beams_come_first_and_dark_ones_last() -> None:
    order, level = strongest_beams(
        np.array([[-90.0, -70.0, np.nan, -80.0]]), 4, 0.0, np.random.default_rng(0)
    )
    assert order[0].tolist() == [1, 3, 0, 2]
    assert level[0, :3].tolist() == [-70.0, -80.0, -90.0] and np.isnan(level[0, 3])


@pytest.mark.parametrize(("coefficient", "weight"), [(0, 1.0), (4, 0.5), (8, 0.25), (19, 2**-4.75)])
def test_filter_weight_at_one_measurement_period(coefficient: int, weight: float) -> None:
    assert filter_weight(coefficient, np.array([0.2]))[0] == pytest.approx(weight)


@given(st.integers(1, 19), st.floats(0.01, 5), st.floats(0.01, 5))
def test_two_filter_steps_of_one_measurement_are_one_longer_step(k: int, first: float, second: float) -> None:
    remains = 1 - filter_weight(k, np.array([first, second, first + second]))
    assert remains[0] * remains[1] == pytest.approx(remains[2], rel=1e-9, abs=1e-12)


def test_step_response_of_the_filter_decays_with_its_time_constant() -> None:
    # 3gpp.md 2.4: k = 4 at 200 ms has a time constant of 289 ms.
    time = np.arange(10) * 0.2
    measured = np.concatenate([[-100.0], np.full(9, -90.0)])[:, None]
    filtered = l3_filter(measured, time, np.array([0, 10]), 4)[:, 0]
    np.testing.assert_allclose(-90 - filtered, 10 * np.exp(-time / 0.2885), rtol=1e-3)


def test_the_filter_is_half_as_fast_in_fr2() -> None:
    steps = np.array([[0.0], [1.0]])
    offsets, time = np.array([0, 2]), np.array([0.0, 0.4])
    here, there = (l3_filter(steps, time, offsets, 4, period)[1, 0] for period in (0.2, 0.4))
    # a = ½ each period: two periods of FR1, one of FR2.
    assert here == pytest.approx(0.75) and there == pytest.approx(0.5)


def test_filter_restarts_with_each_sequence_and_after_a_gap() -> None:
    measured = np.array([-100.0, np.nan, -80.0, -60.0])[:, None]
    filtered = l3_filter(measured, np.array([0.0, 0.2, 0.4, 0.0]), np.array([0, 3, 4]), 4)[:, 0]
    assert filtered[0] == -100 and np.isnan(filtered[1]) and filtered[2] == -80 and filtered[3] == -60


def test_handover_waits_for_the_hysteresis() -> None:
    rsrp = np.array(
        [[-80, -85], [-80, -78], [-80, -76.9], [-80, -81], [np.nan, -120], [-70, -71], [-71, -70]], float
    )
    time, event = np.array([0.0, 1, 2, 3, 4, 0, 1]), Event("A3", hysteresis=3.0)
    serving = handover_history(rsrp, time, np.array([0, 5, 7]), event).serving
    assert serving.tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_a_lost_serving_cell_is_replaced_by_the_strongest() -> None:
    rsrp = np.array([[-80, -90, -95], [np.nan, -90, -85]], float)
    history = handover_history(rsrp, np.array([0.0, 1.0]), np.array([0, 2]), Event("A3", hysteresis=3.0))
    assert history.serving.tolist() == [0, 2]


def test_neighbours_are_the_strongest_other_than_the_serving_cell() -> None:
    rsrp = np.array([[-80, -90, np.nan, -70, -85]], float)
    assert neighbour_cells(rsrp, np.array([0]), 8)[0].tolist() == [3, 4, 1, -1, -1]
    assert neighbour_cells(rsrp, np.array([3]), 2)[0].tolist() == [0, 4]


def test_timing_advance_noise_has_the_stated_spread() -> None:
    delay = np.full(20_000, 5000 / SPEED_OF_LIGHT)
    # μ = 4 makes steps of 32.6 ns round trip: fine enough to see 30 ns one way.
    measured = delay + 30e-9 * np.random.default_rng(0).standard_normal(delay.shape)
    offsets = np.arange(0, 20_001, 5)
    loop = TimingLoop(dead_band_steps=0.5)
    advance, _ = commanded_timing_advance(measured, offsets[:-1], offsets, Carrier(numerology=4), loop)
    # Kept up within half a step it is the rounded advance of every report.
    assert (advance == np.round(2 * measured / 32.552083e-9)).mean() > 0.999
    spread = np.hypot(2 * 30e-9 / 32.552e-9, 1 / np.sqrt(12))
    assert advance.std() == pytest.approx(spread, rel=0.03)
    assert advance.mean() == pytest.approx(2 * delay[0] / 32.552e-9, abs=0.05)


def test_statistical_fading_is_per_cell_and_report() -> None:
    state = channel(np.zeros((4000, 2, 3)).tolist())
    law = NetworkConfiguration(receiver_noise_db=1.5)
    received = receive(state, None, np.zeros((4000, 3)), deployment(1), law, np.random.default_rng(0))
    assert received.error.std() == pytest.approx(1.5, rel=0.05)
    assert abs(np.corrcoef(received.error.T)[0, 1]) < 0.06
    np.testing.assert_allclose(received.measured.rsrp, received.error, atol=1e-9)


def test_severity_scales_bias_and_dropout_only() -> None:
    full, half = NetworkConfiguration(), NetworkConfiguration().at_severity(0.5)
    assert (half.device_bias_db, half.neighbour_dropout) == (1.5, 0.15)
    assert dataclasses.replace(half, device_bias_db=3.0, neighbour_dropout=0.3) == full
    assert full.at_severity(0.0).device_bias_db == 0
