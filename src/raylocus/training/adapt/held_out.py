"""Tags held out together, in blocks of ground, for neighbours know each other's answers; and what they say.

They say how much tags may weigh in an adapted area network, and what its regions hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from raylocus.models.area.cells import CellMasses
from raylocus.models.area.tags import Odds
from raylocus.models.regions import Regions, conformal_regions

#: Parts that are held out in turn.
FOLDS = 4
#: Share of the tags that lie furthest in one direction.
SIDE = 0.3
#: Blocks that a part has at least, as far as there are tags.
BLOCKS = 3


def held_out_parts(
    position: Float[np.ndarray, "tag 2"], side: float, generator: np.random.Generator
) -> list[Int[np.ndarray, " held"]]:
    """Parts of the tags, each of whole square blocks; blocks are made smaller until there are enough.

    Args:
        position: where tags are [m].
        side: side of the blocks that are tried first [m].
        generator: deals the blocks to the parts.
    """
    while True:
        block = np.unique(np.floor(position / side), axis=0, return_inverse=True)[1].reshape(-1)
        count = int(block.max()) + 1
        if count >= min(FOLDS * BLOCKS, len(position) // 2) or side < 1.0:
            break
        side /= 2
    return _dealt(block, count, generator)


def sides(
    position: Float[np.ndarray, "tag 2"], generator: np.random.Generator
) -> list[Int[np.ndarray, " held"]]:
    """`FOLDS` parts of the tags that lie furthest in as many directions: ground that the others say nothing of."""
    angle = generator.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(FOLDS) / FOLDS
    along = position @ np.stack([np.cos(angle), np.sin(angle)])
    held = max(1, round(SIDE * len(position)))
    return list(np.argsort(-along, axis=0, kind="stable")[:held].T)


def scattered_parts(tags: int, generator: np.random.Generator) -> list[Int[np.ndarray, " held"]]:
    """Parts of the tags, each of single ones: most have others of the parts that are kept next to them."""
    return _dealt(np.arange(tags), tags, generator)


def _dealt(
    block: Int[np.ndarray, " tag"], count: int, generator: np.random.Generator
) -> list[Int[np.ndarray, " held"]]:
    part = generator.permutation(count) % FOLDS
    parts = [np.flatnonzero(part[block] == number) for number in range(FOLDS)]
    return [each for each in parts if 0 < len(each) < len(block)]


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
