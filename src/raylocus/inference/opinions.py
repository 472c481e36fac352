"""Two opinions of where a phone is, by sites and levels and by maps, as one that is rarely worse than the better.

Both are of the same reports, and each knows what the other does not: the first has read the network's own law from all
of its reports, the second what stands in the way. A logarithmic pool keeps what both think likely (Genest and Zidek,
Combining probability distributions, Statistical Science 1986). The weight of the maps is what a likelihood is tempered
by that does not quite hold: no network is quite of the law that the maps' locator was trained on. How much they weigh
all phones of a network say together, by how badly reports and maps fit (`models.misfit`) and by how often the maps put
phones where sites and levels say that they are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.density import doubted_density, ranged_densities
from raylocus.models.misfit import Judgement

#: Log odds of the weight of maps: at a score and a surprise of 0, and for each unit of the mean of either. Of those
#: that benchmarks/opinions.py finds about as good as the best, the ones that believe least maps that sites contradict.
ODDS, PER_SCORE, PER_SURPRISE = 0.5, -0.8, -1.0
#: So much of the weight of maps is taken off that of sites: they have read the same reports.
SHARED = 0.5
#: Means of a few phones count as those of so many more that say nothing; no phone says more than so much.
SILENT, MOST = 3.0, 6.0
#: Share of a density without the map that is even over a tile: where the map is wrong, its sites may be as well. A
#: position is named by the sites alone, for of even ground nothing can be said.
WRONG_SITES = 0.8
#: Ends of the power of densities.
LEAST_SHARP, MOST_SHARP = 0.7, 2.0
#: Least share of a square in a pool.
LEAST = 1e-9


def shares(mass: Float[Tensor, "*phone y x"]) -> Float[Tensor, "*phone y x"]:
    """Masses as shares of their sum; even ones where there is none."""
    some = mass + 1e-30
    return some / some.sum((-2, -1), keepdim=True)


def pooled(
    sites: Float[Tensor, "*phone y x"],
    maps: Float[Tensor, "*phone y x"],
    weight: float | Float[Tensor, "*#phone 1 1"],
    area: float | Float[Tensor, "*phone y x"] = 1.0,
) -> Float[Tensor, "*phone y x"]:
    """Both opinions as one.

    Args:
        sites: share of each square by sites and levels.
        maps: by the maps.
        weight: of the maps, from 0 to 1; of all phones, or of each.
        area: of each square, where they differ.
    """
    return _by_weight(_logs(sites, maps, area), weight, 1.0)


def pooled_densities(
    sites: Float[Tensor, "*phone y x"],
    maps: Float[Tensor, "*phone y x"],
    weight: float | Float[Tensor, "*#phone 1 1"],
    area: float | Float[Tensor, "*phone y x"] = 1.0,
    sharpness: float | Float[Tensor, "*#phone 1 1"] = 1.0,
) -> tuple[Float[Tensor, "*phone y x"], Float[Tensor, "*phone y x"]]:
    """Both opinions as one: the density, and what names a position, see `weight_of_position`.

    Arguments are those of `pooled`, and the power of both, see `sharpness_of`.
    """
    logs = _logs(sites, maps, area)
    return _by_weight(logs, weight, sharpness), _by_weight(logs, weight_of_position(weight), sharpness)


#: Logarithms: by sites and by maps, of the density, and of the area.
_Logs = tuple[Float[Tensor, "*phone y x"], Float[Tensor, "*phone y x"], Float[Tensor, "*area"]]


def _logs(
    sites: Float[Tensor, "*phone y x"],
    maps: Float[Tensor, "*phone y x"],
    area: float | Float[Tensor, "*phone y x"],
) -> _Logs:
    log_area = torch.as_tensor(area).log()
    of_sites, of_maps = (each.clamp(min=LEAST).log() - log_area for each in (sites, maps))
    return of_sites, of_maps, log_area


def _by_weight(
    logs: _Logs, weight: float | Float[Tensor, "*#phone 1 1"], sharpness: float | Float[Tensor, "*#phone 1 1"]
) -> Float[Tensor, "*phone y x"]:
    of_sites, of_maps, log_area = logs
    log_share = sharpness * ((1 - SHARED * weight) * of_sites + weight * of_maps) + log_area
    return log_share.flatten(-2).softmax(-1).unflatten(-1, of_sites.shape[-2:])


def surprise(
    sites: Float[Tensor, "*phone y x"], maps: Float[Tensor, "*phone y x"]
) -> Float[Tensor, "*phone"]:
    """How much less likely by sites is where the maps put a phone than where sites put it themselves [nats]."""
    return ((sites - maps) * sites.clamp(min=LEAST).log()).sum((-2, -1))


def weight_of_maps(score: float, surprises: Float[np.ndarray, " phone"]) -> float:
    """How much the maps weigh for phones that are located together.

    Args:
        score: mean score of their misfit, high where maps are wrong.
        surprises: of each phone; without any, maps weigh as usual.
    """
    said = len(surprises) / (len(surprises) + SILENT)
    mean = float(np.clip(surprises, -MOST, MOST).mean()) if len(surprises) else 0.0
    odds = ODDS + said * (PER_SCORE * min(max(score, -MOST), MOST) + PER_SURPRISE * mean)
    return 1 / (1 + math.exp(-odds))


def sharpness_of(score: float, phones: int, sharpening: float) -> float:
    """The power of densities of phones that are located together: the better their maps fit, the less worlds err.

    Args:
        score: mean score of their misfit.
        phones: how many they are.
        sharpening: logarithm of the power for each unit of a score below 0, see `PosteriorCalibration`.
    """
    said = phones / (phones + SILENT)
    return min(max(math.exp(-said * sharpening * score), LEAST_SHARP), MOST_SHARP)


def weight_of_position(weight: float | Float[Tensor, "*phone"]) -> float | Float[Tensor, "*phone"]:
    """The weight that maps have in naming a position: that of twice the log odds.

    A density must hold phones of networks that maps say little of; a position need not, and is best named by whom it is
    likelier to be right. On generated networks that is as near as the root of the weight under the law that maps are
    trained on, and nearer under wrong maps.
    """
    for_maps, against = weight**2, (1 - weight) ** 2
    return for_maps / (for_maps + against)


def with_sites(
    maps: Float[Tensor, "phone y x"],
    sites: Float[Tensor, "phone y x"],
    judgements: Sequence[Judgement],
    judged: Int[np.ndarray, " phone"],
    ranging: Float[Tensor, "phone y x"],
    sharpening: float,
) -> tuple[Float[Tensor, "phone y x"], Float[Tensor, "phone y x"]]:
    """Posteriors over a tile by both opinions, and the densities that name positions.

    Args:
        maps: share of each square by the maps.
        sites: by sites and levels.
        judgements: what is thought of the maps by phones that are judged together.
        judged: the judgement of each phone.
        ranging: log-likelihoods of times of arrival. Walls make paths longer, so that they hold on other maps, too, but
            not where sites are elsewhere.
        sharpening: see `sharpness_of`.
    """
    surprises, law = surprise(sites, maps).numpy(), np.empty((3, len(maps), 1, 1), np.float32)
    for number, judgement in enumerate(judgements):
        own = judged == number
        law[0, own] = weight_of_maps(judgement.score, surprises[own])
        law[1, own] = judgement.wrong
        law[2, own] = sharpness_of(judgement.score, int(own.sum()), sharpening)
    # Ranges know more than maps do, and are not to be outvoted by them.
    law[2, ranging.flatten(1).any(1).numpy()] = 1.0
    weight, wrong, sharpness = torch.from_numpy(law)
    both = pooled_densities(sites, maps, weight, sharpness=sharpness)
    by_sites, density, middle = ranged_densities(ranging, sites, *both)
    even = (1 - WRONG_SITES) * by_sites + WRONG_SITES / sites.shape[1:].numel()
    return doubted_density(density, wrong, even), doubted_density(middle, wrong, by_sites)
