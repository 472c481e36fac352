from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.scenes.deployment import LAYOUTS, sample_deployment
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.scenes.siting.spacing import clear_views
from raylocus.scenes.towns.generate import generate_town

TILE = Grid(512.0, 4.0)


def maps_of(height: np.ndarray, tile: Grid, terrain: float = 0.0) -> xr.Dataset:
    ground = np.full(tile.shape, terrain)
    return geometry_maps(tile, ground, ground + height, np.full(tile.shape, -1))


@functools.cache
def town_maps(style: str, tile: Grid) -> xr.Dataset:
    town = generate_town(style, 1, tile.size)
    tree = shapely.STRtree([one.footprint for one in town.buildings])
    cell, building = tree.query(shapely.points(tile.centres), predicate="within")
    height = np.zeros(len(tile.centres))
    height[cell] = np.array([one.height for one in town.buildings])[building]
    return maps_of(height.reshape(tile.shape), tile)


def nearest_distances(deployment: Deployment) -> np.ndarray:
    ground = deployment.site_positions[:, :2]
    distances = cdist(ground, ground)
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)


@functools.cache
def macro_networks() -> tuple[Deployment, ...]:
    """Of a square kilometre, where the tile's edge hardly matters."""
    tile = Grid(1024.0, 8.0)
    return tuple(
        sample_deployment(town_maps(style, tile), tile, LAYOUTS["macro"], np.random.default_rng(seed))
        for style in ("tower-grid", "detached-suburb")
        for seed in range(10)
    )


def test_macro_sites_are_as_far_apart_as_a_real_citys() -> None:
    distances = np.concatenate([nearest_distances(network) for network in macro_networks()])
    assert np.median(distances) == pytest.approx(256.0, abs=15.0)


def test_macro_sites_have_three_sectors_in_95_percent() -> None:
    sectors = np.concatenate([np.bincount(network.site_of_cell) for network in macro_networks()])
    three = float(np.mean(sectors == 3))
    assert abs(three - 0.95) < 3 * np.sqrt(0.95 * 0.05 / len(sectors))
    assert set(sectors) <= {1, 2, 3, 4}


def test_roofs_come_first_and_masts_stand_elsewhere() -> None:
    """One tall house in a field: a site on its roof, all others on masts."""
    height = np.zeros(TILE.shape)
    height[60:70, 60:70] = 20.0
    for seed in range(5):
        network = sample_deployment(
            maps_of(height, TILE, 100.0), TILE, LAYOUTS["macro"], np.random.default_rng(seed)
        )
        heights = network.site_positions[:, 2]
        assert sorted(heights)[:1] + sorted(heights)[1:] == [124.0] + [125.0] * (len(heights) - 1)
        roof = network.site_positions[heights == 124.0][0]
        assert height.ravel()[TILE.index(roof)] == 20.0


def test_no_mast_stands_in_water_or_on_a_road() -> None:
    maps = maps_of(np.zeros(TILE.shape), TILE)
    west, south = (
        TILE.centres.reshape(*TILE.shape, 2)[..., 0] < 0,
        TILE.centres.reshape(*TILE.shape, 2)[..., 1] < 0,
    )
    maps["water"] = (("y", "x"), west.astype(np.float32))
    maps["road"] = (("y", "x"), south.astype(np.float32))
    for layout in LAYOUTS.values():
        positions = sample_deployment(maps, TILE, layout, np.random.default_rng(0)).site_positions
        assert np.all(positions[:, :2] > 0)


@pytest.mark.parametrize("style", ["european-core", "village"])
def test_micro_sites_are_at_street_level_next_to_walls(style: str) -> None:
    maps = town_maps(style, TILE)
    network = sample_deployment(maps, TILE, LAYOUTS["micro"], np.random.default_rng(0))
    assert np.all((network.site_positions[:, 2] >= 6.0) & (network.site_positions[:, 2] <= 10.0))
    index = TILE.index(network.site_positions)
    assert np.all(maps["footprint"].values.ravel()[index] == 0)
    assert nearest_distances(network).min() >= 90.0
    if style != "village":
        built = TILE.centres[maps["footprint"].values.ravel() > 0]
        assert np.median(cdist(network.site_positions[:, :2], built).min(axis=1)) <= 8.0


def test_a_micro_site_looks_along_its_street() -> None:
    """One street from west to east: sectors look east and west."""
    height = np.full(TILE.shape, 20.0)
    height[62:66] = 0.0
    network = sample_deployment(maps_of(height, TILE), TILE, LAYOUTS["micro"], np.random.default_rng(0))
    assert len(network.cells) == 2 * len(network.sites) > 2
    for east_or_west in (abs(np.cos(cell.azimuth)) for cell in network.cells):
        assert east_or_west > 0.95
    views = clear_views(maps_of(height, TILE), TILE, (0.0, 0.0, 8.0))
    assert views[0] > 100 > views[len(views) // 4]


def test_a_mixed_network_has_both_and_keeps_them_apart() -> None:
    network = sample_deployment(
        town_maps("tower-grid", TILE), TILE, LAYOUTS["mixed"], np.random.default_rng(0)
    )
    powers = {cell.power_dbm for cell in network.cells}
    assert powers == {46.0, 37.0}
    assert nearest_distances(network).min() >= 100.0


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), layout=st.sampled_from(sorted(LAYOUTS)))
def test_every_network_is_inside_the_tile_and_has_its_pcis_once(seed: int, layout: str) -> None:
    network = sample_deployment(
        town_maps("tower-grid", TILE), TILE, LAYOUTS[layout], np.random.default_rng(seed)
    )
    again = sample_deployment(
        town_maps("tower-grid", TILE), TILE, LAYOUTS[layout], np.random.default_rng(seed)
    )
    assert network == again
    assert np.abs(network.site_positions[:, :2]).max() < 256.0 - 30.0
    assert len(set(network.pcis.tolist())) == len(network.cells)
    assert all(-np.pi < cell.azimuth <= np.pi for cell in network.cells)
    for site in range(len(network.sites)):
        own = network.pcis[network.site_of_cell == site]
        assert len(set((own % 3).tolist())) == min(len(own), 3)


def test_sectors_stand_on_every_carrier_of_shared_masts() -> None:
    """The first carrier's network is that of one carrier alone; LTE has one beam and PCIs up to 503."""
    carriers = (Carrier(), Carrier(806e6, 0, 50, "LTE", 6300), Carrier(2.1e9))
    one, several = (
        sample_deployment(
            town_maps("tower-grid", TILE),
            TILE,
            dataclasses.replace(LAYOUTS["macro"], carriers=chosen),
            np.random.default_rng(3),
        )
        for chosen in (carriers[:1], carriers)
    )
    first, lte, low = several.layers()
    assert first.deployment == one
    for layer in (lte, low):
        assert layer.deployment.site_of_cell.tolist() == one.site_of_cell.tolist()
        assert [cell.azimuth for cell in layer.deployment.cells] == [cell.azimuth for cell in one.cells]
    assert lte.deployment.pcis.max() <= 503 and {cell.array.beams for cell in lte.deployment.cells} == {1}
    assert {cell.array.beams for cell in low.deployment.cells} == {4}


def test_a_tile_without_room_is_named() -> None:
    tile = Grid(40.0, 4.0)
    with pytest.raises(PlaceError, match="distance"):
        sample_deployment(
            maps_of(np.zeros(tile.shape), tile), tile, LAYOUTS["macro"], np.random.default_rng(0)
        )
