"""Where the channel at UEs comes from: a world of a traced place, or what is known of it at every report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.network.channel.channel import ChannelState, channel_at
from raylocus.network.channel.indoors import behind_walls, sequence_loss_db, shelter_of
from raylocus.network.channel.links import Links, links_at
from raylocus.network.impairments.building_loss import BuildingLoss
from raylocus.network.movement.mobility import Trajectories
from raylocus.network.random_streams import RandomSource
from raylocus.propagation.link_abstraction.link_quality import DEFAULT_CQI_TABLE
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import true_materials, turned_deployment
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World


@runtime_checkable
class Channel(Protocol):
    """What UEs and cells have between them, wherever it comes from."""

    @property
    def deployment(self) -> Deployment:
        """Sites and cells as the operator lists them."""

    @property
    def antennas(self) -> Deployment:
        """The same with the antennas as they really are."""

    @property
    def cqi_table(self) -> int:
        """CQI table of the network, see `RadioMapConfiguration.cqi_table`."""

    def state(
        self, walked: Trajectories, rows: slice, walls: BuildingLoss, random: RandomSource
    ) -> ChannelState:
        """Levels and delays at some of the reports.

        Args:
            walked: trajectories of some sequences.
            rows: which of all reports theirs are.
            walls: what walls cost UEs indoors.
            random: source of all random numbers.
        """

    def links(self, position: Float[np.ndarray, "report 3"]) -> Links:
        """The paths to UE positions [m]. Raises InputError where none are known."""


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
        """Levels and delays of the ground under UEs, or beside them where they are indoors, behind their walls.

        Raises:
            InputError: a position lies outside the tile.
        """
        shelter = shelter_of(self.place.geometry_maps, walked.position)
        frequency = self.deployment.carrier.frequency
        loss = sequence_loss_db(shelter, walked.report_offsets, frequency, walls, random)
        return behind_walls(channel_at(self.maps, shelter.outdoors), shelter, loss)

    def links(self, position: Float[np.ndarray, "report 3"]) -> Links:
        """The paths to UE positions [m], or to the ground beside those indoors."""
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
