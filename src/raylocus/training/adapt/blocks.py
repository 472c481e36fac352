"""Tags that are held out together: in blocks of ground, for neighbours know each other's answers, or one by one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

#: Parts that are held out in turn.
FOLDS = 4
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


def scattered_parts(tags: int, generator: np.random.Generator) -> list[Int[np.ndarray, " held"]]:
    """Parts of the tags, each of single ones: most have others of the parts that are kept next to them."""
    return _dealt(np.arange(tags), tags, generator)


def _dealt(
    block: Int[np.ndarray, " tag"], count: int, generator: np.random.Generator
) -> list[Int[np.ndarray, " held"]]:
    part = generator.permutation(count) % FOLDS
    parts = [np.flatnonzero(part[block] == number) for number in range(FOLDS)]
    return [each for each in parts if 0 < len(each) < len(block)]
