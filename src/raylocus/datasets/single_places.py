"""One entry of a dataset's places may stand for many: towns of one style, tiles of one map, networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError

_PROCEDURAL = "procedural:"


def single_places(places: Sequence[PlaceChoice], tile_size: float) -> tuple[PlaceChoice, ...]:
    """Every place by itself; those that are single already stay as they are.

    The towns of a generator are cities of their own; the tiles of a map and the networks over one tile
    belong to one city.

    Args:
        places: entries of a dataset's configuration.
        tile_size: side of a tile [m].

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
    generated = choice.source is not None and choice.source.startswith(_PROCEDURAL)
    if generated and choice.style is None:
        choice = dataclasses.replace(choice, style=str(choice.source).removeprefix(_PROCEDURAL))
    if choice.count == 1:
        yield choice
        return
    for number, (column, row) in zip(range(choice.count), _around(), strict=False):
        folder = Path(f"{choice.folder}-{number}")
        single = dataclasses.replace(choice, folder=folder, count=1, seed=choice.seed + number)
        if generated:
            yield dataclasses.replace(single, city=f"{choice.city or choice.folder.name}-{number}")
        else:
            x, y = choice.centre
            centre = (x + column * tile_size, y + row * tile_size)
            yield dataclasses.replace(single, centre=centre, city=choice.city_name)


def _around() -> Iterator[tuple[int, int]]:
    """Columns and rows around (0, 0), ring by ring."""
    ring = 0
    while True:
        side = range(-ring, ring + 1)
        yield from ((column, row) for row in side for column in side if max(abs(column), abs(row)) == ring)
        ring += 1
