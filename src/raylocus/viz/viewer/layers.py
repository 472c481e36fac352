"""Layers of R and G as the page holds them: in the units that people read, one packed array a cell, beam or site."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.propagation.maps.export import with_compass
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.vector_map import ROAD_CLASSES
from raylocus.viz.maps import colour_range
from raylocus.viz.viewer.packing import PackedArray, packed

#: Units that are shown in others, with the factor.
SHOWN_UNITS = {"s": ("ns", 1e9), "rad": ("°", float(np.rad2deg(1.0))), "1": ("", 1.0)}
#: Steps of levels, by the units that are shown; of others a part of the values' span.
STEPS = {"dB": 0.5, "dBm": 0.5, "ns": 1.0, "°": 1.5, "degree clockwise from north": 1.5, "m": 0.1}
PARTS = 250
#: Names of the values of a layer whose values are indices.
CLASSES = {"material": MATERIALS, "road_class": ROAD_CLASSES}


@dataclass(frozen=True)
class PackedLayer:
    """One layer of R or G."""

    name: str
    source: str
    """R or G."""
    meaning: str
    units: str
    axes: tuple[tuple[str, int], ...]
    """Axes before y and x, such as cell and beam, with their lengths."""
    scale: str
    """sequential, cyclic or classes."""
    span: tuple[float, float]
    """Values at the ends of the colour scale."""
    classes: tuple[str, ...]
    slices: tuple[PackedArray, ...]
    """One over (y, x) for each combination of the axes."""

    @property
    def size(self) -> int:
        """Characters that the layer takes."""
        return sum(len(each.text) for each in self.slices)

    def record(self) -> dict[str, Any]:
        """What the page has to know in addition to the slices."""
        names = ("name", "source", "meaning", "units", "axes", "scale", "span", "classes")
        return {name: getattr(self, name) for name in names}


def packed_layer(layer: xr.DataArray, source: str) -> PackedLayer:
    """A layer over any axes, y and x, with `units` in its attributes; angles in degrees, azimuths from north.

    Args:
        layer: a layer of R or G.
        source: R or G.
    """
    layer = with_compass(layer)
    units, factor = SHOWN_UNITS.get(layer.attrs["units"], (layer.attrs["units"], 1.0))
    values = layer.values.astype(float) * factor
    name, known = str(layer.name), values[np.isfinite(values)]
    cyclic = units.startswith("degree")
    classes = tuple(CLASSES.get(name, ()))
    low, high = (0.0, 360.0) if cyclic else colour_range(known, units)
    step = _step(known, units)
    return PackedLayer(
        name=name,
        source=source,
        meaning=str(layer.attrs.get("long_name", "")),
        units="° from north" if cyclic else units,
        axes=tuple((str(axis), layer.sizes[axis]) for axis in layer.dims[:-2]),
        scale="classes" if classes else "cyclic" if cyclic else "sequential",
        span=(low, high),
        classes=classes,
        slices=tuple(packed(each, step) for each in _slices(values, classes)),
    )


def _slices(values: Float[np.ndarray, "*axes y x"], classes: tuple[str, ...]) -> Iterator[np.ndarray]:
    known = np.where(values < 0, np.nan, values) if classes else values  # class −1 is "unknown"
    known = np.where(np.isfinite(known), known, np.nan)
    for index in itertools.product(*map(range, values.shape[:-2])):
        yield known[index]


def _step(known: Float[np.ndarray, " value"], units: str) -> float:
    span = float(np.ptp(known)) if len(known) else 0.0
    if not np.mod(known, 1).any() and span <= PARTS:
        return 1.0
    return STEPS.get(units, span / PARTS or 1.0)
