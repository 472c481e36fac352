"""No field of the network's configuration is ignored: another value gives other reports, or is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from raylocus.errors import InputError
from raylocus.network.configuration import (
    CoherentFading,
    DetectedTiming,
    MapTiming,
    NetworkConfiguration,
    StatisticalFading,
)
from raylocus.network.impairments.building_loss import BuildingLoss
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.reports.reports import Reports
from raylocus.network.rrc.events import Event
from raylocus.network.rrc.measurement_configuration import ReportConfiguration
from raylocus.propagation.atlas.atlas import reorder
from raylocus.propagation.maps.traced_place import TracedPlace
from stack_fixtures import ALWAYS, STACK, free_space_place, observe_stack

A1 = Event("A1", threshold=-150.0)
#: Another value of every field; those of `REFUSED` cannot be had.
CHANGES: dict[str, Any] = {
    "feature_set": "critical",
    "availability": {},
    "fading": StatisticalFading(),
    "fading.occasions": 1,
    "timing": MapTiming(),
    "timing.noise": 3e-6,
    "timing.detector.oversampling": 8,
    "timing.detector.noise_threshold_db": 60.0,
    "timing.detector.peak_threshold_db": -40.0,
    "receiver_noise_db": 5.0,
    "beam_noise_db": 9.0,
    "device_bias_db": 9.0,
    "neighbour_dropout": 0.9,
    "detection_rsrp": -70.0,
    "detection_sinr": 0.0,
    "load": 0.1,
    "noise_figure_db": 40.0,
    "building_loss.high_loss_share": 1.0,
    "report.interval": 0.24,
    "report.amount": 2,
    "report.most_neighbours": 1,
    "report.most_beams": 1,
    "report.filter_coefficient": 0,
    "report.csi_period": 320,
    "handover.offset": -6.0,
    "handover.hysteresis": 9.0,
    "handover.time_to_trigger": 0.0,
    "events": (A1,),
    "trigger": A1,
    "capability.receive_antennas": 2,
    "capability.most_layers": 1,
    "capability.sinr": False,
    "capability.positioning_downlink": False,
    "capability.positioning_uplink": False,
    "capability.carrier_phase": False,
    "ssb_period": 0.16,
    "positioning_signal.resource_blocks": 24,
    "positioning_signal.comb": 2,
    "positioning_signal.symbols": 12,
    "positioning_signal.period": 640,
    "positioning_signal.repetition": 32,
    "sounding_signal.resource_blocks": 24,
    "sounding_signal.comb": 8,
    "sounding_signal.period": 1280,
    "timing_errors.synchronisation": 1e-6,
    "timing_errors.trp_group_delay": 1e-7,
    "timing_errors.ue_group_delay": 1e-7,
    "timing_errors.granularity": 5,
    "timing_loop.dead_band_steps": 5.0,
    "clocks.drift": 1e-5,
    "clocks.stamp_jitter": 0.05,
    "spread_error": 0.5,
    "power_control.target_dbm": -60.0,
    "power_control.alpha": 0.4,
    "power_control.power_class": 2,
    "base_station_noise_figure_db": 30.0,
    "traffic.bursts_per_second": 5.0,
    "traffic.mean_burst": 2e6,
    "scheduler.least": 0.4,
    "scheduler.most": 0.9,
    "scheduler.memory": 0.1,
    "outer_loop.target": 0.4,
    "outer_loop.step_db": 1.0,
    "outer_loop.blocks": 8,
    "feedback_error_db": 1.0,
    "feedback_memory": 20.0,
    "bearer.poll_retransmit": 0.3,
    "bearer.status_prohibit": 0.1,
    "bearer.most_retransmissions": 1,
    "bearer.air_delay": 0.02,
    "headroom_period": 1.0,
    "buffer_status_period": 0.64,
    "identities.wrong": 1.0,
    "identities.missing": 1.0,
}
#: Fields that no other value of has a meaning here, and what is said of it.
REFUSED: dict[str, tuple[Any, str]] = {
    "handover.kind": ("A6", "handover is by event A3"),
    "handover.threshold": (-90.0, "no threshold"),
    "handover.second_threshold": (-90.0, "no threshold"),
    "capability.frequency_ranges": ((2,), "the UE has no FR1"),
    "fading.kind": ("statistical", ""),
    "timing.kind": ("map", ""),
}
#: What a change needs around it to be seen.
AROUND: dict[str, dict[str, Any]] = {
    "timing.noise": {"timing": MapTiming()},
    "building_loss.high_loss_share": {"building_loss": BuildingLoss(high_loss_share=0.0)},
    "report.interval": {"trigger": A1},
    "report.amount": {"trigger": A1, "report": ReportConfiguration(interval=0.12)},
    "positioning_signal.comb": {"noise_figure_db": 40.0},
    "positioning_signal.symbols": {"noise_figure_db": 40.0},
    "handover.hysteresis": {"handover": Event("A3", offset=-6.0)},
    "handover.time_to_trigger": {"handover": Event("A3", offset=-15.0, time_to_trigger=0.32)},
    "timing_loop.dead_band_steps": {"timing": MapTiming(noise=3e-7)},
}
BASE = dataclasses.replace(STACK, feedback_error_db=12.0)


@pytest.fixture(scope="module")
def place() -> TracedPlace:
    """Free space with a second path to everywhere, 7 m longer and from another side."""
    one = free_space_place()
    atlas = reorder(one.atlas, np.repeat(np.arange(len(one.atlas.site)), 2))
    second = np.arange(len(atlas.site)) % 2 == 1
    x, y, z = atlas.arrival.T
    arrival = np.where(second[:, None], np.stack([-y, x, z], axis=1), atlas.arrival)
    one.__dict__["atlas"] = dataclasses.replace(atlas, arrival=arrival, length=atlas.length + 7.0 * second)
    return one


@pytest.fixture(scope="module")
def usual(place: TracedPlace, walked: Trajectories) -> Reports:
    return observe_stack(place, place.radio_maps, walked, BASE, seed=1)


@pytest.fixture(scope="module")
def walked(place: TracedPlace) -> Trajectories:
    law = MobilityConfiguration(
        *(7, 7, (0.12,)), miss_probability=0.0, speed_classes=(SpeedClass(1.0, 8.0, 14.0),), indoor_share=0.7
    )
    return sample_trajectories(place.geometry_maps, 2, law, np.random.default_rng(3))


def changed(configuration: Any, path: str, value: Any) -> Any:
    name, _, rest = path.partition(".")
    inner = changed(getattr(configuration, name), rest, value) if rest else value
    return dataclasses.replace(configuration, **{name: inner})


def content(reports: Reports) -> tuple[Any, ...]:
    arrays = (reports.time, reports.pci, reports.beam, reports.features, reports.token_offsets)
    return (*(array.tobytes() for array in arrays), reports.feature_names)


def fields_of(configuration: Any, before: str = "") -> Iterator[str]:
    for field in dataclasses.fields(configuration):
        value = getattr(configuration, field.name)
        if dataclasses.is_dataclass(value) and field.name != "trigger":
            yield from fields_of(value, f"{before}{field.name}.")
        else:
            yield before + field.name


def test_every_field_is_tried() -> None:
    plain = dataclasses.replace(NetworkConfiguration(), fading=CoherentFading(), timing=DetectedTiming())
    both = {*fields_of(plain), *fields_of(NetworkConfiguration())}
    # Between carriers: tests/integration/test_two_carriers.py.
    assert both == {*CHANGES, *REFUSED, "frequency_offsets_db"} - {"fading", "timing"}


@pytest.mark.parametrize("path", CHANGES)
def test_another_value_gives_other_reports(
    path: str, place: TracedPlace, walked: Trajectories, usual: Reports
) -> None:
    base = dataclasses.replace(BASE, **AROUND.get(path, {}))
    other = changed(base, path, CHANGES[path])
    assert other != base
    if path in AROUND:
        usual = observe_stack(place, place.radio_maps, walked, base, seed=1)
    same = content(observe_stack(place, place.radio_maps, walked, other, seed=1)) == content(usual)
    assert not same


@pytest.mark.parametrize("path", [path for path, (_, said) in REFUSED.items() if said])
def test_a_value_without_meaning_is_refused(path: str, place: TracedPlace, walked: Trajectories) -> None:
    value, said = REFUSED[path]
    with pytest.raises(InputError, match=said):
        observe_stack(place, place.radio_maps, walked, changed(BASE, path, value), seed=1)


def test_intervals_of_periodic_reports_are_refused() -> None:
    with pytest.raises(InputError, match="event-triggered"):
        changed(NetworkConfiguration(), "report.interval", 0.24)


def test_more_features_change_nothing_of_the_critical_ones(place: TracedPlace, walked: Trajectories) -> None:
    law = NetworkConfiguration(availability=ALWAYS)
    few, many = (
        observe_stack(place, place.radio_maps, walked, dataclasses.replace(law, feature_set=name), seed=1)
        for name in ("critical", "all")
    )
    assert many.features[:, :5].tobytes() == few.features.tobytes()
    assert (many.pci == few.pci).all() and (many.time == few.time).all()
