"""Report mapping tables other than those of the critical features, row by row, at both edges of every bin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.mac.traffic import (
    LONG_LEVELS,
    SHORT_LEVELS,
    buffer_size_bounds,
    buffer_size_index,
)
from raylocus.network.positioning.timing_codes import (
    TIMING_LIMIT,
    decode_azimuth,
    decode_phase,
    decode_timing,
    encode_azimuth,
    encode_phase,
    encode_timing,
    last_timing_code,
    reported_timing,
)
from raylocus.network.reports.report_mapping import reported_beam_sinr
from raylocus.network.reports.report_tables import (
    CLI_RSSI,
    CLI_SRS_RSRP,
    DIFFERENTIAL_PRS_RSRP,
    LTE_POWER_HEADROOM,
    LTE_RS_SINR,
    LTE_RSRP,
    LTE_RSRQ,
    MAXIMUM_POWER,
    POWER_HEADROOM,
    PRS_RSRP,
    PRS_RSRPP,
    REPORT_TABLES,
    SRS_RSRP,
    TIMING_ADVANCE,
    ReportTable,
)
from raylocus.network.rrc.lte import decode_lte_rx_tx, encode_lte_rx_tx, lte_timing_advance
from raylocus.units import SPEED_OF_LIGHT, TC, TS


def below(value: float) -> float:
    return float(np.nextafter(value, -np.inf))


@pytest.mark.parametrize("table", REPORT_TABLES, ids=lambda table: table.name)
def test_every_bin_of_every_table_at_both_edges(table: ReportTable) -> None:
    for code, edge in enumerate(table.edges, start=1):
        assert table.encode(np.array([edge]))[0] == code
        assert table.encode(np.array([below(edge)]))[0] == code - 1
    for code in range(1, table.last_code):
        low, high = table.edges[code - 1], table.edges[code]
        assert table.decode(np.array([code]))[0] == pytest.approx((low + high) / 2)
    assert table.decode(np.array([0, table.last_code])).tolist() == [table.edges[0], table.edges[-1]]


@pytest.mark.parametrize(
    ("table", "last", "rows"),
    [
        # Index, a value inside its bin, and a value just outside: TS 38.133 tables 10.1.17.1-1 and 10.1.18.1-1.
        (POWER_HEADROOM, 63, {0: -32.5, 1: -32, 54: 21.5, 55: 22, 56: 24, 62: 36, 63: 38}),
        (MAXIMUM_POWER, 63, {0: -30, 1: -29, 62: 32.9, 63: 33}),
        (PRS_RSRP, 126, {0: -157, 1: -156, 125: -31.5, 126: -31}),
        (SRS_RSRP, 126, {0: -157, 126: -30}),
        (LTE_RSRP, 97, {0: -140.5, 1: -140, 96: -44.5, 97: -44}),
        (LTE_RSRQ, 34, {0: -20, 1: -19.5, 33: -3.2, 34: -3}),
        (LTE_RS_SINR, 127, {0: -23.5, 1: -23, 127: 40}),
        (PRS_RSRPP, 126, {0: -157, 1: -156, 126: -31}),
        (CLI_RSSI, 76, {0: -101, 1: -100, 75: -25.5, 76: -25}),
        (CLI_SRS_RSRP, 97, {0: -141, 1: -140, 96: -44.5, 97: -44}),
        (LTE_POWER_HEADROOM, 63, {0: -22.5, 1: -22, 62: 39.5, 63: 40}),
        # 7 691 indices: 128 Tc steps to 262 144 Tc, then 512 to 3 150 848.
        (
            TIMING_ADVANCE,
            7690,
            {0: 127, 1: 128, 2047: 262_143, 2048: 262_144, 2049: 262_656, 7690: 3_150_848},
        ),
        (DIFFERENTIAL_PRS_RSRP, 61, {0: -31, 1: -30, 31: 0.5, 60: 29.5, 61: 30}),
    ],
    ids=lambda value: value.name if isinstance(value, ReportTable) else "",
)
def test_tables_have_the_specified_ends(table: ReportTable, last: int, rows: dict[int, float]) -> None:
    assert table.last_code == last
    for code, value in rows.items():
        assert table.encode(np.array([float(value)]))[0] == code


def test_the_ends_of_a_report_stay_censored() -> None:
    decoded, censored = POWER_HEADROOM.reported(np.array([-40.0, 0.2, 60.0, np.nan]))
    assert decoded[:3].tolist() == [-32.0, 0.5, 38.0]
    assert np.isnan(decoded[3])
    assert censored.tolist() == [-1, 0, 1, 0]


def test_l1_sinr_is_reported_relative_to_the_best_beam() -> None:
    decoded = reported_beam_sinr(np.array([[10.1, 9.6, 8.1, -20.0, np.nan]]))
    # 10.1 dB is in [10, 10.5); the others are 0.5, 2.0 and 30.1 dB below it.
    assert decoded[0, :4].tolist() == [10.25, 9.75, 7.75, -4.75]
    assert np.isnan(decoded[0, 4])


@pytest.mark.parametrize(
    ("k", "last"), [(0, 1_970_049), (1, 985_025), (2, 492_513), (3, 246_257), (4, 123_129), (5, 61_565)]
)
def test_timing_reports_have_the_specified_number_of_indices(k: int, last: int) -> None:
    assert last_timing_code(k) == last
    # Multiples of Tc keep their exactness only as integers; half a step inside each bin is beyond doubt.
    codes = np.unique(np.r_[1:50, last // 2 - 20 : last // 2 + 20, last - 50 : last])
    for shift in (0.01, 0.99):
        time = ((codes - 1 + shift) * 2**k - TIMING_LIMIT) * TC
        assert (encode_timing(time, k) == codes).all()
    assert encode_timing(np.array([-1e-3, 1e-3]), k).tolist() == [0, last]
    assert (encode_timing(decode_timing(codes, k), k) == codes).all()


def test_rel_18_reports_time_in_steps_of_2_4_millimetres() -> None:
    decoded = decode_timing(encode_timing(np.array([1e-6]), -6), -6)
    assert abs(decoded[0] - 1e-6) * SPEED_OF_LIGHT <= 0.0013
    with pytest.raises(InputError, match="granularity k is −6 to 5"):
        encode_timing(np.array([0.0]), 6)


@given(st.floats(-4e-4, 4e-4), st.integers(-6, 5))
def test_a_timing_report_is_within_half_a_step(time: float, k: int) -> None:
    decoded, censored = reported_timing(np.array([time]), k)
    assert censored[0] == 0
    assert abs(decoded[0] - time) <= (0.5 * 2.0**k + 1e-6) * TC


@pytest.mark.parametrize("k", range(-6, 6))
def test_every_granularity_of_timing_at_both_edges(k: int) -> None:
    last, step = last_timing_code(k), 2.0**k
    assert last == int(2 * TIMING_LIMIT / step) + 1
    codes = np.unique(np.r_[1:20, last // 2 - 5 : last // 2 + 5, last - 20 : last])
    # A hundredth of a bin on either side of an edge, which rounding of seconds to Tc does not reach.
    for side, code in ((0.01, codes), (-0.01, codes - 1)):
        time = ((codes - 1 + side) * step - TIMING_LIMIT) * TC
        assert (encode_timing(time, k) == code).all()
    assert (encode_timing(decode_timing(codes, k), k) == codes).all()


def test_differential_l1_sinr_has_one_decibel_bins_from_the_best_beam() -> None:
    best = 20.0
    for code in range(1, 15):
        for below_edge, expected in ((1e-6, code - 0.5), (-1e-6, code + 0.5)):
            level = np.array([[best, best - code + below_edge]])
            assert reported_beam_sinr(level)[0, 1] == pytest.approx(best + 0.25 - expected)
    assert reported_beam_sinr(np.array([[best, best - 40]]))[0, 1] == best + 0.25 - 15


def test_angles_and_phases_are_in_tenths_of_a_degree() -> None:
    codes = np.arange(3600)
    assert (encode_azimuth(decode_azimuth(codes)) == codes).all()
    assert (encode_phase(decode_phase(codes)) == codes).all()
    assert encode_azimuth(np.array([-180.0, -179.9, 0.0, 179.95, 180.0])).tolist() == [0, 1, 1800, 3599, 0]
    assert encode_phase(np.array([-0.05, 360.0, 725.0])).tolist() == [3599, 0, 50]


@pytest.mark.parametrize(("levels", "last"), [(SHORT_LEVELS, 30), (LONG_LEVELS, 253)])
def test_buffer_status_of_every_level_at_both_edges(levels: np.ndarray, last: int) -> None:
    assert len(levels) == last + 1
    index = np.arange(last + 1)
    assert (buffer_size_index(levels.astype(float), levels) == index).all()
    assert (buffer_size_index(levels + 1.0, levels) == index + 1).all()
    lower, upper = buffer_size_bounds(np.array([0, 5, last + 1]), levels)
    assert lower.tolist() == [-1.0, levels[4], levels[-1]]
    assert upper.tolist() == [0.0, levels[5], np.inf]


def test_buffer_levels_grow_as_the_specification_says() -> None:
    # TS 38.321: ratios of about 1.38 (5 bits) and 1.065 (8 bits), 81 338 368 bytes at most.
    assert SHORT_LEVELS[-1] == 150_000 and LONG_LEVELS[-1] == 81_338_368
    assert SHORT_LEVELS[11:] / SHORT_LEVELS[10:-1] == pytest.approx(1.392, abs=0.01)
    assert LONG_LEVELS[61:] / LONG_LEVELS[60:-1] == pytest.approx(1.0651, abs=0.002)


def test_lte_timing_advance_and_rx_tx() -> None:
    delay = np.array([0.0, 78.07, 200_000.0, np.nan]) / SPEED_OF_LIGHT
    assert np.array_equal(lte_timing_advance(delay), [0, 1, 1282, np.nan], equal_nan=True)
    codes = np.arange(1, 4095)
    assert (encode_lte_rx_tx(decode_lte_rx_tx(codes)) == codes).all()
    edges = np.array([1.99, 2.01, 4095.9, 4096.1, 4104.1, 20471.9, 20472.1]) * TS
    assert encode_lte_rx_tx(edges).tolist() == [1, 2, 2048, 2049, 2050, 4095, 4095]
