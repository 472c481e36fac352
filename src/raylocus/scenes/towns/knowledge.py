"""What a map would know of a generated town's heights: a survey of some, storeys of most, a guess of the rest."""

from __future__ import annotations

import numpy as np

from raylocus.scenes.towns.structures import Structure
from raylocus.scenes.vector_map import Building

#: Source of a height, share of the buildings, and its standard deviation as (constant [m], relative).
#: The shares are those of well-mapped OSM cities; a nominal height is always the drawn one.
HEIGHT_SOURCES = (("height", 0.25, (0.5, 0.0)), ("levels", 0.50, (1.0, 0.08)), ("prior", 0.25, (1.0, 0.30)))


def as_mapped(structures: list[Structure], generator: np.random.Generator) -> tuple[Building, ...]:
    """Buildings of the map, each with the source and the standard deviation of its height."""
    shares = [share for _, share, _ in HEIGHT_SOURCES]
    drawn = generator.choice(len(HEIGHT_SOURCES), size=len(structures), p=shares)
    pairs = zip(structures, drawn.tolist(), strict=True)
    return tuple(_building(number, structure, source) for number, (structure, source) in enumerate(pairs))


def _building(number: int, structure: Structure, source: int) -> Building:
    name, _, (constant, relative) = HEIGHT_SOURCES[source]
    return Building(
        identifier=f"generated/{number}",
        footprint=structure.footprint,
        height=structure.height,
        height_deviation=round(constant + relative * structure.height, 2),
        height_source=name,
        wall_material=structure.wall_material,
        roof_material=structure.roof_material,
        roof_shape=structure.roof_shape,
        roof_height=structure.roof_height,
    )
