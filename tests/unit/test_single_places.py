"""Entries of a dataset's places that stand for many, and how many workers fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from raylocus.cli.console import recipes
from raylocus.cli.main import main
from raylocus.datasets.configuration import (
    DatasetConfiguration,
    load_dataset_configuration,
    single_places,
    stored_dataset_configuration,
)
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError
from raylocus.execution.engines import available_memory, workers_that_fit
from raylocus.provenance import Provenance

RECIPES = recipes("dataset")


def names(places: tuple[PlaceChoice, ...]) -> list[str]:
    return [place.name for place in places]


def test_towns_have_seeds_and_cities_of_their_own_and_the_generators_style() -> None:
    entry = PlaceChoice(Path("p/town"), "train", source="procedural:village", count=3, seed=7)
    towns = single_places([entry], 512.0)
    assert names(towns) == ["town-0", "town-1", "town-2"]
    assert [town.seed for town in towns] == [7, 8, 9]
    assert len({town.city_name for town in towns}) == 3
    assert {town.style for town in towns} == {"village"}


def test_tiles_of_a_map_lie_side_by_side_in_one_city() -> None:
    entry = PlaceChoice(Path("p/rome"), "train", source="rome.osm.pbf", count=9, centre=(10.0, 20.0))
    tiles = single_places([entry], 256.0)
    offsets = {((tile.centre[0] - 10) / 256, (tile.centre[1] - 20) / 256) for tile in tiles}
    assert offsets == {(column, row) for column in (-1, 0, 1) for row in (-1, 0, 1)}
    assert tiles[0].centre == (10.0, 20.0)
    assert {tile.city_name for tile in tiles} == {"rome"}


def test_layouts_are_networks_over_the_same_ground() -> None:
    entry = PlaceChoice(
        Path("p/town"), "test", source="procedural:village", count=2, layouts=("macro", "micro")
    )
    places = single_places([entry], 512.0)
    assert names(places) == ["town-0-macro", "town-0-micro", "town-1-macro", "town-1-micro"]
    assert places[0].seed == places[1].seed and places[0].city_name == places[1].city_name
    assert single_places(places, 512.0) == places, "single places stay as they are"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"count": 0, "source": "munich"}, "count of 1 or more"),
        ({"count": 2}, "give it a source"),
        ({"layouts": ("macro", "micro")}, "give it a source"),
        ({"map_error": 3.0}, "between 0 and 2"),
        ({"map_error": -1.0}, "between 0 and 2"),
    ],
)
def test_entries_that_make_no_sense_are_refused(fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        DatasetConfiguration((PlaceChoice(Path("p"), "train", **fields),), seed=1)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipe_is_what_a_dataset_remembers_of_it(recipe: Path) -> None:
    configuration = load_dataset_configuration(recipe)
    record = Provenance.from_json(Provenance.collect(configuration).to_json()).configuration
    assert stored_dataset_configuration(record, "a store") == configuration


def test_the_cities_recipe_has_ten_styles_and_tests_in_cities_of_its_own() -> None:
    places = load_dataset_configuration(RECIPES["cities"]).places
    assert len({place.style for place in places if place.style}) == 10
    cities = {
        split: {place.city_name for place in places if place.split == split} for split in ("train", "test")
    }
    assert cities["test"] and not cities["train"] & cities["test"]


def test_the_robustness_recipe_has_rising_severities_and_outdated_maps() -> None:
    configuration = load_dataset_configuration(RECIPES["robustness"])
    assert list(configuration.severities) == sorted(configuration.severities)
    outdated = [place for place in configuration.places if place.map_error]
    assert len(outdated) == 4 and all(place.true_folder != place.folder for place in outdated)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("colour: red", "colour"), ("train: {worlds: -1, sequences: 4}", "0 worlds or more"),
     ("max_failed_share: 2", "between 0 and 1"), ("severities: [3]", "between 0 and 2")],
)  # fmt: skip
def test_an_unknown_key_or_an_impossible_range_is_one_sentence(
    line: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "bad.yaml"
    recipe.write_text(f"places: [{{folder: a, split: train}}]\nseed: 1\n{line}\n")
    assert main(["dataset", "build", str(recipe), "--out", str(tmp_path / "d.zarr")]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["bad.yaml"]


def test_workers_are_as_many_as_memory_and_processors_allow() -> None:
    assert workers_that_fit(available_memory() * 10) == 1
    assert workers_that_fit(1) >= workers_that_fit(available_memory() // 2) == 1
