"""Coarse rasters of a wide piece of ground: what stands between a tile and masts far outside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import geometry_maps, grid_of
from raylocus.xarray_store import load_dataset, save_dataset

#: Version of ground.zarr of an area and surroundings.zarr of a place.
GROUND_SCHEMA = "raylocus.coarse_ground.v1"
#: Side of the cells [m].
GROUND_RESOLUTION = 16.0
#: A cell with more than this share of buildings is none of open ground.
BUILT_SHARE = 0.5
#: Layers, with their units and meanings.
LAYERS = {
    "terrain": ("m", "ground height"),
    "surface": ("m", "height of the highest roof in the cell, else of the ground"),
    "built": ("1", "share of the cell under buildings"),
    "water": ("1", "share of the cell under water"),
}


def coarse_ground(grid: Grid, **layers: Float[np.ndarray, "y x"]) -> xr.Dataset:
    """The rasters of `LAYERS` over a grid, as a dataset."""
    variables = {
        name: (("y", "x"), layers[name].astype(np.float32), {"units": units, "long_name": text})
        for name, (units, text) in LAYERS.items()
    }
    axis = {"units": "m"}
    return xr.Dataset(
        variables, coords={"y": ("y", grid.y_coordinates, axis), "x": ("x", grid.x_coordinates, axis)}
    )


def flat_ground(grid: Grid) -> xr.Dataset:
    """Open ground at height 0."""
    level = np.zeros(grid.shape)
    return coarse_ground(grid, terrain=level, surface=level, built=level, water=level)


def save_coarse_ground(ground: xr.Dataset, path: Path) -> None:
    """Writes the rasters as a store.

    Raises:
        StorageFullError: the disk filled up.
    """
    save_dataset(ground, path, GROUND_SCHEMA)


def load_coarse_ground(path: Path) -> xr.Dataset | None:
    """Reads the rasters; None where there are none.

    Raises:
        StoreError: they are there and broken.
    """
    return load_dataset(path, GROUND_SCHEMA) if path.exists() else None


def cut_ground(ground: xr.Dataset, window: Grid) -> xr.Dataset:
    """The rasters over a window's square [m], in the frame centred on it; the nearest ones outside what is known.

    Args:
        ground: rasters.
        window: a square in their frame, of the resolution wanted.
    """
    columns = _nearest(ground["x"].values, window.x_coordinates, grid_of(ground).resolution)
    rows = _nearest(ground["y"].values, window.y_coordinates, grid_of(ground).resolution)
    here = Grid(window.size, window.resolution)
    layers = {name: ground[name].isel(y=rows, x=columns).values for name in LAYERS}
    return coarse_ground(here, **layers)


def _nearest(axis: np.ndarray, wanted: np.ndarray, resolution: float) -> np.ndarray:
    return np.clip(np.round((wanted - axis[0]) / resolution), 0, len(axis) - 1).astype(np.int64)


def siting_maps(ground: xr.Dataset) -> xr.Dataset:
    """The rasters as geometry maps: where any building stands a mast does not."""
    built, terrain, surface = (ground[name].values for name in ("built", "terrain", "surface"))
    known = {
        "footprint": (built > 0).astype(np.float32),
        "water": (ground["water"].values > 0).astype(np.float32),
        "height": surface - terrain,
    }
    return geometry_maps(grid_of(ground), terrain, surface, np.full(built.shape, -1), known)


def mirrored_ground(maps: xr.Dataset, tile: Grid, reach: float) -> xr.Dataset:
    """Rasters of a tile that goes on around it as it is itself, mirrored at its edges.

    Args:
        maps: G of the tile.
        tile: their grid.
        reach: how far it goes on [m].
    """
    step = next(
        cells
        for cells in range(round(GROUND_RESOLUTION / tile.resolution) or 1, 0, -1)
        if tile.count % cells == 0
    )
    resolution, count = step * tile.resolution, tile.count // step
    around = int(np.ceil(reach / resolution))

    def blocks(name: str) -> Float[np.ndarray, "y x cells"]:
        parts = np.nan_to_num(maps[name].values).reshape(count, step, count, step)
        return parts.swapaxes(1, 2).reshape(count, count, step * step)

    layers = {
        "terrain": blocks("terrain").mean(axis=-1),
        "surface": blocks("surface").max(axis=-1),
        "built": (blocks("footprint") > 0).mean(axis=-1),
        "water": (blocks("water") > 0).mean(axis=-1),
    }
    wide = {name: np.pad(layer, around, mode="symmetric") for name, layer in layers.items()}
    return coarse_ground(Grid((count + 2 * around) * resolution, resolution), **wide)
