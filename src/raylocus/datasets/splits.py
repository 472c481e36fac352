"""Splits by city: nothing of a city that is tested on may be seen in training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from raylocus.errors import InputError

#: A stored split is an index into these.
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class PlaceChoice:
    """A place of a dataset and what it is for."""

    folder: Path
    """The place's folder."""
    split: Literal["train", "validation", "test"]
    """What its reports are for; some worlds of a train place may be kept for validation."""
    city: str | None = None
    """The city it is a tile of; None is the folder's name without a trailing tile number."""

    @property
    def city_name(self) -> str:
        """The city, e.g. "munich" of places/munich-3."""
        return self.city or re.sub(r"-\d+$", "", self.folder.name)


def check_splits(places: Iterable[PlaceChoice]) -> None:
    """Checks that every place is listed once and that no city is in two splits.

    Two tiles of one city share buildings' style, materials and even ground, so they count as one.

    Raises:
        InputError: a place or a city is in two splits, or a place is listed twice.
    """
    split_of_city: dict[str, str] = {}
    folders: set[Path] = set()
    for place in places:
        if place.folder.resolve() in folders:
            raise InputError(f"the dataset lists {place.folder} twice; list each place once")
        folders.add(place.folder.resolve())
        if split_of_city.setdefault(place.city_name, place.split) != place.split:
            raise InputError(
                f"{place.city_name} is in the splits {split_of_city[place.city_name]} and {place.split}; "
                "put all places of a city into one split"
            )
