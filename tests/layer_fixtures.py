"""A place whose R and G have every layer that there is: random values of the table's size, with gaps."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from model_fixtures import SyntheticPlace
from raylocus.models.inputs.map_layer_table import MAP_LAYERS, MapLayer
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.propagation.maps.layers.complete import ALL_LAYERS

#: Share of the ground cells of a layer without a value.
GAPS = 0.2


def complete_place(place: SyntheticPlace, seed: int = 1) -> NominalMaps:
    """A place with what it lacks of R and G."""
    generator, maps = np.random.default_rng(seed), nominal_maps(place)
    sizes = {
        **dict(maps.radio_maps.sizes),
        "site": len(place.deployment.sites),
        "cell": len(place.deployment.cells),
        "stream": 4,
    }
    radio = {
        layer.name: (
            layer.dimensions,
            random_values(row_of(layer.name), [sizes[axis] for axis in layer.dimensions], generator),
        )
        for layer in ALL_LAYERS
        if layer.name not in maps.radio_maps
    }
    ground = {
        row.layer: (("y", "x"), random_values(row, [*maps.tile.shape], generator))
        for row in MAP_LAYERS
        if row.maps == "G" and row.group
    }
    slope = (maps.geometry_maps["x"] + 0 * maps.geometry_maps["y"]).transpose("y", "x") / 10
    ground["terrain"] = (("y", "x"), slope.values.astype(np.float32))
    return dataclasses.replace(
        maps, radio_maps=maps.radio_maps.assign(radio), geometry_maps=maps.geometry_maps.assign(ground)
    )


def row_of(layer: str) -> MapLayer:
    """The first row of a layer."""
    return next(row for row in MAP_LAYERS if row.layer == layer)


def random_values(row: MapLayer, shape: list[int], generator: np.random.Generator) -> np.ndarray:
    """Values of a layer in its unit, of which some are missing."""
    standard = generator.standard_normal(shape)
    values = {
        "number": row.centre + row.scale * standard,
        "elevation": row.scale * standard,
        "decades": 10 ** (row.centre + row.scale * np.abs(standard)),
        "azimuth": generator.uniform(-np.pi, np.pi, shape),
        "class": generator.integers(0, row.classes or 1, shape),
        "beam": generator.integers(0, 4, shape),
        "own_cell": generator.integers(0, 6, shape),
    }[row.kind]
    return np.where(generator.random(shape) < GAPS, np.nan, values).astype(np.float32)


def without_layers(place: NominalMaps, *names: str) -> NominalMaps:
    """The same place without some layers of R or G."""
    radio, ground = (
        [each for each in names if each in maps] for maps in (place.radio_maps, place.geometry_maps)
    )
    return dataclasses.replace(
        place,
        radio_maps=place.radio_maps.drop_vars(radio),
        geometry_maps=place.geometry_maps.drop_vars(ground),
    )


def with_layer(place: NominalMaps, row: MapLayer, values: np.ndarray) -> NominalMaps:
    """The same place with other values of one layer."""

    def changed(maps: xr.Dataset) -> xr.Dataset:
        return maps.assign({row.layer: maps[row.layer].copy(data=values.astype(np.float32))})

    if row.maps == "R":
        return dataclasses.replace(place, radio_maps=changed(place.radio_maps))
    return dataclasses.replace(place, geometry_maps=changed(place.geometry_maps))
