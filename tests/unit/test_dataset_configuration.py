"""Dataset configuration and splits: what is accepted, what is refused, and no city on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from raylocus.cli.console import recipes
from raylocus.datasets.building.work import Work
from raylocus.datasets.configuration import (
    DatasetConfiguration,
    SplitSize,
    load_dataset_configuration,
    parse_dataset_configuration,
)
from raylocus.datasets.folders import folder_at
from raylocus.datasets.plan import plan_worlds
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError

RECIPES = recipes("dataset")


def test_the_demo_trains_on_three_cities_and_tests_on_a_fourth() -> None:
    demo = load_dataset_configuration(RECIPES["demo"])
    cities = {
        split: {place.city_name for place in demo.places if place.split == split}
        for split in ("train", "test")
    }
    assert cities == {"train": {"munich", "florence", "san_francisco"}, "test": {"etoile"}}
    assert demo.world_law.severity >= 0.5


@pytest.mark.parametrize("file", RECIPES.values(), ids=RECIPES)
def test_every_configuration_is_valid(file: Path) -> None:
    assert plan_worlds(load_dataset_configuration(file))


@pytest.mark.parametrize("file", RECIPES.values(), ids=RECIPES)
def test_every_place_of_a_recipe_can_be_built_where_there_is_none_yet(file: Path) -> None:
    assert all(place.source for place in load_dataset_configuration(file).places)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed: 1", "places"),
        ("places: []\nseed: 1", "at least one place"),
        ("places: [{folder: a, split: train}]\nseed: 1\nseverity: 3", "severity"),
        ("places: [{folder: a, split: exam}]\nseed: 1", "exam"),
        ("places: [{folder: a, split: train}]\nseed: 1\nworld_law: {severity: 9}", "between 0 and 2"),
        ("places: [{folder: a, split: train}]\nseed: 1\nnetwork: {load: 2}", "between 0 and 1"),
        ("places: [{folder: x/a-0, split: train}, {folder: a-1, split: test}]\nseed: 1", "one split"),
        ("places: [{folder: a, split: train}, {folder: b/../a, split: train}]\nseed: 1", "twice"),
        ("places: [{folder: a, split: train}]\nseed: -1", "seed is -1; give a whole number from 0"),
        ("places: [{folder: a, split: train, seed: -2}]\nseed: 1", "the seed of a is -2"),
        ("places: [{folder: a, split: train}]\nseed: 1\nscene: {seed: -2}", "scene.seed is -2"),
        (
            "places: [{folder: a, split: train}]\nseed: 1\ntrace: {seed: 4294967296}",
            "trace.seed is 4294967296",
        ),
        ("}{", "not a dataset configuration"),
    ],
)
def test_a_bad_configuration_is_refused_in_one_sentence(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        parse_dataset_configuration(text, "bad.yaml")
    assert "\n" not in str(caught.value)


def test_an_absent_configuration_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        load_dataset_configuration(Path("nowhere.yaml"))


def test_a_declared_city_beats_the_folders_name() -> None:
    with pytest.raises(InputError, match="rome"):
        DatasetConfiguration(
            (PlaceChoice(Path("a"), "train", city="rome"), PlaceChoice(Path("b"), "test", city="rome")),
            seed=1,
        )


def test_the_plan_keeps_further_worlds_of_train_places_for_validation() -> None:
    configuration = DatasetConfiguration(
        (PlaceChoice(Path("a"), "train"), PlaceChoice(Path("b"), "test")),
        seed=5,
        train=SplitSize(2, 10),
        validation=SplitSize(1, 4),
        test=SplitSize(1, 7),
    )
    plan = [
        (each.place_index, each.number, each.split, each.sequences) for each in plan_worlds(configuration)
    ]
    assert plan == [(0, 0, "train", 10), (0, 1, "train", 10), (0, 2, "validation", 4), (1, 0, "test", 7)]


def test_a_place_whose_worlds_failed_is_counted_once_in_what_remains(tmp_path: Path) -> None:
    places = (PlaceChoice(Path("a"), "train"), PlaceChoice(Path("b"), "test"))
    work = Work(DatasetConfiguration(places, seed=5, test=SplitSize(3, 7)), folder_at(tmp_path))
    work.__dict__["inputs"] = {0: {"place.json": "traced"}}
    work.skipped[0] = "no UE detects a cell"
    assert work.remaining() == (1, 3)
