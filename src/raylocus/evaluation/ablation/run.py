"""An ablation's recipe and its run: variants and seeds trained where that is asked, and located in every test place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from raylocus.datasets.build import Listener, build_dataset
from raylocus.datasets.configuration import DatasetConfiguration, parse_dataset_configuration
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.errors import InputError
from raylocus.evaluation.ablation.given import Given
from raylocus.evaluation.ablation.summary import Trial
from raylocus.evaluation.comparison import circumstances_of, world_by_world
from raylocus.evaluation.evaluation import Contestant, Method, evaluate
from raylocus.evaluation.place_scores import PlaceScores, kept_scores
from raylocus.execution.task import Engine
from raylocus.propagation.maps.traced_place import open_place
from raylocus.provenance import hash_configuration, versions
from raylocus.training.cli import LOCATOR_FILE, fit
from raylocus.yaml_text import read_as

#: An ablation of fewer seeds shows the seed.
FEWEST_SEEDS = 3


@dataclass(frozen=True)
class Variant:
    """One thing that is otherwise; keys are dotted paths such as `world_law.severity`."""

    name: str
    train: dict[str, Any] = field(default_factory=dict)
    """Options of `raylocus train fit`."""
    dataset: dict[str, Any] = field(default_factory=dict)
    """Keys of the dataset that is trained on."""
    test: dict[str, Any] = field(default_factory=dict)
    """Keys of the dataset that is tested on."""
    given: Given = Given()
    """What the locator is given at test time."""


@dataclass(frozen=True)
class AblationRecipe:
    """A question, and what is varied to answer it."""

    question: str
    variants: tuple[Variant, ...]
    """The first is what the others are compared with."""
    test: dict[str, Any]
    """The dataset that is tested on, as its YAML would say it."""
    dataset: dict[str, Any] | None = None
    """The dataset that every variant trains a model on; left out, one model that is given is tested in all of them."""
    train: str = "demo"
    """Recipe of the training, where models are trained."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """Of the training, and of what is drawn at test time."""

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError("an ablation has two variants or more, each with a name of its own")
        if len(set(self.seeds)) < FEWEST_SEEDS:
            raise InputError(f"an ablation takes {FEWEST_SEEDS} seeds or more, not {len(set(self.seeds))}")
        if self.dataset is None and any(variant.train or variant.dataset for variant in self.variants):
            raise InputError("variants that differ in training need the key dataset: what is trained on")

    def test_set(self, variant: Variant) -> DatasetConfiguration:
        """What a variant is tested on. Raises InputError where the overrides describe no dataset."""
        return _configuration(self.test, variant.test, f"test of {variant.name}")

    def training_set(self, variant: Variant) -> DatasetConfiguration:
        """What a variant is trained on. Raises InputError where the overrides describe no dataset."""
        return _configuration(self.dataset or {}, variant.dataset, f"dataset of {variant.name}")

    def seeds_of(self, variant: Variant) -> tuple[int, ...]:
        """The seeds of a variant; the first alone where no seed decides anything."""
        return self.seeds if self.dataset is not None or variant.given.is_drawn else self.seeds[:1]


def overridden(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings with the values of some dotted keys replaced, or added."""
    result: dict[str, Any] = copy.deepcopy(dict(content))
    for key, value in overrides.items():
        *path, last = key.split(".")
        inner = result
        for name in path:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return result


def load_ablation_recipe(path: Path) -> AblationRecipe:
    """Reads a recipe from YAML.

    Raises:
        InputError: the file does not describe an ablation.
    """
    recipe = read_as(AblationRecipe, path.read_text(), str(path), "a recipe of an ablation")
    for variant in recipe.variants:  # a wrong override is said before any work is done
        recipe.test_set(variant)
        if recipe.dataset is not None:
            recipe.training_set(variant)
    return recipe


def _configuration(
    content: Mapping[str, Any], overrides: Mapping[str, Any], source: str
) -> DatasetConfiguration:
    return parse_dataset_configuration(yaml.safe_dump(overridden(content, overrides)), source)


@dataclass(frozen=True)
class Ablation:
    """A recipe, the model that it tests or the training that it varies, and the folder that it is run in."""

    recipe: AblationRecipe
    model: Contestant | None
    """The model that is tested; None where every variant trains its own."""
    training: Path
    """Configuration of the training."""
    out: Path
    load: Callable[[Path], Contestant]
    """Reads a checkpoint that was trained."""
    report: Callable[[str], None]
    """Called with one line as work goes on."""

    def run(self, listener: Listener, engine: Engine) -> list[Trial]:
        """All trials; what an earlier run left is not made again.

        Args:
            listener: called with the progress of dataset builds.
            engine: what builds them.

        Raises:
            InputError: there is nothing to train or test on.
            StoreError: a file of an earlier run is damaged.
        """
        return [
            trial
            for variant in self.recipe.variants
            for seed in self.recipe.seeds_of(variant)
            for trial in self._trials(variant, seed, listener, engine)
        ]

    def _trials(self, variant: Variant, seed: int, listener: Listener, engine: Engine) -> Iterator[Trial]:
        self.report(f"{variant.name}, seed {seed}")
        test = self._dataset(self.recipe.test_set(variant), listener, engine)
        model = self.model or self._trained(variant, seed, listener, engine)
        made_from = [model.digest, test.digest, variant.given, seed, versions()]
        for place in test.by_place("test"):
            name = test.configuration.places[int(place.place_index[0])].name
            file = self.out / "trials" / f"{_slug(variant.name)}.{seed}.{name}.npz"
            digest = hash_configuration([*made_from, name])
            scored = partial(_scored, model.method, place, variant, seed)
            yield Trial(variant.name, seed, kept_scores(file, digest, scored))

    def _dataset(
        self, configuration: DatasetConfiguration, listener: Listener, engine: Engine
    ) -> ReportDataset:
        """The dataset of a configuration, built where it is not there; trials share it."""
        path = self.out / "datasets" / f"{hash_configuration(configuration)[:12]}.zarr"
        if path not in self._datasets:
            build_dataset(configuration, path, listener, engine)
            self._datasets[path] = open_report_dataset(path)
        return self._datasets[path]

    @cached_property
    def _datasets(self) -> dict[Path, ReportDataset]:
        """Those that trials have asked for so far."""
        return {}

    @cached_property
    def _models(self) -> dict[Path, Contestant]:
        """Those that trials have asked for so far, by the folder of their run."""
        return {}

    def _trained(self, variant: Variant, seed: int, listener: Listener, engine: Engine) -> Contestant:
        """The model of a variant and seed, trained where it is not there."""
        data = self._dataset(self.recipe.training_set(variant), listener, engine)
        # Variants that differ in what is given at test time only share a model.
        made_from = hash_configuration([data.folder.name, self.recipe.train, variant.train])
        run = self.out / "runs" / f"{made_from[:12]}.{seed}"
        if run not in self._models:
            self._fit(data, variant, seed, run)
            self._models[run] = self.load(run / LOCATOR_FILE)
        return self._models[run]

    def _fit(self, data: ReportDataset, variant: Variant, seed: int, run: Path) -> None:
        """Trains one model, as far as an earlier run has not."""
        fit(
            [
                f"--config={self.training}",
                f"--seed_everything={seed}",
                f"--data.dataset={data.folder.name}",
                f"--trainer.default_root_dir={run}",
                f"--trainer.logger.init_args.save_dir={run}",
                *(f"--{key}={value}" for key, value in variant.train.items()),
            ]
        )


def _scored(method: Method, test: ReportDataset, variant: Variant, seed: int) -> PlaceScores:
    """A method on the test sequences of one place, given what the variant gives."""
    index = int(test.place_index[0])
    folder = test.configuration.places[index].folder
    place, generator = test.place(index), np.random.default_rng([seed, index])
    maps = variant.given.place(place, lambda: open_place(folder), generator)
    outcome = evaluate(world_by_world(method, test), variant.given.observed(test.reports), maps)
    return PlaceScores(place.name, circumstances_of(test), (outcome.evaluation,), {}, {})


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
