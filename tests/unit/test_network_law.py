"""Networks drawn by a law: within its ranges, the same again from the same seed, distinguished by their reports."""

import dataclasses

import numpy as np
import pytest

from raylocus.datasets.configuration import parse_dataset_configuration
from raylocus.datasets.plan import plan_worlds
from raylocus.errors import InputError
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.network_law import NetworkLaw, draw_network

RECIPE = """
places: [{folder: places/a, split: train}]
seed: 3
train: {worlds: 40, sequences: 5}
"""


def drawn(seed: int, law: NetworkLaw = NetworkLaw()) -> NetworkConfiguration:
    return draw_network(NetworkConfiguration(), law, np.random.default_rng(seed))


def test_every_setting_lies_in_its_range_and_takes_both_halves_of_it():
    networks, law = [drawn(seed) for seed in range(90)], NetworkLaw()
    for name in ("neighbour_dropout", "detection_rsrp", "detection_sinr", "load", "receiver_noise_db"):
        low, high = getattr(law, name)
        values = np.array([getattr(network, name) for network in networks])
        assert low <= values.min() < (low + high) / 2 < values.max() <= high, name
    neighbours = [network.report.most_neighbours for network in networks]
    assert set(neighbours) == set(range(1, 9)) and np.median(neighbours) <= 3
    assert {network.report.filter_coefficient for network in networks} == set(law.filter_coefficients)


def test_networks_go_without_features_as_often_as_the_law_says():
    never = [drawn(seed).availability.get("timing_advance", 1.0) == 0.0 for seed in range(200)]
    assert np.mean(never) == pytest.approx(0.6, abs=0.1)
    none = NetworkLaw(never_reported={})
    assert not drawn(1, none).availability


def test_half_of_the_networks_have_no_positioning_and_the_others_some_of_it():
    usual = NetworkConfiguration(feature_set="positioning", availability={"rstd": 0.9, "ul_aoa": 0.9})
    networks = [draw_network(usual, NetworkLaw(), np.random.default_rng(seed)) for seed in range(200)]
    shares = [(each.availability["rstd"], each.availability["ul_aoa"]) for each in networks]
    assert np.mean([pair == (0.0, 0.0) for pair in shares]) == pytest.approx(0.5 + 0.5 * 0.16, abs=0.1)
    assert np.mean([pair == (0.9, 0.9) for pair in shares]) == pytest.approx(0.5 * 0.36, abs=0.08)
    critical = [drawn(seed) for seed in range(20)]
    assert [each.load for each in critical] == [each.load for each in networks[:20]]


def test_worlds_draw_networks_of_their_own_again_and_again():
    configuration = parse_dataset_configuration(RECIPE + "network_law: {load: [0.2, 0.8]}", "here")
    worlds = plan_worlds(configuration)
    first = [world.network(configuration) for world in worlds]
    assert first == [world.network(configuration) for world in plan_worlds(configuration)]
    assert len({network.load for network in first}) == len(worlds)
    assert all(0.2 <= network.load <= 0.8 for network in first)


def test_without_a_law_all_worlds_have_the_networks_settings_at_their_severity():
    configuration = parse_dataset_configuration(RECIPE, "here")
    expected = configuration.network.at_severity(0.5)
    assert all(world.network(configuration) == expected for world in plan_worlds(configuration))


def test_what_the_law_does_not_name_stays():
    usual = dataclasses.replace(NetworkConfiguration(), noise_figure_db=7.0, ssb_period=0.04)
    found = draw_network(usual, NetworkLaw(), np.random.default_rng(1))
    assert (found.noise_figure_db, found.ssb_period) == (7.0, 0.04)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match=r"network_law\.load runs from its lowest"):
        NetworkLaw(load=(0.9, 0.1))
