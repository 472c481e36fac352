"""What stands on a plot: a footprint with a height, materials and a roof, drawn from a building type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Bool
from shapely import Polygon

from raylocus.scenes.towns.frames import Boxes

#: Share of its bounding rectangle that a footprint must fill to carry a pitched roof.
RECTANGULAR_SHARE = 0.97


@dataclass(frozen=True)
class Structure:
    """One building before it is given an identifier and a map's uncertainty."""

    footprint: Polygon
    """Outline with courtyards as holes [m]."""
    height: float
    """Top above the ground [m]."""
    wall_material: str
    """One of MATERIALS."""
    roof_material: str
    """One of MATERIALS."""
    roof_shape: str
    """`flat`, `gabled` or `hipped`."""
    roof_height: float
    """Part of the height that is roof [m]."""


@dataclass(frozen=True)
class BuildingType:
    """The law of heights, materials and roofs of one kind of building."""

    storeys: float
    """Median number of storeys."""
    walls: tuple[tuple[str, float], ...]
    """(material, share) of the walls."""
    spread: float = 0.2
    """Standard deviation of the logarithm of the number of storeys from building to building."""
    fewest: int = 1
    """Smallest number of storeys."""
    most: int = 60
    """Largest number of storeys."""
    storey_height: float = 3.0
    """m."""
    roofs: tuple[tuple[str, float], ...] = (("concrete", 1.0),)
    """(material, share) of the roofs."""
    pitched: float = 0.0
    """Share of the rectangular buildings that carry a gabled or hipped roof."""
    pitch: float = 0.45
    """Rise of a pitched roof over half of its span."""

    def erect(self, footprints: Sequence[Polygon], generator: np.random.Generator) -> list[Structure]:
        """Buildings of this type on the footprints."""
        count = len(footprints)
        if not count:
            return []
        drawn = self.storeys * np.exp(self.spread * generator.standard_normal(count))
        storeys = np.clip(np.rint(drawn), self.fewest, self.most)
        bodies = storeys * self.storey_height + generator.uniform(0.0, 1.0, count)
        pitched = (generator.random(count) < self.pitched) & rectangular(footprints)
        rises = np.where(pitched, self.pitch * Boxes.around(footprints).width / 2, 0.0)
        shapes = np.where(pitched, np.where(generator.random(count) < 0.3, "hipped", "gabled"), "flat")
        walls, roofs = pick(self.walls, count, generator), pick(self.roofs, count, generator)
        heights = np.round(bodies + rises, 2)
        return [
            Structure(footprint, float(height), wall, roof, str(shape), round(float(rise), 2))
            for footprint, height, wall, roof, shape, rise in zip(
                footprints, heights, walls, roofs, shapes, rises, strict=True
            )
        ]


def pick(shares: tuple[tuple[str, float], ...], count: int, generator: np.random.Generator) -> list[str]:
    """Some of the names, by their shares, which need not sum to one."""
    weights = np.array([share for _, share in shares])
    chosen = generator.choice(len(shares), size=count, p=weights / weights.sum())
    return [shares[index][0] for index in chosen]


def rectangular(footprints: Sequence[Polygon]) -> Bool[np.ndarray, " footprint"]:
    """Which footprints are nearly rectangles, so that they can carry a pitched roof."""
    boxes = Boxes.around(footprints)
    return shapely.area(footprints) >= RECTANGULAR_SHARE * boxes.length * boxes.width
