"""What the protocol takes away from complete reports: identities, occasions, events, memory, LTE's tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from raylocus.errors import InputError
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.report_errors import (
    IdentityErrors,
    with_missing_identities,
    with_wrong_identities,
)
from raylocus.network.mac.link_adaptation import Scheduler
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories, select_sequences
from raylocus.network.reports.features import SCHEMA
from raylocus.network.reports.reports import Reports
from raylocus.network.rrc.events import Event
from raylocus.network.rrc.measurement_configuration import (
    PositioningSignal,
    ReportConfiguration,
    SoundingSignal,
)
from raylocus.network.stack.columns import occasion_periods
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import AntennaArray
from stack_fixtures import STACK, free_space_place, observe_stack

QUICK = MobilityConfiguration(
    fewest_reports=12,
    most_reports=12,
    report_intervals=(0.12,),
    miss_probability=0.0,
    interval_jitter=0.0,
    speed_classes=(SpeedClass(1.0, 8.0, 14.0),),
)


@pytest.fixture(scope="module")
def place() -> TracedPlace:
    return free_space_place()


@pytest.fixture(scope="module")
def walked(place: TracedPlace) -> Trajectories:
    return sample_trajectories(place.geometry_maps, 24, QUICK, np.random.default_rng(3))


@pytest.fixture(scope="module")
def few(walked: Trajectories) -> Trajectories:
    """Enough where what is expected is exact."""
    return select_sequences(walked, np.arange(5))[0]


@pytest.fixture(scope="module")
def usual(place: TracedPlace, walked: Trajectories) -> Reports:
    return observe_stack(place, place.radio_maps, walked, STACK, seed=1)


def observed(place: TracedPlace, walked: Trajectories, **changes: object) -> Reports:
    configuration = dataclasses.replace(STACK, **changes)
    return observe_stack(place, place.radio_maps, walked, configuration, seed=1)


def column(reports: Reports, name: str) -> np.ndarray:
    return reports.features[:, reports.feature_names.index(name)]


def serving(reports: Reports, name: str) -> np.ndarray:
    return column(reports, name)[reports.serving & (reports.beam < 0)]


def test_identities_go_wrong_and_missing_at_their_share(place: TracedPlace, usual: Reports) -> None:
    generator = np.random.default_rng(0)
    neighbours = ~usual.serving
    wrong = with_wrong_identities(usual, 0.3, place.deployment.pcis, generator)
    assert (wrong.pci[neighbours] != usual.pci[neighbours]).mean() == pytest.approx(0.3, abs=0.06)
    assert (wrong.pci[usual.serving] == usual.pci[usual.serving]).all()
    assert np.isin(wrong.pci, place.deployment.pcis).all()
    for report in range(len(usual.time)):
        tokens = slice(usual.token_offsets[report], usual.token_offsets[report + 1])
        named = wrong.pci[tokens][wrong.beam[tokens] < 0]
        assert len(np.unique(named)) == len(named)
    fewer = with_missing_identities(usual, 0.5, generator)
    assert (~fewer.serving).sum() == pytest.approx(0.5 * neighbours.sum(), rel=0.15)
    assert fewer.serving.sum() == usual.serving.sum() and len(fewer.time) == len(usual.time)
    with pytest.raises(InputError, match="between 0 and 1"):
        IdentityErrors(wrong=1.2)


def test_the_stack_draws_wrong_and_missing_identities(place: TracedPlace, few: Trajectories) -> None:
    sound = observed(place, few, identities=IdentityErrors(0.0, 0.0))
    none_read = observed(place, few, identities=IdentityErrors(0.0, 1.0))
    assert none_read.serving.all() and not sound.serving.all()
    confused = observed(place, few, identities=IdentityErrors(1.0, 0.0))
    neighbours = ~sound.serving
    assert (confused.pci[neighbours] != sound.pci[neighbours]).all()
    np.testing.assert_array_equal(confused.features, sound.features)


def test_what_one_occasion_gives_comes_and_goes_together(usual: Reports) -> None:
    names = set(usual.feature_names)
    for occasion, always in (
        ("csi", ("cqi", "ri")),
        ("phr", ("power_headroom",)),
        ("bsr", ("buffer_status",)),
    ):
        assert names.issuperset(always)
        there = np.isfinite(np.stack([serving(usual, name) for name in always]))
        assert (there.all(axis=0) | ~there.any(axis=0)).all(), occasion
    both = np.isfinite(serving(usual, "delay_spread")) == np.isfinite(serving(usual, "snr"))
    assert both.all()


def test_features_are_as_rare_as_their_occasions(place: TracedPlace, walked: Trajectories) -> None:
    seldom = observed(
        place,
        walked,
        report=ReportConfiguration(csi_period=320),
        positioning_signal=PositioningSignal(period=640),
        sounding_signal=SoundingSignal(period=1280),
        headroom_period=1.0,
        buffer_status_period=0.64,
    )
    # A report each 0.12 s, of which the first of a sequence has everything.
    first = np.zeros(len(seldom.time), bool)
    first[seldom.report_offsets[:-1]] = True
    for name, period in (
        ("cqi", 0.16),
        ("delay_spread", 0.64),
        ("power_headroom", 1.0),
        ("buffer_status", 0.64),
    ):
        there = np.isfinite(serving(seldom, name))
        assert there[~first].mean() == pytest.approx(0.12 / period, abs=0.12), name
    rstd = np.bincount(seldom.report_of_token, np.isfinite(column(seldom, "rstd")), len(seldom.time)) > 0
    assert rstd[~first].mean() == pytest.approx(0.12 / 0.64, abs=0.1)


def test_every_occasion_of_the_schema_has_a_period() -> None:
    # 40 slots of half a millisecond, 160 ms of PRS, 40 slots, and two timers.
    periods = {"csi": 0.02, "prs": 0.16, "srs": 0.02, "phr": 0.2, "bsr": 0.08}
    assert {feature.occasion for feature in SCHEMA} == {"", *periods}
    assert occasion_periods(STACK, 1) == pytest.approx(periods)
    for wrong in ({"headroom_period": 0.3}, {"buffer_status_period": 0.03}):
        with pytest.raises(InputError, match="Timer .* cannot be"):
            NetworkConfiguration(**wrong)


def test_an_event_is_reported_once_it_has_held_for_its_time(place: TracedPlace, walked: Trajectories) -> None:
    always = Event("A1", threshold=-150.0, time_to_trigger=0.32)
    reports = observed(place, walked, events=(always,), identities=IdentityErrors(0.0, 0.0))
    events = serving(reports, "event").reshape(-1, 12)
    reported = np.isfinite(events)
    # The condition holds from the first report on; 0.36 s later is the first report after 0.32 s.
    assert (events[:, 3][reported[:, 3]] == 1).all()
    others = np.delete(events, 3, axis=1)
    assert (others[np.isfinite(others)] == 0).all()


def test_a_handover_follows_the_a3_that_was_reported(place: TracedPlace) -> None:
    far = dataclasses.replace(QUICK, fewest_reports=20, most_reports=20, report_intervals=(0.48,))
    walked = sample_trajectories(place.geometry_maps, 30, far, np.random.default_rng(5))
    reports = observed(place, walked)
    handovers, events = (serving(reports, name) for name in ("handovers", "event"))
    moved = np.diff(handovers, prepend=0) > 0
    moved[reports.report_offsets[:-1]] = False
    assert moved.sum() >= 5
    assert (events[moved] == 3).mean() > 0.8


def test_event_triggered_reports_are_those_after_the_event(place: TracedPlace, walked: Trajectories) -> None:
    trigger = Event("A1", threshold=-150.0, time_to_trigger=0.0)
    twice = observed(place, walked, trigger=trigger, report=ReportConfiguration(interval=0.24, amount=2))
    assert np.diff(twice.report_offsets).tolist() == [2] * len(twice)
    assert np.diff(twice.time.reshape(-1, 2), axis=1) == pytest.approx(0.24, abs=0.02)
    never = Event("A1", threshold=0.0)
    none = observed(place, walked, trigger=never)
    assert len(none) == 0 and none.features.shape == (0, len(SCHEMA))


def test_time_stamps_rise_and_jitter(usual: Reports) -> None:
    gaps = np.diff(usual.time.reshape(-1, 12), axis=1)
    assert np.ptp(gaps) > 1e-4 and np.abs(gaps - 0.12).max() <= 0.005 + 1e-9


def test_a_bearer_remembers_what_it_was_at_the_report_before(
    place: TracedPlace, walked: Trajectories, usual: Reports
) -> None:
    """Between reports 0.12 s apart the load hardly changes; were it drawn again each time, it would."""

    def memory(reports: Reports, name: str) -> float:
        values = serving(reports, name).reshape(-1, 12)
        pairs = np.stack([values[:, :-1].ravel(), values[:, 1:].ravel()])
        return float(np.corrcoef(pairs[:, np.isfinite(pairs).all(axis=0)])[0, 1])

    forgetful = observed(place, walked, scheduler=Scheduler(memory=1e-3))
    assert memory(usual, "throughput") > memory(forgetful, "throughput") + 0.15
    assert memory(usual, "mcs") > 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"report": {"most_neighbours": 0}}, "maxReportCells cannot be 0"),
        ({"report": {"most_beams": 0}}, "maxNrofRS-IndexesToReport cannot be 0"),
        ({"sounding_signal": {"period": 3}}, "the SRS period cannot be 3"),
    ],
)
def test_nothing_to_report_is_refused(change: dict[str, dict], message: str) -> None:
    kinds = {
        "report": ReportConfiguration,
        "sounding_signal": SoundingSignal,
    }
    [(name, values)] = change.items()
    with pytest.raises(InputError, match=message):
        NetworkConfiguration(**{name: kinds[name](**values)})


def changed(place: TracedPlace, **carrier_or_array: object) -> TracedPlace:
    """The place with other antennas or another carrier, its maps and atlas as they are."""
    carrier, cells = place.deployment.carrier, place.deployment.cells
    if "array" in carrier_or_array:
        cells = tuple(dataclasses.replace(cell, **carrier_or_array) for cell in cells)
    else:
        carrier = dataclasses.replace(carrier, **carrier_or_array)
    network = dataclasses.replace(place.deployment, cells=cells, carriers=(carrier,))
    other = dataclasses.replace(place, deployment=network)
    other.__dict__.update(atlas=place.atlas, geometry_maps=place.geometry_maps, radio_maps=place.radio_maps)
    return other


def test_a_signal_wider_than_the_carrier_is_refused(place: TracedPlace, walked: Trajectories) -> None:
    narrow = changed(place, resource_blocks=51)
    with pytest.raises(InputError, match="PRS of 104 resource blocks does not fit into a carrier of 51"):
        observe_stack(narrow, place.radio_maps, walked, STACK, seed=1)
    with pytest.raises(InputError, match="an SSB of 20"):
        observe_stack(changed(place, resource_blocks=11), place.radio_maps, walked, STACK, seed=1)


def test_what_an_antenna_cannot_give_is_masked_with_its_reason(place: TracedPlace, few: Trajectories) -> None:
    single = changed(place, array=AntennaArray(columns=1, beams=1))
    maps = place.radio_maps.isel(beam=[0])
    reports = observe_stack(single, maps, few, dataclasses.replace(STACK, feature_set="fr2"), seed=1)
    reasons = dict(reports.absent)
    assert reasons["dl_aod"] == "the panels have a single column"
    for name, why in reasons.items():
        assert np.isnan(column(reports, name)).all() and why, name
    # Nothing else is missing altogether, and the mask says the same.
    for name in set(reports.feature_names) - set(reasons):
        assert reports.present[:, reports.feature_names.index(name)].any(), name
    odd = changed(place, array=AntennaArray(columns=5, beams=1))
    reports = observe_stack(odd, maps, few, dataclasses.replace(STACK, feature_set="fr2"), seed=1)
    assert dict(reports.absent)["cqi"] == "no codebook has panels of this many columns"
    assert dict(reports.absent)["dl_aod"] == "the cells have a single beam"


def test_a_deployment_without_a_band_is_refused(place: TracedPlace, walked: Trajectories) -> None:
    with pytest.raises(InputError, match="no frequency range of NR"):
        observe_stack(changed(place, frequency=float("nan")), place.radio_maps, walked, STACK, seed=1)
