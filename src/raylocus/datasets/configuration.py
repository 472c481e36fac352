"""What a dataset is made of, as one YAML file says it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from raylocus.datasets.splits import CitySplits, PlaceChoice, Split, SplitRule, check_splits
from raylocus.errors import InputError
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration
from raylocus.network.network_law import NetworkLaw
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.provenance import check_seed
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.world import WorldLaw
from raylocus.yaml_text import read_as

#: How the source of a generated town begins.
PROCEDURAL = "procedural:"


def single_places(places: Sequence[PlaceChoice], tile_size: float) -> tuple[PlaceChoice, ...]:
    """Every place by itself; those that are single already stay as they are.

    The towns of a generator are cities of their own; the tiles of a map and the networks over one tile
    belong to one city.

    Tiles have a side of `tile_size` [m].

    Raises:
        InputError: an entry without a source stands for several places, or for none.
    """
    return tuple(single for choice in places for single in _places_of(choice, tile_size))


def _places_of(choice: PlaceChoice, tile_size: float) -> Iterator[PlaceChoice]:
    if choice.count < 1:
        raise InputError(f"{choice.folder} stands for {choice.count} places; give a count of 1 or more")
    if choice.map_error and not 0 < choice.map_error <= 2:
        raise InputError(f"the map error of {choice.folder} lies between 0 and 2, not {choice.map_error:g}")
    if choice.source is None and (choice.count > 1 or choice.layouts):
        raise InputError(
            f"{choice.folder} is one place; give it a source to make several or to draw networks"
        )
    for place in _of_source(choice, tile_size):
        if len(place.layouts) < 2:
            yield place
            continue
        for layout in place.layouts:
            folder = Path(f"{place.folder}-{layout}")
            yield dataclasses.replace(place, folder=folder, city=place.city_name, layouts=(layout,))


def _of_source(choice: PlaceChoice, tile_size: float) -> Iterator[PlaceChoice]:
    generated = choice.source is not None and choice.source.startswith(PROCEDURAL)
    if generated and choice.style is None:
        choice = dataclasses.replace(choice, style=str(choice.source).removeprefix(PROCEDURAL))
    if choice.count == 1:
        yield choice
        return
    side = range(-math.isqrt(choice.count), math.isqrt(choice.count) + 1)
    around = sorted(product(side, side), key=lambda tile: max(map(abs, tile)))  # ring by ring
    for number, (row, column) in zip(range(choice.count), around, strict=False):
        folder = Path(f"{choice.folder}-{number}")
        single = dataclasses.replace(choice, folder=folder, count=1, seed=choice.seed + number)
        if generated:
            yield dataclasses.replace(single, city=f"{choice.city or choice.folder.name}-{number}")
        else:
            x, y = choice.centre
            centre = (x + column * tile_size, y + row * tile_size)
            yield dataclasses.replace(single, centre=centre, city=choice.city_name)


@dataclass(frozen=True)
class SplitSize:
    """How much is observed in each place of a split."""

    worlds: int
    """Worlds drawn at each place."""
    sequences: int
    """UEs observed in each world; a UE that finds no cell yields no sequence."""

    def __post_init__(self) -> None:
        if self.worlds < 0 or self.sequences < 1:
            raise InputError(
                f"a split has 0 worlds or more and 1 sequence or more in each, not {self.worlds} "
                f"and {self.sequences}"
            )


@dataclass(frozen=True)
class DatasetConfiguration:
    """The resolved configuration of a dataset."""

    places: tuple[PlaceChoice, ...]
    """Places, with what the split rule needs to know of each."""
    seed: int
    """Seed of all worlds, trajectories and observations."""
    train: SplitSize = SplitSize(16, 60)
    """Size at each train place."""
    validation: SplitSize = SplitSize(2, 60)
    """Size at each validation place, and of the further worlds kept for validation at each train place."""
    test: SplitSize = SplitSize(8, 40)
    """Size at each test place."""
    splits: SplitRule = CitySplits()
    """What keeps the test apart from the training."""
    each: SplitSize = SplitSize(8, 60)
    """Size at each place where the rule divides a place's sequences: by area blocks, severity or time."""
    severities: tuple[float, ...] = ()
    """Severities that the worlds of a place take in turn; left out, all have the law's."""
    world_law: WorldLaw = WorldLaw()
    """The law of worlds; its severity also scales the observation's."""
    map_error_law: MapErrorLaw = MapErrorLaw()
    """The law by which maps of places with a `map_error` err; its severity is theirs."""
    mobility: MobilityConfiguration = MobilityConfiguration()
    """The law of trajectories."""
    network: NetworkConfiguration = NetworkConfiguration()
    """The law by which the network observes, at severity 1, and the features that it reports."""
    network_law: NetworkLaw | None = None
    """The law that each world's network is drawn from, about `network`; left out, all have the same network."""
    scene: SceneConfiguration = SceneConfiguration()
    """Tile, grid and network of the places that are built here."""
    trace: TraceConfiguration = TraceConfiguration()
    """How places are traced that are not traced yet."""
    maps: RadioMapConfiguration = RadioMapConfiguration(layers=())
    """What R holds of the places that are traced here; to learn from turned antennas takes several times as long."""
    max_failed_share: float = 0.1
    """The build fails where more than this share of the places cannot be built or traced."""

    def __post_init__(self) -> None:
        if not self.places:
            raise InputError("a dataset needs at least one place")
        # What follows sees single places only, however the YAML states them.
        object.__setattr__(self, "places", single_places(self.places, self.scene.tile_size))
        check_splits(self.splits, self.places)
        seeds = {"seed": self.seed, "scene.seed": self.scene.seed, "trace.seed": self.trace.seed}
        seeds |= {f"the seed of {each.folder}": each.seed for each in self.places}
        for name, seed in seeds.items():
            check_seed(name, seed)
        if not 0 <= self.max_failed_share <= 1:
            raise InputError(f"max_failed_share lies between 0 and 1, not {self.max_failed_share:g}")
        if any(not 0 <= severity <= 2 for severity in self.severities):
            raise InputError("the severities of worlds lie between 0 and 2")

    def size_of(self, split: Split | None) -> SplitSize:
        """How much is observed at a place of this split; None is a place whose sequences are divided."""
        return {"train": self.train, "validation": self.validation, "test": self.test, None: self.each}[split]

    def map_errors_of(self, place: PlaceChoice) -> MapErrorLaw:
        """The law by which the map of a place errs."""
        return dataclasses.replace(self.map_error_law, severity=place.map_error)


def load_dataset_configuration(path: Path) -> DatasetConfiguration:
    """Reads a dataset configuration from YAML.

    Raises:
        InputError: the file is absent, or does not describe a dataset.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(
            f"no dataset configuration at {path}; write one, or name a recipe of raylocus"
        ) from error
    return parse_dataset_configuration(text, str(path))


def parse_dataset_configuration(text: str, source: str) -> DatasetConfiguration:
    """The dataset configuration that YAML text describes; `source` names it in errors.

    Raises:
        InputError: the text does not describe a dataset.
    """
    return read_as(DatasetConfiguration, text, source, "a dataset configuration")


def stored_dataset_configuration(record: dict[str, Any], source: str) -> DatasetConfiguration:
    """The dataset configuration that a provenance records.

    Raises:
        InputError: the record does not describe a dataset of this version.
    """
    # JSON writes an infinite number otherwise than YAML does.
    return parse_dataset_configuration(yaml.safe_dump(record), source)
