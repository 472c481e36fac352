"""How much ground shapes share: in a town most that meet only touch, which is found out at a fraction of the cost."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Float, Int


def shared_ground(
    shapes: np.ndarray, others: np.ndarray
) -> tuple[Int[np.ndarray, "pair"], Int[np.ndarray, "pair"], Float[np.ndarray, "pair"]]:
    """Every pair of a shape and another whose insides meet.

    Args:
        shapes: polygons.
        others: polygons, the same array for pairs within it.

    Returns:
        Index among `shapes`, by which the pairs are ordered; index among `others`; the area that they share [m²].
    """
    one, other = shapely.STRtree(others).query(shapes)
    if others is shapes:
        once = one < other
        one, other = one[once], other[once]
    shapely.prepare(shapes)
    meeting = shapely.intersects(shapes[one], others[other])
    one, other = one[meeting], other[meeting]
    inside = ~shapely.touches(shapes[one], others[other])
    one, other = one[inside], other[inside]
    shapely.destroy_prepared(shapes)
    common = shapely.intersection(shapes[one], others[other])
    return one, other, shapely.area(common) if len(one) else np.zeros(0)
