"""A benchmark's recipe and its run: a dataset for each feature set, methods fitted once, scores for each place."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from raylocus.datasets.build import Listener, build_dataset
from raylocus.datasets.building.world_tasks import pack_reports
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import PlaceChoice
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.datasets.stored_place import StoredPlace
from raylocus.errors import InputError
from raylocus.evaluation.baselines.fitted_classics import (
    CLASSICS_FILE,
    Classics,
    classics_for,
    training_places,
)
from raylocus.evaluation.baselines.locunet.method import (
    LOCUNET_FILE,
    LocUNetMethod,
    LocUNetTraining,
    locunet_for,
)
from raylocus.evaluation.comparison import circumstances_of, compared_at, world_by_world
from raylocus.evaluation.evaluation import Contestant, Method, evaluate
from raylocus.evaluation.place_scores import PlaceScores, kept_scores
from raylocus.execution.task import Engine
from raylocus.models.inputs.nominal_maps import nominal_maps
from raylocus.network.configuration import NetworkConfiguration
from raylocus.provenance import hash_configuration, versions
from raylocus.yaml_text import read_as


@dataclass(frozen=True)
class BenchmarkRecipe:
    """Places, severities and sizes, which all feature sets share, and the feature sets."""

    dataset: DatasetConfiguration
    """What is observed; its network is each of `feature_sets` in turn. Places for training are what the classics and
    LocUNet are fitted on."""
    feature_sets: dict[str, NetworkConfiguration] = field(
        default_factory=lambda: {"critical": NetworkConfiguration()}
    )
    """Networks by the name of what they report, in the order in which they are evaluated."""
    locunet: LocUNetTraining = LocUNetTraining(sequences=0)
    left_out: tuple[str, ...] = ()
    """Names of places that are not tested in."""

    def dataset_of(self, feature_set: str) -> DatasetConfiguration:
        """The dataset in which the network reports one of the feature sets."""
        return dataclasses.replace(self.dataset, network=self.feature_sets[feature_set])

    @property
    def tested(self) -> tuple[str, ...]:
        """Names of the places that are tested in."""
        names = (place.name for place in self.dataset.places if place.split == "test")
        return tuple(name for name in names if name not in self.left_out)

    def only(self, names: Sequence[str]) -> BenchmarkRecipe:
        """The same with some of the places to test in, whose worlds stay as they are.

        Raises:
            InputError: a name is not of a place to test in.
        """
        unknown = [name for name in names if name not in self.tested]
        if unknown:
            raise InputError(
                f"the benchmark has no place {unknown[0]}; its places are {', '.join(self.tested)}"
            )
        return dataclasses.replace(self, left_out=tuple(name for name in self.tested if name not in names))

    def with_places(self, folder: Path) -> BenchmarkRecipe:
        """The same with the traced places of a folder added to those to test in.

        Raises:
            InputError: there is no place in the folder.
        """
        found = sorted(file.parent for file in folder.glob("*/place.json"))
        if not found:
            raise InputError(f"{folder} holds no place; name the folder that place folders are in")
        added = [PlaceChoice(place, split="test", city=f"added {place.name}") for place in found]
        places = (*self.dataset.places, *added)
        return dataclasses.replace(self, dataset=dataclasses.replace(self.dataset, places=places))


def load_benchmark_recipe(path: Path) -> BenchmarkRecipe:
    """Reads a recipe from YAML.

    Raises:
        InputError: the file does not describe a benchmark.
    """
    return read_as(BenchmarkRecipe, path.read_text(), str(path), "a recipe of a benchmark")


@dataclass(frozen=True)
class Benchmark:
    """A recipe, the models that are put into it, and the folder that it is run in."""

    recipe: BenchmarkRecipe
    contestants: Sequence[Contestant]
    out: Path
    report: Callable[[str], None]
    """Called with one line as work goes on."""

    def run(self, listener: Listener, engine: Engine) -> dict[str, list[PlaceScores]]:
        """Scores of every test place by feature set; what an earlier run left is not made again.

        Args:
            listener: called with the progress of dataset builds.
            engine: what builds them.

        Raises:
            As `build_dataset`; StoreError where a file of an earlier run is damaged.
        """
        return {name: list(self._scores(name, listener, engine)) for name in self.recipe.feature_sets}

    def _scores(self, name: str, listener: Listener, engine: Engine) -> Iterator[PlaceScores]:
        folder = self.out / name.replace(" ", "-")
        self.report(f"{name}: dataset")
        configuration = self.recipe.dataset_of(name)
        left_out = {
            index: "not asked for"
            for index, place in enumerate(configuration.places)
            if place.split == "test" and place.name in self.recipe.left_out
        }
        build_dataset(configuration, folder / "reports.zarr", listener, engine, left_out)
        fitted = FittedPeers(open_report_dataset(folder / "reports.zarr"), folder, self.recipe, self.report)
        for test in fitted.dataset.by_place("test"):
            yield self._scores_at(test, fitted, folder / "places")

    def _scores_at(self, test: ReportDataset, fitted: FittedPeers, folder: Path) -> PlaceScores:
        """The peers' scores at a place, and each model's by itself, so that another model is a few seconds' work."""
        place = test.place(int(test.place_index[0]))
        tested = _digest(test)

        def peers() -> PlaceScores:
            return compared_at(test, fitted.methods, lambda name: self.report(f"        {name}")).scores

        found = self._kept(folder / f"{place.name}.npz", [tested, fitted.digest], peers)
        own = []
        for each in self.contestants:
            file = folder / f"{place.name}.{each.digest[:12]}.npz"
            located = self._kept(file, [tested, each.digest], partial(_located, each.method, test, place))
            own.append(dataclasses.replace(located.evaluations[0], name=each.method.name))
        return dataclasses.replace(found, evaluations=(*own, *found.evaluations))

    def _kept(self, file: Path, made_from: list[str], make: Callable[[], PlaceScores]) -> PlaceScores:
        """The scores of a file, made first where it does not hold them."""

        def made() -> PlaceScores:
            self.report(f"      {file.stem}")
            return make()

        return kept_scores(file, hash_configuration([*made_from, versions()]), made)


def _located(method: Method, test: ReportDataset, place: StoredPlace) -> PlaceScores:
    outcome = evaluate(world_by_world(method, test), test.reports, nominal_maps(place))
    return PlaceScores(place.name, circumstances_of(test), (outcome.evaluation,), {}, {})


def _digest(test: ReportDataset) -> str:
    """Of the reports of one place, the laws that they were drawn from, and what the place holds."""
    folder = str(test.configuration.places[int(test.place_index[0])].folder)
    laws = dataclasses.replace(test.configuration, places=test.configuration.places[:1])
    reports = hashlib.sha256(pack_reports(test.reports)).hexdigest()
    return hash_configuration([reports, _inputs_of(test, [folder]), laws])


def _inputs_of(dataset: ReportDataset, folders: Sequence[str]) -> dict[str, str]:
    """Hashes of what some of a dataset's places hold."""
    within = tuple(f"{folder}/" for folder in folders)
    return {name: each for name, each in dataset.provenance.inputs.items() if name.startswith(within)}


@dataclass(frozen=True)
class FittedPeers:
    """What a feature set's models are compared with, fitted on its training places when first asked for."""

    dataset: ReportDataset
    folder: Path
    recipe: BenchmarkRecipe
    report: Callable[[str], None]

    @property
    def methods(self) -> list[Method]:
        """The classics, and LocUNet where the recipe has it."""
        return [*self.classics.methods, *([] if self.locunet is None else [self.locunet])]

    @cached_property
    def digest(self) -> str:
        """Of what they are fitted on and how."""
        training = [pack_reports(reports) for reports, _ in training_places(self.dataset)]
        folders = [str(place.folder) for place in self.recipe.dataset.places if place.split == "train"]
        held = [hashlib.sha256(each).hexdigest() for each in training]
        return hash_configuration([held, _inputs_of(self.dataset, folders), self.recipe.locunet])

    @cached_property
    def classics(self) -> Classics:
        """All classics."""

        def fitting(name: str) -> None:
            self.report(f"      fitting {name}")

        return classics_for(self.dataset, self.folder / CLASSICS_FILE, self.dataset.digest, fitting)()

    @cached_property
    def locunet(self) -> LocUNetMethod | None:
        """LocUNet; None where the recipe shows it no sequence."""
        if not self.recipe.locunet.sequences:
            return None
        training = training_places(self.dataset)
        return locunet_for(
            training, self.digest, self.folder / LOCUNET_FILE, self.recipe.locunet, self.report
        )
