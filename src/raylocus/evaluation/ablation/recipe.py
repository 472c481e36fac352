"""What an ablation asks, as one YAML file of overrides says it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from raylocus.datasets.configuration import DatasetConfiguration, parse_dataset_configuration
from raylocus.datasets.configuration_reasons import reason
from raylocus.errors import InputError
from raylocus.evaluation.ablation.given import Given

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
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(AblationRecipe, "ablation")
    try:
        indented = "ablation:\n" + "".join(f"  {line}\n" for line in path.read_text().splitlines())
        recipe: AblationRecipe = parser.instantiate(parser.parse_string(indented)).ablation
    except InputError:
        raise
    except (ArgumentError, ValueError) as error:
        raise InputError(f"{path} is not a recipe of an ablation: {reason(str(error))}") from error
    for variant in recipe.variants:  # a wrong override is said before any work is done
        recipe.test_set(variant)
        if recipe.dataset is not None:
            recipe.training_set(variant)
    return recipe


def _configuration(
    content: Mapping[str, Any], overrides: Mapping[str, Any], source: str
) -> DatasetConfiguration:
    return parse_dataset_configuration(yaml.safe_dump(overridden(content, overrides)), source)
