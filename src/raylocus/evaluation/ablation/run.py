"""Running an ablation: every variant and seed trained where that is asked, and located in every test place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raylocus.datasets.build import Listener, build_dataset
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.evaluation.ablation.recipe import AblationRecipe, Variant
from raylocus.evaluation.comparison import circumstances_of, world_by_world
from raylocus.evaluation.evaluate import evaluate
from raylocus.evaluation.method import Contestant, Method
from raylocus.evaluation.place_scores import PlaceScores, stored_scores
from raylocus.execution.task import Engine
from raylocus.propagation.maps.traced_place import open_place
from raylocus.provenance import hash_configuration, versions
from raylocus.training.cli import LOCATOR_FILE, fit


@dataclass(frozen=True)
class Trial:
    """One variant with one seed in one place."""

    variant: str
    seed: int
    scores: PlaceScores


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
        model = self.model or self.load(self._trained(variant, seed, listener, engine))
        made_from = [model.digest, test.digest, variant.given, seed, versions()]
        for index in np.unique(test.place_index[test.split == "test"]):
            place = test.select((test.split == "test") & (test.place_index == index))
            name = test.configuration.places[int(index)].name
            file = self.out / "trials" / f"{_slug(variant.name)}.{seed}.{name}.npz"
            digest = hash_configuration([*made_from, name])
            scores = stored_scores(file, digest)
            if scores is None:
                scores = _scored(model.method, place, variant, seed)
                scores.save(file, digest)
            yield Trial(variant.name, seed, scores)

    def _dataset(
        self, configuration: DatasetConfiguration, listener: Listener, engine: Engine
    ) -> ReportDataset:
        """The dataset of a configuration, built where it is not there."""
        path = self.out / "datasets" / f"{hash_configuration(configuration)[:12]}.zarr"
        build_dataset(configuration, path, listener, engine)
        return open_report_dataset(path)

    def _trained(self, variant: Variant, seed: int, listener: Listener, engine: Engine) -> Path:
        """The checkpoint of a variant and seed, trained where it is not there."""
        data = self._dataset(self.recipe.training_set(variant), listener, engine)
        # Variants that differ in what is given at test time only share a model.
        made_from = hash_configuration([data.folder.name, self.recipe.train, variant.train])
        run = self.out / "runs" / f"{made_from[:12]}.{seed}"
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
        return run / LOCATOR_FILE


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
