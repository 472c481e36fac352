"""What was measured on a part of the ground: what is held out, and what is far enough apart."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from jaxtyping import Int
from scipy.spatial import cKDTree

from raylocus.calibration.measured import Beamed, Heard, Links, Measured, Silent
from raylocus.geo import Grid


def restricted(measured: Measured, ground: Int[np.ndarray, " ground"], inside: bool) -> Measured:
    """What was measured in some ground cells, or in all others."""

    def part(links: Links) -> dict[str, np.ndarray]:
        kept = np.isin(links.ground, ground) == inside
        return {each.name: getattr(links, each.name)[kept] for each in fields(links)}

    return replace(
        measured,
        heard=Heard(**part(measured.heard)),
        silent=Silent(**part(measured.silent)),
        beamed=Beamed(**part(measured.beamed)),
    )


def nearest_to(measured: Measured, grid: Grid, held: Int[np.ndarray, " held"]) -> Int[np.ndarray, " ground"]:
    """Measured ground cells to which, of all with a heard level, one of these is the nearest."""
    heard = np.unique(measured.heard.ground)
    ground = np.unique(np.concatenate([heard, measured.silent.ground, measured.beamed.ground]))
    _, nearest = cKDTree(grid.centres[heard]).query(grid.centres[ground])
    return ground[np.isin(heard[nearest], held)]


def spread_out(measured: Measured, grid: Grid, spacing: float) -> Measured:
    """Levels and silence at ground cells that are no nearer to each other than a spacing [m]; beams stay.

    Cells are heard where their errors are high, which silence makes up for where both count for the same: among dense
    reports, whose errors are one, levels would be believed and silence would not.
    """
    ground = np.unique(np.concatenate([measured.heard.ground, measured.silent.ground]))
    centres = grid.centres[ground]
    near, free = cKDTree(centres).query_ball_point(centres, spacing * (1 - 1e-9)), np.ones(len(ground), bool)
    for index in range(len(ground)):
        if free[index]:
            free[near[index]] = False
            free[index] = True
    taken = restricted(measured, ground[free], inside=True)
    return replace(taken, beamed=measured.beamed)
