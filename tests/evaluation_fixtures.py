"""A synthetic place with analytic maps, and worlds drawn exactly from the law: the bound's assumptions hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from raylocus.evaluation.bound.ensemble import Ensemble, Physics, ensemble_of, stratified_worlds
from raylocus.geo import Grid
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.propagation.maps.radio_maps import LAYERS
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.scenes.world import World, WorldLaw, residual_field, sample_world
from raylocus.units import SPEED_OF_LIGHT

SEVERITY = 0.5
LAW = WorldLaw(severity=SEVERITY)
MOBILITY = MobilityConfiguration()
OBSERVATION = NetworkConfiguration().at_severity(SEVERITY)


@dataclass(frozen=True)
class SyntheticPlace:
    """A place that lives in memory."""

    tile: Grid
    deployment: Deployment
    geometry_maps: xr.Dataset
    radio_maps: xr.Dataset
    name: str = "synthetic"


def synthetic_place(
    seed: int = 0, size: float = 256.0, resolution: float = 4.0, sites: int = 4
) -> SyntheticPlace:
    """Blocks of buildings between streets, and sites of three sectors on some of them."""
    generator = np.random.default_rng(seed)
    tile = Grid(size, resolution)
    geometry = _blocks(tile, generator)
    free = np.array([(x, y) for x in (-0.3, 0.3) for y in (-0.3, 0.3)]) * size
    free = np.concatenate([free, [[0.0, 0.0]]])[generator.permutation(5)[:sites]]
    masts = tuple(
        Site(f"site {index}", (float(x), float(y), 28.0))
        for index, (x, y) in enumerate(free + generator.uniform(-8, 8, free.shape))
    )
    turn = generator.uniform(0, 2 * np.pi, sites)
    cells = tuple(
        Cell(
            pci=100 + 3 * site + sector,
            site=site,
            azimuth=float(turn[site] + sector * 2 * np.pi / 3),
            downtilt=0.14,
        )
        for site in range(sites)
        for sector in range(3)
    )
    deployment = Deployment((Carrier(),), masts, cells)
    shell = SyntheticPlace(tile, deployment, geometry, xr.Dataset())
    zero = np.zeros(len(cells))
    return SyntheticPlace(tile, deployment, geometry, analytic_maps(shell, zero, zero, zero))


def analytic_maps(
    place: SyntheticPlace, azimuth_error: np.ndarray, downtilt_error: np.ndarray, level: np.ndarray
) -> xr.Dataset:
    """Log-distance loss, more where buildings are crossed, a sector pattern and eight beams."""
    tile, deployment = place.tile, place.deployment
    crossed = _buildings_crossed(place)
    away = tile.centres[None] - deployment.site_positions[:, None, :2]
    flat = np.hypot(away[..., 0], away[..., 1])
    slant = np.hypot(flat, deployment.site_positions[:, 2:] - 1.5)
    gain = -(34.0 + 28.0 * np.log10(slant) + np.minimum(2.5 * crossed, 25.0))
    bearing = np.arctan2(away[..., 1], away[..., 0])
    below = np.arctan2(deployment.site_positions[:, 2:] - 1.5, flat)
    beams = []
    for index, cell in enumerate(deployment.cells):
        off = np.angle(np.exp(1j * (bearing[cell.site] - cell.azimuth - azimuth_error[index])))
        tilt = below[cell.site] - cell.downtilt - downtilt_error[index]
        element = -np.minimum(12 * (np.rad2deg(off) / 65) ** 2, 25) - np.minimum(
            12 * (np.rad2deg(tilt) / 12) ** 2, 18
        )
        steer = beam_azimuths(cell.array)
        beam = -np.minimum(12 * (np.rad2deg(off[None] - steer[:, None]) / 16) ** 2, 22)
        beams.append(15 + 17 + gain[cell.site] + element + beam + level[index])
    shape = tile.shape
    rsrp_beam = np.array(beams).reshape(len(deployment.cells), 8, *shape)
    values = {layer.name: np.full([{"site": len(deployment.sites), "cell": len(deployment.cells), "beam": 8}.get(
        axis, tile.count) for axis in layer.dimensions], np.nan, np.float32) for layer in LAYERS}  # fmt: skip
    values["path_gain"] = gain.reshape(-1, *shape)
    values["toa"] = ((slant + 4.0 * crossed) / SPEED_OF_LIGHT).reshape(-1, *shape)
    values["line_of_sight"] = (crossed == 0).astype(float).reshape(-1, *shape)
    values["rsrp_beam"], values["rsrp"] = rsrp_beam, rsrp_beam.max(axis=1)
    values["best_beam"] = rsrp_beam.argmax(axis=1)
    axis = tile.x_coordinates
    return xr.Dataset(
        {
            one.name: (one.dimensions, values[one.name].astype(np.float32), {"units": one.units})
            for one in LAYERS
        },
        coords={"y": axis, "x": axis},
        attrs={"ue_height": 1.5},
    )


def synthetic_physics(place: SyntheticPlace, worlds: Sequence[World]) -> Iterator[np.ndarray]:
    """Beams of worlds whose antennas are turned; materials and scattering do nothing here."""
    zero = np.zeros(len(place.deployment.cells))
    for world in worlds:
        maps = analytic_maps(place, world.azimuth_error, world.downtilt_error, zero)
        yield maps["rsrp_beam"].values


def sampled_ensemble(
    places: Sequence[SyntheticPlace], law: WorldLaw, physics: Physics, count: int
) -> Ensemble:
    """An ensemble of worlds of the law, seed 0."""
    generator = np.random.default_rng(0)
    worlds = stratified_worlds(places[0].deployment, law, count, len(places), generator)
    return ensemble_of(places, worlds, physics)


def synthetic_world_maps(place: SyntheticPlace, world: World) -> xr.Dataset:
    """The maps under one world: turned antennas, level errors and the residual; materials do nothing here."""
    maps = analytic_maps(place, world.azimuth_error, world.downtilt_error, world.level_error_db)
    residual = residual_field(world, place.deployment, place.tile)
    rsrp_beam = maps["rsrp_beam"].values + residual[:, None]
    return maps.assign(
        rsrp_beam=(maps["rsrp_beam"].dims, rsrp_beam.astype(np.float32)),
        rsrp=(maps["rsrp"].dims, rsrp_beam.max(axis=1).astype(np.float32)),
    )


def synthetic_reports(place: SyntheticPlace, world: World, count: int, seed: int) -> Reports:
    """Reports of UEs in one world."""
    generator = np.random.default_rng(seed)
    trajectories = sample_trajectories(place.geometry_maps, count, MOBILITY, generator)
    state = channel_at(synthetic_world_maps(place, world), trajectories.position)
    channel = KnownChannel(state, place.deployment)
    return observe(channel, trajectories, OBSERVATION, int(generator.integers(2**31)))


def some_world(place: SyntheticPlace, seed: int, law: WorldLaw = LAW) -> World:
    """A world of the law."""
    return sample_world(place.deployment, law, np.random.default_rng(seed))


def _blocks(tile: Grid, generator: np.random.Generator) -> xr.Dataset:
    street, block = 16.0, 40.0
    phase = (tile.x_coordinates + tile.size / 2) % (street + block)
    built = (phase[:, None] >= street) & (phase[None, :] >= street)
    surface = np.where(built, generator.uniform(12, 20), 0.0)
    return geometry_maps(tile, np.zeros(tile.shape), surface, np.full(tile.shape, 6))


def _buildings_crossed(place: SyntheticPlace) -> np.ndarray:
    footprint = place.geometry_maps["footprint"].values.ravel() > 0
    steps = np.linspace(0.15, 1, 20)
    crossed = []
    for site in place.deployment.site_positions[:, :2]:
        line = site + steps[:, None, None] * (place.tile.centres[None] - site)
        crossed.append(footprint[place.tile.index(line * 0.9999)].sum(axis=0))
    return np.array(crossed, float)
