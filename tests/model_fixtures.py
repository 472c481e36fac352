"""A synthetic city: random blocks, sight lines over a height raster, sector beams; worlds by the real law."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import xarray as xr

from raylocus.geo import Grid
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.maps.path_loss import isotropic_levels, power_sum
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.scenes.world import World, WorldLaw, gaussian_fields, residual_field, sample_world
from raylocus.units import SPEED_OF_LIGHT, energy_per_resource_element

DARK_BEHIND = 110.0
# On tensors this small, waiting for a second thread costs more than it brings.
torch.set_num_threads(1)


@dataclass(frozen=True)
class SyntheticPlace:
    """Duck-typed place with analytic maps."""

    deployment: Deployment
    tile: Grid
    geometry_maps: xr.Dataset
    seed: int

    @cached_property
    def radio_maps(self) -> xr.Dataset:
        return radio_layers(self, None)

    @cached_property
    def blocked(self) -> np.ndarray:
        """Length of each sight line inside buildings [m], site y x."""
        height = self.geometry_maps["height"].values
        ground = np.concatenate([self.tile.centres, np.full((len(self.tile.centres), 1), 1.5)], -1)
        lengths = []
        for site in self.deployment.site_positions:
            share = np.linspace(0, 1, 160)[:, None, None]
            points = site + share * (ground - site)
            index = self.tile.index(points)
            inside = (np.where(index >= 0, height.ravel()[np.maximum(index, 0)], 0) > points[..., 2]) & (
                index >= 0
            )
            lengths.append(inside.mean(0) * np.linalg.norm(ground - site, axis=-1))
        return np.stack(lengths).reshape(-1, *self.tile.shape)


def synthetic_place(
    seed: int, size: float = 512.0, resolution: float = 4.0, sites: int = 5, beams: int = 8
) -> SyntheticPlace:
    """Blocks of 20–60 m on a jittered street grid; masts above the roofs."""
    generator = np.random.default_rng(seed)
    tile = Grid(size, resolution)
    height = np.zeros(tile.shape, np.float32)
    pitch = generator.uniform(55, 85)
    x, y = np.meshgrid(tile.x_coordinates, tile.y_coordinates)
    for column in np.arange(-size / 2, size / 2, pitch):
        for row in np.arange(-size / 2, size / 2, pitch):
            width, depth = generator.uniform(0.4, 0.8, 2) * pitch
            left, low = column + generator.uniform(0, 12), row + generator.uniform(0, 12)
            height[(x > left) & (x < left + width) & (y > low) & (y < low + depth)] = generator.uniform(8, 28)
    deployment = _deployment(tile, height, sites, beams, generator)
    maps = geometry_maps(tile, np.zeros(tile.shape), height, np.zeros(tile.shape, int))
    return SyntheticPlace(deployment, tile, maps, seed)


def _deployment(
    tile: Grid, height: np.ndarray, sites: int, beams: int, generator: np.random.Generator
) -> Deployment:
    positions: list[np.ndarray] = []
    while len(positions) < sites:
        candidate = generator.uniform(-0.42, 0.42, 2) * tile.size
        nearest = min((np.hypot(*(candidate - other)) for other in positions), default=np.inf)
        if nearest > tile.size / (2 * np.sqrt(sites)):
            positions.append(candidate)
    masts = []
    for index, xy in enumerate(positions):
        roof = float(height.ravel()[tile.index(xy)])
        masts.append(Site(f"site {index}", (float(xy[0]), float(xy[1]), max(roof + 3, 15.0))))
    cells = []
    for index in range(sites):
        first = generator.uniform(0, 2 * np.pi / 3)
        cells += [
            Cell(
                10 + 7 * (3 * index + sector),
                index,
                first + sector * 2 * np.pi / 3,
                0.12,
                array=AntennaArray(beams=beams),
            )
            for sector in range(3)
        ]
    return Deployment((Carrier(),), tuple(masts), tuple(cells))


def radio_layers(place: SyntheticPlace, world: World | None) -> xr.Dataset:
    """The layers of R that raylocus' models and observation read, nominal or of one world."""
    deployment, tile = place.deployment, place.tile
    ground = np.concatenate([tile.centres, np.full((len(tile.centres), 1), 1.5)], -1)
    generator = np.random.default_rng(place.seed + 1000)
    wander = gaussian_fields(len(deployment.sites), tile, 30.0, generator).reshape(len(deployment.sites), -1)
    shadow = gaussian_fields(len(deployment.sites), tile, 15.0, generator).reshape(len(deployment.sites), -1)
    blocked = place.blocked.reshape(len(deployment.sites), -1)
    offset = ground[None] - deployment.site_positions[:, None]
    length = np.linalg.norm(offset, axis=-1)
    sight = blocked == 0
    length = np.where(sight, length, length * 1.03 + 0.15 * blocked + 5 * np.abs(wander))
    softness = 1.0 if world is None else float(world.permittivity_factor[0]) ** 0.5
    loss = 20 * np.log10(4 * np.pi * length * 3.5e9 / SPEED_OF_LIGHT)
    loss = loss + ~sight * softness * (10 + 0.2 * blocked + 4 * shadow)
    dark = blocked > DARK_BEHIND
    residual = (
        np.zeros((len(deployment.cells), 1))
        if world is None
        else (
            residual_field(world, deployment, tile).reshape(len(deployment.cells), -1)
            + world.level_error_db[:, None]
        )
    )
    scatter = isotropic_levels(deployment, tile, place.geometry_maps["terrain"].values, 1.5).reshape(
        len(deployment.cells), -1
    )
    beams = []
    for index, cell in enumerate(deployment.cells):
        turn = 0.0 if world is None else float(world.azimuth_error[index])
        level = _traced_level(
            cell, offset[cell.site], turn, ~sight[cell.site] * 0.35 * wander[cell.site], loss[cell.site]
        )
        level[:, dark[cell.site]] = np.nan
        if world is not None and np.isfinite(world.scatter_gain_db):
            extra = np.broadcast_to(scatter[index] + world.scatter_gain_db, level.shape).astype(np.float32)
            level = power_sum(level.astype(np.float32), extra)
        beams.append(level + residual[index])
    shape = tile.shape
    rsrp_beam = np.stack(beams).reshape(len(beams), -1, *shape).astype(np.float32)
    rsrp = np.max(np.nan_to_num(rsrp_beam, nan=-np.inf), 1)
    toa = np.where(dark, np.nan, length / SPEED_OF_LIGHT).reshape(-1, *shape)
    return xr.Dataset(
        {
            "rsrp_beam": (("cell", "beam", "y", "x"), rsrp_beam),
            "rsrp": (("cell", "y", "x"), np.where(np.isfinite(rsrp), rsrp, np.nan).astype(np.float32)),
            "toa": (("site", "y", "x"), toa.astype(np.float32)),
            "line_of_sight": (
                ("site", "y", "x"),
                np.where(dark, np.nan, sight).reshape(-1, *shape).astype(np.float32),
            ),
        },
        coords={"x": tile.x_coordinates, "y": tile.y_coordinates},
        attrs={"ue_height": 1.5},
    )


def _traced_level(
    cell: Cell, offset: np.ndarray, turn: float, wander: np.ndarray, loss: np.ndarray
) -> np.ndarray:
    direction = offset / np.linalg.norm(offset, axis=-1, keepdims=True)
    away = np.hypot(direction[:, 0], direction[:, 1])
    angle = np.arctan2(direction[:, 1], direction[:, 0]) + wander
    departing = np.column_stack([away * np.cos(angle), away * np.sin(angle), direction[:, 2]])
    gain = beam_gains(departing, cell.azimuth + turn, cell.downtilt, cell.array).T
    return energy_per_resource_element(cell.power_dbm, 106) + 10 * np.log10(gain + 1e-4) - loss


def synthetic_reports(place: SyntheticPlace, sequences: int, seed: int, severity: float = 0.5) -> Reports:
    """Reports of one world of the place, by the real law of worlds, mobility and observation."""
    generator = np.random.default_rng(seed)
    world = sample_world(place.deployment, WorldLaw(severity=severity), generator)
    trajectories = sample_trajectories(place.geometry_maps, sequences, MobilityConfiguration(), generator)
    state = channel_at(radio_layers(place, world), trajectories.position)
    channel = KnownChannel(state, place.deployment)
    law = NetworkConfiguration().at_severity(severity)
    return observe(channel, trajectories, law, int(generator.integers(2**31)))


def reported_features(
    maps: PlaceMaps, age: tuple[float, ...] = (0.0,), **features: torch.Tensor
) -> SequenceTensors:
    """Reports of one UE with these features of every cell ([cell], or [report, cell]), the first cell serving."""
    cells, beams = maps.beam_relative.shape[:2]
    further = torch.stack([each.expand(len(age), cells) for each in features.values()], -1)[None].float()
    serving = torch.zeros(1, len(age), cells, dtype=torch.bool)
    serving[..., 0] = True
    return SequenceTensors(
        observed=torch.full((1, len(age), cells, 4), torch.nan),
        beams=torch.full((1, len(age), cells, beams), torch.nan),
        serving=serving,
        censored=torch.zeros(1, len(age), cells, 4 + len(features)),
        age=torch.tensor([age]),
        position=torch.zeros(1, len(age), 2),
        further=further,
        further_beams=torch.zeros(1, len(age), cells, beams, 0),
        censored_beams=torch.zeros(1, len(age), cells, beams, 1),
        further_names=tuple(features),
    )


def with_turns(maps: PlaceMaps) -> PlaceMaps:
    """The same place, whose antennas may also point so far to either side that the next beam is where one was."""
    beams = torch.cat([maps.sharp_beams.roll(side, 1) for side in (1, 0, -1)], 2)
    return dataclasses.replace(maps, sharp_beams=beams, turns=torch.tensor([-0.2, 0.0, 0.2]))
