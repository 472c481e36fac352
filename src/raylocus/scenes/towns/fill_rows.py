"""Free-standing buildings in rows: slabs, sheds, halls and institutes with open ground between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from shapely import Polygon

from raylocus.scenes.towns.frames import Boxes
from raylocus.scenes.towns.lots import shrink
from raylocus.scenes.towns.shapes import place, plan
from raylocus.scenes.towns.spacing import keep_apart
from raylocus.scenes.towns.structures import BuildingType, Structure, pick


@dataclass(frozen=True)
class BuildingRows:
    """Rows across a block, aligned with it."""

    building: BuildingType
    length: tuple[float, float]
    """Range of building lengths along the row [m]."""
    width: tuple[float, float]
    """Range of building widths across the row [m]."""
    row_gap: float
    """Open ground between rows [m]."""
    end_gap: float = 12.0
    """Open ground between buildings of a row [m]."""
    setback: float = 6.0
    """From the block's border to the buildings [m]."""
    plans: tuple[tuple[str, float], ...] = (("bar", 1.0),)
    """(plan, share), see `shapes.PLANS`."""
    wing: float = 14.0
    """Depth of the wings of L- and U-shaped plans [m]."""
    empty: float = 0.1
    """Share of the places in a row that stay open."""
    turned: float = 0.0
    """Share of the blocks whose rows run across the block instead of along it."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        boxes = Boxes.around([block])
        centre, angle = boxes.centre[0], float(boxes.angle[0])
        along, wide = float(boxes.length[0]), float(boxes.width[0])
        if generator.random() < self.turned:
            angle, along, wide = angle + np.pi / 2, wide, along
        footprints = []
        y = -wide / 2 + self.setback
        while y + self.width[0] <= wide / 2:
            width = generator.uniform(*self.width)
            footprints += self._row(centre, angle, along, (y, width), generator)
            y += width + self.row_gap
        land = shrink([block], 0.9 * self.setback)[0]
        kept = keep_apart(footprints, land, 0.5 * min(self.end_gap, self.row_gap))
        return self.building.erect([footprints[index] for index in kept], generator)

    def _row(
        self,
        middle: Float[np.ndarray, "2"],
        angle: float,
        along: float,
        row: tuple[float, float],
        generator: np.random.Generator,
    ) -> list[Polygon]:
        """Plans along one row, given by its lower edge from the middle of the block and its width [m]."""
        footprints = []
        forward, sideways = (
            np.array([np.cos(angle), np.sin(angle)]),
            np.array([-np.sin(angle), np.cos(angle)]),
        )
        x = -along / 2 + self.setback * generator.uniform(1.0, 2.0)
        while x + self.length[0] <= along / 2:
            length = generator.uniform(*self.length)
            centre = middle + (x + length / 2) * forward + (row[0] + row[1] / 2) * sideways
            turn = angle + (np.pi if generator.random() < 0.5 else 0.0)
            corners = plan(pick(self.plans, 1, generator)[0], length, row[1], self.wing)
            if generator.random() >= self.empty:
                footprints.append(place(corners, centre, turn))
            x += length + self.end_gap * generator.uniform(0.8, 1.6)
        return footprints
