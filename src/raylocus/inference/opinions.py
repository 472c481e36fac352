"""Two opinions of where a phone is, by sites and levels and by maps, as one that is rarely worse than the better.

Both are of the same reports. Where the maps are right, each knows something that the other does not: the first has read
the network's own law from all of its reports, the second what stands in the way. A logarithmic pool keeps what both
think likely; its exponents, below one, are for what they share. Where the maps are wrong the first is right alone. How
likely that is all phones of a network say together, by how badly reports and maps fit (`models.misfit`), and by how
often the maps put phones where sites and levels say that they are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

#: Exponent of what sites say beside what right maps say.
SITES = 0.5
#: Log odds that maps are right: at a score and a surprise of 0, and for each unit of the mean of either. Fitted by
#: benchmarks/opinions.py on simulated networks of raylocus and of another simulator, under right and wrong maps.
ODDS, PER_SCORE, PER_SURPRISE = 1.3, -0.7, -2.2
#: Means of a few phones count as those of so many more that say nothing; no phone says more than so much.
SILENT, MOST = 3.0, 6.0
#: Least share of a square in an opinion.
LEAST = 1e-9


def even_share(mass: Float[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
    """Masses as shares of their sum; even ones where there is none."""
    total = float(mass.sum())
    return mass / total if total > 0 else np.full(mass.shape, 1 / mass.size)


def pooled(
    sites: Float[np.ndarray, "y x"], maps: Float[np.ndarray, "y x"], right: float
) -> Float[np.ndarray, "y x"]:
    """Both opinions as one.

    Args:
        sites: share of each square by sites and levels.
        maps: by the maps.
        right: probability that the maps are right.
    """
    log_pool = np.log(np.maximum(maps, LEAST)) + SITES * np.log(np.maximum(sites, LEAST))
    return right * even_share(np.exp(log_pool - log_pool.max())) + (1 - right) * sites


def surprise(sites: Float[np.ndarray, "y x"], maps: Float[np.ndarray, "y x"]) -> float:
    """How much less likely by sites is where the maps put a phone than where sites put it themselves [nats]."""
    return float(((sites - maps) * np.log(np.maximum(sites, LEAST))).sum())


def probability_right(score: float, surprises: Sequence[float]) -> float:
    """That the maps of phones which are located together are right.

    Args:
        score: mean score of their misfit, high where maps are wrong.
        surprises: of each phone.
    """
    heard = len(surprises) / (len(surprises) + SILENT)
    mean = float(np.clip(surprises, -MOST, MOST).mean()) if surprises else 0.0
    odds = ODDS + heard * (PER_SCORE * min(max(score, -MOST), MOST) + PER_SURPRISE * mean)
    return 1 / (1 + math.exp(-odds))
