from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString

from raylocus.geo import GeoFrame, Grid
from raylocus.scenes.towns.generate import generate_town
from raylocus.scenes.towns.statistics import (
    TownStatistics,
    mean_statistics,
    statistics_distance,
    window_statistics,
)
from raylocus.scenes.vector_map import Building, Road, Terrain, VectorMap

WINDOW = shapely.box(-100, -100, 100, 100)


def chessboard() -> VectorMap:
    """Four square blocks of 90 m, each a building of 10, 20, 30 or 40 m, about a cross of streets 20 m wide."""
    corners = [(-100, -100), (10, -100), (-100, 10), (10, 10)]
    buildings = [
        Building(f"b{n}", shapely.box(x, y, x + 90, y + 90), 10.0 * (n + 1), 1.0, "height" if n else "levels")
        for n, (x, y) in enumerate(corners)
    ]
    guessed = Building("guess", shapely.box(-99, -99, -98, -98), 99.0, 1.0, "prior")
    roads = [
        Road(LineString([(-100, 0), (100, 0)]), "primary", 8.0),
        Road(LineString([(0, -100), (0, 100)]), "residential", 8.0),
        Road(LineString([(-50, -100), (-50, 100)]), "service", 4.0),
    ]
    terrain = Terrain(Grid(200.0, 100.0), np.zeros((2, 2)), "flat (unknown)")
    return VectorMap(GeoFrame(), (*buildings, guessed), tuple(roads), terrain)


def test_a_chessboard_has_the_statistics_that_one_counts_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raylocus.scenes.towns.statistics.FEWEST_HEIGHTS", 4)
    found = window_statistics(chessboard(), WINDOW)
    assert found.built_share == pytest.approx(4 * 90**2 / 200**2)  # the guess lies in another building
    assert found.footprint == pytest.approx(90**2)
    assert found.height == 20.0
    assert found.tall == 40.0
    assert found.street_width == pytest.approx(20.0)
    assert found.block_side == pytest.approx(100.0)


def test_heights_that_are_guessed_do_not_count() -> None:
    assert np.isnan(window_statistics(chessboard(), WINDOW).height)


def test_an_empty_window_is_unknown_and_not_zero() -> None:
    bare = VectorMap(GeoFrame(), (), (), Terrain(Grid(200.0, 100.0), np.zeros((2, 2)), "flat (unknown)"))
    found = window_statistics(bare, WINDOW)
    assert found.built_share == 0.0
    assert np.isnan([found.footprint, found.height, found.tall, found.street_width]).all()


def test_the_mean_is_weighted_and_skips_what_is_unknown() -> None:
    one = TownStatistics(0.2, 100.0, 10.0, 20.0, np.nan, 100.0)
    other = TownStatistics(0.2, 400.0, np.nan, 20.0, 30.0, 100.0)
    mean = mean_statistics([one, other], np.array([1.0, 3.0]))
    assert mean.built_share == pytest.approx(0.2)
    assert mean.footprint == pytest.approx(100 * 4**0.75)
    assert (mean.height, mean.street_width) == (pytest.approx(10.0), pytest.approx(30.0))


def test_the_distance_counts_standard_deviations() -> None:
    one = TownStatistics(0.2, 100.0, 10.0, 20.0, 30.0, 100.0)
    other = TownStatistics(0.2, 100.0 * np.e, 10.0, 20.0, np.nan, 100.0)
    assert statistics_distance(one, one, np.ones(6)) == 0.0
    assert statistics_distance(one, other, np.full(6, 0.5)) == pytest.approx(2 / np.sqrt(5))


def test_styles_differ_in_what_they_are_named_for() -> None:
    window = shapely.box(-160, -160, 160, 160)
    styles = ("european-core", "tower-grid", "detached-suburb", "village", "asian-low-rise", "industrial")
    seen = {style: window_statistics(generate_town(style, 0, 320.0), window) for style in styles}
    assert max(seen, key=lambda style: seen[style].built_share) == "european-core"
    assert max(seen, key=lambda style: seen[style].tall) == "tower-grid"
    assert seen["industrial"].footprint > 2 * seen["detached-suburb"].footprint
    assert min(seen, key=lambda style: seen[style].built_share) == "village"
    assert seen["asian-low-rise"].street_width < 0.5 * seen["detached-suburb"].street_width
