"""G: what a map says of the ground, as dense grids."""

from __future__ import annotations

from collections.abc import Mapping

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
