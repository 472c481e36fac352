"""An analytic traced place in free space: every ground cell sees every site by one direct path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from network_fixtures import TILE, deployment, ground
from raylocus.geo import GeoFrame
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import CoherentFading, DetectedTiming, NetworkConfiguration
from raylocus.network.impairments.report_errors import IdentityErrors
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.features import SCHEMA
from raylocus.network.reports.reports import Reports
from raylocus.propagation.atlas.atlas import SPECULAR, PathAtlas
from raylocus.propagation.geometry.surfaces import Wedges
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import itu_materials
from raylocus.provenance import Provenance
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World


def line_of_sight_atlas(place: Deployment, geometry_maps: xr.Dataset, ue_height: float) -> PathAtlas:
    """One direct path from every site to every ground cell's centre, `ue_height` above the terrain."""
    points = np.column_stack([TILE.centres, geometry_maps["terrain"].values.ravel() + ue_height])
    offset = points[None] - place.site_positions[:, None]
    length = np.linalg.norm(offset, axis=-1).ravel()
    direction = (offset / np.linalg.norm(offset, axis=-1, keepdims=True)).reshape(-1, 3).astype(np.float32)
    count = len(length)
    nothing = np.zeros(0, np.int64)
    none = Wedges(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros((0, 2, 3)), nothing, nothing)
    return PathAtlas(
        grid=TILE,
        materials=itu_materials(place.carrier.frequency),
        site=np.repeat(np.arange(len(place.sites)), len(points)),
        ground_cell=np.tile(np.arange(len(points)), len(place.sites)),
        kind=np.full(count, SPECULAR),
        length=length,
        departure=direction,
        arrival=direction,
        visible=np.ones(count, np.float32),
        at_centre=np.ones(count, bool),
        excess_loss_db=np.zeros(count, np.float32),
        normals=np.zeros((count, 1, 3), np.float32),
        material=np.full((count, 1), -1),
        building=np.full((count, 1), -1),
        wedge=np.full(count, -1),
        before_edge=np.zeros(count, np.int8),
        first_leg=np.zeros(count, np.float32),
        wedges=none,
        buildings=nothing,
        ue_height=ue_height,
    )


def free_space_place(sites: int = 3, ue_height: float = 1.5) -> TracedPlace:
    """A traced place in memory, with the radio maps that follow from its atlas."""
    network, maps = deployment(sites), ground()
    provenance = Provenance.collect({"sites": sites})
    place = TracedPlace(Path("free-space"), "free space", GeoFrame(), TILE, network, provenance)
    atlas = line_of_sight_atlas(network, maps, ue_height)
    # Filled in as if they had been read from disk.
    place.__dict__.update(geometry_maps=maps, atlas=atlas, radio_maps=radio_maps(atlas, network))
    return place


#: Every feature in every report that can have it.
ALWAYS = {feature.name: 1.0 for feature in SCHEMA}
#: Every layer, coherent paths and detected times of arrival.
STACK = NetworkConfiguration(
    feature_set="all",
    availability=ALWAYS,
    fading=CoherentFading(),
    timing=DetectedTiming(),
    receiver_noise_db=1.0,
    identities=IdentityErrors(),
)


def observe_stack(
    place: TracedPlace,
    maps: xr.Dataset,
    walked: Trajectories,
    configuration: NetworkConfiguration = STACK,
    seed: int = 1,
    batch: int | None = None,
    world: World | None = None,
) -> Reports:
    """The reports of UEs in a world of a place."""
    return observe(WorldChannel(place, maps, world), walked, configuration, seed, batch)
