"""All layers of R and G as tensors on the coarse grid, each with where it is known; a layer that is not there is 0."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.inputs.block_means import block_mean
from raylocus.models.inputs.map_layer_table import CHANNELS_BY_AXIS, ROWS_BY_AXIS, MapLayer
from raylocus.models.inputs.nominal_maps import NominalMaps

#: Values of one layer on the native grid, of every site, of every cell, or (one item) of the ground.
LayerValues = Float[np.ndarray, "item y x"]


@dataclass(frozen=True, eq=False)
class MapLayers:
    """Channels of `map_layer_table.CHANNELS_BY_AXIS`; where a layer is not known its values are 0."""

    site: Float[Tensor, "site site_channel y x"]
    """Layers of R over sites."""
    cell: Float[Tensor, "cell cell_channel y x"]
    """Layers of R over cells."""
    ground: Float[Tensor, "1 ground_channel y x"]
    """Layers of R that are of all cells together, and those of G."""

    def map_rasters(self, function: Callable[[Tensor], Tensor]) -> MapLayers:
        """The same with a function applied to every raster."""
        return MapLayers(function(self.site), function(self.cell), function(self.ground))

    def of_cells(self, cells: Int[Tensor, " some"]) -> MapLayers:
        """Some cells, or all in another order; sites stay."""
        return dataclasses.replace(self, cell=self.cell.index_select(0, cells))

    def without(self, groups: Collection[str]) -> MapLayers:
        """The same of a place that lacks some groups of layers."""
        kept = {
            axis: torch.tensor([float(each.row.group not in groups) for each in channels])
            for axis, channels in CHANNELS_BY_AXIS.items()
        }
        return MapLayers(**{
            axis: getattr(self, axis) * some.to(self.ground)[:, None, None] for axis, some in kept.items()
        })  # fmt: skip


def map_layers(maps: NominalMaps, factor: int) -> MapLayers:
    """All layers that a place has.

    Args:
        maps: the place.
        factor: native ground cells along the side of a coarse one.
    """
    items = {"site": len(maps.deployment.sites), "cell": len(maps.deployment.cells), "ground": 1}
    return MapLayers(**{
        axis: torch.from_numpy(np.concatenate([_channels(row, maps, items[axis], factor) for row in rows], 1))
        for axis, rows in ROWS_BY_AXIS.items()
    })  # fmt: skip


def _channels(
    row: MapLayer, maps: NominalMaps, items: int, factor: int
) -> Float[np.ndarray, "item channel rows columns"]:
    """Values of a layer, and where it has some: means over the native cells that have one, and their share."""
    values = _values(row, maps, items)
    known = np.isfinite(values) & ((values >= 0) if row.classes else True)
    parts = KINDS[row.kind](np.where(known, values, 0.0), row, maps)
    share = block_mean(known.astype(np.float32), factor)[:, None]
    mean = block_mean(np.where(known[:, None], parts, 0.0), factor) / np.maximum(share, np.float32(1e-9))
    return np.concatenate([mean, share], 1).astype(np.float32)


def _values(row: MapLayer, maps: NominalMaps, items: int) -> LayerValues:
    """A layer in its unit; NaN all over where the place lacks it."""
    dataset = maps.radio_maps if row.maps == "R" else maps.geometry_maps
    shape = items, *maps.tile.shape
    if row.layer not in dataset:
        return np.full(shape, np.nan, np.float32)
    values = dataset[row.layer].values.astype(np.float32)
    return np.broadcast_to(_OVER[row.over](values, row) if row.over in _OVER else _one(values, row), shape)


def _one(values: Float[np.ndarray, "item part y x"], row: MapLayer) -> LayerValues:
    """Of the streams the one that the row names; NaN where there are fewer."""
    index = int(row.over)
    return values[:, index] if index < values.shape[1] else np.full_like(values[:, 0], np.nan)


def _highest(values: Float[np.ndarray, "item beam y x"], row: MapLayer) -> LayerValues:
    highest = np.where(np.isfinite(values), values, -np.inf).max(1)
    return np.where(np.isfinite(highest), highest, np.nan)


def _mean(values: Float[np.ndarray, "item beam y x"], row: MapLayer) -> LayerValues:
    known = np.isfinite(values)
    count = known.sum(1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(1) / np.maximum(count, 1), np.nan)


_OVER: dict[str, Callable[[np.ndarray, MapLayer], np.ndarray]] = {
    "": lambda values, row: values,
    "mean": _mean,
    "highest": _highest,
}


def _number(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item 1 y x"]:
    return ((values - row.centre) / row.scale)[:, None]


def _elevation(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item 1 y x"]:
    """Heights over the median of the ground."""
    return _number(values - np.median(maps.terrain), row, maps)


def _decades(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item 1 y x"]:
    return _number(np.log10(np.maximum(values, row.least)), row, maps)


def _azimuth(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item 2 y x"]:
    """A direction: its mean over a coarse cell is short where directions differ."""
    return np.stack([np.cos(values), np.sin(values)], 1)


def _class(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item part y x"]:
    return np.stack([np.rint(values) == index for index in range(row.classes)], 1).astype(np.float32)


def _beam(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item 1 y x"]:
    """From −½ for the rightmost of a cell's beams to ½: beams ascend in azimuth, and cells have several or one."""
    beams = np.array([cell.array.beams for cell in maps.deployment.cells])[:, None, None]
    return ((values + 0.5) / beams - 0.5)[:, None]


def _own_cell(values: LayerValues, row: MapLayer, maps: NominalMaps) -> Float[np.ndarray, "item 1 y x"]:
    """1 where the index of a cell is the cell's own: indices of others say nothing in another order of cells."""
    own = np.arange(len(values))[:, None, None]
    return (np.rint(values) == own).astype(np.float32)[:, None]


#: What is made of a layer's values, which are 0 where there are none.
KINDS: dict[str, Callable[[np.ndarray, MapLayer, NominalMaps], np.ndarray]] = {
    "number": _number,
    "elevation": _elevation,
    "decades": _decades,
    "azimuth": _azimuth,
    "class": _class,
    "beam": _beam,
    "own_cell": _own_cell,
}
