"""The layers of a place's own R: identities of 38.215, closed forms, and one path after another."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from propagation_fixtures import FREQUENCY, TILE, TWO_SITES, box, scene, two_site_atlas, two_site_network
from raylocus.errors import InputError
from raylocus.geo import GeoFrame
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.antennas.panels import UeAntenna, sector_panel
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import impulse_response
from raylocus.propagation.atlas.ue_paths import ground_cell_points, paths_at
from raylocus.propagation.maps.layers.channel import circular_spread
from raylocus.propagation.maps.layers.complete import ALL_LAYERS, RadioMapConfiguration, complete_radio_maps
from raylocus.propagation.maps.layers.system import best_server, handover_margin
from raylocus.propagation.maps.radio_maps import LAYERS, LOAD, NOISE_FIGURE_DB, radio_maps, strongest
from raylocus.propagation.maps.site_channel import GroundCellGroups
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.provenance import Provenance
from raylocus.scenes.build import rasterized_maps
from raylocus.scenes.sites import AntennaArray, Deployment
from raylocus.scenes.world import WorldLaw, sample_world
from raylocus.units import SPEED_OF_LIGHT, from_decibel, noise_per_resource_element

ARRAYS = (AntennaArray(), AntennaArray(2, 4, 4), AntennaArray(rows=4, columns=4, polarization="cross"))


def network(arrays: tuple[AntennaArray, ...] = ARRAYS) -> Deployment:
    return two_site_network(arrays)


@pytest.fixture(scope="module")
def atlas() -> PathAtlas:
    return two_site_atlas()


@pytest.fixture(scope="module")
def maps(atlas: PathAtlas) -> xr.Dataset:
    return complete_radio_maps(atlas, network())


def only_direct(atlas: PathAtlas) -> PathAtlas:
    kept = reorder(atlas, np.flatnonzero(atlas.line_of_sight))
    return dataclasses.replace(kept, visible=np.ones_like(kept.visible))


def test_every_layer_has_dimensions_units_and_missing_as_nan(maps: xr.Dataset) -> None:
    for layer in ALL_LAYERS:
        assert maps[layer.name].dims == layer.dimensions
        assert maps[layer.name].attrs["units"] == layer.units
        assert maps[layer.name].dtype == np.float32
        assert not np.isinf(maps[layer.name].values).any(), layer.name
    dark = np.isnan(maps["rsrp"].values)
    for name in ("rsrq", "cqi", "throughput", "rank"):
        np.testing.assert_array_equal(np.isnan(maps[name].values), dark, err_msg=name)


def test_the_layers_of_every_world_are_among_them(atlas: PathAtlas, maps: xr.Dataset) -> None:
    quick = radio_maps(atlas, network())
    for layer in LAYERS:
        np.testing.assert_array_equal(quick[layer.name].values, maps[layer.name].values)


def test_groups_choose_the_layers(atlas: PathAtlas) -> None:
    some = complete_radio_maps(atlas, network(), RadioMapConfiguration(("measurements",)))
    assert set(some.data_vars) == {layer.name for layer in LAYERS} | {"rssi", "rsrq"}
    with pytest.raises(InputError, match=r"no group of layers 'phy'; choose from channel"):
        complete_radio_maps(atlas, network(), RadioMapConfiguration(("phy",)))


def test_delays_of_one_path_are_all_the_same(atlas: PathAtlas) -> None:
    lone = complete_radio_maps(only_direct(atlas), network(), RadioMapConfiguration(("channel",)))
    lit = np.isfinite(lone["toa"].values)
    for name in ("toa_strongest", "mean_delay"):
        np.testing.assert_allclose(lone[name].values[lit], lone["toa"].values[lit], rtol=1e-6)
    for name in ("aoa_azimuth_spread", "aod_zenith_spread"):
        np.testing.assert_allclose(lone[name].values[lit], 0, atol=1e-3)
    assert np.all(lone["path_count"].values[lit] == 1)


def test_doppler_of_the_direct_path_is_the_cosine_law(atlas: PathAtlas) -> None:
    lone = complete_radio_maps(only_direct(atlas), network(), RadioMapConfiguration(("channel",)))
    points = ground_cell_points(TILE, np.zeros(TILE.shape)).reshape(*TILE.shape, 3)
    for site, position in enumerate(TWO_SITES):
        towards = position - points
        expected = towards / np.linalg.norm(towards, axis=-1, keepdims=True) * FREQUENCY / SPEED_OF_LIGHT
        lit = np.isfinite(lone["toa"].values[site])
        np.testing.assert_allclose(lone["doppler_x"].values[site][lit], expected[lit][:, 0], atol=1e-3)
        np.testing.assert_allclose(lone["doppler_y"].values[site][lit], expected[lit][:, 1], atol=1e-3)


def test_mean_delay_and_spread_are_the_moments_of_two_paths() -> None:
    # Two equal rays at ±a: resultant cos a, so the spread is √(−2 ln cos a), which tends to a.
    angle, power = np.array([-0.2, 0.2]), np.ones(2)
    groups = GroundCellGroups.of(np.zeros(2, int), 1)
    assert circular_spread(angle, power, groups)[0] == pytest.approx(np.sqrt(-2 * np.log(np.cos(0.2))))
    assert circular_spread(angle, power, groups)[0] == pytest.approx(0.2, rel=0.01)
    # Across the cut at ±π nothing changes.
    assert circular_spread(angle + np.pi, power, groups)[0] == pytest.approx(
        circular_spread(angle, power, groups)[0]
    )


def test_rsrq_is_resource_blocks_times_rsrp_over_rssi(maps: xr.Dataset) -> None:
    blocks = 10 * np.log10(network().carrier.resource_blocks)
    expected = blocks + maps["rsrp"] - maps["rssi"]
    np.testing.assert_allclose(maps["rsrq"].values, expected.values, atol=1e-3)


def test_rssi_holds_every_cells_load_and_noise(maps: xr.Dataset) -> None:
    # From SINR: S/SINR is the others and noise; RSSI/12N adds the own load.
    noise = from_decibel(noise_per_resource_element(1, NOISE_FIGURE_DB))
    beams = from_decibel(maps["rsrp_beam"].values.astype(float))
    total = sum(np.nan_to_num(beams[c, : ARRAYS[c % 3].beams].mean(axis=0)) for c in range(6))
    expected = 10 * np.log10(12 * network().carrier.resource_blocks * (LOAD * total + noise))
    np.testing.assert_allclose(maps["rssi"].values, expected, atol=1e-3)
    serving = from_decibel(maps["rsrp"].values[0].astype(float))
    others = sum(np.nan_to_num(beams[c, : ARRAYS[c % 3].beams].mean(axis=0)) for c in range(1, 6))
    sinr = 10 * np.log10(serving / (LOAD * others + noise))
    np.testing.assert_allclose(maps["sinr"].values[0], sinr, atol=2e-3)


def test_a_single_path_has_rank_one_and_its_power_is_the_singular_value(atlas: PathAtlas) -> None:
    lone = complete_radio_maps(only_direct(atlas), network(), RadioMapConfiguration(("csi",)))
    vertical = lone["rank"].values[0]
    assert set(np.unique(vertical[np.isfinite(vertical)])) == {1.0}
    assert np.isnan(lone["condition_number"].values[0]).all()
    # Two polarisations make two streams of one path; isotropic slants are orthogonal, so equal ones.
    crossed = lone["rank"].values[2]
    assert set(np.unique(crossed[np.isfinite(crossed)])) == {2.0}
    first, second = lone["singular_value"].values[2, :2]
    np.testing.assert_allclose(first[np.isfinite(first)], second[np.isfinite(second)], atol=1e-2)
    # σ² = gain · 32 elements · 2 receive elements, each summed in phase towards the path.
    row, column = 4, 10
    paths = paths_at(only_direct(atlas), 0, ground_cell_points(TILE, np.zeros(TILE.shape))[[row * 32 + column]],
                     ground_cell_points(TILE, np.zeros(TILE.shape)))  # fmt: skip
    element = dataclasses.replace(network().cells[0], array=AntennaArray(1, 1, 1))
    direction = paths.paths.departure
    gain = beam_gains(direction, element.azimuth, element.downtilt, element.array)[0, 0]
    friis = lone["path_gain"].values[0, row, column]
    expected = friis + 10 * np.log10(gain * 32 * 2)
    assert lone["singular_value"].values[0, 0, row, column] == pytest.approx(expected, abs=0.02)


def test_singular_values_are_those_of_the_impulse_response(atlas: PathAtlas, maps: xr.Dataset) -> None:
    points = ground_cell_points(TILE, np.zeros(TILE.shape))
    most = atlas.ground_cell[(atlas.site == 1) & (atlas.visible >= 0.5)]
    lit = np.intersect1d(most, np.flatnonzero(np.isfinite(maps["rsrp"].values[5].ravel())))[::29]
    assert len(lit) > 20
    response = impulse_response(
        paths_at(atlas, 1, points[lit], points), sector_panel(network().cells[5]), UeAntenna().panel()
    )
    matrix = np.zeros((len(lit), *response.amplitude.shape[1:]), complex)
    np.add.at(matrix, response.ue, response.amplitude)
    expected = 20 * np.log10(np.linalg.svd(matrix, compute_uv=False))
    mine = maps["singular_value"].values[5].reshape(4, -1)[:, lit].T
    np.testing.assert_allclose(mine[:, 0], expected[:, 0], atol=0.05)
    strong = expected > expected[:, :1] - 50
    np.testing.assert_allclose(mine[strong], expected[strong], atol=0.5)


def test_equal_levels_go_to_the_first_whatever_rounding_says() -> None:
    # Between two sectors, and two beams of one, levels are equal but for the last bit of single precision.
    level = np.float32(-97.3)
    for other in (level, np.nextafter(level, np.float32(0)), np.nextafter(level, np.float32(-200))):
        heard = np.array([level - 3, level, other], np.float32).astype(float)
        assert best_server(heard[:, None, None]) == 1
        assert strongest(heard[:, None], axis=0) == 1
        power = from_decibel(heard)
        assert GroundCellGroups.of(np.zeros(3, int), 1).strongest(power) == 2  # the last of equals


def test_best_server_and_handover_margin() -> None:
    level = np.array([[[-80.0, np.nan]], [[-90.0, np.nan]], [[-83.0, -100.0]]])
    np.testing.assert_array_equal(best_server(level), [[0, 2]])
    np.testing.assert_array_equal(handover_margin(level), [[[3, np.nan]], [[-10, np.nan]], [[-3, np.nan]]])
    np.testing.assert_array_equal(best_server(np.full((2, 1, 1), np.nan)), [[np.nan]])
    assert np.isnan(handover_margin(level[:1])).all()


def test_throughput_follows_cqi_and_never_beats_the_peak(maps: xr.Dataset) -> None:
    cqi, rate = maps["cqi"].values, maps["throughput"].values
    lit = np.isfinite(cqi)
    assert np.all(rate[lit & (cqi == 0)] == 0)
    assert np.all(np.isnan(maps["bler"].values[cqi == 0]))
    assert np.nanmax(maps["bler"].values) <= 0.1
    # 106 blocks · 12 · 11 symbols · 5.5547 bits · 2000 slots/s.
    assert np.nanmax(rate) <= 106 * 12 * 11 * 5.5547 * 2000 * 1.0001
    assert np.nanmedian(rate[cqi == 15]) > np.nanmedian(rate[cqi == 10]) > np.nanmedian(rate[cqi == 5])


def test_a_polarisation_is_weighed_without_a_trace(atlas: PathAtlas) -> None:
    levels = {
        kind: from_decibel(
            radio_maps(atlas, network((AntennaArray(polarization=kind),) * 3))["rsrp"].values.astype(float)
        )
        for kind in ("V", "H", "VH", "cross")
    }
    np.testing.assert_allclose(levels["VH"], levels["cross"], rtol=1e-5)
    assert np.nanmedian(np.abs(10 * np.log10(levels["V"] / levels["H"]))) > 0.05
    assert np.all((levels["VH"] <= np.maximum(levels["V"], levels["H"]) * 1.001) | np.isnan(levels["V"]))


def test_a_world_lights_no_beam_that_a_cell_does_not_have(atlas: PathAtlas) -> None:
    geometry = rasterized_maps(scene(box((-4, -20), (8, 20), 12)), TILE)
    place = TracedPlace(Path("memory"), "memory", GeoFrame(), TILE, network(), Provenance.collect({}))
    place.__dict__.update(atlas=atlas, geometry_maps=geometry)
    world = sample_world(network(), WorldLaw(severity=0.5), np.random.default_rng(1))
    levels = world_radio_maps(place, world)["rsrp_beam"].values
    for index, cell in enumerate(network().cells):
        assert np.isfinite(levels[index, : cell.array.beams]).all()
        assert np.isnan(levels[index, cell.array.beams :]).all()


def test_the_ue_antenna_is_the_one_that_was_given(atlas: PathAtlas) -> None:
    direct = only_direct(atlas)

    def strength(ue: UeAntenna) -> np.ndarray:
        maps = complete_radio_maps(direct, network(), RadioMapConfiguration(("csi",), ue))
        assert maps.sizes["stream"] == ue.panel().port_count
        return maps["singular_value"].values[0, 0, :, 20:]

    one = UeAntenna(rows=1, columns=1, polarization="V", pattern="tr38901", bearing=270.0)
    # Cell 0 stands in the west: a phone that faces it hears it with the element's front, 8 dBi at best.
    front, back = strength(one), strength(dataclasses.replace(one, bearing=90.0))
    isotropic = strength(dataclasses.replace(one, pattern="isotropic"))
    assert np.nanmedian(front - back) > 15
    assert 0 < np.nanmax(front - isotropic) <= 8.01
    assert np.nanmedian(strength(UeAntenna(1, 2, "V")) - isotropic) == pytest.approx(3.0, abs=0.1)
