"""Blocks cut into lots, as land is divided: across its longer side, again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon

from raylocus.scenes.towns.frames import Boxes, on_grid, polygons_of

#: Lots smaller than this are left open [m²].
SMALLEST_LOT = 20.0


def cut_into_lots(
    block: Polygon, area: float, narrowest: float, generator: np.random.Generator, jitter: float = 0.12
) -> list[Polygon]:
    """Lots that tile the block.

    Args:
        block: the land.
        area: a lot larger than 1.5 times this is cut again [m²].
        narrowest: a cut never makes pieces narrower than this [m].
        generator: draws the cuts.
        jitter: largest shift of a cut from the middle, relative to the side that is cut.

    Source: recursive subdivision along the oriented bounding box, Vanegas et al., "Procedural
    generation of parcels in urban modeling", Computer Graphics Forum 31 (2012), §4.
    """
    pending, lots = [block], []
    while pending:
        boxes = Boxes.around(pending)
        whole = (shapely.area(pending) < 1.5 * area) | (boxes.length < 2.4 * narrowest)
        lots += [pending[index] for index in np.flatnonzero(whole)]
        large = [pending[index] for index in np.flatnonzero(~whole)]
        shift = jitter * generator.uniform(-1, 1, len(large))
        pending = [half for half in _halves(large, shift) if half.area >= SMALLEST_LOT]
    return lots


def _halves(pieces: Sequence[Polygon], shift: Float[np.ndarray, " piece"]) -> list[Polygon]:
    """The parts of pieces on both sides of lines across their boxes, shifted by this share of the box."""
    if not pieces:
        return []
    boxes = Boxes.around(pieces)
    long, wide, cut = boxes.length, boxes.width, boxes.length * shift
    left = np.stack([[-long, -wide], [cut, -wide], [cut, wide], [-long, wide]]).transpose(2, 0, 1)
    right = np.stack([[cut, -wide], [long, -wide], [long, wide], [cut, wide]]).transpose(2, 0, 1)
    halves = [shapely.intersection(pieces, shapely.polygons(boxes.to_map(side))) for side in (left, right)]
    return polygons_of(np.stack(halves, axis=1).ravel())


def shrink(polygons: Sequence[Polygon], distance: float) -> list[Polygon]:
    """The largest part of each polygon that keeps this distance [m] from its border; may be empty."""
    kept = on_grid(shapely.buffer(np.array(polygons, dtype=object), -distance, join_style="mitre"))
    return [max(polygons_of(each), key=lambda part: part.area, default=Polygon()) for each in kept]


def fit_to_build(polygons: Sequence[Polygon], narrowest: float) -> list[Polygon]:
    """The polygons that can carry a building: at least `narrowest` metres in their narrow direction, no slivers."""
    large = [polygon for polygon in polygons if polygon.area >= narrowest**2]
    if not large:
        return []
    wide = Boxes.around(large).width >= narrowest
    core = ~shapely.is_empty(shapely.buffer(large, -0.35 * narrowest, join_style="mitre"))
    return [polygon for polygon, fits in zip(large, wide & core, strict=True) if fits]
