"""Tags that are held out together: blocks of ground, for neighbours know each other's answers, sides, single ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

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
