"""Where sites may stand: distances that they keep, ground that carries a mast, views along streets."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.geo import Grid
from raylocus.scenes.sites import AntennaArray, Carrier
from raylocus.scenes.siting.macro import (
    MacroLayout,
    antenna_height,
    array_on,
    macro_sites,
    macro_sites_around,
)
from raylocus.scenes.siting.spacing import (
    DIRECTIONS,
    FARTHEST_VIEW,
    SECTOR_SEPARATION,
    MicroLayout,
    away_from_edge,
    cell_centre,
    clear_views,
    disc_window,
    micro_sites,
    open_ground,
    throw_darts,
)

TILE = Grid(160.0, 4.0)
PLANE = ("y", "x")


def maps(height: np.ndarray | None = None, **layers: np.ndarray) -> xr.Dataset:
    """G of flat ground at 100 m with buildings of these heights."""
    height = np.zeros(TILE.shape) if height is None else height
    known = {
        "height": height,
        "footprint": (height > 0).astype(float),
        "terrain": np.full(TILE.shape, 100.0),
        "surface": 100.0 + height,
    }
    return xr.Dataset({name: (PLANE, values) for name, values in (known | layers).items()})


def street(width: int = 4) -> np.ndarray:
    """Houses of 20 m on both sides of a street that runs west to east through the middle."""
    height = np.full(TILE.shape, 20.0)
    middle = TILE.count // 2
    height[middle - width // 2 : middle + width // 2] = 0
    return height


def test_a_mast_stands_on_ground_that_is_neither_built_nor_water_nor_road() -> None:
    height, water, road = (np.zeros(TILE.shape) for _ in range(3))
    height[0], water[1], road[2] = 5, 1, 1
    water[3], road[4] = np.nan, np.nan
    free = open_ground(maps(height, water=water, road=road))
    assert not free[:3].any() and free[3:].all()


@given(st.integers(0, TILE.count**2 - 1))
def test_a_cell_is_found_by_its_number_as_in_the_table_of_all(index: int) -> None:
    assert np.array_equal(cell_centre(TILE, index), TILE.centres[index])


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(0.1, 90))
def test_a_window_about_a_disc_misses_no_cell_of_it(x: float, y: float, radius: float) -> None:
    centre = np.array([x, y])
    inside = np.hypot(*(TILE.centres - centre).T).reshape(TILE.shape) <= radius
    rows, columns = disc_window(TILE, centre, radius)
    outside = inside.copy()
    outside[rows, columns] = False
    assert not outside.any()


@given(st.floats(0, 90))
def test_cells_away_from_the_edge_are_counted_in_closed_form(distance: float) -> None:
    found = away_from_edge(TILE, distance)
    centres = np.abs(TILE.x_coordinates)
    count = np.count_nonzero(TILE.size / 2 - centres > distance)
    assert found.sum() == count**2


@settings(max_examples=20)
@given(st.floats(8, 120), st.integers(0, 99))
def test_darts_keep_their_distance_and_leave_no_room(distance: float, seed: int) -> None:
    everywhere = np.arange(TILE.count**2)
    chosen = throw_darts(TILE, [everywhere], lambda: distance, np.random.default_rng(seed))
    apart = np.hypot(*(TILE.centres[chosen][:, None] - TILE.centres[None]).transpose(2, 0, 1))
    between = apart[:, chosen]
    assert (between[~np.eye(len(chosen), dtype=bool)] >= distance).all()
    assert (apart.min(axis=0) < distance).all()


def test_darts_prefer_the_first_cells_and_stay_away_from_what_stands() -> None:
    west, east = (np.flatnonzero(side) for side in (TILE.centres[:, 0] < 0, TILE.centres[:, 0] > 0))
    chosen = throw_darts(TILE, [east, west], lambda: 500.0, np.random.default_rng(1))
    assert len(chosen) == 1 and chosen[0] in east
    taken = [(0.0, 0.0, 30.0)]
    assert not throw_darts(TILE, [east, west], lambda: 500.0, np.random.default_rng(1), taken)


@pytest.mark.parametrize(("frequency", "beams"), [(0.8e9, 4), (3.0e9, 4), (3.1e9, 8), (7.0e9, 8), (28e9, 16)])
def test_beams_of_a_sector_are_those_of_its_band(frequency: float, beams: int) -> None:
    wide = AntennaArray(rows=4, columns=4, beams=16)
    assert array_on(Carrier(frequency=frequency), wide).beams == beams
    lte = Carrier(frequency=0.8e9, technology="LTE", numerology=0, resource_blocks=50)
    found = array_on(lte, wide)
    assert (found.columns, found.beams, found.rows) == (1, 1, 4)


def test_an_antenna_stands_above_the_highest_roof_around_it_or_on_a_mast() -> None:
    height = np.zeros(TILE.shape)
    height[10, 10], height[10, 12], height[10, 13] = 12.0, 18.0, 30.0
    layout = MacroLayout(roof_mast=4.0, mast_height=25.0)
    roof, open_cell = 10 * TILE.count + 10, 20 * TILE.count + 20
    # 18 m stand 8 m away, 30 m stand 12 m away: beyond the ten metres that are looked at.
    assert antenna_height(maps(height), TILE, roof, layout) == pytest.approx(100 + 18 + 4)
    assert antenna_height(maps(height), TILE, open_cell, layout) == pytest.approx(100 + 25)


def test_macro_sites_are_on_roofs_where_there_are_any_and_look_around() -> None:
    height = np.zeros(TILE.shape)
    height[18:22, 18:22] = 20.0
    layout = MacroLayout(site_distance=60.0, distance_spread=0.0, unusual_share=0.0)
    found = macro_sites(maps(height), TILE, layout, 10.0, np.random.default_rng(3))
    assert found[0].position[2] == pytest.approx(124.0)
    assert all(site.position[2] == pytest.approx(125.0) for site in found[1:]) and len(found) > 1
    for site in found:
        assert len(site.azimuths) == len(site.downtilts) == 3
        turned = np.sort(np.mod(np.diff(site.azimuths), 2 * np.pi))
        assert np.allclose(turned, 2 * np.pi / 3, atol=6 * layout.azimuth_jitter)
        assert max(map(abs, site.position[:2])) < TILE.size / 2 - 10


def test_masts_stand_in_the_water_where_there_is_nothing_else() -> None:
    sea = maps(water=np.ones(TILE.shape))
    assert macro_sites(sea, TILE, MacroLayout(), 10.0, np.random.default_rng(3))


def test_sites_around_a_tile_stand_outside_of_it_and_away_from_its_own() -> None:
    layout = MacroLayout(site_distance=50.0, distance_spread=0.0)
    inner = Grid(80.0, 4.0)
    own = macro_sites(maps(), TILE, layout, 60.0, np.random.default_rng(3))
    around = macro_sites_around(maps(), TILE, inner, layout, own, np.random.default_rng(4))
    positions = np.array([site.position[:2] for site in around])
    assert len(around) and not inner.contains(positions).any()
    apart = np.linalg.norm(positions[:, None] - np.array([site.position[:2] for site in own]), axis=2)
    assert apart.min() >= 50.0


def test_the_view_along_a_street_ends_at_the_edge_and_across_it_at_the_wall() -> None:
    views = clear_views(maps(street()), TILE, (2.0, 2.0, 106.0))
    east, north = views[0], views[DIRECTIONS // 4]
    assert east == pytest.approx(TILE.size / 2 - 4, abs=4)
    assert north <= 8 and views.max() == max(east, views[DIRECTIONS // 2])
    # Over the roofs one sees as far as is looked, or as the tile reaches.
    assert clear_views(maps(street()), TILE, (2.0, 2.0, 121.0)).min() > 60
    assert views.max() <= FARTHEST_VIEW


def test_street_level_sites_look_along_their_street() -> None:
    layout = MicroLayout(site_distance=60.0, wall_distance=8.0)
    found = micro_sites(maps(street()), TILE, layout, 10.0, [], np.random.default_rng(5))
    assert found
    for site in found:
        assert np.abs(np.sin(site.azimuths)).max() < np.sin(np.deg2rad(30))
        apart = abs(np.angle(np.exp(1j * (site.azimuths[0] - site.azimuths[1]))))
        assert apart >= min(SECTOR_SEPARATION, np.pi) - 1e-9
        assert 106 <= site.position[2] <= 110 and abs(site.position[1]) < 8
