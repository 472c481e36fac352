"""Measurements on a channel response against closed forms: levels, taps, Doppler, rank, precoders, ToA."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.channel.links import Links
from raylocus.network.phy.impulse_response import (
    channel_taps,
    comb_frequencies,
    comb_response,
    frequency_response,
    path_delay_spread,
    power_delay_profile,
    rms_spread,
)
from raylocus.network.phy.rank import (
    compress_csi,
    condition_number_db,
    decompress_eigenvector,
    rank_indicator,
    transmit_covariance,
)
from raylocus.network.phy.time_of_arrival import delay_bound, first_path_delay, noisy_response
from raylocus.network.phy.type_one_codebook import (
    PANELS,
    codebook,
    second_beams,
    select_precoder,
)
from raylocus.network.stack.downlink import coherence_kernel, doppler_shifts, kernel_power
from raylocus.units import SPEED_OF_LIGHT

GENERATOR = np.random.default_rng(4)


def random_paths(count: int, links: int = 3) -> tuple[np.ndarray, np.ndarray]:
    delay = GENERATOR.uniform(0.2e-6, 1.5e-6, (links, count))
    amplitude = GENERATOR.standard_normal((links, count)) + 1j * GENERATOR.standard_normal((links, count))
    return delay, amplitude


def test_an_unknown_comb_is_refused() -> None:
    with pytest.raises(InputError, match="comb of 5"):
        comb_frequencies(24, 1, 5)


def test_fast_and_plain_frequency_response_agree_and_missing_paths_do_not_count() -> None:
    delay, amplitude = random_paths(5)
    delay[0, 3:] = np.nan
    frequencies = comb_frequencies(24, 1)
    plain = frequency_response(delay, amplitude[:, None], frequencies)[:, 0]
    assert comb_response(delay, amplitude, frequencies) == pytest.approx(plain, abs=2e-5)
    alone = frequency_response(delay[:, :3], amplitude[:, None, :3], frequencies)[0, 0]
    assert plain[0] == pytest.approx(alone)


def test_the_closed_form_of_fading_is_the_sum_over_subcarriers_and_occasions() -> None:
    delay, amplitude = random_paths(6, 2)
    shift = GENERATOR.uniform(-100, 100, delay.shape)
    occasions, interval = 5, 0.02
    kernel = coherence_kernel(delay, shift, 30e3, 127, interval, occasions)
    # The kernel counts from the middle of the set; so does this sum.
    frequencies, times = 30e3 * (np.arange(127) - 63), interval * (np.arange(occasions) - 2)
    total = 0.0
    for time in times:
        turned = amplitude * np.exp(2j * np.pi * shift * time)
        total = total + np.mean(np.abs(frequency_response(delay, turned[:, None], frequencies)) ** 2, axis=-1)
    assert kernel_power(amplitude[:, None], kernel) == pytest.approx(total / occasions, rel=1e-5)


def test_taps_and_frequency_response_hold_the_same_power() -> None:
    bandwidth = 30e6
    delay = np.array([[10, 25, 31]]) / bandwidth
    amplitude = np.array([[1.0, 0.5j, -0.2]])
    taps = channel_taps(delay, amplitude, bandwidth, 64)
    assert taps[0, [10, 25, 31]] == pytest.approx(amplitude[0])
    assert np.sum(np.abs(taps) ** 2) == pytest.approx(np.sum(np.abs(amplitude) ** 2))
    # Parseval: the taps' Fourier transform over the band has the same mean power.
    assert np.mean(np.abs(np.fft.fft(taps, axis=-1)) ** 2) == pytest.approx(1.29)


def test_delay_spread_of_two_equal_paths_is_half_their_distance() -> None:
    delay = np.array([[1e-6, 1.4e-6, np.nan], [np.nan, np.nan, np.nan]])
    spread = path_delay_spread(delay, np.ones_like(delay))
    assert spread[0] == pytest.approx(0.2e-6)
    assert np.isnan(spread[1])
    profile = power_delay_profile(channel_taps(delay[None, :1], np.ones((1, 1, 3)) + 0j, 50e6, 128))
    taps = np.arange(128) / 50e6
    mean, square = ((profile[0] * moment).sum() / profile.sum() for moment in (taps, taps**2))
    assert np.sqrt(square - mean**2) == pytest.approx(0.2e-6, rel=0.01)


def test_doppler_of_a_moving_ue() -> None:
    # Moving east towards a wave that travels west, and across one that travels north.
    arrival = np.array([[[[-1.0, 0, 0], [0, 1.0, 0]]]])
    nothing = np.zeros((1, 1, 2))
    links = Links(nothing, nothing[..., None, None].astype(complex), arrival, arrival)
    shift = doppler_shifts(links, np.array([[14.0, 0, 0]]), SPEED_OF_LIGHT / 0.0857)
    assert shift[0, 0] == pytest.approx([14 / 0.0857, 0.0])
    # Two lines of power 1 and ¼, 160 Hz apart: √(¼·1)/(5/4) of their distance.
    assert rms_spread(np.array([[160.0, 0.0]]), np.array([[1.0, 0.25]]))[0] == pytest.approx(160 * 0.4)


def test_a_lone_path_has_rank_one() -> None:
    receive, transmit = np.exp(1j * np.arange(4)), np.exp(2j * np.arange(8))
    response = np.broadcast_to(np.outer(receive, transmit), (1, 5, 4, 8))
    values = np.linalg.svd(response[:, 0], compute_uv=False)
    assert values[0, 0] == pytest.approx(np.sqrt(32))
    assert values[0, 1:] == pytest.approx(0, abs=1e-9)
    eigenvalues = np.linalg.eigvalsh(transmit_covariance(response))[:, ::-1]
    assert rank_indicator(eigenvalues, np.array([1e4]), 4)[0] == 1
    assert np.isnan(condition_number_db(values)[0])


def test_rank_rises_with_snr_up_to_its_limit() -> None:
    eigenvalues = np.tile([[8.0, 4.0, 2.0, 1.0]], (3, 1))
    assert rank_indicator(eigenvalues, np.array([1e-3, 3.0, 1e4]), 4).tolist() == [1, 3, 4]
    assert rank_indicator(eigenvalues, np.array([1e4, 1e4, 1e4]), 2).tolist() == [2, 2, 2]


@pytest.mark.parametrize(("n1", "n2"), [panel for panels in PANELS.values() for panel in panels])
def test_precoders_are_of_unit_power_with_orthogonal_layers(n1: int, n2: int) -> None:
    beams = n1 * 4 * n2 * (4 if n2 > 1 else 1)
    for rank in (1, 2, 3, 4):
        book = codebook(n1, n2, rank)
        gram = book.weights.conj().swapaxes(1, 2) @ book.weights
        assert gram == pytest.approx(np.broadcast_to(np.eye(rank) / rank, gram.shape), abs=1e-9)
        if rank > 2 and 2 * n1 * n2 >= 16:
            assert len(book.indices) == beams // 2 * 4 * 2
        else:
            assert len(book.indices) == beams * len(second_beams(n1, n2, rank)) * (4 if rank == 1 else 2)


def test_rank_three_on_sixteen_ports_is_the_table_of_the_specification() -> None:
    # TS 38.214 T 5.2.2.2.1-7 by hand: N1 = 8, l = 3, p = 1, n = 1.
    book = codebook(8, 1, 3)
    row = int(np.flatnonzero((book.indices == [3, 0, 1, 1]).all(axis=1))[0])
    half = np.exp(1j * 4 * np.pi * 3 * np.arange(4) / 32)
    theta, phi = np.exp(0.25j * np.pi), 1j
    expected = np.column_stack(
        [
            np.concatenate([half, theta * half, phi * half, phi * theta * half]),
            np.concatenate([half, -theta * half, phi * half, -phi * theta * half]),
            np.concatenate([half, theta * half, -phi * half, -phi * theta * half]),
        ]
    )
    assert book.weights[row] == pytest.approx(expected / np.sqrt(3 * 16))


def test_there_is_no_codebook_for_odd_panels() -> None:
    with pytest.raises(InputError, match="5 × 1"):
        codebook(5, 1, 1)
    with pytest.raises(InputError, match="use rank 1 to 4"):
        codebook(8, 1, 5)


@given(st.integers(0, 31), st.integers(0, 3))
@settings(max_examples=25)
def test_the_search_finds_the_beam_that_a_wave_leaves_by(beam: int, phase: int) -> None:
    n1 = 8
    # Port n of a wave that leaves at u sees exp(jπnu), and its precoder is the conjugate: u = −2l/(O1·N1).
    ports = np.exp(-2j * np.pi * beam / (4 * n1) * np.arange(n1))
    response = np.concatenate([ports, np.exp(-0.5j * np.pi * phase) * ports])[None, None, None]
    book = codebook(n1, 1, 1)
    precoder, rate = select_precoder(transmit_covariance(response), np.array([10.0]), book)
    assert book.indices[precoder[0], [0, 3]].tolist() == [beam, phase]
    assert rate[0] == pytest.approx(np.log2(1 + 10 * 16), rel=1e-4)


def test_two_separate_waves_need_a_rank_two_precoder() -> None:
    ports = [np.exp(1j * np.pi * u * np.arange(4)) for u in (0.0, 0.5)]
    response = np.zeros((1, 1, 2, 8), complex)
    for antenna, port in enumerate(ports):
        response[0, 0, antenna] = np.concatenate([port, (1, -1)[antenna] * port])
    covariance = transmit_covariance(response)
    _, single = select_precoder(covariance, np.array([100.0]), codebook(4, 1, 1))
    _, double = select_precoder(covariance, np.array([100.0]), codebook(4, 1, 2))
    assert double[0] > 1.6 * single[0]


def test_compressed_csi_gives_back_the_eigenvector_within_its_steps() -> None:
    vector = np.exp(1j * GENERATOR.uniform(0, 2 * np.pi, (20, 8)))
    covariance = np.einsum("ua,ub->uab", vector, vector.conj())
    csi = compress_csi(covariance)
    assert (csi.rank == 1).all()
    overlap = np.abs(np.einsum("ua,ua->u", decompress_eigenvector(csi).conj(), vector)) / np.sqrt(8)
    # Phases are off by at most π/8, so at least cos(π/8) of the field adds up.
    assert (overlap > np.cos(np.pi / 8)).all()


def random_delays(snr_db: float, subcarriers: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(7)
    delay = generator.uniform(0.1e-6, 2e-6, 300)
    frequencies = 30e3 * (np.arange(subcarriers) - subcarriers / 2)
    response = np.exp(-2j * np.pi * (delay[:, None] * frequencies - generator.random((300, 1))))
    noise = np.full(300, 10 ** (-snr_db / 10))
    received = noisy_response(response, noise[:, None], generator)
    return delay, first_path_delay(received, noise, 30e3)


@pytest.mark.parametrize(("snr_db", "subcarriers"), [(0.0, 127), (10.0, 127), (-5.0, 624), (10.0, 624)])
def test_the_detector_is_within_twice_the_bound_and_unbiased(snr_db: float, subcarriers: int) -> None:
    delay, found = random_delays(snr_db, subcarriers)
    error, bound = found - delay, delay_bound(snr_db, subcarriers, 30e3)
    assert not np.isnan(found).any()
    assert bound * 0.9 < np.sqrt(np.mean(error**2)) < 2 * bound
    assert abs(error.mean()) < 4 * bound / np.sqrt(len(error)) + 0.1 * bound


def test_the_bound_is_that_of_the_fact_sheet() -> None:
    # 24 resource blocks at 30 kHz and 0 dB: 0.80 m; 273 and −10 dB: 0.07 m.
    assert delay_bound(0.0, 288, 30e3) * 299792458 == pytest.approx(0.80, abs=0.005)
    assert delay_bound(-10.0, 3276, 30e3) * 299792458 == pytest.approx(0.07, abs=0.005)


def test_pure_noise_is_hardly_ever_a_path() -> None:
    noise = noisy_response(np.zeros((500, 127)) + 0j, np.ones((500, 1)), np.random.default_rng(1))
    assert np.isnan(first_path_delay(noise, np.ones(500), 30e3)).mean() > 0.98


def test_a_first_path_is_found_before_a_stronger_echo_but_not_when_it_merges() -> None:
    frequencies = 30e3 * (np.arange(1272) - 636)
    for gap, expected in ((200e-9, 1e-6), (5e-9, 1.005e-6)):
        amplitude = np.array([[[0.3, 1.0]]]) + 0j
        response = frequency_response(np.array([[1e-6, 1e-6 + gap]]), amplitude, frequencies)[:, 0]
        found = first_path_delay(response, np.full(1, 1e-6), 30e3)
        assert found[0] == pytest.approx(expected, abs=2e-9)
