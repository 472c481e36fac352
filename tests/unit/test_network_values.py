"""What TS 38.331 allows is allowed and nothing else; and small functions of the stack against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.configuration import CoherentFading, MapTiming, NetworkConfiguration
from raylocus.network.impairments.availability import UeCapability
from raylocus.network.impairments.building_loss import BuildingLoss, wall_loss_db
from raylocus.network.impairments.report_errors import IdentityErrors
from raylocus.network.mac.link_adaptation import Scheduler
from raylocus.network.mac.uplink import UplinkPowerControl, needed_power
from raylocus.network.movement.trajectories import Trajectories, keep_reports, velocities
from raylocus.network.phy.type_one_codebook import PANELS, beam_vectors, panel_oversampling
from raylocus.network.random_streams import complex_normal, correlated_normal
from raylocus.network.reports.centroid import rsrp_centroid
from raylocus.network.reports.features import features_named, logged_levels
from raylocus.network.rlc import AcknowledgedMode
from raylocus.network.rrc.events import Event, filter_weight, l3_filter
from raylocus.network.rrc.measurement_configuration import (
    PositioningSignal,
    ReportConfiguration,
    SoundingSignal,
)

INFINITE = float("inf")
# Of every parameter: how it is set, all that TS 38.331 (or the clause named) lists, and what it does not.
LISTED = {
    "ReportInterval": (
        lambda value: ReportConfiguration(interval=value),
        [0.12, 0.24, 0.48, 0.64, 1.024, 2.048, 5.12, 10.24, 20.48, 40.96, 60.0, 360.0, 720.0, 1800.0],
        [0.0, 0.08, 0.5, 1.0, 3600.0, -0.12],
    ),
    "reportAmount": (
        lambda value: ReportConfiguration(amount=value),
        [1, 2, 4, 8, 16, 32, 64, INFINITE],
        [0, 3, 128, -1],
    ),
    "maxReportCells": (
        lambda value: ReportConfiguration(most_neighbours=value),
        list(range(1, 9)),
        [0, 9],
    ),
    "maxNrofRS-IndexesToReport": (
        lambda value: ReportConfiguration(most_beams=value),
        [1, 2, 16, 32],
        [0, 33],
    ),
    "FilterCoefficient": (
        lambda value: ReportConfiguration(filter_coefficient=value),
        [*range(10), 11, 13, 15, 17, 19],
        [-1, 10, 12, 14, 16, 18, 20],
    ),
    "TimeToTrigger": (
        lambda value: Event("A3", time_to_trigger=value),
        [0.0, 0.04, 0.064, 0.08, 0.1, 0.128, 0.16, 0.256, 0.32, 0.48, 0.512, 0.64, 1.024, 1.28, 2.56, 5.12],
        [0.05, 0.2, 1.0, 10.24, -0.04],
    ),
    "hysteresis": (lambda value: Event("A3", hysteresis=value), [0.0, 0.5, 14.5, 15.0], [-0.5, 0.25, 15.5]),
    "offset": (lambda value: Event("A6", offset=value), [-15.0, -0.5, 0.0, 15.0], [-15.5, 0.3, 16.0]),
    "SSB period": (
        lambda value: NetworkConfiguration(ssb_period=value),
        [0.005, 0.01, 0.02, 0.04, 0.08, 0.16],
        [0.0, 0.015, 0.32],
    ),
    "phr-PeriodicTimer": (
        lambda value: NetworkConfiguration(headroom_period=value),
        [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, INFINITE],
        [0.0, 0.3, 2.0],
    ),
    "periodicBSR-Timer": (
        lambda value: NetworkConfiguration(buffer_status_period=value),
        [
            0.001,
            0.005,
            0.01,
            0.016,
            0.02,
            0.032,
            0.04,
            0.064,
            0.08,
            0.128,
            0.16,
            0.32,
            0.64,
            1.28,
            2.56,
            INFINITE,
        ],
        [0.0, 0.002, 5.12],
    ),
    "maxRetxThreshold": (
        lambda value: AcknowledgedMode(most_retransmissions=value),
        [1, 2, 3, 4, 6, 8, 16, 32],
        [0, 5, 64],
    ),
    "t-PollRetransmit": (
        lambda value: AcknowledgedMode(poll_retransmit=value),
        [0.001, 0.004, 0.005, 0.045, 0.25, 0.3, 0.5, 0.8, 4.0],
        [0.0, 0.006, 0.255, 0.6, 8.0],
    ),
    "t-StatusProhibit": (
        lambda value: AcknowledgedMode(status_prohibit=value),
        [0.0, 0.005, 0.25, 0.5, 1.2, 2.4],
        [0.001, 0.6, 4.8],
    ),
    "alpha (TS 38.331 PUSCH-PowerControl)": (
        lambda value: UplinkPowerControl(alpha=value),
        [0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        [0.2, 0.75, 1.1],
    ),
    "comb and symbols of PRS (TS 38.211 §7.4.1.7.3)": (
        lambda pair: PositioningSignal(comb=pair[0], symbols=pair[1]),
        [(2, 2), (4, 4), (6, 6), (12, 12), (2, 4), (2, 6), (2, 12), (4, 12), (6, 12)],
        [(2, 3), (4, 2), (4, 6), (3, 3), (12, 6)],
    ),
    "bandwidth of PRS": (
        lambda value: PositioningSignal(resource_blocks=value),
        [24, 28, 268, 272],
        [20, 26, 276],
    ),
    "comb of SRS": (lambda value: SoundingSignal(comb=value), [2, 4, 8], [1, 3, 12]),
    "bandwidth of SRS": (lambda value: SoundingSignal(resource_blocks=value), [4, 8, 272], [0, 6, 276]),
    "receive antennas": (lambda value: UeCapability(receive_antennas=value), [1, 2, 4, 8], [0, 9]),
    "a share of buildings": (lambda value: BuildingLoss(high_loss_share=value), [0.0, 1.0], [-0.1, 1.1]),
    "a share of wrong PCIs": (lambda value: IdentityErrors(wrong=value), [0.0, 1.0], [-0.1, 1.1]),
    "a scheduled share": (lambda value: Scheduler(least=value), [0.0, 0.5], [-0.1, 0.6]),
    "SSBs of a sample": (lambda value: CoherentFading(occasions=value), [1, 5], [0]),
    "noise of timing": (lambda value: MapTiming(noise=value), [0.0, 1e-7], [-1e-9]),
}


@pytest.mark.parametrize(("build", "listed", "others"), LISTED.values(), ids=LISTED)
def test_what_the_standard_lists_is_allowed_and_nothing_else(
    build: Callable[[object], object], listed: list, others: list
) -> None:
    for value in listed:
        build(value)
    for value in others:
        with pytest.raises(InputError):
            build(value)


def test_open_loop_power_by_hand() -> None:
    # TS 38.213 §7.1.1: −90 + 10·log10(2¹·10) + 0.8·100 dBm; a dB of path loss costs α dB.
    control = UplinkPowerControl(target_dbm=-90.0, alpha=0.8)
    power = needed_power(np.array([100.0, 101.0]), 10, 1, control)
    np.testing.assert_allclose(power, [3.0103, 3.8103], atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([0, 1, 4, 11, 19]), st.floats(0, 3), st.floats(0, 3))
def test_waiting_twice_is_waiting_once_for_both_times(coefficient: int, first: float, second: float) -> None:
    weight = partial(filter_weight, coefficient)
    once, again, both = 1 - weight(np.array([first, second, first + second]))
    assert both == pytest.approx(once * again, abs=1e-12)


def test_the_l3_filter_follows_a_step_as_the_standard_says() -> None:
    # TS 38.331 §5.5.3.2: a = 2^(−k/4), so with k = 4 half of what is left at each period of 200 ms.
    measured = np.array([[0.0], [8.0], [8.0], [8.0], [np.nan], [5.0]])
    time, offsets = 0.2 * np.arange(6), np.array([0, 6])
    filtered = l3_filter(measured, time, offsets, 4)[:, 0]
    np.testing.assert_allclose(filtered, [0, 4, 6, 7, np.nan, 5])
    np.testing.assert_array_equal(l3_filter(measured, time, offsets, 0), measured)
    apart = l3_filter(measured, time, np.array([0, 2, 6]), 4)[:, 0]
    np.testing.assert_allclose(apart, [0, 4, 8, 8, np.nan, 5])


def test_complex_numbers_have_unit_power_and_no_direction() -> None:
    drawn = complex_normal((40_000,), np.random.default_rng(1))
    assert np.mean(np.abs(drawn) ** 2) == pytest.approx(1, abs=0.03)
    assert abs(np.mean(drawn**2)) < 0.02 and abs(np.mean(drawn)) < 0.02


def test_what_is_remembered_fades_with_its_correlation_time() -> None:
    sequences, gap = 30_000, 2.0
    offsets, time = 2 * np.arange(sequences + 1), np.tile([0.0, gap], sequences)
    value = correlated_normal(time, offsets, 5.0, np.random.default_rng(2)).reshape(-1, 2)
    assert value.std(axis=0) == pytest.approx([1, 1], abs=0.02)
    assert np.corrcoef(value.T)[0, 1] == pytest.approx(np.exp(-gap / 5.0), abs=0.02)
    assert np.corrcoef(value[:-1, 1], value[1:, 0])[0, 1] == pytest.approx(0, abs=0.02)


def test_velocity_of_even_movement_and_of_a_single_report() -> None:
    time, velocity = np.array([0.0, 1.0, 3.0, 0.0]), np.array([3.0, -4.0, 0.0])
    position = np.concatenate([time[:3, None] * velocity, [[50.0, 60.0, 1.5]]])
    walked = Trajectories(np.array([0, 3, 3, 4]), time, position)
    np.testing.assert_allclose(velocities(walked), [velocity, velocity, velocity, [0, 0, 0]])
    kept = keep_reports(walked, np.array([1, 2]))
    np.testing.assert_array_equal(kept.report_offsets, [0, 2])
    np.testing.assert_array_equal(kept.time, [0.0, 2.0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-60, 60))
def test_the_centroid_lies_among_the_sites_heard_and_asks_for_no_absolute_level(
    seed: int, shift: float
) -> None:
    random = np.random.default_rng(seed)
    site, level = random.uniform(-500, 500, (5, 2)), random.uniform(-120, -60, (7, 5))
    level[random.random(level.shape) < 0.4] = np.nan
    centre = rsrp_centroid(level, site)
    np.testing.assert_allclose(rsrp_centroid(level + shift, site), centre, atol=1e-6)
    heard = ~np.isnan(level)
    for row in range(7):
        if heard[row].any():
            assert np.all(centre[row] >= site[heard[row]].min(axis=0) - 1e-9)
            assert np.all(centre[row] <= site[heard[row]].max(axis=0) + 1e-9)
        else:
            assert np.isnan(centre[row]).all()


def test_equal_levels_weigh_alike_and_one_far_louder_decides() -> None:
    site = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 200.0]])
    centre = rsrp_centroid(np.array([[-90.0, -90.0, np.nan], [-60.0, -160.0, -160.0]]), site)
    np.testing.assert_allclose(centre, [[50, 0], [0, 0]], atol=0.01)


# TS 38.133 Table 10.1.6.1-1 and TS 36.133 Tables 9.1.4-1 and 9.1.7-1; −43 dBm is Android's "−44 or above" of LTE.
@pytest.mark.parametrize(
    ("feature", "technology", "logged", "kept", "censored"),
    [
        ("rsrp", 1, -156.5, np.nan, 0),
        ("rsrp", 1, -156.0, -156.0, -1),
        ("rsrp", 1, -90.0, -90.0, 0),
        ("rsrp", 1, -43.0, -43.0, 0),
        ("rsrp", 1, -31.0, -31.0, 1),
        ("rsrp", 2, -44.5, -44.5, 0),
        ("rsrp", 2, -44.0, -44.0, 1),
        ("rsrp", 2, -43.0, -44.0, 1),
        ("rsrp", 2, -42.0, np.nan, 0),
        ("rsrp", 2, -156.0, -156.0, -1),
        ("rsrq", 1, -43.0, -43.0, -1),
        ("rsrq", 2, -34.5, np.nan, 0),
        ("rsrq", 2, 3.0, 2.5, 1),
        ("sinr", 2, -23.0, -23.0, -1),
        ("sinr", 2, 40.5, np.nan, 0),
    ],
)
def test_ends_of_what_phones_log(
    feature: str, technology: int, logged: float, kept: float, censored: int
) -> None:
    (row,) = features_named((feature,))
    value, end = logged_levels(np.array([logged]), row, np.array([technology]))
    np.testing.assert_array_equal(value, [kept])
    assert end[0] == censored


@pytest.mark.parametrize("panel", sorted({panel for panels in PANELS.values() for panel in panels}))
def test_beams_of_a_panel_are_orthogonal_where_they_are_an_oversampling_apart(panel: tuple[int, int]) -> None:
    # TS 38.214 §5.2.2.2.1: v_{l,m} over N1·N2 elements, O1 and O2 beams between orthogonal ones.
    (across, up), beams = panel_oversampling(*panel), beam_vectors(*panel)
    apart = beams[::across, ::up].reshape(-1, panel[0] * panel[1])
    np.testing.assert_allclose(apart @ apart.conj().T, len(apart) * np.eye(len(apart)), atol=1e-9)
    np.testing.assert_allclose(np.abs(beams), 1)


def test_a_panel_of_no_codebook_is_refused() -> None:
    with pytest.raises(InputError, match="5 × 5"):
        panel_oversampling(5, 5)


def test_walls_by_hand() -> None:
    # TR 38.901 Table 7.4.3-2 at 3.5 GHz: low 5 − 10·log10(0.3·10^−0.27 + 0.7·10^−1.9), high the same with IRR glass.
    low, high = wall_loss_db(3.5e9, np.array([False, True]))
    assert low == pytest.approx(5 - 10 * np.log10(0.3 * 10**-0.27 + 0.7 * 10**-1.9))
    assert high == pytest.approx(5 - 10 * np.log10(0.7 * 10**-2.405 + 0.3 * 10**-1.9))
    assert 12.5 < low < 13.5 and 25 < high < 28
