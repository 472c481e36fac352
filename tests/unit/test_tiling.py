"""One map as many tiles: how many fit, where they lie, and what of the map each holds."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from raylocus.scenes.build_map import share_outside, tile_counts, tile_positions
from raylocus.scenes.map_sources.assemble import MapExtent

SIDES = st.floats(50, 5000)
SIZES = st.floats(100, 1000)


@given(SIDES, SIDES, SIZES)
def test_tiles_lie_side_by_side_about_the_maps_middle(width: float, depth: float, size: float) -> None:
    extent = MapExtent(width, depth)
    columns, rows = tile_counts(extent, size)
    found = tile_positions(extent, size)
    assert [(each.column, each.row) for each in found] == [
        (column, row) for row in range(rows) for column in range(columns)
    ]
    centres = np.array([each.centre for each in found])
    assert np.allclose(centres.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(np.diff(np.unique(centres[:, 0].round(6))), size)
    # What is left out or open at the map's edge is half a tile at most, but where one tile is more than the map.
    for side, count in ((width, columns), (depth, rows)):
        assert abs(count * size - side) <= size / 2 + 1e-6 or count == 1


@given(SIDES, SIDES, st.floats(-3000, 3000), st.floats(-3000, 3000), SIZES)
def test_the_share_outside_is_that_of_two_rectangles(
    width: float, depth: float, x: float, y: float, size: float
) -> None:
    tile = shapely.box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    whole = shapely.box(-width / 2, -depth / 2, width / 2, depth / 2)
    outside = 1 - tile.intersection(whole).area / tile.area
    assert share_outside(MapExtent(width, depth), (x, y), size) == pytest.approx(outside, abs=1e-9)
