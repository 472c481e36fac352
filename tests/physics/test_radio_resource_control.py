"""Events, time-to-trigger, handover and configuration (TS 38.331)."""

from __future__ import annotations

import numpy as np
import pytest

from raylocus.errors import InputError
from raylocus.network.impairments.availability import UeCapability, beam_limit, frequency_range
from raylocus.network.rrc.events import (
    MEASUREMENT_PERIOD,
    Event,
    event_conditions,
    l3_filter,
    triggered,
)
from raylocus.network.rrc.handover import handover_history
from raylocus.network.rrc.measurement_configuration import (
    PositioningSignal,
    ReportConfiguration,
    SoundingSignal,
    sent_reports,
)

ONE = np.array([0, 0])

#: Event, serving and neighbour level [dBm] just inside the entering condition, just outside, and just inside and
#: outside the leaving condition; hysteresis 2 dB, thresholds −100 and −90 dBm, offset 3 dB.
CASES = [
    ("A1", [(-97.9, 0), (-98.1, 0)], [(-102.1, 0), (-101.9, 0)]),
    ("A2", [(-102.1, 0), (-101.9, 0)], [(-97.9, 0), (-98.1, 0)]),
    ("A3", [(-90, -84.9), (-90, -85.1)], [(-90, -89.1), (-90, -88.9)]),
    ("A4", [(0, -97.9), (0, -98.1)], [(0, -102.1), (0, -101.9)]),
    ("A5", [(-102.1, -87.9), (-101.9, -87.9)], [(-97.9, -80.0), (-98.1, -80.0)]),
    ("A5", [(-102.1, -87.9), (-102.1, -88.1)], [(-110, -92.1), (-110, -91.9)]),
    ("A6", [(-90, -84.9), (-90, -85.1)], [(-90, -89.1), (-90, -88.9)]),
]


@pytest.mark.parametrize(("kind", "entering", "leaving"), CASES)
def test_every_event_at_both_edges_of_its_conditions(kind: str, entering: list, leaving: list) -> None:
    event = Event(kind, threshold=-100.0, second_threshold=-90.0, offset=3.0, hysteresis=2.0)
    for pairs, which in ((entering, 0), (leaving, 1)):
        levels = np.array(pairs, float)
        met = event_conditions(levels[:, 0], levels[:, 1:], event)[which]
        assert met[:, 0].tolist() == [True, False], (kind, which)


def test_a_cell_that_is_lost_leaves_and_cannot_enter() -> None:
    entering, leaving = event_conditions(np.array([-90.0]), np.array([[np.nan]]), Event("A3"))
    assert not entering[0, 0] and leaving[0, 0]


def test_an_event_fires_after_its_time_to_trigger_and_once() -> None:
    holds = np.array([0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0], bool)[:, None]
    time = 0.1 * np.arange(11)
    fires, listed = triggered(holds, ~holds, time, np.array([0, 11]), 0.16)
    # Holds from 0.1 s: due at 0.3 s. Off from 0.5 s: off the list at 0.7 s had it not held again.
    assert np.flatnonzero(fires[:, 0]).tolist() == [3]
    assert np.flatnonzero(listed[:, 0]).tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    fires, listed = triggered(holds, ~holds, time, np.array([0, 11]), 0.0)
    assert np.flatnonzero(fires[:, 0]).tolist() == [1, 7]
    assert np.flatnonzero(listed[:, 0]).tolist() == [1, 2, 3, 4, 7, 8, 9]


def test_a_new_sequence_starts_without_memory() -> None:
    holds = np.ones((4, 1), bool)
    fires, _ = triggered(holds, ~holds, np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 2, 4]), 0.64)
    assert fires[:, 0].tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "A7"}, "no event"),
        ({"kind": "A3", "time_to_trigger": 0.2}, "TimeToTrigger"),
        ({"kind": "A3", "hysteresis": 0.3}, "hysteresis"),
        ({"kind": "A3", "offset": 16.0}, "offset"),
    ],
)
def test_events_take_only_values_of_the_standard(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Event(**values)


def test_handover_waits_for_the_time_to_trigger_and_keeps_its_history() -> None:
    time = 0.1 * np.arange(8)
    rsrp = np.array([[-80.0, -90.0]] * 2 + [[-80.0, -75.0]] * 6)
    history = handover_history(
        rsrp, time, np.array([0, 8]), Event("A3", offset=2.0, hysteresis=1.0, time_to_trigger=0.32)
    )
    # 5 dB better from 0.2 s on: held for 0.32 s at 0.6 s.
    assert history.serving.tolist() == [0] * 6 + [1, 1]
    assert history.count.tolist() == [0] * 6 + [1, 1]
    assert history.stay == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.0, 0.1])
    lost = rsrp.copy()
    lost[4:, 0] = np.nan
    assert handover_history(lost, time, np.array([0, 8])).serving.tolist() == [0] * 4 + [1] * 4


def test_the_filters_time_constant_at_the_default_coefficient() -> None:
    # 3gpp.md 2.4: k = 4 has a time constant of 289 ms at one measurement in 200 ms.
    step, count = 0.01, 200
    time = step * np.arange(count)
    measured = np.where(np.arange(count) == 0, 0.0, 1.0)[:, None]
    rising = l3_filter(measured, time, np.array([0, count]), 4)[:, 0]
    reached = time[np.argmax(rising >= 1 - np.exp(-1))]
    assert reached == pytest.approx(-MEASUREMENT_PERIOD / np.log(0.5), abs=step)


def test_periodic_and_triggered_reports_keep_interval_and_amount() -> None:
    time = 0.12 * np.arange(12)
    due = np.zeros(12, bool)
    due[[0, 9]] = True
    sent = sent_reports(due, time, np.array([0, 12]), ReportConfiguration(interval=0.24, amount=2))
    assert np.flatnonzero(sent).tolist() == [0, 2, 9, 11]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ReportConfiguration(interval=0.08), "ReportInterval cannot be 0.08"),
        (lambda: ReportConfiguration(most_neighbours=0), "maxReportCells cannot be 0"),
        (lambda: ReportConfiguration(most_neighbours=9), "maxReportCells"),
        (lambda: ReportConfiguration(filter_coefficient=10), "FilterCoefficient"),
        (lambda: ReportConfiguration(csi_period=12), "CSI period"),
        (lambda: PositioningSignal(comb=5), "PRS"),
        (lambda: PositioningSignal(resource_blocks=25), "PRS bandwidth cannot be 25"),
        (lambda: SoundingSignal(comb=3), "SRS comb"),
        (lambda: UeCapability(receive_antennas=0), "1 to 8 receive antennas"),
    ],
)
def test_configurations_refuse_what_the_standard_does_not_have(wrong: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrong()


def test_bands_and_their_beams() -> None:
    assert [beam_limit(frequency) for frequency in (2.1e9, 3.5e9, 28e9)] == [4, 8, 64]
    assert [frequency_range(frequency) for frequency in (700e6, 39e9)] == [1, 2]
    with pytest.raises(InputError, match="no frequency range"):
        frequency_range(10e9)
