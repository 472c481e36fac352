"""The radio maps of a world, the nominal atlas under other materials, antennas, levels; and several carriers joined."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.propagation.atlas.atlas import GridRows, PathAtlas
from raylocus.propagation.maps.layers.system import best_server
from raylocus.propagation.maps.path_loss import isotropic_levels
from raylocus.propagation.maps.radio_maps import (
    as_dataset,
    beam_powers,
    cell_layers,
    site_channels,
    site_layers,
)
from raylocus.propagation.maps.site_channel import SiteChannel
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.sites import Deployment, ElementPattern
from raylocus.scenes.world import World, residual_field
from raylocus.units import from_decibel, to_decibel


def joined_layers(parts: Sequence[xr.Dataset], deployment: Deployment) -> xr.Dataset:
    """R of a deployment from the R of each of its layers.

    Every cell's layers are those of its own carrier: its interference is that carrier's, and so is the RSSI of its
    RSRQ. A cell with fewer beams or streams than another has NaN past its last. `best_server` is over all cells, the
    layer `rssi` the first carrier's.

    Args:
        parts: R of `deployment.layers()`, over the same rows.
        deployment: the whole.
    """
    if len(parts) == 1:
        return parts[0]
    names = [name for name, layer in parts[0].data_vars.items() if "cell" in layer.dims]
    most = {
        axis: max(part.sizes[axis] for part in parts) for axis in ("beam", "stream") if axis in parts[0].sizes
    }
    padded = [
        part[names].pad({axis: (0, size - part.sizes[axis]) for axis, size in most.items()}) for part in parts
    ]
    order = np.argsort(np.concatenate([layer.cells for layer in deployment.layers()]), kind="stable")
    joined = xr.concat(padded, "cell").isel(cell=order)
    maps = parts[0].drop_vars(names).merge(joined)
    if "best_server" in maps:
        best = best_server(maps["rsrp"].values).astype(np.float32)
        maps = maps.assign(best_server=maps["best_server"].copy(data=best))
    return maps.assign_attrs(parts[0].attrs, frequency=[*deployment.frequencies])


def world_radio_maps(place: TracedPlace, world: World) -> xr.Dataset:
    """Every layer of R as it truly is in one world of a place.

    A world of several carriers has each carrier's layers, joined as those of R.

    Materials change the fields of the atlas's paths, antenna errors the weights of its departures;
    nothing is traced again. Scattering that no tracer models adds power, the same through every beam;
    level errors and the residual shift all beams of a cell alike.
    """
    residual = residual_field(world, place.deployment, place.tile)
    parts = [
        _layer_maps(layer, world.of_cells(own.cells), residual[own.cells])
        for layer, own in zip(place.layers(), place.deployment.layers(), strict=True)
    ]
    return joined_layers(parts, place.deployment)


def _layer_maps(place: TracedPlace, world: World, residual: Float[np.ndarray, "cell y x"]) -> xr.Dataset:
    """The layers of one carrier's cells."""
    materials, deployment = true_materials(place.atlas, world), turned_deployment(place.deployment, world)
    rows = GridRows.whole(place.atlas.grid)
    channels = site_channels(place.atlas, deployment, materials, rows)
    levels = beam_levels_in(world, channels, deployment, formula_powers(place), rows)
    shift = world.level_error_db[:, None, None] + residual
    over_cells = cell_layers(levels + shift[:, None], deployment)
    maps = as_dataset({**site_layers(channels, rows), **over_cells}, rows)
    return maps.assign_attrs(ue_height=place.atlas.ue_height)


def formula_powers(place: TracedPlace) -> Float[np.ndarray, "cell beam y x"]:
    """What a formula gives of each cell's beams [mW], without a pattern; 0 where a cell has fewer beams."""
    # Scattering lights every beam that a cell has, and none that only other cells have.
    beams = np.array([cell.array.beams for cell in place.deployment.cells])
    exists = np.arange(place.deployment.beam_count) < beams[:, None]
    terrain = place.geometry_maps["terrain"].values
    formula = isotropic_levels(place.deployment, place.atlas.grid, terrain, place.atlas.ue_height)
    powers = from_decibel(formula)[:, None] * exists[:, :, None, None]
    return powers.astype(np.float32)


def beam_levels_in(
    world: World,
    channels: Sequence[SiteChannel],
    deployment: Deployment,
    formula: Float[np.ndarray, "cell beam y x"],
    rows: GridRows,
) -> Float[np.ndarray, "cell beam y x"]:
    """RSRP of every beam [dBm] in a world, without level errors and residual; NaN where there is neither path nor beam.

    Args:
        world: its scattering is what is not in the channels.
        channels: of the world's materials.
        deployment: with the world's antenna errors.
        formula: `formula_powers`.
        rows: the ground.
    """
    power = beam_powers(channels, deployment, rows)
    power += np.float32(from_decibel(float(world.scatter_gain_db))) * formula
    return to_decibel(power)


def true_materials(atlas: PathAtlas, world: World) -> RadioMaterials:
    """The atlas's materials with the world's errors: those of each material, then each building's own."""
    scaled = atlas.materials.scaled(world.permittivity_factor, world.conductivity_factor)
    return dataclasses.replace(scaled, buildings=world.building_factors(atlas.buildings))


def turned_deployment(deployment: Deployment, world: World) -> Deployment:
    """The deployment with the world's antenna errors."""
    cells = tuple(
        dataclasses.replace(
            cell,
            azimuth=cell.azimuth + float(world.azimuth_error[index]),
            downtilt=cell.downtilt + float(world.downtilt_error[index]),
            pattern=_true_pattern(
                cell.pattern, float(world.back_lobe_loss_db[index]), float(world.beamwidth_factor[index])
            ),
        )
        for index, cell in enumerate(deployment.cells)
    )
    return dataclasses.replace(deployment, cells=cells)


def _true_pattern(pattern: ElementPattern, floor_loss_db: float, factor: float) -> ElementPattern:
    """A pattern with beam widths times a factor and higher floors; a floor never becomes a gain."""
    return dataclasses.replace(
        pattern,
        beamwidth_azimuth=pattern.beamwidth_azimuth * factor,
        beamwidth_elevation=pattern.beamwidth_elevation * factor,
        side_lobe_floor=max(pattern.side_lobe_floor - floor_loss_db, 0.0),
        back_lobe_floor=max(pattern.back_lobe_floor - floor_loss_db, 0.0),
    )
