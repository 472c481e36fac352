"""Where people are: how likely a UE is in each ground cell, by what the map says of it and by coverage."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.scenes.geometry_maps import grid_of
from raylocus.scenes.vector_map import ROAD_CLASSES

#: People per area beside open ground: engineering choices, no count.
PEDESTRIAN_AREA, PAVEMENT, CARRIAGEWAY, GREEN = 4.0, 4.0, 0.3, 0.3
#: Ground this near to a road [m] is its pavement.
PAVEMENT_WIDTH = 5.0


def presence(geometry_maps: xr.Dataset) -> Float[np.ndarray, "y x"]:
    """Relative density of people on foot: most on pavements and squares, few under trees, none on water or indoors.

    Where a map does not know its roads, greens or waters, all open ground is alike.
    """
    weight = np.where(geometry_maps["footprint"].values == 0, 1.0, 0.0)
    if "road" not in geometry_maps:
        return weight
    road_class = (
        geometry_maps["road_class"].values if "road_class" in geometry_maps else np.full_like(weight, np.nan)
    )
    road, distance = geometry_maps["road"].values == 1, _layer(geometry_maps, "road_distance")
    weight[_layer(geometry_maps, "vegetation") == 1] *= GREEN
    weight[~road & (distance <= PAVEMENT_WIDTH)] *= PAVEMENT
    weight[road] *= CARRIAGEWAY
    weight[road & (road_class == ROAD_CLASSES.index("pedestrian"))] *= PEDESTRIAN_AREA / CARRIAGEWAY
    weight[_layer(geometry_maps, "water") == 1] = 0.0
    return weight


def covered(radio_maps: xr.Dataset, least_dbm: float) -> Float[np.ndarray, "y x"]:
    """1 where the strongest beam of any cell reaches a level [dBm], else 0: a weight for starts by coverage."""
    level = radio_maps["rsrp_beam"].values
    best = np.where(np.isnan(level), -np.inf, level).max(axis=(0, 1))
    return (best >= least_dbm).astype(np.float64)


def _layer(geometry_maps: xr.Dataset, name: str) -> Float[np.ndarray, "y x"]:
    """A layer that maps may lack: NaN everywhere then."""
    if name not in geometry_maps:
        return np.full(geometry_maps["footprint"].shape, np.nan)
    return geometry_maps[name].values


def inside_buildings(
    geometry_maps: xr.Dataset,
    count: int,
    weight: Float[np.ndarray, "y x"] | None,
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue 2"]:
    """Points uniform inside the buildings [m], or by weight.

    Raises:
        InputError: there is no building, or none of weight.
    """
    share = (geometry_maps["footprint"].values > 0).astype(np.float64)
    share = (share if weight is None else share * np.maximum(np.nan_to_num(weight), 0.0)).ravel()
    if share.sum() <= 0:
        raise InputError("no building has weight for UEs to be in; lower the share of UEs indoors")
    grid = grid_of(geometry_maps)
    cell = generator.choice(len(share), count, p=share / share.sum())
    return grid.centres[cell] + grid.resolution * generator.uniform(-0.499, 0.499, (count, 2))
