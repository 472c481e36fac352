"""The level of a cell at points as a differentiable function of its antenna, in float64.

The same physics as `propagation.antennas.antennas`, which R is computed by: element pattern of TR 38.901,
panel and SSB beams. A test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.calibration.links import PointLinks
from raylocus.calibration.rough_walls import gains_db
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.scenes.sites import AntennaArray, PatternCuts

#: What a cell's level follows from, in this order: what is added to its level [dB], azimuth [rad] and downtilt
#: [rad], to its pattern's beamwidths [degrees] and floor [dB], the gain of unmodelled scattering [dB], the share of
#: the crowns' loss that is added to it, and the gain of what rough walls scatter [dB].
ANTENNA = (
    "level", "azimuth", "downtilt", "width_azimuth", "width_elevation", "floor", "scatter", "crowns", "walls",
)  # fmt: skip
#: Narrowest beamwidth that a pattern may have [degrees].
NARROWEST = 10.0


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
        self._some = [each.select(wanted[each.row]) for each in links]

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
        """The same with derivatives, by backward differentiation: a point's level has to do with its own values."""
        beams = np.full((self._points, self._beams), -np.inf)
        slopes = np.zeros((self._points, len(ANTENNA)))
        for links in self._links:
            values = _real(antenna[links.row]).requires_grad_()
            found = beam_levels(links, values)
            (slope,) = torch.autograd.grad(found.amax(dim=1).sum(), values)
            beams[links.row, : links.array.beams] = found.detach().numpy()
            slopes[links.row] = slope.numpy()
        return PointLevels(beams, slopes, self._beam_slopes(antenna)[self._beamed])

    def _beam_slopes(
        self, antenna: Float[np.ndarray, "point antenna"]
    ) -> Float[np.ndarray, "point beam antenna"]:
        slopes = np.zeros((self._points, self._beams, len(ANTENNA)))
        for links in self._some:
            values = _real(antenna[links.row]).requires_grad_()
            found, beams = beam_levels(links, values), links.array.beams
            # All beams in one pass: at a few hundred points the passes' own cost is most of it.
            each = torch.eye(beams, dtype=found.dtype)[:, None].expand(beams, len(found), beams)
            (slope,) = torch.autograd.grad(found, values, each, is_grads_batched=True)
            slopes[links.row, :beams] = slope.transpose(0, 1).numpy()
        return slopes


def beam_levels(links: PointLinks, antenna: Float[Tensor, "point antenna"]) -> Float[Tensor, "point beam"]:
    """RSRP of each SSB beam [dBm] at points, summed in power with unmodelled scattering.

    Args:
        links: of cells to the points.
        antenna: values of `ANTENNA` at each point.
    """
    level, azimuth, downtilt, width_azimuth, width_elevation, floor, scatter, crowns, walls = antenna.unbind(
        1
    )
    path = links.point
    local = _in_antenna_frame(
        links.departure, (links.azimuth + azimuth)[path], (links.downtilt + downtilt)[path]
    )
    added = torch.stack([width_azimuth, width_elevation, floor, floor, torch.zeros_like(floor)], dim=1)
    element = _element_gain_db(local, (links.pattern + added)[path], links.cuts)
    wooded = -crowns.clamp(min=-1)[path] * links.crowns
    roughened = gains_db(links.roughness, walls[path], links.rough, links.mirrors)
    weight = links.power * _from_decibel(element + wooded + roughened) * _rows(local[2], links.array)
    through = weight[:, None] * _columns(local[1], links.array)
    power = torch.zeros(len(level), through.shape[1], dtype=through.dtype).index_add(0, path, through)
    scattered = _from_decibel(links.isotropic + scatter)
    energy = _from_decibel(links.energy)
    return level[:, None] + 10 * torch.log10(power * energy[:, None] + scattered[:, None])


def _real(values: Float[np.ndarray, "..."]) -> Tensor:
    return torch.from_numpy(values)


def _in_antenna_frame(
    direction: Float[Tensor, "path 3"], azimuth: Tensor, downtilt: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Along the boresight, to its left and up along the panel."""
    x, y, z = direction.unbind(1)
    forward = torch.cos(azimuth) * x + torch.sin(azimuth) * y
    left = torch.cos(azimuth) * y - torch.sin(azimuth) * x
    along = torch.cos(downtilt) * forward - torch.sin(downtilt) * z
    return along, left, torch.sin(downtilt) * forward + torch.cos(downtilt) * z


def _element_gain_db(
    local: tuple[Tensor, Tensor, Tensor], pattern: Float[Tensor, "path 5"], cuts: PatternCuts | None
) -> Float[Tensor, " path"]:
    """`propagation.antennas.antennas.element_gain_db`; no beam is narrower and no floor lower than can be."""
    along, left, up = local
    elevation = torch.rad2deg(torch.asin(up.clamp(-1 + 1e-12, 1 - 1e-12)))
    turned = torch.rad2deg(torch.atan2(left, along))
    width_azimuth, width_elevation = (pattern[:, column].clamp(min=NARROWEST) for column in (0, 1))
    if cuts is not None:
        loss = _at(-turned, cuts.azimuth) + _at(-elevation, cuts.elevation)
        return pattern[:, 4] - torch.minimum(loss, pattern[:, 3].clamp(min=0))
    side, back = (pattern[:, column].clamp(min=0) for column in (2, 3))
    vertical = torch.minimum(12 * (elevation / width_elevation) ** 2, side)
    horizontal = torch.minimum(12 * (turned / width_azimuth) ** 2, back)
    return pattern[:, 4] - torch.minimum(vertical + horizontal, back)


def _at(degrees: Float[Tensor, " path"], loss: Sequence[float]) -> Float[Tensor, " path"]:
    """Loss of a measured cut [dB] at angles in degrees, linear between its even steps."""
    table = torch.tensor([*loss, loss[0]], dtype=degrees.dtype)
    step = 360.0 / len(loss)
    place = torch.remainder(degrees, 360.0) / step
    below = place.detach().floor().long().clamp(0, len(loss) - 1)
    return table[below] + (table[below + 1] - table[below]) * (place - below)


def _rows(cosine: Float[Tensor, " path"], array: AntennaArray) -> Float[Tensor, " path"]:
    return _array_factors(cosine[:, None], torch.zeros(1, dtype=cosine.dtype), array.rows)[:, 0]


def _columns(cosine: Float[Tensor, " path"], array: AntennaArray) -> Float[Tensor, "path beam"]:
    steered = torch.from_numpy(np.sin(beam_azimuths(array)))
    return _array_factors(cosine[:, None], steered, array.columns)


def _array_factors(
    cosine: Float[Tensor, "path 1"], steered: Float[Tensor, " beam"], elements: int
) -> Float[Tensor, "path beam"]:
    """|Σ exp(jπm(u − u_b))|² / N = 1 + (2/N) Σ_m (N − m) cos(mπ(u − u_b)), by Chebyshev's recursion."""
    once = torch.cos(math.pi * (cosine - steered))
    before, now, total = torch.ones_like(once), once, torch.ones_like(once)
    for order in range(1, elements):
        total = total + 2 * (elements - order) / elements * now
        before, now = now, 2 * once * now - before
    return total.clamp(min=0)


def _from_decibel(level: Tensor) -> Tensor:
    return torch.exp(level * (math.log(10) / 10))
