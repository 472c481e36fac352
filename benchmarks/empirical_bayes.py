"""A formula matcher whose law is chosen by the marginal likelihood of a network's unlabelled reports."""

from __future__ import annotations

from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from raylocus.models.area.anchors import anchors_of
from raylocus.network.field.heard import HeardNetwork

#: Slopes, deviations [dB] of single levels and of a report's common level, and levels at the spacing as quantiles of
#: those heard: what is chosen from.
SLOPES, SPREADS, COMMON, LEVELS = (2.0, 3.0, 4.0), (6.0, 9.0, 13.0), (3.0, 10.0), (0.3, 0.6, 0.9)
#: Grid about the centroid: half its side in spacings, and cells along it.
HALF, CELLS = 3.0, 24
#: Reports that the law is chosen by.
CHOOSING = 60


def grid_bayes(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Posterior means, the position summed out over a grid to choose the law [m]."""
    anchors = anchors_of(network)
    axis = (np.arange(CELLS) + 0.5) * (2 * HALF / CELLS) - HALF
    offsets = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    points = anchors.weighted[:, None] + anchors.scale[:, None, None] * offsets
    distances = [
        np.hypot(*(points[report, :, None] - network.cells.position[network.cell[tokens]]).transpose(2, 0, 1))
        for report, tokens in enumerate(_tokens(network))
    ]
    scale = float(np.median(anchors.scale))
    laws = list(product(SLOPES, SPREADS, COMMON, np.quantile(network.level, LEVELS)))
    chosen = max(laws, key=lambda law: _evidence(network, distances, scale, law, CHOOSING))
    mass = [
        np.exp(each - logsumexp(each))
        for each in _likelihoods(network, distances, scale, chosen, len(network))
    ]
    return np.einsum("rp,rpi->ri", np.array(mass), points)


def _tokens(network: HeardNetwork) -> list[slice]:
    offsets = network.rows.offsets.tolist()
    return [slice(a, b) for a, b in zip(offsets[:-1], offsets[1:], strict=True)]


def _evidence(network: HeardNetwork, distances: list, scale: float, law: tuple, most: int) -> float:
    return float(sum(logsumexp(each) for each in _likelihoods(network, distances, scale, law, most)))


def _likelihoods(network: HeardNetwork, distances: list, scale: float, law: tuple, most: int) -> list:
    """Log likelihood over the grid, the report's common level integrated out; a Gaussian prior about the centroid."""
    slope, spread, common, level = law
    axis = (np.arange(CELLS) + 0.5) * (2 * HALF / CELLS) - HALF
    prior = -0.5 * (axis[:, None] ** 2 + axis**2).ravel()
    found = []
    for tokens, distance in list(zip(_tokens(network), distances, strict=True))[:most]:
        residual = network.level[tokens] - level + 10 * slope * np.log10(distance / scale + 0.05)
        count = residual.shape[1]
        shared = common**2 / (spread**2 * (spread**2 + count * common**2))
        square = (residual**2).sum(1) / spread**2 - shared * residual.sum(1) ** 2
        volume = 0.5 * (2 * (count - 1) * np.log(spread) + np.log(spread**2 + count * common**2))
        found.append(-0.5 * square - volume + prior)
    return found
