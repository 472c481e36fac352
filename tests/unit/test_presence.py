"""Which features reports have: as often as `features.csv` says, and each by one layer."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from network_fixtures import deployment
from raylocus.errors import InputError
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.random_streams import ReportStreams
from raylocus.network.reports.features import CRITICAL, SCHEMA, features_named
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.columns import LAYERS, PATH_LAYERS, SOURCES, present_features

SEQUENCES, REPORTS = 2000, 5
PLACE = deployment(1)
NETWORK = NetworkConfiguration(feature_set="all")


def walked(interval: float) -> Trajectories:
    offsets = REPORTS * np.arange(SEQUENCES + 1)
    time = np.tile(interval * np.arange(REPORTS), SEQUENCES)
    return Trajectories(offsets, time, np.zeros((len(time), 3)))


def present(configuration: NetworkConfiguration, interval: float = 0.48) -> np.ndarray:
    trajectories = walked(interval)
    random = ReportStreams(5, np.arange(len(trajectories.time)))
    return present_features(SCHEMA, trajectories, PLACE, configuration, random)


def test_every_row_has_exactly_one_source_that_measures_it() -> None:
    further = [feature.name for feature in SCHEMA if feature.name not in CRITICAL]
    filled = Counter(name for names in LAYERS.values() for name in names)
    assert [filled[name] for name in further] == [1] * len(further)
    assert {SOURCES[name] for name in CRITICAL} == {"content"}
    assert all(hasattr(Batch, layer) for layer in LAYERS)
    assert set(PATH_LAYERS) < set(LAYERS) == {SOURCES[name] for name in further}


def test_every_row_is_there_as_often_as_the_table_says() -> None:
    # At 0.48 s every occasion has come since the last report.
    shares = present(NETWORK).mean(axis=0)
    expected = np.array([feature.availability for feature in SCHEMA])
    spread = np.sqrt(expected * (1 - expected) / (SEQUENCES * REPORTS))
    assert (np.abs(shares - expected) <= 4.5 * spread).all()


def test_an_occasion_that_did_not_come_takes_its_share_away() -> None:
    # Of reports 0.12 s apart, those after the first of a sequence find a 0.2 s timer run out in 60 %.
    there = present(NETWORK, 0.12).reshape(SEQUENCES, REPORTS, -1)
    [headroom] = features_named(("power_headroom",))
    share = there[:, 1:, SCHEMA.index(headroom)].mean()
    assert share == pytest.approx(0.6 * headroom.availability, abs=0.02)


def test_what_one_occasion_gives_comes_together() -> None:
    there = present(NETWORK)
    csi = [index for index, feature in enumerate(SCHEMA) if feature.occasion == "csi"]
    for one in csi:
        for other in csi:
            if SCHEMA[one].availability <= SCHEMA[other].availability:
                assert (there[:, one] <= there[:, other]).all()


def test_a_share_is_overridden_by_name() -> None:
    some = dataclasses.replace(NETWORK, availability={"sinr": 0.8, "rstd": 1.0})
    shares = dict(zip((feature.name for feature in SCHEMA), present(some).mean(axis=0), strict=True))
    assert shares["sinr"] == pytest.approx(0.8, abs=0.02) and shares["rstd"] == 1.0
    with pytest.raises(InputError, match="no report feature 'sinrr'"):
        NetworkConfiguration(availability={"sinrr": 0.8})
    with pytest.raises(InputError, match="lie between 0 and 1"):
        NetworkConfiguration(availability={"sinr": 1.2})
