"""Where the channel at UEs comes from: a world of a traced place, or what is known of it at every report.

The atlas knows the ground outdoors. Indoors the channel is that of the nearest outdoor ground, less the building
penetration loss of TR 38.901 §7.4.3.1 and later by the way inside: no floor above the ground floor, no walls inside,
and no path that enters by another side.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.nearest import nearest_where
from raylocus.network.channel.links import ChannelState, Links, channel_at, links_at
from raylocus.network.impairments.building_loss import BuildingLoss, penetration_loss_db
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.random_streams import RandomSource
from raylocus.propagation.link_abstraction.link_quality import DEFAULT_CQI_TABLE
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import true_materials, turned_deployment
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.ragged import Rows
from raylocus.scenes.geometry_maps import grid_of
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World
from raylocus.units import SPEED_OF_LIGHT


@dataclass(frozen=True)
class Shelter:
    """Where the channel of UEs is read off, and how far they are from there."""

    outdoors: Float[np.ndarray, "report 3"]
    """The UE's position, or the middle of the nearest outdoor ground cell where it is indoors [m]."""
    depth: Float[np.ndarray, " report"]
    """Way between both [m]; 0 outdoors."""


def shelter_of(geometry_maps: xr.Dataset, position: Float[np.ndarray, "report 3"]) -> Shelter:
    """Where UEs at these positions [m] are sheltered; outside the tile counts as outdoors."""
    grid = grid_of(geometry_maps)
    built = geometry_maps["footprint"].values > 0
    cell = grid.index(position)
    within = (cell >= 0) & built.ravel()[cell]
    if not within.any():
        return Shelter(position, np.zeros(len(position)))
    if built.all():
        raise InputError("the place has no outdoor ground to read the channel from; choose another tile")
    nearest = np.ravel_multi_index(nearest_where(~built), grid.shape).ravel()[cell[within]]
    terrain = geometry_maps["terrain"].values.ravel()
    outdoors = position.astype(np.float64)
    outdoors[within, :2] = grid.centres[nearest]
    outdoors[within, 2] += terrain[nearest] - terrain[cell[within]]
    depth = np.zeros(len(position))
    depth[within] = np.linalg.norm(outdoors[within, :2] - position[within, :2], axis=1)
    return Shelter(outdoors, depth)


def behind_walls(
    state: ChannelState, shelter: Shelter, loss_db: Float[np.ndarray, " report"]
) -> ChannelState:
    """The channel of UEs by that of the outdoor ground next to them: weaker by a loss [dB], later, out of sight."""
    return dataclasses.replace(
        state,
        rsrp_beam=state.rsrp_beam - loss_db[:, None, None],
        delay=state.delay + shelter.depth[:, None] / SPEED_OF_LIGHT,
        line_of_sight=np.where(shelter.depth[:, None] > 0, 0.0, state.line_of_sight),
    )


@dataclass(frozen=True)
class WorldChannel:
    """The channel of a world of a traced place: levels and delays by its maps, paths by the atlas."""

    place: TracedPlace
    maps: xr.Dataset
    """Radio maps of the world, see `propagation.maps.world_maps.world_radio_maps`."""
    world: World | None = None
    """The world of the maps, whose materials and antennas then act on the paths too; as the place says
    where left out."""

    @cached_property
    def antennas(self) -> Deployment:
        """The deployment with the antennas as they really are."""
        return self.deployment if self.world is None else turned_deployment(self.deployment, self.world)

    @cached_property
    def materials(self) -> RadioMaterials:
        """The materials as they really are."""
        atlas = self.place.atlas
        return atlas.materials if self.world is None else true_materials(atlas, self.world)

    @property
    def deployment(self) -> Deployment:
        """Sites and cells as the operator lists them."""
        return self.place.deployment

    @property
    def cqi_table(self) -> int:
        """That of the place's R."""
        return int(self.place.radio_maps.attrs.get("cqi_table", DEFAULT_CQI_TABLE))

    def state(
        self, walked: Trajectories, rows: slice, walls: BuildingLoss, random: RandomSource
    ) -> ChannelState:
        """Levels and delays of the ground under UEs, or next to them where they are indoors, behind their walls.

        Of all reports, `rows` are those of the sequences that are walked; a UE has the same walls in all of its own.

        Raises:
            InputError: a position lies outside the tile.
        """
        shelter = shelter_of(self.place.geometry_maps, walked.position)
        first, frequency = Rows(walked.report_offsets).first, self.deployment.carrier.frequency
        uniform, normal = random.random((len(first),)), random.standard_normal((len(first),))
        loss = penetration_loss_db(shelter.depth, frequency, walls, uniform[first], normal[first])
        return behind_walls(channel_at(self.maps, shelter.outdoors), shelter, loss)

    def links(self, position: Float[np.ndarray, "report 3"]) -> Links:
        """The paths to UE positions [m], or to the ground next to those indoors."""
        shelter = shelter_of(self.place.geometry_maps, position)
        return links_at(self.place, shelter.outdoors, self.materials).later(shelter.depth)


@dataclass(frozen=True)
class KnownChannel:
    """A channel that is known at every report, for instance out of another tool's file, without its paths."""

    known: ChannelState
    """At every report of the trajectories."""
    deployment: Deployment
    cqi_table: int = DEFAULT_CQI_TABLE

    @property
    def antennas(self) -> Deployment:
        """Nothing else is known of them."""
        return self.deployment

    def state(
        self, walked: Trajectories, rows: slice, walls: BuildingLoss, random: RandomSource
    ) -> ChannelState:
        """What is known."""
        return self.known.select(np.arange(rows.start, rows.stop))

    def links(self, position: Float[np.ndarray, "report 3"]) -> Links:
        """There are none.

        Raises:
            InputError: always.
        """
        raise InputError(
            "this channel has levels and delays but no paths; observe it with the feature set critical, "
            "statistical fading and map timing"
        )


#: What UEs and cells have between them, wherever it comes from.
Channel = WorldChannel | KnownChannel
