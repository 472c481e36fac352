"""Free space with sectors, worlds whose truth is known, and reports of them: what calibration is tested on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from network_fixtures import TILE
from raylocus.calibration.crowns import Crowns
from raylocus.calibration.rough_walls import roughened
from raylocus.geo import GeoFrame
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.atlas.atlas import SCATTERED
from raylocus.propagation.atlas.atlas_store import save_atlas
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA, radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA, MATERIALS
from raylocus.scenes.place import Place, save_place
from raylocus.scenes.world import World, WorldLaw, sample_world
from raylocus.xarray_store import save_dataset

#: The cell whose antenna is turned: it then looks at the middle of the tile.
TURNED = 4
ALONE = MobilityConfiguration(fewest_reports=1, most_reports=1)
#: A world without residual, materials and turned antennas: antennas and levels alone are off.
CLEAN = WorldLaw(
    severity=1.0,
    level_offset_db=6.0,  # more would leave free space's levels beyond the end of the range
    power_error_db=3.0,
    residual_db=0.5,
    turned_share=0.0,
    log_permittivity=0.0,
    log_conductivity=0.0,
    log_beamwidth=0.02,
    back_lobe_loss_db=(0.0, 1.0),
)


def observed(place: TracedPlace, world: World, count: int, seed: int, severity: float = 1.0) -> Reports:
    """One report each of UEs anywhere in a world of a place."""
    walked = sample_trajectories(place.geometry_maps, count, ALONE, np.random.default_rng(seed))
    network = NetworkConfiguration().at_severity(severity)
    return observe(WorldChannel(place, world_radio_maps(place, world), world), walked, network, seed)


def turned_world(place: TracedPlace, seed: int, law: WorldLaw = CLEAN, turned: float | None = None) -> World:
    """A world of a law; one cell's antenna is turned where asked."""
    world = sample_world(place.deployment, law, np.random.default_rng(seed))
    if turned is None:
        return world
    azimuth = world.azimuth_error.copy()
    azimuth[TURNED] = turned
    return dataclasses.replace(world, azimuth_error=azimuth)


def without_positions(reports: Reports) -> Reports:
    """The same, positions unknown."""
    return dataclasses.replace(reports, position=np.full_like(reports.position, np.nan))


def wooded(place: TracedPlace, share: float = 0.0) -> TracedPlace:
    """The same with trees in its eastern half; they cost what ITU-R P.833 says and such a share more."""
    trees = np.zeros(TILE.shape, np.float32)
    trees[:, TILE.count // 2 :] = 1.0
    maps = place.geometry_maps
    maps = maps.assign(vegetation=maps["vegetation"].copy(data=trees))
    found = dataclasses.replace(place)
    found.__dict__.update(geometry_maps=maps, atlas=place.atlas)
    atlas = Crowns(found).changed(place.atlas, 1.0 + share)
    found.__dict__.update(atlas=atlas, radio_maps=radio_maps(atlas, place.deployment))
    return found


def rough(place: TracedPlace, walls: float = 0.0) -> TracedPlace:
    """The same over rough walls in the north, which scatter so much more [dB], and over a mirror in the south-west."""
    paths = place.atlas
    x, y = TILE.centres[paths.ground_cell].T
    north, mirrored = y > 0, (y <= 0) & (x < 0)
    kind = np.where(north, SCATTERED, paths.kind)
    material = np.where(north, MATERIALS.index("brick"), MATERIALS.index("ground"))
    touched = (north | mirrored)[:, None]
    normals = np.where(north[:, None], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0])[:, None].astype(np.float32)
    atlas = dataclasses.replace(
        paths,
        kind=kind,
        material=np.where(touched, material[:, None], -1),
        normals=np.where(touched[..., None], normals, np.float32(0)),
        materials=dataclasses.replace(paths.materials, scattering=0.4),
    )
    found = dataclasses.replace(place)
    atlas = roughened(atlas, walls)
    maps = radio_maps(atlas, place.deployment)
    found.__dict__.update(geometry_maps=place.geometry_maps, atlas=atlas, radio_maps=maps)
    return found


def saved_place(place: TracedPlace, folder: Path) -> TracedPlace:
    """A place on disk, with atlas and R."""
    save_dataset(place.geometry_maps, folder / "geometry.zarr", GEOMETRY_SCHEMA)
    provenance = Provenance.collect({}, 0)
    save_atlas(place.atlas, folder / "atlas.zarr", provenance)
    maps = radio_maps(place.atlas, place.deployment).assign_attrs(provenance=provenance.to_json())
    save_dataset(maps, folder / "radio.zarr", RADIO_SCHEMA)
    save_place(Place(folder, folder.name, GeoFrame(), TILE, place.deployment, provenance))
    return open_place(folder)
