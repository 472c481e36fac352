"""`observe_stack` in free space, where every measurement has a known answer."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.network.channel.links import beam_weights
from raylocus.network.impairments.availability import UeCapability
from raylocus.network.impairments.report_errors import ClockErrors, IdentityErrors
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories, select_sequences, velocities
from raylocus.network.positioning.timing_measurements import TimingErrors
from raylocus.network.reports.explain import explain_trace
from raylocus.network.reports.features import CRITICAL, FEATURE_SETS, SCHEMA, feature_set, features_named
from raylocus.network.reports.parquet import load_parquet, save_parquet
from raylocus.network.reports.report_files import load_reports, save_reports
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.network.rrc.measurement_configuration import ReportConfiguration
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.provenance import Provenance
from raylocus.scenes.sites import AntennaArray
from raylocus.scenes.world import WorldLaw, sample_world
from raylocus.units import SPEED_OF_LIGHT, TC, timing_advance_distance
from stack_fixtures import STACK, free_space_place, observe_stack

#: As little noise as there can be: clocks and levels exact, nothing missing, no handover that lags.
CALM = dataclasses.replace(
    STACK,
    device_bias_db=0.0,
    neighbour_dropout=0.0,
    beam_noise_db=0.0,
    load=0.1,
    receiver_noise_db=0.0,
    report=ReportConfiguration(filter_coefficient=0, most_beams=8),
    timing_errors=TimingErrors(0.0, 0.0, 0.0, granularity=0),
    clocks=ClockErrors(0.0, 0.0),
    spread_error=0.0,
    identities=IdentityErrors(0.0, 0.0),
)
COUNT = 20


@pytest.fixture(scope="module")
def place() -> TracedPlace:
    return free_space_place()


@pytest.fixture(scope="module")
def walked(place: TracedPlace) -> Trajectories:
    return sample_trajectories(place.geometry_maps, COUNT, MobilityConfiguration(), np.random.default_rng(3))


@pytest.fixture(scope="module")
def calm(place: TracedPlace, walked: Trajectories) -> Reports:
    return observe_stack(place, place.radio_maps, walked, CALM, seed=1)


def column(reports: Reports, name: str) -> np.ndarray:
    return reports.features[:, reports.feature_names.index(name)]


def distances(place: TracedPlace, reports: Reports) -> np.ndarray:
    """Distance of each token's site and UE [m]."""
    site = place.deployment.site_of_cell[token_cells(reports, place.deployment)]
    offset = place.deployment.site_positions[site] - reports.position[reports.report_of_token]
    return np.linalg.norm(offset, axis=1)


def test_beam_weights_are_the_amplitudes_of_the_beams_gains(place: TracedPlace) -> None:
    directions = place.atlas.departure[::50].astype(np.float32)
    for cell in place.deployment.cells[:4]:
        weight = beam_weights(directions[None], cell)[0]
        gains = beam_gains(directions.astype(float), cell.azimuth, cell.downtilt, cell.array)
        assert np.abs(weight) ** 2 == pytest.approx(gains, rel=1e-3, abs=1e-5)


def test_every_feature_of_the_schema_is_measured(calm: Reports) -> None:
    present = np.isfinite(calm.features).any(axis=0)
    missing = {name for name, found in zip(calm.feature_names, present, strict=True) if not found}
    # A lone path has no second singular value; commands come only when UEs move far.
    assert missing <= {"condition_number", "timing_command"}
    assert calm.absent == ()


def test_values_lie_within_the_ranges_of_the_schema(calm: Reports) -> None:
    for feature, values in zip(features_named(calm.feature_names), calm.features.T, strict=True):
        known = values[np.isfinite(values)]
        assert len(known) == 0 or (known.min() >= feature.low and known.max() <= feature.high), feature.name


def test_features_are_of_the_tokens_that_the_schema_says(calm: Reports) -> None:
    for feature in features_named(calm.feature_names):
        known = np.isfinite(column(calm, feature.name))
        if feature.token == "beam":
            assert (calm.beam[known] >= 0).all()
        else:
            assert (calm.beam[known] < 0).all()
        if feature.token == "serving":
            assert calm.serving[known].all()


def test_timing_advance_follows_the_distance_within_the_dead_band(place: TracedPlace, calm: Reports) -> None:
    advance = column(calm, "timing_advance")
    known = np.isfinite(advance)
    steps = distances(place, calm)[known] / timing_advance_distance(1)
    # Half a step of access, or one of dead band, and what the detector is off.
    assert np.abs(advance[known] - steps).max() < 1.2


def test_arrivals_by_the_receivers_clock_differ_as_rstd_says(calm: Reports) -> None:
    arrival, rstd = column(calm, "time_of_arrival"), column(calm, "rstd")
    serving = np.full(len(calm.time), np.nan)
    of_serving = calm.serving & (calm.beam < 0)
    serving[calm.report_of_token[of_serving]] = arrival[of_serving]
    difference = arrival - serving[calm.report_of_token]
    known = np.isfinite(rstd) & np.isfinite(difference)
    assert known.sum() > 20
    # RSTD is coded in steps of 2^k Tc, arrivals are not.
    assert np.abs(difference - rstd)[known].max() < 1e-8


def test_rstd_and_round_trip_are_geometry(place: TracedPlace, calm: Reports) -> None:
    distance = distances(place, calm)
    first = calm.token_offsets[:-1][calm.report_of_token]
    rstd = column(calm, "rstd")
    known = np.isfinite(rstd)
    error = rstd[known] * SPEED_OF_LIGHT - (distance - distance[first])[known]
    assert known.sum() > 300 and np.median(np.abs(error)) < 0.5
    trip = (column(calm, "ue_rx_tx") + column(calm, "gnb_rx_tx")) * SPEED_OF_LIGHT / 2
    known = np.isfinite(trip)
    assert np.median(np.abs(trip[known] - distance[known])) < 0.5
    assert calm.serving[np.isfinite(column(calm, "rstd"))].sum() == 0


def test_timing_is_in_steps_of_its_granularity(calm: Reports) -> None:
    steps = column(calm, "ue_rx_tx") / TC
    steps = steps[np.isfinite(steps)]
    assert np.abs((steps - 0.5) - np.round(steps - 0.5)).max() < 1e-3


def test_angles_of_arrival_and_departure_point_at_the_ue(place: TracedPlace, calm: Reports) -> None:
    cells = token_cells(calm, place.deployment)
    site = place.deployment.site_positions[place.deployment.site_of_cell[cells]]
    offset = calm.position[calm.report_of_token] - site
    bearing = np.arctan2(offset[:, 1], offset[:, 0])
    boresight = np.array([cell.azimuth for cell in place.deployment.cells])[cells]
    ahead = np.abs(np.angle(np.exp(1j * (bearing - boresight)))) < np.deg2rad(55)
    far = np.hypot(offset[:, 0], offset[:, 1]) > 60
    for values, limit in ((np.deg2rad(column(calm, "ul_aoa")), 2.0), (column(calm, "dl_aod"), 5.0)):
        known = np.isfinite(values) & ahead & far
        error = np.angle(np.exp(1j * (values - bearing)))[known]
        assert known.sum() > 40 and np.rad2deg(np.median(np.abs(error))) < limit


def test_a_lone_path_has_rank_two_at_most_and_no_delay_spread(calm: Reports) -> None:
    # Two polarisations carry two layers over one path.
    assert np.nanmax(column(calm, "ri")) <= 2
    assert np.nanmax(column(calm, "delay_spread")) == 0
    assert np.nanmax(column(calm, "doppler_spread")) < 1e-6


def test_a_lone_path_fills_the_first_tap(calm: Reports) -> None:
    first, second = column(calm, "pdp_0"), column(calm, "pdp_1")
    known = np.isfinite(first)
    # All of it on the tap where it was detected, but for what the detector is off and the noise.
    assert known.sum() > 100 and np.median(first[known]) >= -0.5
    assert np.nanmedian(second) < -15


def test_critical_columns_come_first_in_every_set() -> None:
    for name, features in FEATURE_SETS.items():
        assert features[: len(CRITICAL)] == CRITICAL, name
        assert len(set(features)) == len(features)
    assert FEATURE_SETS["all"] == tuple(feature.name for feature in SCHEMA)
    with pytest.raises(InputError, match="no feature set"):
        feature_set("most")
    with pytest.raises(InputError, match="no report feature"):
        features_named(("height",))


@pytest.mark.parametrize("name", ["critical", "always", "fr2", "positioning"])
def test_a_smaller_set_has_its_columns_only(place: TracedPlace, walked: Trajectories, name: str) -> None:
    reports = observe_stack(
        place, place.radio_maps, walked, dataclasses.replace(STACK, feature_set=name), seed=1
    )
    assert reports.feature_names == FEATURE_SETS[name]
    assert reports.features.shape[1] == len(FEATURE_SETS[name])


def columns_of(reports: Reports) -> list[bytes]:
    names = (field.name for field in dataclasses.fields(Reports))
    values = (getattr(reports, name) for name in names)
    return [
        np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray) else value for value in values
    ]


def test_the_batch_size_changes_nothing_and_the_seed_does(place: TracedPlace) -> None:
    # Some UEs are indoors and many identities go wrong, so that every impairment draws.
    configuration = dataclasses.replace(STACK, identities=IdentityErrors(0.2, 0.2))
    law = MobilityConfiguration(indoor_share=0.4, most_reports=10)
    few = sample_trajectories(place.geometry_maps, 5, law, np.random.default_rng(2))

    def observed(seed: int, batch: int) -> list[bytes]:
        return columns_of(observe_stack(place, place.radio_maps, few, configuration, seed, batch))

    whole = observed(5, 5)
    assert observed(5, 1) == whole
    assert observed(5, 3) == whole
    assert observed(6, 5) != whole


def test_memory_does_not_grow_with_the_number_of_ues(place: TracedPlace) -> None:
    def peak(count: int) -> int:
        walked = sample_trajectories(
            place.geometry_maps, count, MobilityConfiguration(3, 3), np.random.default_rng(1)
        )
        tracemalloc.start()
        observe_stack(place, place.radio_maps, walked, STACK, 1, batch=1)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    # What is made at a first call and kept, such as what checks of types remember, is not of the work.
    peak(6)
    # Three times the UEs: the reports themselves grow, the work on them does not.
    assert peak(6) < 1.5 * peak(2)


def test_a_turned_antenna_turns_the_angle_that_the_operator_reads(
    place: TracedPlace, walked: Trajectories
) -> None:
    # The world's antennas point elsewhere than the operator believes; the maps are left as they are.
    few = select_sequences(walked, np.arange(6))[0]
    law = WorldLaw(severity=0.0)
    world = sample_world(place.deployment, law, np.random.default_rng(0))
    turned = dataclasses.replace(world, azimuth_error=np.full(len(place.deployment.cells), np.deg2rad(5.0)))
    angles = [
        column(observe_stack(place, place.radio_maps, few, CALM, 1, world=each), "ul_aoa")
        for each in (world, turned)
    ]
    assert angles[0].shape == angles[1].shape
    difference = (angles[0] - angles[1] + 180) % 360 - 180
    # Seen from the antenna everything moved the other way; above the horizon a row of columns sees a little less.
    assert np.nanmedian(difference) == pytest.approx(5.0, abs=0.6)


def test_what_a_ue_or_network_cannot_do_is_missing_with_a_reason(
    place: TracedPlace, walked: Trajectories
) -> None:
    plain = dataclasses.replace(STACK, capability=UeCapability(sinr=False))
    reports = observe_stack(place, place.radio_maps, walked, plain, seed=1)
    reasons = dict(reports.absent)
    assert reasons["rstd"] == "the UE does not measure PRS"
    assert reasons["ul_aoa"] == "no SRS for positioning is configured"
    assert reasons["sinr"] == "the UE does not measure SS-SINR"
    for name in reasons:
        assert np.isnan(column(reports, name)).all(), name
    assert np.isfinite(column(reports, "cqi")).any()


def test_a_deployment_that_cannot_be_run_is_refused(place: TracedPlace, walked: Trajectories) -> None:
    def refused(message: str, **changes: object) -> None:
        cells = tuple(dataclasses.replace(cell, **changes.get("cell", {})) for cell in place.deployment.cells)
        carrier = dataclasses.replace(place.deployment.carrier, **changes.get("carrier", {}))
        network = dataclasses.replace(place.deployment, cells=cells, carriers=(carrier,))
        broken = dataclasses.replace(place, deployment=network)
        broken.__dict__.update(
            atlas=place.atlas, geometry_maps=place.geometry_maps, radio_maps=place.radio_maps
        )
        with pytest.raises(InputError, match=message):
            observe_stack(broken, place.radio_maps, walked, STACK, seed=1)

    refused("has no power", cell={"power_dbm": float("nan")})
    refused("has no antenna array", cell={"array": AntennaArray(columns=0)})
    refused("no frequency range", carrier={"frequency": 12e9})
    refused("this band allows 4", carrier={"frequency": 2.1e9})


def test_two_cells_of_one_pci_and_frequency_are_refused(place: TracedPlace) -> None:
    twins = tuple(dataclasses.replace(cell, pci=7) for cell in place.deployment.cells[:2])
    with pytest.raises(PlaceError, match="share a PCI"):
        dataclasses.replace(place.deployment, cells=twins)


def test_a_trajectory_that_leaves_the_tile_is_refused(place: TracedPlace) -> None:
    outside = Trajectories(np.array([0, 1]), np.zeros(1), np.array([[500.0, 0.0, 1.5]]))
    with pytest.raises(InputError, match="outside the 256 m tile"):
        observe_stack(place, place.radio_maps, outside, STACK, seed=1)
    with pytest.raises(InputError, match="nothing to observe"):
        observe_stack(
            place, place.radio_maps, dataclasses.replace(outside, report_offsets=np.array([0])), CALM, seed=1
        )


def test_velocity_is_the_way_over_time() -> None:
    walked = Trajectories(
        np.array([0, 3, 4]),
        np.array([0.0, 1.0, 3.0, 0.0]),
        np.array([[0.0, 0, 0], [2, 0, 0], [2, 8, 0], [5, 5, 0]]),
    )
    assert velocities(walked)[:, :2].tolist() == [[2, 0], [2, 0], [0, 4], [0, 0]]


def test_wide_reports_survive_zarr_and_parquet(calm: Reports, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    wide = dataclasses.replace(calm, absent=(("rstd", "because"),))
    save_reports(wide, tmp_path / "reports.zarr", Provenance.collect({}))
    save_parquet(wide, tmp_path / "reports.parquet")
    for again in (load_reports(tmp_path / "reports.zarr"), load_parquet(tmp_path / "reports.parquet")):
        assert again.feature_names == wide.feature_names and again.absent == wide.absent
        for name in (
            "report_offsets",
            "token_offsets",
            "time",
            "position",
            "pci",
            "serving",
            "features",
            "censored",
        ):
            np.testing.assert_array_equal(getattr(again, name), getattr(wide, name))
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "reports.parquet").read_bytes()[:-100])
    for broken in ("cut.parquet", "absent.parquet"):
        with pytest.raises(StoreError, match="no Parquet file of reports"):
            load_parquet(tmp_path / broken)


def test_reports_keep_their_columns_through_select_and_concatenate(calm: Reports) -> None:
    both = Reports.concatenate([calm.select(np.array([2])), calm.select(np.array([0, 1]))])
    assert both.feature_names == calm.feature_names and len(both) == 3
    narrow = dataclasses.replace(
        calm, features=calm.features[:, :5], censored=calm.censored[:, :5], feature_names=CRITICAL
    )
    with pytest.raises(InputError, match="different feature sets"):
        Reports.concatenate([calm, narrow])


def test_a_trace_names_every_feature_with_its_clause(calm: Reports) -> None:
    from rich.console import Console

    console = Console(width=260, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(explain_trace(dataclasses.replace(calm, absent=(("rstd", "no PRS"),)), 3))
    text = console.export_text()
    for words in ("timing_advance", "ue_rx_tx", "TS 38.133 10.1.25.3", "TS 38.214 5.2.2.1", "no PRS"):
        assert words in text
