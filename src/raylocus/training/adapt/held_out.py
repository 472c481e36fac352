"""What tags that were held out say of an adapted area network: how much tags may weigh, and what regions hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float

from raylocus.models.area.cells import CellMasses
from raylocus.models.area.tags import Odds
from raylocus.models.regions import Regions, conformal_regions

#: What tags may weigh: the usual odds, others, and nothing at all.
NOTHING = Odds(elsewhere=math.inf)
ODDS = (*(Odds(*each) for each in product((0.03, 0.3, 0.003), (0.03, 0.3, 0.003))), NOTHING)
#: What other odds than the usual ones have to gain over all held-out tags [nats].
LEAST_GAIN = 1.0
#: Density that an answer is granted anywhere, in scales.
LEAST_DENSITY = 1e-4


@dataclass(frozen=True)
class Judged:
    """Held-out tags: cost of the density at each truth [nats], and the mass of the region that just holds it."""

    cost: Float[np.ndarray, "*tag"]
    rank: Float[np.ndarray, "*tag"]

    @classmethod
    def at(cls, masses: CellMasses, truth: Float[torch.Tensor, "tag 2"]) -> Judged:
        """Of some answers."""
        density, denser, tied = (each.numpy().astype(float) for each in masses.at(truth))
        return cls(-np.log(np.maximum(density, LEAST_DENSITY)), denser + tied / 2)

    @classmethod
    def joined(cls, parts: Sequence[Judged]) -> Judged:
        """The tags of all parts."""
        return cls(
            *(np.concatenate([getattr(each, name) for each in parts], -1) for name in ("cost", "rank"))
        )


@dataclass(frozen=True)
class HeldOut:
    """Tags that were held out in one way, answered by each of `ODDS`."""

    judged: Judged
    alike: Bool[np.ndarray, " tag"]
    """Whether they are like one of those that were not."""


def preferred(kinds: Sequence[HeldOut]) -> int:
    """Which of `ODDS` held-out tags prefer, those held out in either way counting alike."""
    cost = np.mean([kind.judged.cost.mean(1) for kind in kinds], axis=0)
    cost[1:-1] += LEAST_GAIN / len(kinds[0].alike)
    return int(cost.argmin())


def regions_of(kinds: Sequence[HeldOut], odds: int) -> tuple[Regions, Regions]:
    """What regions truly hold by some of `ODDS`, of reports that are like a tag and of others; alike without tags."""
    rank = np.concatenate([kind.judged.rank[odds] for kind in kinds])
    like = np.concatenate([kind.alike for kind in kinds])
    if ODDS[odds] is NOTHING:
        return conformal_regions(rank), conformal_regions(rank)
    return conformal_regions(rank[like]), conformal_regions(rank[~like])
