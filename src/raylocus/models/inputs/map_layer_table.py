"""The layers of R and G as data: one that map encoders shall see as well is a row in `map_layers.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

#: Part of a layer that says on what share of a ground cell it has a value.
KNOWN = "known"
#: Signed parts of a direction after x has changed its sign, and after a quarter turn counter-clockwise.
_DIRECTION_MIRRORED = {"x": "-x", "y": "y"}
_DIRECTION_TURNED = {"x": "-y", "y": "x"}


@dataclass(frozen=True)
class MapLayer:
    """One layer of R or G, and how it becomes channels of order 1."""

    name: str
    maps: str
    """R or G."""
    layer: str
    """Its name there."""
    axis: str
    """What has one raster each: a `site`, a `cell`, or the `ground` alone."""
    group: str
    """Layers that a place has together or not at all; empty for those that every place has."""
    unit: str
    over: str
    """What is taken of a cell's beams or streams: their `mean` [dB], the `highest`, or the one of an index."""
    kind: str
    """A key of `models.inputs.map_layers.KINDS`."""
    centre: float
    """Subtracted from values [unit], or from their logarithms to base 10."""
    scale: float
    """What is left is divided by it."""
    least: float
    """Values below it count as it, where logarithms are taken [unit]."""
    classes: int
    """Number of classes; 0 where the values are no classes."""
    mirrored: str
    """Row whose values these are after x has changed its sign, its own where empty; with − before it, negative ones."""
    turned: str
    """The same after a quarter turn counter-clockwise."""

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Names of its channels of values."""
        if self.kind == "azimuth":
            return ("x", "y")
        return tuple(map(str, range(self.classes or 1)))


@dataclass(frozen=True)
class MapChannel:
    """One raster of a layer, a part of its values or where it has any."""

    row: MapLayer
    part: str
    """One of the row's parts, or `KNOWN`."""

    @property
    def name(self) -> str:
        """Its layer and its part."""
        return f"{self.row.name}.{self.part}"

    @property
    def mirrored(self) -> tuple[str, int]:
        """Name and sign of the channel that it shows after x has changed its sign."""
        return self._moved(self.row.mirrored, _DIRECTION_MIRRORED)

    @property
    def turned(self) -> tuple[str, int]:
        """Name and sign of the channel that it shows after a quarter turn counter-clockwise."""
        return self._moved(self.row.turned, _DIRECTION_TURNED)

    def _moved(self, row: str, direction: dict[str, str]) -> tuple[str, int]:
        part = direction[self.part] if self.row.kind == "azimuth" and self.part != KNOWN else self.part
        negative = part.startswith("-") or (row.startswith("-") and part != KNOWN)
        return f"{row.lstrip('-') or self.row.name}.{part.lstrip('-')}", -1 if negative else 1


def _read_rows() -> Iterator[MapLayer]:
    text = resources.files("raylocus.models.inputs").joinpath("map_layers.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        numbers = {name: float(row[name] or 0) for name in ("centre", "scale", "least")}
        given: dict[str, Any] = row | numbers | {"classes": int(row["classes"] or 0)}
        yield MapLayer(**given)


#: Every layer that map encoders can be shown, in the order of channels.
MAP_LAYERS = tuple(_read_rows())
#: Rows that have one raster for each site, for each cell, and for the ground.
ROWS_BY_AXIS = {
    axis: tuple(row for row in MAP_LAYERS if row.axis == axis) for axis in ("site", "cell", "ground")
}
#: Channels of these rows.
CHANNELS_BY_AXIS = {
    axis: tuple(MapChannel(row, part) for row in rows for part in (*row.parts, KNOWN))
    for axis, rows in ROWS_BY_AXIS.items()
}
#: Groups of layers that a place may lack.
OPTIONAL_GROUPS = tuple(dict.fromkeys(row.group for row in MAP_LAYERS if row.group))
