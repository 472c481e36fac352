"""G, what a map says of the ground, as dense grids; coarse rasters of what stands between a tile and masts far off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.xarray_store import load_dataset, save_dataset

#: Version of geometry.zarr.
GEOMETRY_SCHEMA = "raylocus.geometry.v1"
#: Material classes of the `material` layer, by index. The index −1 is "unknown".
MATERIALS = ("concrete", "brick", "marble", "metal", "wood", "glass", "ground")
#: A ground cell this far above the terrain [m] is a building.
FOOTPRINT_HEIGHT = 2.0
#: Layers that only a map knows, by name: unit and meaning. They are NaN where the source is a bare mesh.
UNKNOWN_LAYERS = {
    "road": ("1", "1 on roads, NaN where roads are not known"),
    "road_class": ("1", "index into ROAD_CLASSES, NaN off roads and where roads are not known"),
    "road_distance": ("m", "distance to the nearest road, NaN where roads are not known"),
    "vegetation": ("1", "1 under trees, NaN where vegetation is not known"),
    "water": ("1", "1 on open water, NaN where water is not known"),
    "height_deviation": (
        "m",
        "standard deviation of the building's height, NaN off buildings and where not known",
    ),
}


def geometry_maps(
    tile: Grid,
    terrain: Float[np.ndarray, "y x"],
    surface: Float[np.ndarray, "y x"],
    material: Int[np.ndarray, "y x"],
    known: Mapping[str, Float[np.ndarray, "y x"]] | None = None,
) -> xr.Dataset:
    """The geometry maps of a place; of a bare mesh where nothing else is known.

    Args:
        tile: grid of the maps.
        terrain: ground height [m].
        surface: height of the topmost surface [m].
        material: index into `MATERIALS` of the topmost surface, −1 where unknown.
        known: layers that a map knows, by name; of a mesh, `height` follows from its surface, and `footprint` and
            `indoor` from its height.

    Returns:
        Dataset over (y, x) with `terrain` [m], `surface` [m], `height` (above terrain) [m],
        `footprint` (1 inside buildings), `indoor`, `material`, and the layers of `UNKNOWN_LAYERS`, which are
        NaN where they are not known.
    """
    known = known or {}
    height = known["height"] if "height" in known else np.maximum(surface - terrain, 0)
    inside = known.get("footprint", height > FOOTPRINT_HEIGHT)
    unknown = np.broadcast_to(np.nan, tile.shape)
    layers = {
        "terrain": (terrain, "m", "ground height"),
        "surface": (surface, "m", "height of the topmost surface"),
        "height": (height, "m", "surface above terrain"),
        "footprint": (inside, "1", "1 inside buildings"),
        "indoor": (inside.copy(), "1", "1 where a UE would be indoors"),
    }
    layers |= {name: (known.get(name, unknown), *words) for name, words in UNKNOWN_LAYERS.items()}
    variables: dict[str, tuple[tuple[str, str], np.ndarray, dict[str, object]]] = {
        name: (("y", "x"), values.astype(np.float32, copy=False), {"units": units, "long_name": text})
        for name, (values, units, text) in layers.items()
    }
    variables["material"] = (
        ("y", "x"),
        material.astype(np.int16, copy=False),
        {"units": "1", "classes": list(MATERIALS)},
    )
    axis = {"units": "m"}
    return xr.Dataset(
        variables, coords={"y": ("y", tile.y_coordinates, axis), "x": ("x", tile.x_coordinates, axis)}
    )


def grid_of(maps: xr.Dataset) -> Grid:
    """The grid that maps over (y, x) lie on."""
    x, y = maps["x"].values, maps["y"].values
    resolution = float(x[1] - x[0])
    return Grid(
        resolution * len(x),
        resolution,
        (round(float(x[0] + x[-1]) / 2, 6), round(float(y[0] + y[-1]) / 2, 6)),
    )


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
