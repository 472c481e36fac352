"""Which of the paths found an atlas keeps: those near the strongest of their ground cell in power, and the first."""

from __future__ import annotations

import numpy as np

from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas, reorder
from raylocus.propagation.atlas.weighed_paths import WeighedPaths
from raylocus.units import from_decibel

#: Paths over an edge and mirrors this far below a ground cell's strongest are left out [dB]: they are two thirds of
#: all paths and together 0.05 dB of a cell's power.
MIRRORED_RANGE_DB = 20.0


def kept_range_db(widest: float, mirrored_edge: bool) -> float:
    """How far below a cell's strongest path one over an edge and mirrors, or any other, is kept [dB]."""
    return min(MIRRORED_RANGE_DB, widest) if mirrored_edge else widest


def worth_keeping(found: WeighedPaths, widest: float) -> PathAtlas:
    """Paths within the range of `widest` dB of their ground cell's strongest and its first arrival, sorted by cell."""
    paths, power = found.paths, found.power * found.paths.visible
    strongest, first = found.strongest_and_first(paths.visible)
    mirrored = (paths.kind == DIFFRACTED) & (paths.interactions > 0)
    weakest = strongest[paths.ground_cell] * from_decibel(
        -np.where(mirrored, kept_range_db(widest, True), kept_range_db(widest, False))
    )
    worth = np.flatnonzero((power >= weakest) | (paths.length <= first[paths.ground_cell]))
    return reorder(paths, worth[np.argsort(paths.ground_cell[worth], kind="stable")])
