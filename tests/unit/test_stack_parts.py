"""Parts of the protocol stack against closed forms: fading, beams, named cells, sessions, what cannot be reported."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.channel.links import ChannelState, Links, beam_weights, column_ports
from raylocus.network.configuration import CoherentFading, DetectedTiming, NetworkConfiguration
from raylocus.network.impairments.availability import (
    COLUMN_FEATURES,
    FULL_CAPABILITY,
    UeCapability,
    absent_features,
    beam_limit,
    check_deployment,
    check_signals,
    frequency_range,
    occurred,
)
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import needs_paths
from raylocus.network.phy.rank import column_phase_step, compress_csi
from raylocus.network.phy.time_of_arrival import EARLY_SHARE, correlation_profile
from raylocus.network.reports.features import SCHEMA
from raylocus.network.rrc.events import Event
from raylocus.network.rrc.handover import handover_history
from raylocus.network.stack.cell_levels import audible_level, strongest_beams
from raylocus.network.stack.downlink import (
    beam_amplitudes,
    beam_fading_db,
    coherence_kernel,
    doppler_shifts,
    kernel_power,
    level_shift_db,
    ssb_kernel,
)
from raylocus.network.stack.heard_cells import Received, best_amplitudes, detected_delay, named_cells
from raylocus.network.stack.serving_cell import advance_report, departure_azimuths, fired, session_report
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.maps.path_loss import cell_energy
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.units import SPEED_OF_LIGHT, energy_per_resource_element, noise_per_resource_element

NAN = np.nan
CARRIER = Carrier()
QUIET = NetworkConfiguration(neighbour_dropout=0.0, load=0.5)


def deployment(
    array: AntennaArray = AntennaArray(), carrier: Carrier = CARRIER, cells: int = 3
) -> Deployment:
    sites = tuple(Site(f"site {number}", (100.0 * number, 0.0, 25.0)) for number in range(cells))
    return Deployment(
        (carrier,),
        sites,
        tuple(
            Cell(pci=number, site=number, azimuth=0.0, downtilt=0.0, array=array) for number in range(cells)
        ),
    )


def walked(time: list[float], lengths: list[int] | None = None) -> Trajectories:
    offsets = np.cumsum([0, *(lengths or [len(time)])])
    return Trajectories(offsets, np.array(time), np.zeros((len(time), 3)))


def links(delay: np.ndarray, departure: np.ndarray, field: np.ndarray | complex = 1.0) -> Links:
    """Paths of one report to every site; a unit field where there is a delay."""
    transfer = np.zeros((*delay.shape, 2, 2), np.complex64)
    transfer[..., 0, 0] = np.where(np.isnan(delay), 0, field)
    return Links(delay, transfer, -departure, departure)


# Fading.


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_the_power_of_interfering_paths_is_that_of_all_samples(seed: int, occasions: int) -> None:
    random = np.random.default_rng(seed)
    delay, shift = random.uniform(0, 2e-6, 4), random.uniform(-200, 200, 4)
    amplitude = random.normal(size=(2, 4)) + 1j * random.normal(size=(2, 4))
    kernel = coherence_kernel(delay, shift, 30e3, 127, 0.02, occasions)
    frequency = 30e3 * (np.arange(127) - 63)
    when = 0.02 * (np.arange(occasions) - (occasions - 1) / 2)
    phase = when[:, None, None] * shift - frequency[:, None] * delay
    sampled = np.abs(np.einsum("ap,tfp->atf", amplitude, np.exp(2j * np.pi * phase))) ** 2
    assert np.allclose(kernel_power(amplitude, kernel), sampled.mean(axis=(1, 2)), rtol=2e-4)


def test_one_path_does_not_fade_and_two_that_cancel_do() -> None:
    amplitude = np.zeros((1, 3, 2, 1, 2), np.complex64)
    amplitude[0, 0, 0, 0] = [1, 0]
    amplitude[0, 1, 0, 0] = [1, -1]
    fading = beam_fading_db(amplitude, np.ones((1, 3, 2, 2), np.float32))
    assert fading[0, 0, 0] == pytest.approx(0, abs=1e-4)
    assert fading[0, 1, 0] == pytest.approx(-40)
    assert np.isnan(fading[0, 2, 0])


def test_a_ue_that_drives_towards_a_path_hears_it_higher() -> None:
    place = deployment()
    towards = np.broadcast_to([1.0, 0, 0], (1, 3, 1, 3))
    found = links(np.zeros((1, 3, 1)), towards)
    speed = 30.0
    shift = doppler_shifts(found, np.array([[speed, 0, 0]]), CARRIER.frequency)
    assert np.allclose(shift, speed * CARRIER.frequency / SPEED_OF_LIGHT)
    kernel = ssb_kernel(found, np.array([[speed, 0, 0]]), place, 0.02, 5)
    assert kernel.shape == (1, 3, 1, 1) and np.allclose(kernel, 1)


def test_beams_have_the_gain_of_their_pattern_and_columns_add_up_to_them() -> None:
    azimuth = np.linspace(-1.0, 1.0, 9)
    departure = np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], axis=-1)[None]
    cell = deployment().cells[0]
    weights = beam_weights(departure, cell)
    gains = beam_gains(departure[0], cell.azimuth, cell.downtilt, cell.array, cell.pattern)
    assert np.allclose(np.abs(weights[0]) ** 2, gains, rtol=1e-4, atol=1e-4)
    columns = column_ports(departure, cell)
    assert columns.shape == (1, 9, cell.array.columns)
    assert np.allclose(np.abs(columns), np.abs(columns[..., :1]), rtol=1e-5)
    # Straight ahead all columns are in phase.
    assert np.allclose(np.angle(columns[0, 4] / columns[0, 4, 0]), 0, atol=1e-5)


def test_levels_on_the_nominal_maps_are_not_shifted() -> None:
    place = deployment()
    ahead = np.broadcast_to([1.0, 0, 0], (2, 3, 1, 3))
    delay = np.zeros((2, 3, 1))
    delay[1, 2] = NAN
    amplitude = beam_amplitudes(links(delay, ahead, 1e-4), place)
    power = (np.abs(amplitude) ** 2).sum(axis=(2, 4))
    with np.errstate(divide="ignore"):
        level = cell_energy(place)[:, None] + 10 * np.log10(power)
    state = ChannelState(np.where(np.isinf(level), NAN, level + 7.0), delay[..., 0], np.ones((2, 3)))
    shift = level_shift_db(state, amplitude, place)
    assert np.isnan(shift[1, 2]) and np.allclose(shift[~np.isnan(shift)], 7, atol=1e-3)
    assert np.allclose(cell_energy(place), energy_per_resource_element(46.0, CARRIER.resource_blocks))


# Beams, cells and times.


def test_beams_come_strongest_first_and_those_without_a_path_last() -> None:
    level = np.array([[-90.0, NAN, -70.0, -80.0]])
    order, measured = strongest_beams(level, 3, 0.0, np.random.default_rng(0))
    assert order.tolist() == [[2, 3, 0]] and measured.tolist() == [[-70, -80, -90]]
    order, measured = strongest_beams(level, 4, 0.0, np.random.default_rng(0))
    assert order[0, 3] == 1 and np.isnan(measured[0, 3])


def test_a_report_names_the_serving_cell_first_and_no_more_neighbours_than_it_may() -> None:
    rsrp = np.array([[-80.0, -70, NAN, -90], [NAN, -75, -60, NAN]])
    history = handover_history(rsrp, np.array([0.0, 0.0]), np.array([0, 1, 2]))
    named = named_cells(rsrp, history, QUIET, np.random.default_rng(0))
    assert named[0].tolist()[:4] == [1, 0, 3, -1] and named[1].tolist()[:3] == [2, 1, -1]
    report = dataclasses.replace(QUIET.report, most_neighbours=1)
    one = named_cells(rsrp, history, dataclasses.replace(QUIET, report=report), np.random.default_rng(0))
    assert one.tolist() == [[1, 0], [2, 1]]
    deaf = dataclasses.replace(QUIET, neighbour_dropout=1.0)
    assert (named_cells(rsrp, history, deaf, np.random.default_rng(0))[:, 1:] == -1).all()


def test_the_strongest_beam_of_a_named_cell_is_taken() -> None:
    amplitude = np.zeros((1, 2, 2, 3, 2), np.complex64)
    amplitude[0, 1, 0, 2] = [2, 1j]
    amplitude[0, 1, 0, 1] = [1, 1]
    amplitude[0, 0, 0, 0] = [0.5, 0]
    found = best_amplitudes(amplitude, np.array([[1, 0, -1]]))
    assert found[0, 0].tolist() == [2, 1j] and found[0, 1].tolist() == [0.5, 0]


def test_what_could_be_heard_is_hidden_by_noise_interference_or_a_full_report() -> None:
    lone = np.array([[-140.0, NAN, NAN]])
    noise = noise_per_resource_element(CARRIER.numerology, QUIET.noise_figure_db)
    # Of a weak cell no interference comes: what counts is the noise, and then the threshold of detection.
    assert audible_level(lone, CARRIER, QUIET)[0] == pytest.approx(
        max(noise + QUIET.detection_sinr, QUIET.detection_rsrp), abs=0.2
    )
    loud = audible_level(np.array([[-60.0, NAN, NAN]]), CARRIER, QUIET)[0]
    assert loud == pytest.approx(-60 - 6 + 10 * np.log10(0.5) + QUIET.detection_sinr, abs=0.1)
    one = dataclasses.replace(QUIET, report=dataclasses.replace(QUIET.report, most_neighbours=1))
    full = audible_level(np.array([[-60.0, -65.0, NAN]]), CARRIER, one)[0]
    assert full == -65.0 and audible_level(np.array([[-60.0, -65.0, NAN]]), CARRIER, QUIET)[0] < -65


@given(st.floats(0.0, 3e-6))
def test_a_lone_path_peaks_at_its_delay(delay: float) -> None:
    spacing, count = 120e3, 128
    frequency = spacing * np.arange(count)
    response = np.exp(-2j * np.pi * frequency * delay)
    profile, step = correlation_profile(response, spacing, 8)
    assert profile.argmax() * step - EARLY_SHARE / spacing == pytest.approx(delay, abs=step)
    # The window has unit energy: a lone path of power 1 gives the sum of the window, squared.
    assert profile.max() == pytest.approx(count * 2 / 3, rel=0.05)


def test_nothing_is_detected_where_nothing_came() -> None:
    frequency = 120e3 * np.arange(128)
    response = np.exp(-2j * np.pi * frequency * np.array([[1e-6], [2e-6]])).astype(np.complex64)
    received = Received(response[None], np.array([[1e-6, NAN]]), frequency)
    found = detected_delay(received, DetectedTiming().detector)
    assert found[0, 0] == pytest.approx(1e-6, abs=5e-9) and np.isnan(found[0, 1])


@given(st.floats(-50, 50))
def test_the_phase_from_column_to_column_is_the_departure(angle: float) -> None:
    step = np.pi * np.sin(np.deg2rad(angle))
    column = np.exp(1j * step * np.arange(4))
    vector = np.concatenate([column, column])
    csi = compress_csi((vector[:, None] * vector[None].conj())[None])
    found = float(column_phase_step(csi, 4)[0])
    off = (found - np.rad2deg(step) + 180) % 360 - 180
    # Eight phases a circle: the mean of quantised steps is off by half of one at most.
    assert abs(off) <= 22.5 + 1e-6


@pytest.mark.parametrize("degrees", [-40.0, -10.0, 0.0, 25.0, 50.0])
def test_the_departure_is_where_the_beams_say(degrees: float) -> None:
    place = deployment()
    turned = Cell(pci=0, site=0, azimuth=1.0, downtilt=0.0)
    place = dataclasses.replace(place, cells=(turned, *place.cells[1:]))
    angle = 1.0 + np.deg2rad(degrees)
    direction = np.array([[np.cos(angle), np.sin(angle), 0.0]])
    gain = 10 * np.log10(beam_gains(direction, 1.0, 0.0, turned.array, turned.pattern))
    order = np.argsort(-gain, axis=1, kind="stable")[:, :4]
    level = np.take_along_axis(gain, order, axis=1) - 80.0
    found = departure_azimuths(order, level, np.array([0]), place)
    assert np.rad2deg(np.angle(np.exp(1j * (found[0] - angle)))) == pytest.approx(0, abs=1.0)


# Sessions.


def test_an_event_is_seen_from_the_cell_that_served_before_its_handover() -> None:
    time = [0.0, 0.5, 1.0, 1.5]
    rsrp = np.array([[-80.0, -90], [-85, -75], [-90, -70], [-90, -70]])
    event = Event("A3", offset=2.0, hysteresis=1.0, time_to_trigger=0.32)
    trajectories = walked(time)
    history = handover_history(rsrp, trajectories.time, trajectories.report_offsets, event)
    assert history.serving.tolist() == [0, 0, 1, 1]
    assert fired(rsrp, history, trajectories, event).tolist() == [False, False, True, False]
    report = session_report(rsrp, history, trajectories, (event, Event("A1", threshold=-85.0)))
    assert report["handovers"].values.tolist() == [0, 0, 1, 1] and report["stay"].values.tolist() == [
        0.0,
        0.5,
        0.0,
        0.5,
    ]
    # The event of the highest number counts; A1 holds from the first report on and fires once.
    assert report["event"].values.tolist()[0] == 1 and report["event"].values.tolist()[2] == 3


def test_the_timing_advance_is_measured_at_access_and_after_handovers() -> None:
    trajectories = walked([0.0, 0.5, 1.0])
    history = handover_history(
        np.array([[-80.0, -99], [-80, -99], [-99, -60]]), trajectories.time, np.array([0, 3])
    )
    delay = np.array([1e-6, 1.1e-6, 2e-6])
    found = advance_report(delay, history, trajectories, CARRIER, QUIET.timing_loop)
    step = 16 * 64 / 2**CARRIER.numerology / (480e3 * 4096)
    assert np.allclose(found["timing_advance"], np.round(2 * delay / step), atol=1)
    assert np.isnan(found["timing_advance"]).sum() == 0
    lost = advance_report(np.full(3, NAN), history, trajectories, CARRIER, QUIET.timing_loop)
    assert np.isnan(lost["timing_advance"]).all()


# What a band, an antenna or a UE cannot give.


@pytest.mark.parametrize(
    ("frequency", "number", "beams"),
    [(0.41e9, 1, 4), (3.0e9, 1, 4), (3.01e9, 1, 8), (7.125e9, 1, 8), (24.25e9, 2, 64), (71e9, 2, 64)],
)
def test_frequency_ranges_and_their_beams_at_the_edges(frequency: float, number: int, beams: int) -> None:
    assert frequency_range(frequency) == number and beam_limit(frequency) == beams


@pytest.mark.parametrize("frequency", [0.4e9, 7.2e9, 24.2e9, 71.1e9])
def test_between_the_frequency_ranges_there_is_no_nr(frequency: float) -> None:
    with pytest.raises(InputError, match="no frequency range of NR"):
        frequency_range(frequency)


@pytest.mark.parametrize(
    ("capability", "needs", "why"),
    [
        (dataclasses.replace(FULL_CAPABILITY, sinr=False), "sinr", "SS-SINR"),
        (dataclasses.replace(FULL_CAPABILITY, positioning_downlink=False), "downlink", "PRS"),
        (dataclasses.replace(FULL_CAPABILITY, positioning_uplink=False), "uplink", "SRS"),
        (dataclasses.replace(FULL_CAPABILITY, carrier_phase=False), "phase", "carrier phase"),
    ],
)
def test_what_a_ue_cannot_measure_is_absent_with_the_reason(
    capability: UeCapability, needs: str, why: str
) -> None:
    absent = dict(absent_features(SCHEMA, deployment(), capability))
    assert set(absent) == {each.name for each in SCHEMA if each.needs == needs} != set()
    assert all(why in reason for reason in absent.values())


def test_antennas_and_technology_decide_what_is_absent() -> None:
    def absent(array: AntennaArray, carrier: Carrier = CARRIER) -> set[str]:
        return set(dict(absent_features(SCHEMA, deployment(array, carrier), FULL_CAPABILITY)))

    assert absent(AntennaArray()) == set()
    assert absent(AntennaArray(columns=1, beams=1)) == {*COLUMN_FEATURES, "ul_aoa", "dl_aod"}
    assert absent(AntennaArray(columns=3, beams=3)) == set(COLUMN_FEATURES)
    assert absent(AntennaArray(columns=8, beams=1)) == {"dl_aod"}
    lte = Carrier(0.8e9, 0, 50, "LTE")
    assert absent(AntennaArray(columns=1, beams=1), lte) == {
        *COLUMN_FEATURES, "ul_aoa", "dl_aod", "l1_rsrp", "l1_sinr",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "capability", "sentence"),
    [
        (deployment(carrier=Carrier(28e9)), UeCapability(), "the UE has no FR2"),
        (
            deployment(carrier=Carrier(5e9), array=AntennaArray(beams=9)),
            UeCapability(),
            "9 SSB beams; this band allows 8",
        ),
        (deployment(carrier=Carrier(2e9)), UeCapability(), "8 SSB beams; this band allows 4"),
        (deployment(AntennaArray(rows=0)), UeCapability(), "no antenna array"),
    ],
)
def test_a_network_that_cannot_run_is_refused(
    place: Deployment, capability: UeCapability, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        check_deployment(place, capability)


def test_a_cell_without_power_is_refused() -> None:
    place = deployment()
    dark = dataclasses.replace(place, cells=(dataclasses.replace(place.cells[0], power_dbm=-np.inf),))
    with pytest.raises(InputError, match="has no power"):
        check_deployment(dark, UeCapability())
    check_deployment(place, UeCapability())


@pytest.mark.parametrize(
    ("blocks", "sentence"), [(18, "an SSB of 20"), (50, "PRS of 104"), (106, "SRS of 108")]
)
def test_signals_wider_than_the_carrier_are_refused(blocks: int, sentence: str) -> None:
    signals = {"an SSB": 20, "PRS": 104, "SRS": 108}
    with pytest.raises(InputError, match=sentence):
        check_signals(Carrier(resource_blocks=blocks), signals)
    check_signals(Carrier(resource_blocks=273), signals)


@settings(max_examples=30)
@given(st.floats(0.05, 2.0), st.floats(0, 0.999), st.lists(st.floats(0.01, 3.0), min_size=1, max_size=8))
def test_an_occasion_came_where_its_number_rose(period: float, phase: float, steps: list[float]) -> None:
    time = np.concatenate([[0.0], np.cumsum(steps)])
    found = occurred(time, np.array([0, len(time)]), period, np.full(len(time), phase))
    assert found[0]
    occasions = np.arange(-1, time[-1] / period + 2) * period - phase * period
    for before, now, came in zip(time[:-1], time[1:], found[1:], strict=True):
        between = (occasions > before + 1e-9) & (occasions <= now - 1e-9)
        near = np.abs(occasions - now).min() < 1e-8 or np.abs(occasions - before).min() < 1e-8
        assert near or came == between.any()


def test_paths_are_followed_only_where_something_asks_for_them() -> None:
    assert not needs_paths(NetworkConfiguration())
    assert needs_paths(NetworkConfiguration(fading=CoherentFading()))
    assert needs_paths(NetworkConfiguration(timing=DetectedTiming()))
    assert needs_paths(NetworkConfiguration(feature_set="positioning"))
    assert needs_paths(NetworkConfiguration(feature_set="all"))
