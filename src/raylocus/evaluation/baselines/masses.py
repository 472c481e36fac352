"""From a likelihood of every ground cell to posterior masses, of one report or filtered along a sequence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.observations import Observations, observations
from raylocus.execution.threads import tiny_is_zero
from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.reports.reports import Reports

#: Diffusions tried side by side [m/s], each as likely beforehand: standing (the first), walking, cycling, driving.
SPEEDS = (0.0, 1.5, 5.0, 12.0)
#: A Gaussian is cut off at so many standard deviations.
CUT = 4.0
#: Masses over the flat ground of each sequence, and the estimates where they are not the masses' own [m].
Located = tuple[Float[np.ndarray, "sample ground"], Float[np.ndarray, "sample 2"] | None]


@dataclass(frozen=True)
class GroundMethod(ABC):
    """A way of locating whose answer is a mass for every ground cell."""

    name: str

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior of each sequence's last position.

        Raises:
            PlaceError: the reports name a PCI that the place does not have.
        """
        maps = nominal_maps(place)
        density, estimate = self.located(observations(reports, maps.deployment), maps)
        return posterior_of(maps.tile, density, estimate)

    @abstractmethod
    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """The answer to what is observed."""


@tiny_is_zero()
def forward_filter(
    log_likelihood: Float[np.ndarray, "report ground"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    prior: Float[np.ndarray, " ground"],
    grid: Grid,
    independence: float,
) -> Float[np.ndarray, "sample ground"]:
    """Mass of the last position given all reports, of each sequence.

    For each of `SPEEDS` a belief is carried along: between reports it diffuses by a Gaussian of
    speed · Δt / √2 an axis, held outdoors; at a report it is multiplied by the likelihood. Their
    sum, each weighted by its evidence, is the answer.

    `log_likelihood` is ln p(report | ground cell), times are in s, `independence` is the power of each report's
    likelihood: 1 takes the map's errors for independent from report to report, 1 / reports for the same in all.
    """
    # The longest first: what is still under way is then always the first rows.
    lengths = np.diff(report_offsets)
    order = np.argsort(-lengths, kind="stable")
    first, lengths = report_offsets[:-1][order], lengths[order]
    scaled = torch.from_numpy(log_likelihood * np.float32(independence))
    start = torch.from_numpy(prior.astype(np.float32)).reshape(1, 1, *grid.shape) / len(SPEEDS)
    beliefs = start.repeat(len(order), len(SPEEDS), 1, 1)
    for step in range(int(lengths.max(initial=0))):
        rows = first[: np.count_nonzero(lengths > step)] + step
        under_way = beliefs[: len(rows)]
        if step:
            _diffuse(under_way, time[rows] - time[rows - 1], start[0, 0] > 0, grid.resolution)
        _multiply(under_way, scaled[torch.from_numpy(rows)])
    found = np.empty((len(order), grid.count**2), np.float32)
    found[order] = beliefs.sum(dim=1).flatten(1).numpy()
    return found


def gaussian_matrix(spread: Float[Tensor, "*shape"], count: int) -> Float[Tensor, "*shape to from"]:
    """Matrices that blur along an axis of `count` cells by Gaussians of these standard deviations [cells].

    What leaves the axis is lost.
    """
    away = torch.arange(1 - count, count)
    weight = torch.exp(-0.5 * (away / spread[..., None]).square())
    weight = torch.where(away.abs() <= CUT * spread[..., None] + 0.5, weight, 0)
    weight = weight / weight.sum(dim=-1, keepdim=True)
    # Windows of the weights, each one step further, are the rows from the last to the first.
    return weight.unfold(-1, count, 1).flip(-2)


def _diffuse(
    beliefs: Float[Tensor, "sample speed y x"],
    interval: Float[np.ndarray, " sample"],
    outdoors: Tensor,
    resolution: float,
) -> None:
    """Lets the beliefs that move diffuse outdoors, in place; each keeps its mass."""
    # Of a part of a tensor torch makes products at half the speed.
    moving = beliefs[:, 1:].contiguous()
    speeds = torch.tensor(SPEEDS[1:])
    spread = torch.from_numpy(interval.astype(np.float32))[:, None] * speeds / (2**0.5 * resolution)
    blur = gaussian_matrix(spread.clamp(min=1e-3), beliefs.shape[-1])
    # A Gaussian is a product of one along each axis, and its matrices are symmetric.
    after = (blur @ moving @ blur).mul_(outdoors)
    mass = moving.sum(dim=(2, 3), keepdim=True) / after.sum(dim=(2, 3), keepdim=True).clamp(min=1e-30)
    torch.mul(after, mass, out=beliefs[:, 1:])


def _multiply(beliefs: Float[Tensor, "sample speed y x"], level: Float[Tensor, "sample ground"]) -> None:
    """Multiplies beliefs by a likelihood and divides by the evidence, in place."""
    # The peak is taken where belief is left, or a report that contradicts the past would erase it.
    left = beliefs.amax(dim=1).flatten(1) > 0
    peak = torch.where(left, level, -torch.inf).amax(dim=1, keepdim=True)
    beliefs *= (level - peak).clamp_(max=0).exp_().reshape(len(beliefs), 1, *beliefs.shape[2:])
    beliefs /= beliefs.sum(dim=(1, 2, 3), keepdim=True)


@tiny_is_zero()
def masses(
    log_density: Float[np.ndarray, "report ground"], prior: Float[np.ndarray, " ground"]
) -> Float[np.ndarray, "report ground"]:
    """Posterior masses under a prior, one row a report."""
    outdoors = np.flatnonzero(prior > 0)
    inside = log_density[:, outdoors].astype(np.float32, copy=False)
    inside += np.log(prior[outdoors])
    # The largest product is 1, so that a row always has mass.
    inside -= inside.max(axis=1, keepdims=True)
    weight = np.exp(inside, out=inside)
    weight /= weight.sum(axis=1, keepdims=True)
    density = np.zeros(log_density.shape, np.float32)
    density[:, outdoors] = weight
    return density


def gaussian_masses(
    centre: Float[np.ndarray, "report 2"], covariance: Float[np.ndarray, "report 2 2"], maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    """Masses over the flat ground of a Gaussian about each centre, cut to open ground.

    Centres are means (x, y) [m], covariances in m².
    """
    # The exponent is −½ (a x + b y)² − ½ (c y)² of the Cholesky factor of the precision.
    (a, _), (b, c) = np.moveaxis(np.linalg.cholesky(np.linalg.inv(covariance)), 0, -1)
    x = (maps.tile.x_coordinates - centre[:, :1]) * a[:, None]
    y = (maps.tile.y_coordinates - centre[:, 1:]) * np.stack([b, c])[..., None]
    log_density = np.square(y[0][:, :, None].astype(np.float32) + x[:, None, :].astype(np.float32))
    log_density += np.square(y[1][:, :, None]).astype(np.float32)
    log_density *= -0.5
    return masses(log_density.reshape(len(centre), -1), maps.prior.ravel())


def circular_masses(
    centre: Float[np.ndarray, "report 2"], spread: float, maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    """The same of circular Gaussians of standard deviation `spread` [m]."""
    covariance = np.broadcast_to(np.eye(2) * spread**2, (len(centre), 2, 2))
    return gaussian_masses(centre, covariance, maps)


def blurred_masses(
    weight: Float[np.ndarray, "report ground"], spread: float, maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    """Masses over the flat ground of a Gaussian of standard deviation `spread` [m] at each weighted ground cell."""
    blur = gaussian_matrix(torch.tensor(spread / maps.tile.resolution), maps.tile.count)
    square = torch.from_numpy(weight.astype(np.float32)).reshape(-1, *maps.tile.shape)
    flat = ((blur @ square @ blur) * torch.from_numpy(maps.outdoor)).flatten(1)
    return (flat / flat.sum(dim=1, keepdim=True)).numpy()
