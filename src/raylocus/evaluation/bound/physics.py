"""The beams of a place's worlds from its atlas: as `propagation.maps.world_maps` before levels and residual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.path_loss import isotropic_levels
from raylocus.propagation.maps.radio_maps import beam_levels, site_channels
from raylocus.propagation.maps.site_channel import SiteChannel
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import true_materials, turned_deployment
from raylocus.scenes.world import World
from raylocus.units import from_decibel, to_decibel


def atlas_physics(
    place: MappedPlace, worlds: Sequence[World]
) -> Iterator[Float[np.ndarray, "cell beam y x"]]:
    """RSRP of every beam [dBm] in each world; NaN without a path. The place is a `TracedPlace`.

    Worlds of the same materials, one after the other, share the fields of the paths: nine tenths of the work.
    """
    assert isinstance(place, TracedPlace)
    rows, deployment = GridRows.whole(place.atlas.grid), place.deployment
    terrain = place.geometry_maps["terrain"].values
    height = place.atlas.ue_height
    formula = isotropic_levels(deployment, place.atlas.grid, terrain, height)[:, None]
    beams = np.array([cell.array.beams for cell in deployment.cells])
    exists = (np.arange(deployment.beam_count) < beams[:, None])[:, :, None, None]
    channels: list[SiteChannel] = []
    before: int | None = None
    for world in worlds:
        if world.building_seed != before:
            channels = site_channels(place.atlas, deployment, true_materials(place.atlas, world), rows)
            before = world.building_seed
        power = np.nan_to_num(from_decibel(beam_levels(channels, turned_deployment(deployment, world), rows)))
        power += from_decibel(formula + world.scatter_gain_db) * exists
        yield to_decibel(power)
