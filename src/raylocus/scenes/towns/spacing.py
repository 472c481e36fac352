"""Which of many proposed footprints can stand together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Int
from shapely import Polygon, STRtree


def keep_apart(footprints: Sequence[Polygon], land: shapely.Geometry, gap: float) -> Int[np.ndarray, "kept"]:
    """Indices of footprints that lie on the land and keep `gap` metres apart; the earlier one stays."""
    if not footprints or land.is_empty:
        return np.zeros(0, dtype=np.int64)
    shapely.prepare(land)
    standing = shapely.contains(land, np.array(footprints))
    first, second = STRtree(footprints).query(footprints, predicate="dwithin", distance=gap)
    for early, late in sorted(zip(first.tolist(), second.tolist(), strict=True)):
        if early < late and standing[early]:
            standing[late] = False
    return np.flatnonzero(standing)
