"""What a benchmark consists of, as one YAML file says it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.configuration_reasons import reason
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError
from raylocus.evaluation.baselines.locunet.training import LocUNetTraining
from raylocus.network.configuration import NetworkConfiguration


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

    def dataset_of(self, feature_set: str) -> DatasetConfiguration:
        """The dataset in which the network reports one of the feature sets."""
        return dataclasses.replace(self.dataset, network=self.feature_sets[feature_set])

    @property
    def tested(self) -> tuple[str, ...]:
        """Names of the places that are tested in."""
        return tuple(place.name for place in self.dataset.places if place.split == "test")

    def only(self, names: Sequence[str]) -> BenchmarkRecipe:
        """The same with some of the places to test in.

        Raises:
            InputError: a name is not of a place to test in.
        """
        unknown = [name for name in names if name not in self.tested]
        if unknown:
            raise InputError(
                f"the benchmark has no place {unknown[0]}; its places are {', '.join(self.tested)}"
            )
        return self._with_places(
            [place for place in self.dataset.places if place.split != "test" or place.name in names]
        )

    def with_places(self, folder: Path) -> BenchmarkRecipe:
        """The same with the traced places of a folder added to those to test in.

        Raises:
            InputError: there is no place in the folder.
        """
        found = sorted(file.parent for file in folder.glob("*/place.json"))
        if not found:
            raise InputError(f"{folder} holds no place; name the folder that place folders are in")
        added = [PlaceChoice(place, split="test", city=f"added {place.name}") for place in found]
        return self._with_places([*self.dataset.places, *added])

    def _with_places(self, places: Sequence[PlaceChoice]) -> BenchmarkRecipe:
        return dataclasses.replace(self, dataset=dataclasses.replace(self.dataset, places=tuple(places)))


def load_benchmark_recipe(path: Path) -> BenchmarkRecipe:
    """Reads a recipe from YAML.

    Raises:
        InputError: the file does not describe a benchmark.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(BenchmarkRecipe, "benchmark")
    try:
        indented = "benchmark:\n" + "".join(f"  {line}\n" for line in path.read_text().splitlines())
        return parser.instantiate(parser.parse_string(indented)).benchmark
    except InputError:
        raise
    except (ArgumentError, ValueError) as error:
        raise InputError(f"{path} is not a recipe of a benchmark: {reason(str(error))}") from error
