"""Report mapping tables other than those of the critical features, row by row, at both edges of every bin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.mac.uplink import LONG_LEVELS, buffer_size_index
from raylocus.network.positioning.timing_measurements import (
    TIMING_LIMIT,
    reported_angle,
    reported_timing,
)
from raylocus.network.reports.report_mapping import (
    POWER_HEADROOM,
    decode,
    encode,
    reported,
    reported_beam_sinr,
)
from raylocus.units import SPEED_OF_LIGHT, TC


def below(value: float) -> float:
    return float(np.nextafter(value, -np.inf))


def test_power_headroom_has_the_specified_bins_at_both_edges() -> None:
    # TS 38.133 table 10.1.17.1-1: index and lower edge.
    assert len(POWER_HEADROOM) == 63
    for code, edge in {1: -32, 54: 21, 55: 22, 56: 24, 62: 36, 63: 38}.items():
        values = np.array([float(edge), below(edge)])
        assert encode(values, POWER_HEADROOM).tolist() == [code, code - 1]
    assert decode(np.array([0, 54, 55, 63]), POWER_HEADROOM).tolist() == [-32.0, 21.5, 23.0, 38.0]
    decoded, censored = reported(np.array([-40.0, 0.2, 60.0, np.nan]), POWER_HEADROOM)
    assert decoded[:3].tolist() == [-32.0, 0.5, 38.0] and np.isnan(decoded[3])
    assert censored.tolist() == [-1, 0, 1, 0]


def test_l1_sinr_is_reported_relative_to_the_best_beam() -> None:
    decoded = reported_beam_sinr(np.array([[10.1, 9.6, 8.1, -20.0, np.nan]]))
    # 10.1 dB is in [10, 10.5); the others are 0.5, 2.0 and 30.1 dB below it.
    assert decoded[0, :4].tolist() == [10.25, 9.75, 7.75, -4.75]
    assert np.isnan(decoded[0, 4])


def index_of(time: np.ndarray, k: int) -> np.ndarray:
    """The index whose bin centre is read of a report: ((i − ½)·2^k − 985024) Tc."""
    return np.rint((reported_timing(time, k) / TC + TIMING_LIMIT) / 2.0**k + 0.5)


@pytest.mark.parametrize(
    ("k", "last"), [(0, 1_970_049), (1, 985_025), (2, 492_513), (3, 246_257), (4, 123_129), (5, 61_565)]
)
def test_timing_reports_have_the_specified_number_of_indices(k: int, last: int) -> None:
    # Multiples of Tc keep their exactness only as integers; half a step inside each bin is beyond doubt.
    codes = np.unique(np.r_[1:50, last // 2 - 20 : last // 2 + 20, last - 50 : last])
    for shift in (0.01, 0.99):
        time = ((codes - 1 + shift) * 2**k - TIMING_LIMIT) * TC
        assert (index_of(time, k) == codes).all()
    ends = np.array([-1.0, 1.0]) * TIMING_LIMIT * TC
    assert reported_timing(1.01 * ends, k).tolist() == ends.tolist()
    assert time[-1] < ends[1] < time[-1] + 2**k * TC


def test_rel_18_reports_time_in_steps_of_2_4_millimetres() -> None:
    decoded = reported_timing(np.array([1e-6]), -6)
    assert abs(decoded[0] - 1e-6) * SPEED_OF_LIGHT <= 0.0013
    with pytest.raises(InputError, match="granularity k is −6 to 5"):
        reported_timing(np.array([0.0]), 6)


@given(st.floats(-4e-4, 4e-4), st.integers(-6, 5))
def test_a_timing_report_is_within_half_a_step(time: float, k: int) -> None:
    assert abs(reported_timing(np.array([time]), k)[0] - time) <= (0.5 * 2.0**k + 1e-6) * TC


@pytest.mark.parametrize("k", range(-6, 6))
def test_every_granularity_of_timing_at_both_edges(k: int) -> None:
    step = 2.0**k
    last = int(2 * TIMING_LIMIT / step) + 1
    codes = np.unique(np.r_[2:20, last // 2 - 5 : last // 2 + 5, last - 20 : last])
    # A hundredth of a bin on either side of an edge, which rounding of seconds to Tc does not reach.
    for side, code in ((0.01, codes), (-0.01, codes - 1)):
        time = ((codes - 1 + side) * step - TIMING_LIMIT) * TC
        assert (index_of(time, k) == code).all()
    assert np.isnan(reported_timing(np.array([np.nan]), k)).all()


def test_differential_l1_sinr_has_one_decibel_bins_from_the_best_beam() -> None:
    best = 20.0
    for code in range(1, 15):
        for below_edge, expected in ((1e-6, code - 0.5), (-1e-6, code + 0.5)):
            level = np.array([[best, best - code + below_edge]])
            assert reported_beam_sinr(level)[0, 1] == pytest.approx(best + 0.25 - expected)
    assert reported_beam_sinr(np.array([[best, best - 40]]))[0, 1] == best + 0.25 - 15


def test_angles_and_phases_are_in_tenths_of_a_degree() -> None:
    azimuth = reported_angle(np.array([-180.0, -179.9, 0.0, 179.95, 180.0, np.nan]), -180.0)
    assert azimuth[:5] == pytest.approx([-179.95, -179.85, 0.05, 179.95, -179.95]) and np.isnan(azimuth[5])
    assert reported_angle(np.array([-0.05, 360.0, 725.0]), 0.0) == pytest.approx([359.95, 0.05, 5.05])
    centres = (np.arange(3600) + 0.5) / 10
    assert reported_angle(centres, 0.0) == pytest.approx(centres)


def test_buffer_status_of_every_level_at_both_edges() -> None:
    index = np.arange(254)
    assert (buffer_size_index(LONG_LEVELS.astype(float), LONG_LEVELS) == index).all()
    assert (buffer_size_index(LONG_LEVELS + 1.0, LONG_LEVELS) == index + 1).all()


def test_buffer_levels_grow_as_the_specification_says() -> None:
    # TS 38.321 table 6.1.3.1-2: some of its levels [byte], and the sum of all.
    levels = {
        0: 0,
        1: 10,
        4: 13,
        5: 14,
        12: 22,
        59: 409,
        60: 436,
        100: 5_387,
        128: 31_342,
        150: 125_030,
        200: 2_901_912,
        252: 76_380_419,
        253: 81_338_368,
    }
    assert {index: int(LONG_LEVELS[index]) for index in levels} == levels
    assert len(LONG_LEVELS) == 254 and LONG_LEVELS.sum() == 1_334_408_489
