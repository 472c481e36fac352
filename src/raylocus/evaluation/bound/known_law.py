"""What the bound knows: a nominal place and the true law of worlds, ways and reports there; and draws of that law."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.evaluation.bound.ensemble import MATERIAL_DRAWS, Physics
from raylocus.evaluation.bound.movement import Movement
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.scenes.world import World, WorldLaw, residual_field, sample_world


@dataclass(frozen=True, eq=False)
class KnownLaw:
    """The law that worlds, ways and reports of a place are drawn from; the place is the nominal one."""

    place: MappedPlace
    world_law: WorldLaw
    """At the severity of the worlds, which is known."""
    network: NetworkConfiguration
    """At the same severity, see `NetworkConfiguration.at_severity`."""
    mobility: MobilityConfiguration
    movement: Movement
    """Ways through the place by the law of mobility."""
    physics: Physics
    """Beams of some worlds of the place: `ensemble.atlas_physics`."""

    def draw(
        self, worlds: int, sequences: int, generator: np.random.Generator
    ) -> list[tuple[xr.Dataset, Reports]]:
        """Maps of some worlds, and the reports of so many UEs in each, drawn as those of a dataset are.

        Materials are drawn `MATERIAL_DRAWS` times for all worlds; everything else is each world's own.
        """
        place = self.place
        drawn = [sample_world(place.deployment, self.world_law, generator) for _ in range(worlds)]
        materials = np.arange(worlds) * min(MATERIAL_DRAWS, worlds) // worlds
        drawn = [
            _of_materials(world, drawn[int(index)]) for world, index in zip(drawn, materials, strict=True)
        ]
        found = []
        for world, beams in zip(drawn, self.physics(place, drawn), strict=True):
            maps = _observed_maps(place, world, beams)
            ways = sample_trajectories(
                place.geometry_maps, sequences, self.mobility, generator, ue_height=maps.attrs["ue_height"]
            )
            channel = KnownChannel(channel_at(maps, ways.position), place.deployment)
            seed = int(generator.integers(2**31))
            found.append((maps, observe(channel, ways, self.network, seed)))
        return found


def _of_materials(world: World, other: World) -> World:
    return replace(
        world,
        permittivity_factor=other.permittivity_factor,
        conductivity_factor=other.conductivity_factor,
        building_seed=other.building_seed,
    )


def _observed_maps(place: MappedPlace, world: World, beams: Float[np.ndarray, "cell beam y x"]) -> xr.Dataset:
    """Nominal R with the beams of a world, its levels and its residual."""
    shift = world.level_error_db[:, None, None] + residual_field(world, place.deployment, place.tile)
    level = (beams + shift[:, None]).astype(np.float32)
    radio = place.radio_maps
    best = np.where(np.isnan(level), -np.inf, level).max(axis=1)
    return radio.assign(
        rsrp_beam=(radio["rsrp_beam"].dims, level),
        rsrp=(radio["rsrp"].dims, np.where(np.isfinite(best), best, np.nan)),
    )
