"""`raylocus evaluate` through its real entry point: where only test places are, without a bound, twice the same."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from aside_fixtures import Here
from model_fixtures import synthetic_reports
from raylocus.cli.main import main
from raylocus.datasets.configuration import DatasetConfiguration, SplitSize
from raylocus.datasets.plan import plan_worlds
from raylocus.datasets.splits import PlaceChoice
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.datasets.store_writing import save_report_dataset
from raylocus.errors import InputError, StoreError
from raylocus.evaluation import comparison
from raylocus.evaluation.baselines.fitted_classics import CLASSICS_FILE, Classics, classics_for
from raylocus.evaluation.baselines.grid_bayes import GridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel
from raylocus.evaluation.bound.bound import BoundRefused
from raylocus.evaluation.bound.self_check import SelfCheck
from raylocus.evaluation.evaluation import Method
from raylocus.evaluation.observations import observations
from raylocus.evaluation.references import References
from raylocus.evaluation.results import Results
from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, load_network, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.location_network import LocationNetwork
from raylocus.network.reports.reports import Reports
from raylocus.provenance import Provenance
from raylocus.scenes.map_errors.law import MapErrorLaw
from training_fixtures import save_synthetic_dataset, small_place

pytestmark = pytest.mark.usefixtures("few_ways", "few_cases")


def save_test_only_dataset(folder: Path, name: str) -> Path:
    """Two test worlds of the place "south", and nothing to train on."""
    configuration = DatasetConfiguration(
        places=(PlaceChoice(folder / "south", "test", style="blocks"),), seed=2, test=SplitSize(2, 5)
    )
    parts = [
        synthetic_reports(small_place(2), record.sequences, 80 + number)
        for number, record in enumerate(plan_worlds(configuration))
    ]
    path = folder / name
    save_report_dataset(parts, configuration, Provenance.collect(configuration, 2), path)
    return path


@dataclasses.dataclass(frozen=True)
class Workplace:
    """A run and two datasets."""

    run: Path
    trained_on: Path
    test_only: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anywhere")
    trained_on = save_synthetic_dataset(folder)
    torch.manual_seed(0)
    network = LocationNetwork(LocationNetworkConfiguration(token_width=16, fusion_width=8))
    inputs = {"dataset": open_report_dataset(trained_on).digest}
    trained = TrainedNetwork(network, PosteriorCalibration(), Provenance.collect({}, 0, inputs))
    save_network(trained, folder / "run" / "locator.ckpt")
    save_test_only_dataset(folder, "elsewhere.zarr")
    return folder


@pytest.fixture(scope="module")
def fitted(made: Path) -> Classics:
    """The classics as they are fitted to the dataset that was trained on."""
    return Classics.fit(open_report_dataset(made / "reports.zarr"))


@pytest.fixture
def work(made: Path, tmp_path: Path) -> Workplace:
    """A run of its own for every test; nothing writes into the datasets."""
    run = shutil.copytree(made / "run", tmp_path / "run")
    return Workplace(run, made / "reports.zarr", made / "elsewhere.zarr")


def evaluate(*words: object) -> int:
    return main(["evaluate", *map(str, words)])


def test_without_classics_and_without_training_places_it_refuses_in_one_sentence(
    work: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(work.run, work.test_only) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--classics-from" in said and "elsewhere.zarr" in said
    assert [path.name for path in work.run.iterdir()] == ["locator.ckpt"]


@pytest.mark.parametrize("most", [0, -3])
def test_no_sequence_at_all_is_refused_before_anything_is_fitted(
    work: Workplace, capsys: pytest.CaptureFixture[str], most: int
) -> None:
    assert evaluate(work.run, work.trained_on, f"--sequences={most}") == 2
    shown = capsys.readouterr()
    assert f"--sequences takes a whole number of 1 or more, not {most}; see: " in shown.err
    assert "fitting" not in shown.out and [path.name for path in work.run.iterdir()] == ["locator.ckpt"]


@pytest.mark.parametrize("draws", ["0", "1", "2", "-3", "many"])
def test_too_few_draws_to_be_compared_are_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], draws: str
) -> None:
    assert evaluate(tmp_path / "run", tmp_path / "none.zarr", f"--true-places={draws}") == 2
    shown = capsys.readouterr().err
    assert shown.startswith("raylocus: --true-places takes a whole number") and f"not {draws}; " in shown
    assert shown.count("\n") == 1 and not list(tmp_path.iterdir())


def test_nothing_is_drawn_where_the_bound_does_not_model_the_law(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draws are traced for minutes."""
    asked: list[int] = []

    def drawn(choice: PlaceChoice, law: MapErrorLaw, count: int, *others: object) -> tuple[()]:
        asked.append(count)
        return ()

    monkeypatch.setattr(comparison, "drawn_places", drawn)
    test = open_report_dataset(work.test_only)
    (choice,) = test.configuration.places
    for features, sentence in (("positioning", "angles of arrival"), ("critical", "without draws")):
        configuration = dataclasses.replace(
            test.configuration,
            places=(dataclasses.replace(choice, map_error=1.0),),
            network=dataclasses.replace(test.configuration.network, feature_set=features),
        )
        outdated = dataclasses.replace(test, configuration=configuration)
        found = comparison.compared_at(outdated, [], lambda line: None, 3)
        assert sentence in found.scores.refusals["bound"]
        assert asked == ([] if features == "positioning" else [3])


def test_classics_of_another_dataset_travel_with_the_run(
    work: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(work.run, work.test_only, "--classics-from", work.trained_on) == 0
    table = (work.run / "table.txt").read_text()
    digest = open_report_dataset(work.trained_on).digest
    assert Classics.load(work.run / CLASSICS_FILE).fitted_on == digest and digest[:12] in table
    # No atlas lies next to the place, so the bound says so below the table, and its column is empty.
    assert "bound: " in table and "atlas.zarr" in table
    metrics = json.loads((work.run / "metrics.json").read_text())
    methods = metrics["methods"]
    assert "bound" not in methods and methods["raylocus"]["error_over_bound"] is None
    assert "atlas.zarr" in metrics["refusals"]["south"]["bound"] and metrics["self_check"] == {}
    groups = methods["grid-Bayes"]["groups"]
    # The main table quotes the same intervals.
    of_all = groups["all"]["all"]["p90"]
    assert f"{of_all['value']:.1f} ({of_all['low']:.1f}–{of_all['high']:.1f})" in table.split("sequences")[1]
    assert set(groups) == {"all", "place", "city style", "severity", "cells heard", "line of sight"}
    assert groups["place"]["south"]["sequences"] == groups["city style"]["blocks"]["sequences"] == 10
    for quoted in (groups["all"]["all"]["p50"], groups["severity"]["0.5"]["p90"]):
        assert quoted["low"] <= quoted["value"] <= quoted["high"]
    page = (work.run / "report.html").read_text()
    assert digest in page and "p50 by city style" in page and "atlas.zarr" in page
    first = capsys.readouterr().out

    assert evaluate(work.run, work.test_only) == 0
    assert "fitting" in first and "fitting" not in capsys.readouterr().out
    assert (work.run / "table.txt").read_text() == table
    assert json.loads((work.run / "metrics.json").read_text()) == metrics


def test_fitted_classics_survive_on_disk(fitted: Classics, tmp_path: Path) -> None:
    fitted.save(tmp_path / CLASSICS_FILE)
    assert Classics.load(tmp_path / CLASSICS_FILE) == fitted
    (tmp_path / CLASSICS_FILE).write_text((tmp_path / CLASSICS_FILE).read_text()[:-40])
    with pytest.raises(StoreError, match=r"classics\.json .* evaluate again"):
        Classics.load(tmp_path / CLASSICS_FILE)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("methods", []),
        ("methods", [{"kind": "StrongestCell", "name": "serving site", "reach": "far", "spread": 70.0}]),
        ("methods", [{"kind": "StrongestCell", "name": "serving site", "reach": None, "spread": 70.0}]),
        ("provenance", '{"configuration": {}, "inputs": {}, "seed": null, "versions": {}}'),
        ("provenance", '{"configuration": {}, "inputs": null, "seed": null, "versions": {}}'),
    ],
)
def test_classics_that_nothing_can_be_worked_out_with_are_refused(
    tmp_path: Path, part: str, value: object
) -> None:
    provenance = Provenance.collect({}, None, {"dataset": "0" * 64}).to_json()
    method = {"kind": "GridBayes", "name": "grid-Bayes"}
    model = {"spread_db": 6.0, "level_spread_db": 0.0, "timing_spread": 1e-05, "beam_spread_db": None}
    content = {
        "schema": "raylocus.classics.v1",
        "provenance": provenance,
        "methods": [{**method, "model": model}],
    }
    path = tmp_path / CLASSICS_FILE
    path.write_text(json.dumps(content))
    assert Classics.load(path).methods == (GridBayes("grid-Bayes", LikelihoodModel(**model)),)
    path.write_text(json.dumps(content | {part: value}))
    with pytest.raises(StoreError, match="delete it and evaluate again"):
        Classics.load(path)


def test_classics_of_an_old_dataset_are_fitted_again(work: Workplace, fitted: Classics) -> None:
    dataset, stored = open_report_dataset(work.trained_on), work.run / CLASSICS_FILE
    old = dataclasses.replace(fitted, provenance=Provenance.collect({}, None, {"dataset": "0" * 64}))
    old.save(stored)
    assert classics_for(dataset, stored, dataset.digest, lambda name: None)() == fitted
    assert Classics.load(stored) == fitted


def without(reports: Reports, name: str) -> Reports:
    kept = [index for index, each in enumerate(reports.feature_names) if each != name]
    return dataclasses.replace(
        reports,
        features=reports.features[:, kept],
        censored=reports.censored[:, kept],
        feature_names=tuple(reports.feature_names[index] for index in kept),
    )


def test_reports_that_lack_a_feature_are_located_where_the_method_can_do_without(work: Workplace) -> None:
    place = small_place(2)
    lacking = without(synthetic_reports(place, 2, 9), "sinr")
    located = Locator(load_network(work.run / "locator.ckpt")).locate(lacking, place)
    assert np.isfinite(located.density).all()
    # A column that only the model reads does not shift the others for the classics.
    whole = synthetic_reports(place, 2, 9)
    found, expected = (observations(each, place.deployment) for each in (lacking, whole))
    np.testing.assert_array_equal(found.beam_rsrp, expected.beam_rsrp)
    with pytest.raises(InputError, match="no rsrp, which the classics and the bound read"):
        observations(without(whole, "rsrp"), place.deployment)


class Listed(Here):
    """Says what was begun, and what error left it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.left_by: object = None

    def __exit__(self, *error: object) -> None:
        self.left_by = error[0]

    def begin(self, work: Callable[[], object], name: str) -> Here:
        """Notes the name."""
        self.names.append(name)
        return super().begin(work, name)


class Refusing:
    """A bound that does not know the law."""

    name = "bound"

    def locate(self, reports: Reports, place: MappedPlace) -> object:
        """Refuses."""
        raise BoundRefused("the bound does not model movement on roads, so there is no error ÷ bound here")


def results_with(
    work: Workplace, monkeypatch: pytest.MonkeyPatch, bound: object, check: SelfCheck | None
) -> Results:
    dataset = open_report_dataset(work.test_only)
    classics = Classics(
        (GridBayes("grid-Bayes", LikelihoodModel(8.0, 6.0, 15.0)),),
        Provenance.collect({}, None, {"dataset": "f" * 64}),
    )
    monkeypatch.setattr(References, "bound", lambda references: bound)
    checks = {} if check is None else {0.5: check}
    monkeypatch.setattr(References, "self_checks", lambda references: checks)
    locator = Locator.load(work.run / "locator.ckpt")
    compared = comparison.compare([locator], lambda: classics.methods, dataset, None, lambda name: None)
    return Results(compared, dataset, classics)


def test_a_bound_that_refuses_leaves_its_column_empty_and_says_why(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = results_with(work, monkeypatch, Refusing(), None)
    table = results.table_text()
    assert "bound: the bound does not model movement on roads" in table
    methods = results.metrics()["methods"]
    assert "bound" not in methods and "bound" not in results.compared
    assert all(row["error_over_bound"] is None for row in methods.values())


def test_by_groups_a_model_is_shown_next_to_a_classic(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another model is none, however good it is."""
    results = results_with(work, monkeypatch, Refusing(), None)
    model, *classics = results.evaluations
    better = dataclasses.replace(model, name="pretrained", error=model.error / 1e3)
    vars(results)["evaluations"] = [model, better, *classics]
    assert results.compared[0] == model.name
    assert results.compared[1] in {one.name for one in results.classics.methods}


def test_a_bound_is_shown_with_its_check_on_its_own_law(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = GridBayes("bound", LikelihoodModel(8.0, 6.0, 15.0))
    results = results_with(work, monkeypatch, bound, SelfCheck(0.51, 0.894, 0.942, 300, 7.0))
    table = results.table_text()
    assert "…" not in table, "a column is cut off"
    assert "hold 51%, 89% and 94% of 300 sequences drawn from its own law in south" in table
    metrics = results.metrics()
    assert metrics["methods"]["bound"]["error_over_bound"] == 1.0
    assert metrics["self_check"]["south"]["coverage_90"] == 0.894


@pytest.mark.parametrize("error", [InputError("a classic refuses"), KeyboardInterrupt()])
def test_the_bound_begins_before_the_classics_are_fitted_and_ends_when_they_fail(
    work: Workplace, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    begun = Listed()
    monkeypatch.setattr(comparison, "Aside", lambda: begun)

    def peers() -> Iterator[Method]:
        aside = ["the bound", "the self-check of the bound", "the true maps"]
        assert begun.names == aside, "the bound waits for the classics"
        raise error
        yield

    locator, dataset = Locator.load(work.run / "locator.ckpt"), open_report_dataset(work.test_only)
    with pytest.raises(type(error)):
        comparison.compare([locator], peers, dataset, None, lambda name: None)
    assert begun.left_by is type(error)


def test_classics_from_a_dataset_without_training_places_are_refused_at_once(
    work: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(work.run, work.test_only, "--classics-from", work.test_only) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1 and "elsewhere.zarr has no training places" in shown.err
    assert shown.out == "" and [path.name for path in work.run.iterdir()] == ["locator.ckpt"]


def test_a_dataset_without_test_places_is_refused(work: Workplace) -> None:
    dataset: ReportDataset = open_report_dataset(work.trained_on)
    with pytest.raises(InputError, match="no test sequences"):
        comparison.compare(
            [Locator.load(work.run / "locator.ckpt")],
            lambda: [],
            dataset.select(dataset.split == "train"),
            None,
            lambda name: None,
        )
