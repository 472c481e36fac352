from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus import units

# μ, T_A step [Tc], step [ns], one-way distance of a step [m], range of T_A = 3846 [km] (TS 38.213 §4.2).
TIMING_ADVANCE_TABLE = [
    (0, 1024, 520.83, 78.07, 300.3),
    (1, 512, 260.42, 39.04, 150.1),
    (2, 256, 130.21, 19.52, 75.1),
    (3, 128, 65.10, 9.76, 37.5),
    (4, 64, 32.55, 4.88, 18.8),
]


@pytest.mark.parametrize(("numerology", "step_tc", "step_ns", "metres", "range_km"), TIMING_ADVANCE_TABLE)
def test_timing_advance_follows_the_table(
    numerology: int, step_tc: int, step_ns: float, metres: float, range_km: float
) -> None:
    step = units.timing_advance_step(numerology)
    distance = units.timing_advance_distance(numerology)
    assert step / units.TC == pytest.approx(step_tc, rel=1e-12)
    assert step * 1e9 == pytest.approx(step_ns, abs=0.005)
    assert distance == pytest.approx(metres, abs=0.005)
    assert 3846 * distance / 1e3 == pytest.approx(range_km, abs=0.05)


def test_basic_time_units() -> None:
    assert pytest.approx(0.508626e-9, rel=1e-6) == units.TC


@pytest.mark.parametrize(("numerology", "spacing"), [(0, 15e3), (1, 30e3), (2, 60e3), (3, 120e3), (4, 240e3)])
def test_subcarrier_spacing(numerology: int, spacing: float) -> None:
    assert units.subcarrier_spacing(numerology) == spacing


def test_energy_per_resource_element_of_a_100_mhz_carrier() -> None:
    # 46 dBm over 273 resource blocks is 10.85 dBm in each element.
    assert units.energy_per_resource_element(46.0, 273) == pytest.approx(10.85, abs=0.005)


def test_noise_per_resource_element() -> None:
    # 30 kHz and a noise figure of 9 dB: −120.2 dBm.
    assert units.noise_per_resource_element(1, 9.0) == pytest.approx(-120.23, abs=0.01)


@given(st.floats(-300, 300))
def test_decibels_there_and_back(level: float) -> None:
    assert units.to_decibel(units.from_decibel(level)) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize(("ratio", "level"), [(1.0, 0.0), (2.0, 3.0103), (10.0, 10.0), (1e-3, -30.0)])
def test_decibels_of_known_ratios(ratio: float, level: float) -> None:
    assert units.to_decibel(ratio) == pytest.approx(level, abs=1e-4)


def test_no_power_is_missing_and_never_minus_infinity() -> None:
    level = units.to_decibel(np.array([0.0, -1.0, np.nan, 1.0]))
    np.testing.assert_array_equal(level, [np.nan, np.nan, np.nan, 0.0])
    assert math.isnan(units.to_decibel(0.0))


def test_arrays_keep_their_shape_and_type() -> None:
    level = units.to_decibel(np.full((2, 3), 100.0, np.float32))
    assert level.shape == (2, 3)
    assert level.dtype == np.float32
