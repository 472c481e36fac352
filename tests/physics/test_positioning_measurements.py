"""Positioning measurements against geometry: clocks cancel where they should, angles meet their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.network.phy.impulse_response import frequency_response
from raylocus.network.positioning.angles import (
    arrival_cosine,
    departure_azimuth,
)
from raylocus.network.positioning.timing_measurements import (
    TimingErrors,
    carrier_phase,
    receive_transmit_differences,
    reference_signal_time_difference,
    relative_time_of_arrival,
    round_trip_range,
    synchronisation_errors,
)
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.scenes.sites import AntennaArray
from raylocus.units import SPEED_OF_LIGHT, to_decibel

GENERATOR = np.random.default_rng(8)


@given(st.floats(-1e-3, 1e-3), st.floats(-1e-6, 1e-6))
@settings(max_examples=20)
def test_rstd_knows_nothing_of_the_ues_clock_and_all_of_the_sites(ue_clock: float, sync: float) -> None:
    arrival = np.array([[1e-6, 1.5e-6, np.nan]]) + ue_clock
    offsets = np.array([0.0, sync, 0.0])
    rstd = reference_signal_time_difference(arrival, np.array([0]), offsets)
    assert rstd[0, 0] == 0 and rstd[0, 1] == pytest.approx(0.5e-6 + sync, abs=1e-15)
    assert np.isnan(rstd[0, 2])


@given(st.floats(-1e-6, 1e-6), st.floats(-1e-4, 1e-4))
@settings(max_examples=20)
def test_the_round_trip_knows_nothing_of_any_clock(sync: float, ue_clock: float) -> None:
    delay = np.array([[300.0 / SPEED_OF_LIGHT]])
    ue, gnb = receive_transmit_differences(delay, delay, np.array([sync]), np.array([ue_clock]))
    assert round_trip_range(ue, gnb)[0, 0] == pytest.approx(300.0, abs=1e-4)


def test_rtoa_carries_the_sites_clock_and_the_ues_transmit_error() -> None:
    rtoa = relative_time_of_arrival(np.array([[1e-6]]), np.array([2e-7]), np.array([5e-8]))
    assert rtoa[0, 0] == pytest.approx(0.85e-6)


def test_synchronisation_errors_are_cut_at_twice_their_deviation() -> None:
    offsets = synchronisation_errors(3000, TimingErrors(synchronisation=50e-9), np.random.default_rng(0))
    assert len(offsets) == 3000 and np.abs(offsets).max() <= 100e-9
    # A Gaussian cut at ±2σ has 0.88 of the deviation.
    assert offsets.std() == pytest.approx(0.88 * 50e-9, rel=0.03)


@pytest.mark.parametrize(("snr_db", "elements"), [(20.0, 4), (20.0, 8), (10.0, 16)])
def test_angle_of_arrival_meets_its_bound(snr_db: float, elements: int) -> None:
    azimuth = np.deg2rad(20.0)
    steering = np.exp(1j * np.pi * np.sin(azimuth) * np.arange(elements))
    clean = np.broadcast_to(steering, (400, 1, elements))
    noise = GENERATOR.standard_normal((400, 1, elements, 2)) @ [1, 1j] / np.sqrt(2)
    cosine = arrival_cosine(clean + noise * 10 ** (-snr_db / 20))
    error = np.arcsin(cosine) - azimuth
    # Cramér–Rao of a lone arrival on N elements λ/2 apart: √(6/(γN(N²−1))) / (π cos θ).
    information = 10 ** (snr_db / 10) * elements * (elements**2 - 1)
    bound = np.sqrt(6 / information) / (np.pi * np.cos(azimuth))
    assert 0.9 * bound < np.sqrt(np.mean(error**2)) < 1.2 * bound
    assert abs(error.mean()) < 0.2 * bound


def test_nothing_received_has_no_angle() -> None:
    assert np.isnan(arrival_cosine(np.zeros((1, 2, 8)) + 0j)[0])


def test_departure_is_read_off_the_beams_whatever_their_common_level() -> None:
    candidates = np.deg2rad(np.arange(-60.0, 60.1, 0.5))
    direction = np.stack([np.cos(candidates), np.sin(candidates), np.zeros_like(candidates)], axis=1)
    pattern = to_decibel(beam_gains(direction, 0.0, 0.0, AntennaArray()))
    chosen = np.array([20, 111, 200])
    level = pattern[chosen] - 90.0
    weakest = np.argsort(level, axis=1)[:, :4]
    np.put_along_axis(level, weakest, np.nan, axis=1)
    assert departure_azimuth(level, candidates, pattern) == pytest.approx(candidates[chosen])
    level[0, np.argsort(-level[0])[1:]] = np.nan
    assert np.isnan(departure_azimuth(level, candidates, pattern)[0])


def test_carrier_phase_of_a_lone_path_is_its_length() -> None:
    wavelength = SPEED_OF_LIGHT / 3.5e9
    length = np.array([100.0, 100.0 + wavelength / 4])
    frequencies = 30e3 * (np.arange(624) - 312)
    delay = length / SPEED_OF_LIGHT
    amplitude = np.exp(-2j * np.pi * (length / wavelength % 1))
    response = frequency_response(delay[:, None], amplitude[:, None, None], frequencies)[:, 0]
    phase = carrier_phase(response, frequencies, delay)
    # A quarter of a wavelength farther is a quarter of a turn less.
    assert (phase[1] - phase[0]) % 360.0 == pytest.approx(270.0, abs=0.01)
    assert np.isnan(carrier_phase(response, frequencies, np.array([np.nan, 0.0]))[0])
