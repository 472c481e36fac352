"""What the demo builds, trains on and is tested in, as one YAML file says it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from raylocus.cli.parsing import VerbParser, verb_parser
from raylocus.errors import InputError
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.trace import TraceConfiguration
from raylocus.scenes.build import SceneConfiguration


@dataclass(frozen=True)
class PlaceRecipe:
    """One place of the demo."""

    folder: Path
    """Where it is built."""
    source: str
    """What it is built from, as `raylocus scene build` takes it."""
    centre: tuple[float, float] = (0.0, 0.0)
    """Centre of the tile in the source's frame [m]."""
    seed: int = 0
    """Seed of the deployment."""


@dataclass(frozen=True)
class DemoConfiguration:
    """The resolved configuration of the demo."""

    places: tuple[PlaceRecipe, ...]
    """All places, of training and of testing; the dataset's configuration says which is which."""
    dataset_configuration: Path
    """Configuration of the dataset."""
    training_configuration: Path
    """Configuration of the training run."""
    dataset: Path = Path("datasets/demo.zarr")
    """Where the dataset is built."""
    sequences: int | None = None
    """Most test sequences that the methods are compared on; all where null."""
    scene: SceneConfiguration = SceneConfiguration()
    """Tile and grid of every place; centre and seed come from the recipes."""
    trace: TraceConfiguration = TraceConfiguration()
    """How every place is traced."""
    maps: RadioMapConfiguration = RadioMapConfiguration()
    """What R of every place holds."""

    def __post_init__(self) -> None:
        if not self.places:
            raise InputError("a demo needs at least one place")

    def scene_of(self, recipe: PlaceRecipe) -> SceneConfiguration:
        """The scene configuration of one place."""
        return dataclasses.replace(self.scene, centre=recipe.centre, seed=recipe.seed)


def demo_parser() -> VerbParser:
    """The parser of `raylocus demo`: any field of the configuration can also be given as an option."""
    parser = verb_parser("demo", "Train on some cities, locate phones in another, write a report.")
    parser.add_argument("--config", action="config", help="demo configuration, such as configs/demo.yaml")
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder of the run")
    parser.add_class_arguments(DemoConfiguration)
    return parser
