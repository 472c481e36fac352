"""Split rules: what is kept apart so that nothing of the test is seen in training, as the YAML declares it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, Shaped

from raylocus.errors import InputError

#: A stored split is an index into these, or `NO_SPLIT`.
SPLITS = ("train", "validation", "test")
#: Stored split of a sequence that belongs to none of them, e.g. in a guard band; its name is `NO_SPLIT_NAME`.
NO_SPLIT, NO_SPLIT_NAME = -1, "none"

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class CitySplits:
    """Each place names its split, and no city is in two: two tiles share buildings, even ground."""

    kind: Literal["city"] = "city"


@dataclass(frozen=True)
class StyleSplits:
    """By place style, so that a test place is of a kind that was never seen."""

    kind: Literal["style"]
    test: tuple[str, ...]
    """Styles whose places are for the test; places of no style named here are for training."""
    validation: tuple[str, ...] = ()
    """Styles whose places are for validation."""

    def __post_init__(self) -> None:
        both = set(self.test) & set(self.validation)
        if both:
            raise InputError(f"the style {min(both)} is in the splits validation and test; leave it in one")


@dataclass(frozen=True)
class AreaBlockSplits:
    """By square blocks of ground; a sequence belongs to a split when all its reports lie in its blocks."""

    kind: Literal["area_blocks"]
    block: float = 128.0
    """Side of a block [m]."""
    guard: float = 16.0
    """Reports of two splits are at least this far apart [m]; a sequence that comes nearer is in none."""
    validation: float = 0.15
    """Share of each place's blocks that are for validation, rounded."""
    test: float = 0.15
    """Share of each place's blocks that are for the test, rounded."""

    def __post_init__(self) -> None:
        if not 0 <= self.guard < self.block:
            raise InputError(
                f"the guard of area blocks is at least 0 m and below the block's {self.block:g} m"
            )
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise InputError("the shares of validation and test blocks are not negative and sum to below 1")


@dataclass(frozen=True)
class ThresholdSplits:
    """By a quantity that a sequence has from its beginning to its end."""

    kind: str
    test_from: float
    """Sequences at this severity, or from this day [d] on, and more are for the test; the dataset starts on day 0."""
    validation_from: float | None = None
    """Those from here on, that end below `test_from`, are for validation; none where left out."""

    def __post_init__(self) -> None:
        if self.validation_from is not None and not self.validation_from < self.test_from:
            raise InputError(
                f"validation must begin at a lower {self.kind} than the test's {self.test_from:g}"
            )


@dataclass(frozen=True)
class SeveritySplits(ThresholdSplits):
    """By the severity of worlds: milder worlds for training, harder ones for the test."""

    kind: Literal["severity"]


@dataclass(frozen=True)
class TimeSplits(ThresholdSplits):
    """By time: the past for training, what came later for the test."""

    kind: Literal["time"]


#: Any of the rules, distinguished by `kind`.
SplitRule = CitySplits | StyleSplits | AreaBlockSplits | SeveritySplits | TimeSplits


@dataclass(frozen=True)
class PlaceChoice:
    """A place of a dataset and what it is for."""

    folder: Path
    """The place's folder."""
    split: Split | None = None
    """What its reports are for, where cities are split; some worlds of a train place may be for validation."""
    city: str | None = None
    """The city it is a tile of; None is the folder's name without a trailing tile number."""
    style: str | None = None
    """The kind of place it is, such as a generated town's style; needed where styles are split."""
    source: str | None = None
    """What it is built from where it is not there yet, as `raylocus scene build` takes it."""
    count: int = 1
    """Places of this source: towns of following seeds, or neighbouring tiles around the centre."""
    centre: tuple[float, float] = (0.0, 0.0)
    """Centre of the tile in the source's frame [m]."""
    seed: int = 0
    """Seed of the network, and of what the source leaves open."""
    layouts: tuple[Literal["macro", "micro", "mixed", "low"], ...] = ()
    """Networks drawn over it, each a place of its own; left out, the scene's deployment."""
    map_error: float = 0.0
    """Severity of the errors of its map, see `scenes.map_errors`: phones are observed where other buildings,
    ground and site positions stand than on the maps that the dataset holds."""

    @property
    def true_folder(self) -> Path:
        """Folder of what truly stands there: where phones are observed."""
        return self.folder.with_name(f"{self.folder.name}.true") if self.map_error else self.folder

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.folder.name

    @property
    def city_name(self) -> str:
        """The city, e.g. "munich" of places/munich-3."""
        return self.city or re.sub(r"-\d+$", "", self.folder.name)


def split_of_place(rule: SplitRule, place: PlaceChoice) -> Split | None:
    """What a place is for; None where the rule divides a place's sequences."""
    if isinstance(rule, CitySplits):
        return place.split
    if isinstance(rule, StyleSplits):
        if place.style in rule.test:
            return "test"
        return "validation" if place.style in rule.validation else "train"
    return None


def check_splits(rule: SplitRule, places: Sequence[PlaceChoice]) -> None:
    """Checks that every place is listed once and says what the rule needs to know of it.

    Raises:
        InputError: a place is listed twice, lacks what the rule needs, or a city is in two splits.
    """
    folders = [place.folder.resolve() for place in places]
    for place, folder in zip(places, folders, strict=True):
        if folders.count(folder) > 1:
            raise InputError(f"the dataset lists {place.folder} twice; list each place once")
        _check_declared(rule, place)
    if isinstance(rule, CitySplits):
        _check_cities(places)


def split_names(codes: Int[np.ndarray, " sample"]) -> Shaped[np.ndarray, " sample"]:
    """'train', 'validation', 'test' or 'none' of stored splits."""
    return np.array([*SPLITS, NO_SPLIT_NAME])[codes]  # NO_SPLIT, −1, is the last


def _check_declared(rule: SplitRule, place: PlaceChoice) -> None:
    if isinstance(rule, CitySplits):
        if place.split is None:
            raise InputError(f"{place.folder} has no split; give it one of {', '.join(SPLITS)}")
    elif place.split is not None:
        raise InputError(f"splits are by {rule.kind}, so leave out the split of {place.folder}")
    if isinstance(rule, StyleSplits) and place.style is None:
        raise InputError(f"splits are by style, but {place.folder} has none; give it a style")


def _check_cities(places: Iterable[PlaceChoice]) -> None:
    split_of_city: dict[str, str | None] = {}
    for place in places:
        if split_of_city.setdefault(place.city_name, place.split) != place.split:
            raise InputError(
                f"{place.city_name} is in the splits {split_of_city[place.city_name]} and {place.split}; "
                "put all places of a city into one split"
            )
