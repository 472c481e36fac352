"""The level of a cell at points as a function of its antenna, with derivatives, in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.calibration.antenna_gains import (
    column_factors,
    element_gain_db,
    from_decibel,
    in_antenna_frame,
    row_factors,
)
from raylocus.calibration.links import PointLinks
from raylocus.calibration.rough_walls import gains_db

#: What a cell's level follows from, in this order: what is added to its level [dB], azimuth [rad] and downtilt
#: [rad], to its pattern's beamwidths [degrees] and floor [dB], the gain of unmodelled scattering [dB], the share of
#: the crowns' loss that is added to it, and the gain of what rough walls scatter [dB].
ANTENNA = (
    "level", "azimuth", "downtilt", "width_azimuth", "width_elevation", "floor", "scatter", "crowns", "walls",
)  # fmt: skip


@dataclass(frozen=True)
class PointLevels:
    """Modelled levels of cells at points."""

    beams: Float[np.ndarray, "point beam"]
    """RSRP of each SSB beam [dBm]; −inf for beams that a cell does not have."""
    best_slopes: Float[np.ndarray, "point antenna"]
    """Derivatives of the best beam's level by `ANTENNA`."""
    beam_slopes: Float[np.ndarray, "beamed beam antenna"]
    """Derivatives of the beams' levels at those points where beams were reported."""

    @cached_property
    def best(self) -> Float[np.ndarray, " point"]:
        """RSRP of the best beam [dBm]."""
        return self.beams.max(axis=1)


class AntennaModel:
    """Levels at points for any antennas; `beamed` are the points whose single beams are asked for."""

    def __init__(self, links: list[PointLinks], beamed: Int[np.ndarray, " beamed"]):
        """Of links by the cells' arrays, see `links.PointChannels`."""
        self._links, self._beamed = links, beamed
        self._points = sum(len(each.row) for each in links)
        self._beams = max(each.array.beams for each in links)
        wanted = np.zeros(self._points, bool)
        wanted[beamed] = True
        self._wanted = [torch.from_numpy(wanted[each.row]) for each in links]

    @property
    def wooded(self) -> bool:
        """Whether any path to the points goes through trees."""
        return any(bool((links.crowns > 0).any()) for links in self._links)

    @property
    def rough(self) -> bool:
        """Whether any path to the points is scattered by a wall."""
        return any(bool(links.rough.any()) for links in self._links)

    def dark(self) -> Bool[np.ndarray, " point"]:
        """Points that no path leads to."""
        found = np.ones(self._points, bool)
        for links in self._links:
            found[links.row[np.unique(links.point.numpy())]] = False
        return found

    def beams(self, antenna: Float[np.ndarray, "point antenna"]) -> Float[np.ndarray, "point beam"]:
        """RSRP of each SSB beam [dBm] with the values of `ANTENNA` at every point."""
        found = np.full((self._points, self._beams), -np.inf)
        with torch.no_grad():
            for links in self._links:
                found[links.row, : links.array.beams] = beam_levels(links, _real(antenna[links.row])).numpy()
        return found

    def levels(self, antenna: Float[np.ndarray, "point antenna"]) -> PointLevels:
        """The same with derivatives: a point's level has to do with its own values."""
        beams = np.full((self._points, self._beams), -np.inf)
        best = np.zeros((self._points, len(ANTENNA)))
        single = np.zeros((self._points, self._beams, len(ANTENNA)))
        for links, wanted in zip(self._links, self._wanted, strict=True):
            found = BeamSlopes.of(links, _real(antenna[links.row]))
            beams[links.row, : links.array.beams] = found.levels.numpy()
            best[links.row] = found.of_strongest().numpy()
            single[links.row[wanted.numpy()], : links.array.beams] = found.of_points(wanted).numpy()
        return PointLevels(beams, best, single[self._beamed])


def beam_levels(links: PointLinks, antenna: Float[Tensor, "point antenna"]) -> Float[Tensor, "point beam"]:
    """RSRP of each SSB beam [dBm] at points, summed in power with unmodelled scattering.

    Args:
        links: of cells to the points.
        antenna: values of `ANTENNA` at each point.
    """
    weight, left = _weights(links, antenna[links.point])
    paths, scattered = _powers(links, antenna, weight[:, None] * column_factors(left[:, None], links.array))
    return antenna[:, :1] + 10 * torch.log10(paths + scattered)


@dataclass(frozen=True)
class BeamSlopes:
    """Levels of beams at points and what their derivatives follow from, for all beams by one differentiation.

    A path's power in a beam is its weight, which is the same in all beams, times the gain of the panel's columns,
    which follows from the antenna by one cosine alone.
    """

    levels: Float[Tensor, "point beam"]
    """RSRP of each SSB beam [dBm]."""
    steepness: Float[Tensor, "point beam"]
    """Derivatives of the levels by the power of paths [dB]."""
    scattered: Float[Tensor, "point beam"]
    """Share of unmodelled scattering in the power."""
    point: Int[Tensor, " path"]
    """Point of each path."""
    weight: Float[Tensor, " path"]
    columns: Float[Tensor, "path beam"]
    """Gain of the columns."""
    weight_slopes: Float[Tensor, "path antenna"]
    """Derivatives of the weight by `ANTENNA`."""
    column_slopes: Float[Tensor, "path beam"]
    """Derivatives of the columns' gain by the cosine."""
    cosine_slopes: Float[Tensor, "path antenna"]
    """Derivatives of the cosine by `ANTENNA`."""

    @classmethod
    def of(cls, links: PointLinks, antenna: Float[Tensor, "point antenna"]) -> BeamSlopes:
        """Of cells' links, with values of `ANTENNA` at each point."""
        values = antenna[links.point].requires_grad_()
        weight, left = _weights(links, values)
        (weight_slopes,) = torch.autograd.grad(weight.sum(), values, retain_graph=True)
        (cosine_slopes,) = torch.autograd.grad(left.sum(), values)
        cosine = left.detach()[:, None].repeat(1, links.array.beams).requires_grad_()
        columns = column_factors(cosine, links.array)
        (column_slopes,) = torch.autograd.grad(columns.sum(), cosine)
        weight, columns = weight.detach(), columns.detach()
        paths, scattered = _powers(links, antenna, weight[:, None] * columns)
        power, energy = paths + scattered, from_decibel(links.energy)[:, None]
        return cls(
            levels=antenna[:, :1] + 10 * torch.log10(power),
            steepness=10 / math.log(10) * energy / power,
            scattered=scattered / power,
            point=links.point,
            weight=weight,
            columns=columns,
            weight_slopes=weight_slopes,
            column_slopes=column_slopes,
            cosine_slopes=cosine_slopes,
        )

    def of_strongest(self) -> Float[Tensor, "point antenna"]:
        """Derivatives of the strongest beams' levels by `ANTENNA`."""
        strongest = self.levels.argmax(dim=1, keepdim=True)
        return self._slopes(torch.ones_like(self.point, dtype=torch.bool), strongest)[:, 0]

    def of_points(self, chosen: Bool[Tensor, " point"]) -> Float[Tensor, "chosen beam antenna"]:
        """Derivatives of all beams' levels at some points by `ANTENNA`."""
        points, beams = self.levels.shape
        return self._slopes(chosen[self.point], torch.arange(beams).expand(points, beams))[chosen]

    def _slopes(
        self, kept: Bool[Tensor, " path"], beams: Int[Tensor, "point wanted"]
    ) -> Float[Tensor, "point wanted antenna"]:
        """Of some beams of each point, by the paths that are kept."""
        point = self.point[kept]
        columns, slopes = (each[kept].gather(1, beams[point]) for each in (self.columns, self.column_slopes))
        by_weight = columns[..., None] * self.weight_slopes[kept, None]
        by_cosine = (self.weight[kept, None] * slopes)[..., None] * self.cosine_slopes[kept, None]
        power = torch.zeros(*beams.shape, len(ANTENNA), dtype=columns.dtype)
        power.index_add_(0, point, by_weight + by_cosine)
        found = self.steepness.gather(1, beams)[..., None] * power
        found[..., ANTENNA.index("level")] = 1.0
        found[..., ANTENNA.index("scatter")] = self.scattered.gather(1, beams)
        return found


def _weights(
    links: PointLinks, antenna: Float[Tensor, "path antenna"]
) -> tuple[Float[Tensor, " path"], Float[Tensor, " path"]]:
    """Power gain of each path but for the panel's columns, and the cosine of its direction with the panel's left."""
    _, azimuth, downtilt, width_azimuth, width_elevation, floor, _, crowns, walls = antenna.unbind(1)
    path = links.point
    local = in_antenna_frame(links.departure, links.azimuth[path] + azimuth, links.downtilt[path] + downtilt)
    added = torch.stack([width_azimuth, width_elevation, floor, floor, torch.zeros_like(floor)], dim=1)
    element = element_gain_db(local, links.pattern[path] + added, links.cuts)
    wooded = -crowns.clamp(min=-1) * links.crowns
    roughened = gains_db(links.roughness, walls, links.rough, links.mirrors)
    return links.power * from_decibel(element + wooded + roughened) * row_factors(
        local[2], links.array
    ), local[1]


def _powers(
    links: PointLinks, antenna: Float[Tensor, "point antenna"], through: Float[Tensor, "path beam"]
) -> tuple[Float[Tensor, "point beam"], Float[Tensor, "point 1"]]:
    """Power of paths and of unmodelled scattering at points [mW], but for what is added to the level."""
    gains = torch.zeros(len(antenna), through.shape[1], dtype=through.dtype).index_add(
        0, links.point, through
    )
    scattered = from_decibel(links.isotropic + antenna[:, ANTENNA.index("scatter")])
    return gains * from_decibel(links.energy)[:, None], scattered[:, None]


def _real(values: Float[np.ndarray, "..."]) -> Tensor:
    return torch.from_numpy(values)
