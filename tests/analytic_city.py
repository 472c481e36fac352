"""A city whose levels are a formula, so that a moved city can be made from scratch and not by moving arrays."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import xarray as xr

from raylocus.geo import Grid
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.maps.path_loss import isotropic_levels
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.training.symmetry import Symmetry
from raylocus.units import SPEED_OF_LIGHT

#: Nothing is random, so that the same walk is reported alike in both cities.
SILENT = NetworkConfiguration(
    receiver_noise_db=0.0, beam_noise_db=0.0, device_bias_db=0.0, timing=MapTiming(noise=0.0)
)


@dataclass(frozen=True)
class AnalyticCity:
    """Two sites over hilly ground, levels by TR 38.901 UMi NLOS and the sectors' beams."""

    deployment: Deployment
    tile: Grid
    moved_by: Symmetry

    @cached_property
    def geometry_maps(self) -> xr.Dataset:
        x, y = self._here(self.tile.centres).T
        height = np.where((np.abs(x - 20) < 14) & (np.abs(y + 30) < 22), 15.0, 0.0).reshape(self.tile.shape)
        terrain = (0.04 * x + 4 * np.sin(y / 25)).reshape(self.tile.shape)
        return geometry_maps(self.tile, terrain, terrain + height, np.zeros(self.tile.shape, int))

    @cached_property
    def radio_maps(self) -> xr.Dataset:
        terrain = self.geometry_maps["terrain"].values
        ground = np.column_stack([self.tile.centres, terrain.ravel() + 1.5])
        offset = ground[None] - self.deployment.site_positions[:, None]
        distance = np.linalg.norm(offset, axis=-1)
        level = isotropic_levels(self.deployment, self.tile, terrain, 1.5)
        beams = np.full((len(level), self.deployment.beam_count, *self.tile.shape), np.nan, np.float32)
        for index, cell in enumerate(self.deployment.cells):
            direction = offset[cell.site] / distance[cell.site][:, None]
            gain = beam_gains(direction, cell.azimuth, cell.downtilt, cell.array).T + 1e-4
            beams[index, : cell.array.beams] = level[index] + 10 * np.log10(
                gain.reshape(-1, *self.tile.shape)
            )
        axes = {"beam": ("cell", "beam", "y", "x"), "cell": ("cell", "y", "x"), "site": ("site", "y", "x")}
        by_site = (-1, *self.tile.shape)
        return xr.Dataset(
            {
                "rsrp_beam": (axes["beam"], beams),
                "rsrp": (axes["cell"], np.nanmax(beams, 1)),
                "toa": (axes["site"], (distance / SPEED_OF_LIGHT).astype(np.float32).reshape(by_site)),
                "line_of_sight": (axes["site"], (distance < 70).astype(np.float32).reshape(by_site)),
                "delay_spread": (
                    axes["site"],
                    np.where(distance < 70, 1e-9 * distance, np.nan).reshape(by_site),
                ),
            },
            coords={"x": self.tile.x_coordinates, "y": self.tile.y_coordinates},
            attrs={"ue_height": 1.5},
        )

    def observed(self, walk: Trajectories) -> Reports:
        """What the network reports of a walk that was planned in the city before it was moved."""
        position = np.column_stack([_turned(self.moved_by, walk.position[:, :2]), walk.position[:, 2]])
        there = dataclasses.replace(walk, position=position)
        state = channel_at(self.radio_maps, position)
        return observe(KnownChannel(state, self.deployment), there, SILENT, seed=1)

    def _here(self, points: np.ndarray) -> np.ndarray:
        """Where points of the moved city come from."""
        back = _turned(Symmetry(-self.moved_by.quarter_turns % 4, False), points)
        return back * np.array([-1.0, 1.0]) if self.moved_by.mirrored else back


def analytic_city(symmetry: Symmetry) -> AnalyticCity:
    """The city, with its sites and antennas moved by a symmetry."""
    arrays = (AntennaArray(beams=4), AntennaArray(beams=3), AntennaArray(beams=4), AntennaArray(beams=1))
    sites = [((-31.0, 12.0), 24.0), ((40.0, -18.0), 21.0)]
    cells = [(0, 0.4), (0, 2.7), (1, -1.9), (1, 1.2)]
    return AnalyticCity(
        Deployment(
            (Carrier(),),
            tuple(
                Site(f"site {index}", (*_turned(symmetry, np.array(xy)).tolist(), height))
                for index, (xy, height) in enumerate(sites)
            ),
            tuple(
                Cell(10 + 3 * index, site, turned_azimuth(symmetry, azimuth), 0.12, array=array)
                for index, ((site, azimuth), array) in enumerate(zip(cells, arrays, strict=True))
            ),
        ),
        Grid(128.0, 4.0),
        symmetry,
    )


def turned_azimuth(symmetry: Symmetry, azimuth: float) -> float:
    """An azimuth [rad] by its direction, not by arithmetic on angles."""
    x, y = _turned(symmetry, np.array([np.cos(azimuth), np.sin(azimuth)]))
    return float(np.arctan2(y, x))


def _turned(symmetry: Symmetry, points: np.ndarray) -> np.ndarray:
    return symmetry.vector(torch.from_numpy(np.asarray(points, np.float64))).numpy()
