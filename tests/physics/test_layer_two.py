"""MAC and RLC against closed forms: timing advance, power headroom, buffers, ARQ and queues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.mac.uplink import (
    TRANSMIT_TIMING_LIMIT,
    TimingLoop,
    Traffic,
    UplinkPowerControl,
    buffered,
    commanded_timing_advance,
    needed_power,
    scheduling_request_rate,
    uplink_timing_error,
)
from raylocus.network.rlc import (
    AcknowledgedMode,
    bearer_throughput,
    deliver,
    jitter,
    relaxation_time,
    stationary_wait,
    waiting_times,
)
from raylocus.scenes.sites import Carrier
from raylocus.units import TC, timing_advance_step


def advance(
    steps: list[float], dead_band: float = 1.0, carrier: Carrier = Carrier(numerology=1)
) -> tuple[list[float], list[int]]:
    delay = np.array(steps) * timing_advance_step(carrier.numerology) / 2
    offsets = np.array([0, len(steps)])
    total, command = commanded_timing_advance(delay, offsets[:1], offsets, carrier, TimingLoop(dead_band))
    return total.tolist(), command.tolist()


def test_access_sets_the_advance_and_the_dead_band_holds_it() -> None:
    # Offsets from 5: 0.2, 0.9 and 1.0 are held; 1.4 is sent as one step.
    assert advance([5.2, 5.9, 6.0, 6.4, 6.4]) == ([5, 5, 5, 6, 6], [0, 0, 0, 1, 0])


def test_lte_ends_at_1282_steps_of_16_ts() -> None:
    # 78.07 m one way each, 100.1 km in all (TS 36.213 §4.2.3); NR goes on.
    lte = Carrier(numerology=0, technology="LTE")
    assert advance([1281, 1282, 1290, 1400], carrier=lte)[0] == [1281, 1281, 1282, 1282]
    assert advance([1281, 1282, 1290], carrier=Carrier(numerology=0))[0] == [1281, 1281, 1290]


def test_one_command_moves_by_at_most_31_back_and_32_forth() -> None:
    assert advance([10, 100, 100]) == ([10, 42, 74], [0, 32, 32])
    assert advance([100, 10, 10]) == ([100, 69, 38], [0, -31, -31])
    assert advance([3840, 3900, 3900])[0] == [3840, 3846, 3846]


def test_an_unheard_ue_needs_access_again() -> None:
    total, command = advance([10, float("nan"), 90])
    assert np.array_equal(total, [10, np.nan, 90], equal_nan=True)
    assert command == [0, 0, 0]


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=20))
@settings(max_examples=30)
def test_without_movement_commands_stop_within_the_dead_band(steps: list[float]) -> None:
    total, command = advance([*steps, *[steps[-1]] * 120])
    assert abs(total[-1] - steps[-1]) <= 1.0 + 1e-9
    assert command[-1] == 0


def test_uplink_timing_error_stays_within_its_limit() -> None:
    error = uplink_timing_error((5000,), 1, np.random.default_rng(0))
    limit = TRANSMIT_TIMING_LIMIT[1] * TC
    assert np.abs(error).max() <= limit and error.std() == pytest.approx(limit / np.sqrt(3), rel=0.03)


def test_power_by_hand() -> None:
    # −90 dBm + 10·log10(2·10) + 0.8·120 dB = 19.0 dBm; 10 dB more loss costs 8 dB: beyond the 23 dBm of class 3.
    control = UplinkPowerControl(-90.0, 0.8)
    power = needed_power(np.array([120.0, 130.0]), 10, 1, control)
    assert power == pytest.approx([19.01, 27.01], abs=0.001) and control.maximum_dbm == 23
    with pytest.raises(InputError, match="α of power control"):
        UplinkPowerControl(alpha=0.75)


def test_buffers_are_empty_as_often_as_the_queue_is_idle_at_the_start_and_later() -> None:
    traffic = Traffic(bursts_per_second=2.0, mean_burst=10_000.0)
    offsets = np.arange(0, 20_001, 10)
    time = np.tile(0.3 * np.arange(10), 2000)
    rate = np.full(20_000, 400e3)
    waiting = buffered(rate, time, offsets, traffic, np.random.default_rng(0)).reshape(2000, 10)
    for instant in (0, 1, 9):
        seen = waiting[:, instant]
        assert np.mean(seen == 0) == pytest.approx(1 - 0.4, abs=0.04)
        assert seen[seen > 0].mean() == pytest.approx(10_000 / 0.6, rel=0.12)
    assert scheduling_request_rate(rate, traffic)[0] == pytest.approx(2.0 * 0.6)


def test_a_buffer_is_remembered_for_as_long_as_it_takes_to_empty() -> None:
    traffic = Traffic(bursts_per_second=0.5, mean_burst=50_000.0)
    # 50 kB at 0.5 Mbit/s take 0.8 s: after 0.1 s most of it is still there, after 60 s nothing.
    for elapsed, low, high in ((0.1, 0.8, 1.0), (10.0, -0.1, 0.2)):
        time = np.tile([0.0, elapsed], 3000)
        offsets = np.arange(0, 6001, 2)
        waiting = buffered(np.full(6000, 500e3), time, offsets, traffic, np.random.default_rng(1))
        assert low < np.corrcoef(waiting[::2], waiting[1::2])[0, 1] < high
    unheard = buffered(np.array([np.nan]), np.zeros(1), np.array([0, 1]), traffic, np.random.default_rng(1))
    assert np.isnan(unheard[0])


def test_arq_retransmits_as_often_as_blocks_are_lost() -> None:
    mode = AcknowledgedMode(most_retransmissions=4)
    retransmissions, delay = deliver(np.full((4000, 10), 0.2), 0.0, mode, np.random.default_rng(0))
    assert retransmissions.mean() == pytest.approx(sum(0.2**n for n in range(1, 5)), rel=0.03)
    assert np.isnan(delay).mean() == pytest.approx(0.2**5, rel=0.5)
    first = retransmissions == 0
    assert (delay[first] == mode.air_delay).all()
    once = delay[(retransmissions == 1)]
    assert once.mean() == pytest.approx(3 * mode.air_delay + mode.status_prohibit / 2, rel=0.02)


def test_a_lost_status_costs_a_poll_timer() -> None:
    mode = AcknowledgedMode()
    calm, lossy = (
        deliver(np.full((500, 10), 0.3), loss, mode, np.random.default_rng(0))[1] for loss in (0.0, 0.5)
    )
    retransmitted = calm > mode.air_delay
    # A geometric number of lost polls of mean 1 each.
    assert np.nanmean((lossy - calm)[retransmitted]) == pytest.approx(
        mode.poll_retransmit * 1.0 / (1 - 0.3), rel=0.1
    )
    with pytest.raises(InputError, match="maxRetxThreshold"):
        AcknowledgedMode(most_retransmissions=5)


def test_waiting_in_a_queue_of_known_arrivals() -> None:
    service, gap = np.array([[3.0, 3.0, 3.0, 3.0]]), np.array([[0.0, 1.0, 1.0, 10.0]])
    assert waiting_times(service, gap).tolist() == [[0, 2, 4, 0]]
    assert waiting_times(service, gap, np.array([2.0])).tolist() == [[2, 4, 6, 0]]
    delay = waiting_times(service, gap) + service
    assert delay.tolist() == [[3, 5, 7, 3]]
    assert jitter(delay)[0] == pytest.approx((2 + 2 + 4) / 3)
    assert bearer_throughput(np.full((1, 4), 1500.0), gap, delay)[0] == pytest.approx(6000 / 15)


def test_an_m_m_1_queue_waits_as_pollaczek_and_khinchine_say() -> None:
    generator = np.random.default_rng(2)
    service, gap = generator.exponential(0.6, (40, 20_000)), generator.exponential(1.0, (40, 20_000))
    # Mean wait ρ/(μ − λ) = 0.6 / (1/0.6 − 1).
    assert waiting_times(service, gap)[:, 1000:].mean() == pytest.approx(0.9, rel=0.05)


def test_what_is_left_in_a_queue_is_stationary_and_forgotten_in_its_relaxation_time() -> None:
    generator = np.random.default_rng(3)
    first = stationary_wait(generator.random((200_000, 2)), np.full(200_000, 2.0), 0.6)
    # Pollaczek and Khinchine for a constant service of 2 s: 0.6·2 / (2·0.4).
    assert first.mean() == pytest.approx(1.5, rel=0.02)
    assert np.mean(first == 0) == pytest.approx(0.4, abs=0.005)
    assert relaxation_time(np.array([1e-3]), 0.25)[0] == pytest.approx(4e-3)
