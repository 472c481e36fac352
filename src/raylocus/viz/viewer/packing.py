"""Arrays and pictures of layers, packed for the page of the viewer."""

from __future__ import annotations

import base64
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int, UInt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.propagation.maps.radio_files import with_compass
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.triangles import Triangles, welded
from raylocus.scenes.vector_map import ROAD_CLASSES
from raylocus.viz.maps import colour_range

#: Integers that levels are stored in, the smallest that fits.
KINDS = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True)
class PackedArray:
    """Values as `low + step · level`; the highest level of the type is "missing" where anything is missing."""

    shape: tuple[int, ...]
    bytes_per_level: int
    """1, 2 or 4."""
    low: float
    step: float
    missing: int | None
    """Level of missing values; None where there are none."""
    text: str
    """Differences of successive levels along the last axis, lowest bytes of all of them first, deflated (zlib), in
    base64."""

    def record(self) -> dict[str, Any]:
        """What the page has to know to read the text."""
        return {
            "shape": self.shape,
            "bytes": self.bytes_per_level,
            "low": self.low,
            "step": self.step,
            "missing": self.missing,
        }


def packed(values: Float[np.ndarray, "*shape"] | Int[np.ndarray, "*shape"], step: float) -> PackedArray:
    """Packs values; each comes back to within half a step, and missing stays missing.

    Args:
        values: NaN is missing; whole numbers are exact at a step of 1.
        step: size of a level, in the unit of the values.

    Raises:
        InputError: a value is infinite, or the values span more levels than can be stored.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    low = float(values[known].min()) if known.any() else 0.0
    levels = np.round((values[known] - low) / step)
    kind = _kind(float(levels.max(initial=0)) + (not known.all()))
    missing = None if known.all() else int(np.iinfo(kind).max)
    stored = np.full(values.shape, missing or 0, kind)
    stored[known] = levels.astype(kind)
    return PackedArray(values.shape, np.dtype(kind).itemsize, low, step, missing, _text(stored))


def _kind(highest: float) -> type[np.unsignedinteger[Any]]:
    for kind in KINDS:
        if highest <= np.iinfo(kind).max:
            return kind
    raise InputError("values for the page are infinite or span too many steps; trace the maps again")


def _text(levels: UInt[np.ndarray, "*shape"]) -> str:
    # Neighbours differ little: their differences, which wrap around, deflate to half of what levels do.
    change = np.diff(levels, axis=-1, prepend=levels.dtype.type(0))
    planes = np.ascontiguousarray(change).reshape(-1).view(np.uint8).reshape(-1, levels.dtype.itemsize).T
    return base64.b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), 6)).decode()


#: Steps of coordinates [m].
STEP = 0.05


@dataclass(frozen=True)
class PackedMesh:
    """Triangles of one material."""

    material: str
    corners: PackedArray
    """[axis, corner] [m]."""
    index: PackedArray
    """Corners of each triangle, one after the other."""

    @property
    def size(self) -> int:
        """Characters that the mesh takes."""
        return len(self.corners.text) + len(self.index.text)


def building_meshes(triangles: Triangles, tile: Grid) -> list[PackedMesh]:
    """What stands on the ground of a tile, whole; the ground itself is drawn from G.

    Args:
        triangles: the place's scene.
        tile: connected triangles are kept where any corner of them lies in it.
    """
    standing = triangles.select(~triangles.ground)
    standing = standing.select(_of_tile(standing, tile))
    return [
        _mesh(standing.select(standing.material == index), name)
        for index, name in enumerate(MATERIALS)
        if (standing.material == index).any()
    ]


def _of_tile(triangles: Triangles, tile: Grid) -> Bool[np.ndarray, " triangle"]:
    """Which triangles are connected to one with a corner in the tile."""
    corner = welded(triangles.vertices)
    part = _connected(corner)
    inside = np.zeros(int(part.max(initial=-1)) + 1, bool)
    inside[part[tile.contains(triangles.vertices).any(axis=1)]] = True
    return inside[part]


def _connected(corner: Int[np.ndarray, "triangle 3"]) -> Int[np.ndarray, " triangle"]:
    """Number of the connected part that each triangle belongs to."""
    ends = corner[:, [0, 1]].T, corner[:, [1, 2]].T
    row, column = (np.concatenate(pair) for pair in zip(*ends, strict=True))
    count = int(corner.max(initial=-1)) + 1
    edges = coo_matrix((np.ones(len(row), bool), (row, column)), shape=(count, count))
    parts = connected_components(edges, directed=False)[1]
    return parts[corner[:, 0]].astype(np.int64)


def _mesh(triangles: Triangles, material: str) -> PackedMesh:
    steps = np.round(triangles.vertices / STEP).astype(np.int64)
    # Triangles that rounding makes a line are left out.
    steps = steps[(steps != np.roll(steps, 1, axis=1)).any(axis=2).all(axis=1)]
    corners, first, index = np.unique(steps.reshape(-1, 3), axis=0, return_index=True, return_inverse=True)
    # Corners in the order of their first use: successive triangles share them, so indices differ little.
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return PackedMesh(material, packed(corners[order].T * STEP, STEP), packed(rank[index.reshape(-1)], 1.0))


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
