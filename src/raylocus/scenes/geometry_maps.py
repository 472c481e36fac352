"""G: what a map says of the ground, as dense grids."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.geo import Grid

#: Version of geometry.zarr.
GEOMETRY_SCHEMA = "raylocus.geometry.v1"
#: Material classes of the `material` layer, by index. The index −1 is "unknown".
MATERIALS = ("concrete", "brick", "marble", "metal", "wood", "glass", "ground")
#: A ground cell this far above the terrain [m] is a building.
FOOTPRINT_HEIGHT = 2.0


def geometry_maps(
    tile: Grid,
    terrain: Float[np.ndarray, "y x"],
    surface: Float[np.ndarray, "y x"],
    material: Int[np.ndarray, "y x"],
) -> xr.Dataset:
    """The geometry maps of a place whose roads are not known.

    Args:
        tile: grid of the maps.
        terrain: ground height [m].
        surface: height of the topmost surface [m].
        material: index into `MATERIALS` of the topmost surface, −1 where unknown.

    Returns:
        Dataset over (y, x) with `terrain` [m], `surface` [m], `height` (above terrain) [m],
        `footprint` (1 inside buildings), `material`, `road` (1 on roads, NaN where unknown).
    """
    height = np.maximum(surface - terrain, 0)
    layers = {
        "terrain": (terrain, "m", "ground height"),
        "surface": (surface, "m", "height of the topmost surface"),
        "height": (height, "m", "surface above terrain"),
        "footprint": ((height > FOOTPRINT_HEIGHT).astype(np.float32), "1", "1 inside buildings"),
        "road": (np.full(tile.shape, np.nan), "1", "1 on roads, NaN where roads are not known"),
    }
    variables = {
        name: (("y", "x"), values.astype(np.float32), {"units": units, "long_name": text})
        for name, (values, units, text) in layers.items()
    }
    variables["material"] = (("y", "x"), material.astype(np.int16), {"units": "1", "classes": list(MATERIALS)})
    axis = {"units": "m"}
    return xr.Dataset(
        variables, coords={"y": ("y", tile.coordinates, axis), "x": ("x", tile.coordinates, axis)}
    )
