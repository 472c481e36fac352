"""Split rules: who belongs where, and that nothing of two splits comes close."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from network_fixtures import random_reports
from raylocus.datasets.configuration import DatasetConfiguration, SplitSize, parse_dataset_configuration
from raylocus.datasets.plan import (
    DAY,
    WorldRecord,
    assign_splits,
    block_splits,
    plan_worlds,
    start_times,
)
from raylocus.datasets.splits import (
    NO_SPLIT,
    SPLITS,
    AreaBlockSplits,
    PlaceChoice,
    SeveritySplits,
    SplitRule,
    StyleSplits,
    TimeSplits,
    split_names,
)
from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.network.reports.reports import Reports
from raylocus.provenance import Provenance
from raylocus.scenes.world import WorldLaw

TILE = Grid(512.0, 4.0)
PLACES = (PlaceChoice(Path("a")), PlaceChoice(Path("b")))


def world(number: int = 0, severity: float = 0.5, split: str | None = None) -> WorldRecord:
    return WorldRecord(0, number, split, 10, seed=4, law=WorldLaw(severity))


def walks(count: int, seed: int, step: float = 10.0) -> Reports:
    """Random walks of a few reports each inside the tile."""
    generator = np.random.default_rng(seed)
    reports = random_reports([[1] * int(n) for n in generator.integers(1, 6, count)], seed)
    start = generator.uniform(-255, 255, (count, 2))[reports.sequence_of_report]
    xy = np.clip(start + generator.normal(0, step, start.shape), -255.9, 255.9)
    position = np.column_stack([xy, np.full(len(xy), 1.5)])
    return Reports(**{**vars(reports), "position": position})


@settings(max_examples=25, deadline=None)
@given(
    block=st.sampled_from([32.0, 64.0, 100.0, 128.0]),
    guard=st.floats(0, 31),
    seed=st.integers(0, 1000),
)
def test_reports_of_two_area_splits_are_a_guard_apart(block: float, guard: float, seed: int) -> None:
    rule = AreaBlockSplits("area_blocks", block, guard, validation=0.2, test=0.3)
    reports = walks(150, seed)
    split = assign_splits(rule, world(), TILE, reports, np.zeros(len(reports)))
    of_report = split[reports.sequence_of_report]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        a, b = (reports.position[of_report == each, :2] for each in (one, other))
        if len(a) and len(b):
            assert cdist(a, b).min() >= guard - 1e-9


def test_a_point_is_in_no_split_only_near_another_splits_block() -> None:
    rule = AreaBlockSplits("area_blocks", 128.0, 20.0, 0.25, 0.25)
    blocks = block_splits(rule, world(), TILE)
    reports = random_reports([[1]] * 4000, 0)
    xy = np.random.default_rng(1).uniform(-256, 256, (4000, 2))
    reports = Reports(**{**vars(reports), "position": np.column_stack([xy, np.zeros(4000)])})
    split = assign_splits(rule, world(), TILE, reports, np.zeros(4000))
    centres = np.stack(np.meshgrid(*2 * [np.arange(4) * 128 - 192.0]), axis=-1)  # [row, column] = (x, y)
    gap = np.maximum(np.abs(xy[:, None, None] - centres) - 64, 0)
    distance = np.hypot(gap[..., 0], gap[..., 1])
    own = blocks[((xy[:, 1] + 256) // 128).astype(int), ((xy[:, 0] + 256) // 128).astype(int)]
    foreign = np.where(blocks != own[:, None, None], distance, np.inf).min(axis=(1, 2))
    np.testing.assert_array_equal(split, np.where(foreign < 10, NO_SPLIT, own))
    assert {int(each) for each in np.unique(split)} == {-1, 0, 1, 2}


def test_blocks_have_the_declared_shares_and_differ_between_places() -> None:
    rule = AreaBlockSplits("area_blocks", 64.0, 0.0, validation=0.125, test=0.25)
    blocks = block_splits(rule, world(), TILE)
    assert np.bincount(blocks.ravel()).tolist() == [40, 8, 16]
    np.testing.assert_array_equal(blocks, block_splits(rule, world(number=7), TILE))
    elsewhere = WorldRecord(1, 0, None, 10, seed=4, law=WorldLaw())
    assert np.any(blocks != block_splits(rule, elsewhere, TILE))


@pytest.mark.parametrize(
    ("rule", "severity", "split"),
    [
        (SeveritySplits("severity", 0.8), 0.5, "train"),
        (SeveritySplits("severity", 0.8), 0.8, "test"),
        (SeveritySplits("severity", 0.8, 0.5), 0.5, "validation"),
        (SeveritySplits("severity", 0.8, 0.5), 0.49, "train"),
    ],
)
def test_worlds_are_split_by_severity(rule: SplitRule, severity: float, split: str) -> None:
    reports = random_reports([[1], [2, 1]], 0)
    found = assign_splits(rule, world(severity=severity), TILE, reports, np.zeros(2))
    assert split_names(found).tolist() == [split] * 2


def test_a_sequence_that_runs_over_a_time_border_is_in_no_split() -> None:
    rule = TimeSplits("time", test_from=2.0, validation_from=1.0)
    reports = random_reports([[1, 1]] * 5, 0)
    time = np.tile([0.0, 3600.0], 5)
    reports = Reports(**{**vars(reports), "time": time})
    start = np.array([0.0, 0.99, 1.0, 1.97, 2.0]) * DAY
    assert split_names(assign_splits(rule, world(), TILE, reports, start)).tolist() == [
        "train", "none", "validation", "none", "test",
    ]  # fmt: skip


def test_worlds_are_days() -> None:
    times = start_times(world(number=3), 500)
    assert times.min() >= 3 * DAY and times.max() < 4 * DAY and np.ptp(times) > 0.9 * DAY
    np.testing.assert_array_equal(times, start_times(world(number=3), 500))


def test_a_place_or_worlds_own_split_is_taken_by_city_and_style() -> None:
    reports = random_reports([[1], [1]], 0)
    for rule in (StyleSplits("style", ("village",)),):
        found = assign_splits(rule, world(split="validation"), TILE, reports, np.zeros(2))
        assert split_names(found).tolist() == ["validation"] * 2
    assert split_names(np.array([0, 1, 2, NO_SPLIT])).tolist() == [*SPLITS, "none"]


def test_no_sequences_have_no_splits() -> None:
    empty = random_reports([[1]], 0).select(np.zeros(0, np.int64))
    for rule in (AreaBlockSplits("area_blocks"), SeveritySplits("severity", 1.0), TimeSplits("time", 1.0)):
        assert assign_splits(rule, world(), TILE, empty, np.zeros(0)).shape == (0,)


def test_places_are_split_by_style() -> None:
    styles = ["village", "campus", "old_town"]
    configuration = DatasetConfiguration(
        tuple(PlaceChoice(Path(style), style=style) for style in styles),
        seed=1,
        train=SplitSize(2, 5),
        validation=SplitSize(1, 5),
        test=SplitSize(3, 5),
        splits=StyleSplits("style", test=("village",), validation=("campus",)),
    )
    worlds = [(each.place_index, each.split) for each in plan_worlds(configuration)]
    assert worlds == [(0, "test")] * 3 + [(1, "validation")] + [(2, "train")] * 2 + [(2, "validation")]


def test_worlds_take_the_severities_in_turn() -> None:
    configuration = DatasetConfiguration(
        PLACES, 1, each=SplitSize(5, 4), splits=SeveritySplits("severity", 0.9), severities=(0.0, 0.5, 1.0)
    )
    severities = [each.law.severity for each in plan_worlds(configuration)]
    assert severities == [0.0, 0.5, 1.0, 0.0, 0.5] * 2


@pytest.mark.parametrize(
    "rule",
    [
        "{kind: city}",
        "{kind: style, test: [a], validation: [b]}",
        "{kind: area_blocks, block: 64, guard: 16}",
        "{kind: severity, test_from: 0.8}",
        "{kind: time, test_from: 5, validation_from: 4}",
    ],
)
def test_a_rule_survives_the_provenance(rule: str) -> None:
    place = "{folder: a, split: train}" if "city" in rule else "{folder: a, style: a}"
    read = parse_dataset_configuration(f"places: [{place}]\nseed: 1\nsplits: {rule}", "x.yaml")
    again = Provenance.from_json(Provenance.collect(read).to_json()).configuration
    assert parse_dataset_configuration(yaml.safe_dump(again), "x.yaml") == read
    assert read.splits.kind in rule


@pytest.mark.parametrize(
    ("splits", "complaint"),
    [
        ("{kind: area_blocks, gard: 3}", "gard"),
        ("{kind: area_blocks, guard: 200}", "guard of area blocks"),
        ("{kind: area_blocks, test: 0.9, validation: 0.2}", "below 1"),
        ("{kind: season}", "city, style, area_blocks, severity, time"),
        ("area_blocks", "kind:"),
        ("{kind: time}", "test_from"),
        ("{kind: time, test_from: soon}", "float"),
        ("{kind: severity, test_from: 0.5, validation_from: 0.8}", "lower severity"),
        ("{kind: style, test: [a], validation: [a]}", "in the splits validation and test"),
        ("{kind: style, test: [a]}", "style"),
    ],
)
def test_a_bad_rule_is_refused_in_one_sentence(splits: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        parse_dataset_configuration(f"places: [{{folder: a}}]\nseed: 1\nsplits: {splits}", "bad.yaml")
    assert "\n" not in str(caught.value) and "raylocus.datasets" not in str(caught.value)


def test_what_a_rule_needs_to_know_of_a_place_is_asked_for() -> None:
    with pytest.raises(InputError, match="has no split"):
        DatasetConfiguration(PLACES, 1)
    with pytest.raises(InputError, match="leave out the split"):
        DatasetConfiguration((PlaceChoice(Path("a"), "test"),), 1, splits=TimeSplits("time", 1.0))
