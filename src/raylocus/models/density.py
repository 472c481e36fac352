"""From a prediction to the density on a place's native grid, and from a density to one position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.posterior import geometric_median
from raylocus.models.prediction import Prediction, coarse_centres, ground_centres

#: Ways to name one position; training picks the one with the least mean error on validation.
ESTIMATORS = ("mean", "geometric_median", "mode")
#: A mode is the mean within this radius of the most probable neighbourhood [m].
MODE_RADIUS = 20.0
#: Share of maps that are displaced against the sites, and by how much (standard deviation of x and of y) [m].
DISPLACED_MAPS, DISPLACEMENT = 0.2, 12.0
#: Power of the ranges' likelihood: one canyon makes several sites late, which together say less than they would apart.
RANGING_WEIGHT = 0.8
#: Components are cut off this far from the centre of their coarse cell along each axis [m].
COMPONENT_REACH = 36.0


def fine_centres(maps: PlaceMaps) -> Float[Tensor, "ground 2"]:
    """Centres (x, y) [m] of the native ground cells in flat [y, x] order."""
    return ground_centres(maps.fine_outdoor.shape[-1], maps.size, maps.fine_outdoor.device)


def fine_density(
    prediction: Prediction, maps: PlaceMaps, temperature: float
) -> Float[Tensor, "batch fine_y fine_x"]:
    """Probability of each native ground cell, none inside buildings; each map sums to 1.

    Components are read at the cells' centres within `COMPONENT_REACH` of their coarse cell; the whole is
    tempered, p^(1/temperature), and normalised.
    """
    smooth = _background(prediction, maps) + _component_masses(prediction, maps)
    detail = functional.interpolate(prediction.detail[:, None], size=tuple(maps.fine_outdoor.shape))
    mass = smooth * detail.flatten(1).exp() + 1e-12
    tempered = mass if temperature == 1 else (mass / mass.amax(1, keepdim=True)).pow(1 / temperature)
    outdoor = maps.fine_outdoor.flatten() > 0
    held = tempered * outdoor if outdoor.any() else tempered
    return (held / held.sum(1, keepdim=True)).reshape(len(mass), *maps.fine_outdoor.shape)


def displaced_density(density: Float[Tensor, "batch y x"], size: float) -> Float[Tensor, "batch y x"]:
    """A density of one to whom maps may lie displaced; what was inside outlines may then be outdoors.

    Args:
        density: on the native ground cells.
        size: side of the tile [m].
    """
    spread = _spread(density.shape[-1], DISPLACEMENT / (size / density.shape[-1])).to(density)
    moved = spread @ density @ spread.T
    mixed = (1 - DISPLACED_MAPS) * density + DISPLACED_MAPS * moved
    return mixed / mixed.sum((-2, -1), keepdim=True)


@lru_cache(16)
def _spread(count: int, deviation: float) -> Float[Tensor, "to from"]:
    """Where the mass of each of so many cells in a row goes by a normal law [cells], cut off at three deviations.

    A product with this matrix takes a fifth of the time of a convolution.
    """
    steps = torch.arange(count)
    step = steps[:, None] - steps
    reach = math.ceil(3 * deviation)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / deviation).square())
    return torch.exp(-0.5 * (step / deviation).square()) * (step.abs() <= reach) / kernel.sum()


def ranged_densities(
    log_likelihood: Float[Tensor, "batch y x"], *densities: Float[Tensor, "batch y x"]
) -> Sequence[Float[Tensor, "batch y x"]]:
    """Densities given times of arrival; as they were where no phone has any.

    Args:
        log_likelihood: what times of arrival say of each ground cell, see `models.evidence.ranging`.
        densities: of the same phones, over the same ground.
    """
    if not log_likelihood.any():
        return densities
    highest = log_likelihood.amax((-2, -1), keepdim=True)
    # Ground of no likelihood keeps some mass, for a density to divide by.
    weights = torch.exp(RANGING_WEIGHT * (log_likelihood - highest)) + 1e-12
    held = [density * weights for density in densities]
    return [each / each.sum((-2, -1), keepdim=True) for each in held]


def doubted_density(
    density: Float[Tensor, "batch y x"],
    wrong: Float[Tensor, "batch 1 1"],
    otherwise: Float[Tensor, "batch y x"],
) -> Float[Tensor, "batch y x"]:
    """A density mixed with that of someone without a map, by the probability that the map is wrong."""
    return (1 - wrong) * density + wrong * otherwise


def _background(prediction: Prediction, maps: PlaceMaps) -> Float[Tensor, "batch ground"]:
    outside_top = prediction.log_mass.flatten(1).exp().scatter(1, prediction.top, 0.0)
    coarse = outside_top.reshape(prediction.log_mass.shape)
    fine = functional.interpolate(coarse[:, None], size=tuple(maps.fine_outdoor.shape), mode="nearest")
    return fine.flatten(1) * (coarse[0].numel() / maps.fine_outdoor.numel())


def _component_masses(prediction: Prediction, maps: PlaceMaps) -> Float[Tensor, "batch ground"]:
    side = maps.fine_outdoor.shape[-1]
    cell = maps.size / side
    reach = math.ceil(COMPONENT_REACH / cell)
    steps = torch.arange(-reach, reach + 1, device=prediction.top.device)
    corner = ((coarse_centres(maps)[prediction.top] + maps.size / 2) / cell).long()
    # Components reach beyond the tile into a margin, which is cut off.
    wide = side + 2 * reach
    first = (corner[..., 1] + reach) * wide + corner[..., 0] + reach
    index = first[..., None] + (steps[:, None] * wide + steps).flatten()
    axes = (corner[..., None] + steps + 0.5) * cell - maps.size / 2
    weight = prediction.log_mass.flatten(1).gather(1, prediction.top)[..., None] + prediction.log_weight
    mass = _on_axes(prediction, axes, weight + 2 * math.log(cell)).flatten(1)
    held = mass.new_zeros(len(mass), wide * wide).scatter_add(1, index.flatten(1), mass)
    return held.unflatten(1, (wide, wide))[:, reach : reach + side, reach : reach + side].flatten(1)


def _on_axes(
    prediction: Prediction,
    axes: Float[Tensor, "batch top 2 step"],
    log_weight: Float[Tensor, "batch top component"],
) -> Float[Tensor, "batch top step step"]:
    """Density of each cell's mixture where its own rows and columns cross, [y, x]."""
    xx, yx, yy = prediction.cholesky[..., None].unbind(-2)
    x, y = (axes[:, :, None] - prediction.mean[..., None]).unbind(-2)
    across = x / xx
    along = (y / yy)[..., None] - (across * yx / yy)[..., None, :]
    weight = log_weight - math.log(2 * math.pi) - torch.log(xx * yy)[..., 0]
    scale = (weight[..., None] - 0.5 * across.square())[..., None, :]
    return torch.exp(scale - 0.5 * along.square()).sum(2)


def estimate(
    density: Float[Tensor, "batch y x"], maps: PlaceMaps, estimator: str
) -> Float[Tensor, "batch 2"]:
    """The position (x, y) [m] that an estimator of `ESTIMATORS` names."""
    if estimator == "geometric_median":
        return geometric_median(density, maps.size)
    estimators = {"mean": mean_position, "mode": mode_position}
    return estimators[estimator](density, fine_centres(maps))


def mean_position(
    density: Float[Tensor, "batch y x"], centres: Float[Tensor, "ground 2"]
) -> Float[Tensor, "batch 2"]:
    """Least mean square error."""
    return density.flatten(1) @ centres


def mode_position(
    density: Float[Tensor, "batch y x"], centres: Float[Tensor, "ground 2"]
) -> Float[Tensor, "batch 2"]:
    """Mean within `MODE_RADIUS` of the place whose neighbourhood holds most."""
    side = density.shape[-1]
    cell = float(centres[1, 0] - centres[0, 0]) if side > 1 else MODE_RADIUS
    reach = max(1, round(MODE_RADIUS / cell))
    steps = torch.arange(-reach, reach + 1, device=density.device) * cell
    # Weights that fall with distance put the neighbourhood's centre, not its rim, on a lone peak.
    kernel = torch.exp(-0.5 * (steps[:, None] ** 2 + steps**2) / (MODE_RADIUS / 2) ** 2)
    held = functional.conv2d(density[:, None], kernel[None, None], padding=reach)
    best = centres[held.flatten(1).argmax(1)]
    near = (torch.cdist(best, centres) <= MODE_RADIUS) * density.flatten(1)
    return near @ centres / near.sum(1, keepdim=True)
