"""Report mappings against the tables of TS 38.133 and TS 36.133, row by row, at both edges of every bin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.network.reports.features import (
    FEATURE_INDEX,
    FEATURES,
    ReportFeature,
    logged_levels,
    reported_in,
)
from raylocus.network.reports.report_mapping import (
    decode,
    edges_of,
    encode,
    reported,
    reported_beams,
)
from raylocus.scenes.cell_names.channels import technology_codes

#: Feature, lower end, step and last index of tables 10.1.6.1-1, 10.1.11.1-1 and 10.1.16.1-1 of TS 38.133, and of
#: tables 9.1.4-1 and 9.1.7-1 and clause 9.1.17 of TS 36.133.
TABLES = [
    (reported_in(FEATURES[FEATURE_INDEX[name]], technology), low, step, last)
    for technology, name, low, step, last in (
        *(("NR", "rsrp", -156.0, 1.0, 126), ("NR", "rsrq", -43.0, 0.5, 127), ("NR", "sinr", -23.0, 0.5, 127)),
        *(
            ("LTE", "rsrp", -140.0, 1.0, 97),
            ("LTE", "rsrq", -19.5, 0.5, 34),
            ("LTE", "sinr", -23.0, 0.5, 127),
        ),
    )
]


def below(value: float) -> np.ndarray:
    return np.array([np.nextafter(value, -np.inf)])


@pytest.mark.parametrize(("feature", "low", "step", "last"), TABLES)
def test_every_bin_of_a_table_at_both_edges(
    feature: ReportFeature, low: float, step: float, last: int
) -> None:
    edges = edges_of(feature)
    assert len(edges) == last
    for code in range(1, last + 1):
        edge = low + step * (code - 1)
        assert encode(np.array([edge]), edges)[0] == code
        assert encode(below(edge), edges)[0] == code - 1
    for code in range(1, last):
        assert decode(np.array([code]), edges)[0] == pytest.approx(low + step * (code - 0.5), abs=1e-12)


@pytest.mark.parametrize(("feature", "low", "step", "last"), TABLES)
def test_ends_stay_censored(feature: ReportFeature, low: float, step: float, last: int) -> None:
    high = low + step * (last - 1)
    values = np.array([low - 1e-9, low, np.nextafter(high, -np.inf), high, high + 50, np.nan])
    decoded, censored = reported(values, edges_of(feature))
    assert censored.tolist() == [-1, 0, 0, 1, 1, 0]
    assert decoded[:5].tolist() == [low, low + step / 2, high - step / 2, high, high]
    assert np.isnan(decoded[5])


def test_levels_of_logs_are_held_in_the_range_of_their_technology() -> None:
    # RSRP of TS 36.133 ends at −44 dBm, which Android writes as −43 (index 97), and begins at −156 with the extension.
    values = np.array([-156.5, -156.0, -90.0, -44.0, -43.0, -42.0])
    for name, expected, ends in (
        ("LTE", [np.nan, -156.0, -90.0, -44.0, -44.0, np.nan], [0, -1, 0, 1, 1, 0]),
        ("NR", [np.nan, -156.0, -90.0, -44.0, -43.0, -42.0], [0, -1, 0, 0, 0, 0]),
    ):
        technology = np.repeat(technology_codes([name]), len(values))
        held, censored = logged_levels(values, FEATURES[FEATURE_INDEX["rsrp"]], technology)
        np.testing.assert_array_equal(held, expected)
        assert censored.tolist() == ends
    quality = np.array([-34.5, -34.0, -20.0, 2.5, 3.0, 3.5])
    technology = np.repeat(technology_codes(["LTE"]), len(quality))
    held, censored = logged_levels(quality, FEATURES[FEATURE_INDEX["rsrq"]], technology)
    np.testing.assert_array_equal(held, [np.nan, -34.0, -20.0, 2.5, 2.5, np.nan])
    assert censored.tolist() == [0, -1, 0, 1, 1, 0]


def test_l1_rsrp_uses_indices_16_to_113() -> None:
    for code in range(17, 113):
        decoded, censored = reported_beams(np.array([[code - 157.0], below(code - 156.0)]))
        assert decoded.tolist() == [[code - 156.5]] * 2 and not censored.any()
    decoded, censored = reported_beams(np.array([[-200.0], below(-140.0), [-44.0], [0.0]]))
    assert decoded.ravel().tolist() == [-140.0, -140.0, -44.0, -44.0]
    assert censored.ravel().tolist() == [-1, -1, 1, 1]


def test_differential_l1_rsrp_has_two_decibel_bins() -> None:
    def below_best(difference: float) -> float:
        decoded, censored = reported_beams(np.array([[-60.0, -60.0 - difference]]))
        assert censored.tolist() == [[0, -1 if difference >= 30 else 0]]
        return float(decoded[0, 0] - decoded[0, 1])

    step = 2.0**-44  # what −60 dBm can still be lowered by
    for code in range(15):
        assert below_best(2.0 * code) == below_best(2.0 * code + 2 - step) == 2.0 * code + 1
    assert below_best(30.0) == below_best(500.0) == 30.0


def test_beams_are_reported_relative_to_the_strongest() -> None:
    level = np.array(
        [[-80.2, -82.1, -90.0, -130.0], [-150.0, -151.0, np.nan, np.nan], [np.nan, np.nan, np.nan, np.nan]]
    )
    decoded, censored = reported_beams(level)
    # −80.2 dBm is in [−81, −80); the others are 1.9, 9.8 and 49.8 dB below it.
    assert decoded[0].tolist() == [-80.5, -81.5, -89.5, -110.5]
    assert censored[0].tolist() == [0, 0, 0, -1]
    assert decoded[1, :2].tolist() == [-140.0, -141.0]
    assert censored[1, :2].tolist() == [-1, -1]
    assert np.isnan(decoded[1, 2:]).all() and np.isnan(decoded[2]).all() and not censored[2].any()


@given(st.floats(-200, 100), st.sampled_from(["rsrp", "rsrq", "sinr", "l1_rsrp"]))
def test_a_decoded_value_is_within_half_a_step_or_censored(value: float, name: str) -> None:
    feature = FEATURES[FEATURE_INDEX[name]]
    decoded, censored = reported(np.array([value]), edges_of(feature))
    if censored[0] == 0:
        assert abs(decoded[0] - value) <= feature.step / 2
    else:
        assert (value < feature.low) if censored[0] < 0 else (value >= feature.high)
    # A report read and sent again is the same report.
    again, end = reported(decoded, edges_of(feature))
    assert censored[0] == -1 or (again[0] == decoded[0] and end[0] == censored[0])
