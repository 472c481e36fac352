"""What paths pass through: walls and roofs, as in Sionna thin slabs that do not bend them, and trees.

Trees on the last leg of a path cost the loss of ITU-R P.833 along the way from the last surface to the UE.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.rays.launcher import SURFACE_OFFSET, RayScene

#: Crowns reach from the one to the other above the ground [m]: a street tree's or a wood edge's.
CROWN_BASE, CROWN_TOP = 3.0, 12.0
#: Longest way that is looked at [m]; the loss has nearly reached its maximum by then.
LONGEST_WAY = 300.0
#: Specific attenuation of a mixed wood at 2117.5 MHz [dB/m], and its growth with frequency: the power law
#: through the first and the last line (105.9 MHz, 0.04 dB/m) of ITU-R P.833-10 §2.1, Table 1. Above
#: 2.1 GHz it is an extrapolation.
REFERENCE_RATE, REFERENCE_MEGAHERTZ, RATE_EXPONENT = 0.34, 2117.5, 0.714
#: A_1 [dB] and α of the largest attenuation A_m = A_1 f^α, f in MHz, of the same wood (ibid.).
LARGEST, LARGEST_EXPONENT = 1.37, 0.42


@dataclass(frozen=True)
class RefractedPaths:
    """Straight paths from one site through at least one surface."""

    ground_cell: Int[np.ndarray, " path"]
    triangles: Int[np.ndarray, "path crossing"]
    """Triangles passed, in order; −1 past the last."""


def refracted_paths(
    scene: RayScene,
    source: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "ground_cell 3"],
    cells: Int[np.ndarray, " cell"],
    crossings: int,
) -> RefractedPaths:
    """The straight path to each cell that passes at least one and at most `crossings` surfaces.

    Args:
        scene: what stands in the way.
        source: position of the site [m].
        point: UE position of every ground cell [m].
        cells: ground cells that are tried.
        crossings: most surfaces that a path may pass.
    """
    span = point[cells] - source
    length = np.linalg.norm(span, axis=1)
    direction = span / length[:, None]
    passed = np.full((len(cells), crossings), -1, np.int32)
    travelled, arrived = np.zeros(len(cells)), np.zeros(len(cells), bool)
    alive = np.arange(len(cells))
    for crossing in range(crossings + 1):
        start = source + travelled[alive, None] * direction[alive]
        distance, triangle = scene.first_hit(start, direction[alive])
        reached = travelled[alive] + distance >= length[alive] - SURFACE_OFFSET
        arrived[alive[reached]] = True
        alive, distance, triangle = alive[~reached], distance[~reached], triangle[~reached]
        if crossing < crossings:
            passed[alive, crossing] = triangle
            travelled[alive] += distance + SURFACE_OFFSET
    kept = arrived & (passed[:, 0] >= 0) if crossings else arrived & False
    return RefractedPaths(cells[kept], passed[kept])


def vegetation_loss(depth: Float[np.ndarray, " path"], frequency: float) -> Float[np.ndarray, " path"]:
    """A_m (1 − e^{−dγ/A_m}) [dB] of `depth` metres of crowns at a frequency [Hz] (ITU-R P.833-10 eq. 1)."""
    megahertz = frequency / 1e6
    rate = REFERENCE_RATE * (megahertz / REFERENCE_MEGAHERTZ) ** RATE_EXPONENT
    largest = LARGEST * megahertz**LARGEST_EXPONENT
    return largest * (1 - np.exp(-depth * rate / largest))


@dataclass(frozen=True)
class Canopy:
    """The crowns over a tile."""

    vegetation: Float[np.ndarray, "y x"]
    """1 under trees; NaN, which is unknown, counts as none."""
    terrain: Float[np.ndarray, "y x"]
    """Ground height [m]."""
    surface: Float[np.ndarray, "y x"]
    """Height of the topmost surface [m]; a ray below it has left its last leg."""
    grid: Grid
    """Grid of all three."""

    def attenuated(self, atlas: PathAtlas, point: Float[np.ndarray, "ground_cell 3"]) -> PathAtlas:
        """The atlas with the loss of the crowns before each UE added.

        Args:
            atlas: paths of any kind.
            point: UE positions of the ground cells [m].
        """
        depth = self.depth(point[atlas.ground_cell], -atlas.arrival.astype(float), atlas.length.astype(float))
        loss = vegetation_loss(depth, atlas.materials.frequency)
        return replace(atlas, excess_loss_db=(atlas.excess_loss_db + loss).astype(np.float32))

    def depth(
        self,
        start: Float[np.ndarray, "path 3"],
        direction: Float[np.ndarray, "path 3"],
        length: Float[np.ndarray, " path"],
    ) -> Float[np.ndarray, " path"]:
        """Metres of crowns along each ray, until it meets a surface, leaves the tile or has gone its length."""
        covered, depth = (self.vegetation > 0).ravel(), np.zeros(len(start))
        if not covered.any():
            return depth
        highest = float(self.terrain.ravel()[covered].max()) + CROWN_TOP
        terrain, surface, step = self.terrain.ravel(), self.surface.ravel(), self.grid.resolution
        alive = np.arange(len(start))
        for way in np.arange(step / 2, LONGEST_WAY, step):
            position = start[alive] + way * direction[alive]
            cell = self.grid.index(position)
            low = (direction[alive, 2] <= 0) | (position[:, 2] < highest)
            going = (cell >= 0) & (position[:, 2] > surface[cell]) & (way < length[alive]) & low
            alive, cell, z = alive[going], cell[going], position[going, 2]
            if not len(alive):
                break
            above = z - terrain[cell]
            depth[alive] += step * (covered[cell] & (above > CROWN_BASE) & (above < CROWN_TOP))
        return depth
