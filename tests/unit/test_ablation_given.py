"""What an ablation gives a locator: exactly what it says, and recipes that are refused before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_fixtures import SyntheticPlace, synthetic_reports
from raylocus.cli.console import recipes
from raylocus.errors import InputError
from raylocus.evaluation.ablation.given import Given
from raylocus.evaluation.ablation.run import load_ablation_recipe, overridden
from raylocus.evaluation.benchmark.run import load_benchmark_recipe
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from training_fixtures import small_place


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return small_place(2)


@pytest.fixture(scope="module")
def reports(place: SyntheticPlace) -> Reports:
    return synthetic_reports(place, 6, 5)


def given_to(place: SyntheticPlace, given: Given) -> NominalMaps:
    def unneeded() -> None:
        raise AssertionError("only turned antennas need the traced place")

    return given.place(place, unneeded, np.random.default_rng(0))


def test_by_default_nothing_differs(place: SyntheticPlace, reports: Reports) -> None:
    maps = given_to(place, Given())
    assert maps.radio_maps.identical(place.radio_maps) and maps.geometry_maps.identical(place.geometry_maps)
    assert Given().observed(reports) is reports and not Given().is_drawn


def test_maps_are_displaced_by_what_is_asked_for(place: SyntheticPlace) -> None:
    maps, whole = given_to(place, Given(shift=8.0)), nominal_maps(place)
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi)
    east, north = 8 * np.cos(angle), 8 * np.sin(angle)
    found, original = (each.radio_maps["toa"] for each in (maps, whole))
    there = {"x": np.arange(-20.0, 20, 8), "y": np.arange(-20.0, 20, 8)}
    expected = original.interp(
        {name: values - move for (name, values), move in zip(there.items(), (east, north), strict=True)}
    )
    difference = np.abs(found.interp(there).values - expected.values) * 3e8
    assert (
        np.nanmax(difference) < 3.0 < np.nanmax(np.abs(original.interp(there).values - expected.values)) * 3e8
    )
    assert set(np.unique(maps.geometry_maps["footprint"])) <= {0.0, 1.0}
    assert maps.deployment == place.deployment and maps.ue_height == whole.ue_height


def test_missing_maps_are_missing(place: SyntheticPlace) -> None:
    dark = given_to(place, Given(without=("radio",)))
    assert np.isnan(dark.traced_level).all()
    np.testing.assert_allclose(dark.level, dark.scattered_level, atol=1e-4)
    np.testing.assert_allclose(dark.path_length, dark.straight_length)
    bare = given_to(place, Given(without=("geometry",)))
    assert (bare.outdoor == 1).all() and np.ptp(bare.terrain) == 0
    assert not np.isnan(bare.traced_level).all()


def test_the_strongest_neighbours_and_the_last_reports_are_kept(reports: Reports) -> None:
    few = Given(neighbours=1, reports=2).observed(reports)
    assert len(few) == len(reports) and np.diff(few.report_offsets).max() == 2
    np.testing.assert_array_equal(few.position[few.last_report], reports.position[reports.last_report])
    assert (few.heard_cells <= 2).all() and (few.heard_cells.max() == 2)
    level = reports.feature_names.index("rsrp")
    for one, other in zip(few.last_report, reports.last_report, strict=True):
        kept, whole = (
            each.features[(each.report_of_token == row) & ~each.serving, level]
            for each, row in ((few, one), (reports, other))
        )
        assert len(kept) == min(1, len(whole)) and (not len(kept) or kept[0] == np.nanmax(whole))
    assert few.serving.sum() > 0 and (Given(neighbours=0).observed(reports).serving).all()


def test_dotted_keys_replace_and_add() -> None:
    content = {"world_law": {"severity": 0.5}, "seed": 1}
    changed = overridden(content, {"world_law.severity": 0.0, "network.load": 0.2, "seed": 3})
    assert changed == {"world_law": {"severity": 0.0}, "network": {"load": 0.2}, "seed": 3}
    assert content == {"world_law": {"severity": 0.5}, "seed": 1}


def test_all_recipes_of_the_package_can_be_read() -> None:
    for file in recipes("ablation").values():
        recipe = load_ablation_recipe(file)
        assert len(recipe.seeds) >= 3 and len(recipe.variants) >= 2
    tiny = load_ablation_recipe(recipes("ablation")["tiny"])
    assert [tiny.training_set(each).world_law.severity for each in tiny.variants] == [0.5, 0.0, 0.5]
    read = {name: load_benchmark_recipe(file) for name, file in recipes("benchmark").items()}
    for benchmark in read.values():
        assert list(benchmark.feature_sets) == ["critical", "level only", "positioning"]
    standard = read["standard"]
    assert len(standard.tested) == 13 and standard.dataset.severities == (0.25, 0.5, 1.0, 1.5)
    assert len(standard.only([standard.tested[0]]).tested) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("severity: 0.0", "severty: 0.0"), "dataset of the map itself"),
        (("seed: 2", "seed: two"), "test of worlds that err"),
        (("question:", "seeds: [1, 2]\nquestion:"), "3 seeds or more"),
        (("name: the map itself", "name: worlds that err"), "a name of its own"),
        (("shift: 10.0", "shift: -1.0"), "displaced"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_before_any_work(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    text = recipes("ablation")["tiny"].read_text()
    assert change[0] in text
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace(*change, 1))
    with pytest.raises(InputError, match=sentence):
        load_ablation_recipe(file)
