"""R from the atlas: link budgets by hand, antennas that turn, worlds, and the residual's law."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kstest, t

from propagation_fixtures import (
    FREQUENCY,
    TILE,
    TWO_SITES,
    box,
    rasterized_maps,
    scene,
    two_site_atlas,
    two_site_network,
)
from raylocus.geo import GeoFrame, Grid
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.atlas_store import load_atlas, save_atlas
from raylocus.propagation.maps.radio_maps import LAYERS, radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import turned_deployment, world_radio_maps
from raylocus.provenance import Provenance
from raylocus.scenes.world import World, WorldLaw, gaussian_fields, residual_field, sample_world
from raylocus.units import SPEED_OF_LIGHT, energy_per_resource_element


@pytest.fixture(scope="module")
def atlas() -> PathAtlas:
    return two_site_atlas()


@pytest.fixture(scope="module")
def maps(atlas: PathAtlas) -> xr.Dataset:
    return radio_maps(atlas, two_site_network())


class _Place(TracedPlace):
    """A traced place in memory."""


@pytest.fixture(scope="module")
def place(atlas: PathAtlas, maps: xr.Dataset) -> TracedPlace:
    traced = _Place(Path("memory"), "memory", GeoFrame(), TILE, two_site_network(), Provenance.collect({}))
    geometry = rasterized_maps(scene(box((-4, -20), (8, 20), 12)), TILE)
    traced.__dict__.update(atlas=atlas, radio_maps=maps, geometry_maps=geometry)
    return traced


def test_every_layer_has_its_dimensions_units_and_missing_as_nan(maps: xr.Dataset) -> None:
    for layer in LAYERS:
        assert maps[layer.name].dims == layer.dimensions
        assert maps[layer.name].attrs["units"] == layer.units
    indoors = maps["rsrp"].sel(x=1.0, y=1.0, method="nearest")
    assert np.isnan(indoors).all()


def test_line_of_sight_level_is_the_link_budget(atlas: PathAtlas) -> None:
    direct = dataclasses.replace(atlas, visible=atlas.visible * atlas.line_of_sight)
    levels = radio_maps(direct, two_site_network())
    point = np.array([-25.0, -21.0, 1.5])
    row, column = divmod(int(TILE.index(point)), TILE.count)
    span = np.array([*TILE.centres[row * TILE.count + column], 1.5]) - TWO_SITES[0]
    distance = np.linalg.norm(span)
    friis = 20 * np.log10(SPEED_OF_LIGHT / FREQUENCY / (4 * np.pi * distance))
    cell = two_site_network().cells[0]
    gain = 10 * np.log10(beam_gains(span[None] / distance, cell.azimuth, cell.downtilt, cell.array)[0])
    expected = energy_per_resource_element(cell.power_dbm, 106) + friis + gain
    np.testing.assert_allclose(levels["rsrp_beam"].values[0, :, row, column], expected, atol=0.01)
    assert levels["toa"].values[0, row, column] == pytest.approx(distance / SPEED_OF_LIGHT, rel=1e-6)
    bearing = levels["aoa_azimuth"].values[0, row, column]
    assert bearing == pytest.approx(np.arctan2(-span[1], -span[0]), abs=1e-5)
    assert levels["delay_spread"].values[0, row, column] == 0


def test_first_delay_is_never_shorter_than_the_straight_line(maps: xr.Dataset) -> None:
    points = np.column_stack([TILE.centres, np.full(TILE.count**2, 1.5)])
    straight = np.linalg.norm(points[None] - TWO_SITES[:, None], axis=-1).reshape(2, *TILE.shape)
    assert np.nanmin(maps["toa"].values * SPEED_OF_LIGHT - straight) > -1e-2


def test_turning_an_antenna_does_not_trace_again_and_turns_the_map(
    atlas: PathAtlas, maps: xr.Dataset
) -> None:
    cells = tuple(
        dataclasses.replace(cell, azimuth=cell.azimuth + 2.1) for cell in two_site_network().cells[:2]
    )
    turned = radio_maps(
        atlas, dataclasses.replace(two_site_network(), cells=(cells[0], *two_site_network().cells[1:]))
    )
    np.testing.assert_allclose(turned["rsrp"].values[0], maps["rsrp"].values[1], atol=1e-3)


def test_sinr_is_below_snr_and_equal_without_others(atlas: PathAtlas, maps: xr.Dataset) -> None:
    heard = np.isfinite(maps["sinr"].values)
    assert np.all(maps["sinr"].values[heard] <= maps["snr"].values[heard] + 1e-3)
    lone = radio_maps(atlas, dataclasses.replace(two_site_network(), cells=two_site_network().cells[:1]))
    np.testing.assert_allclose(lone["sinr"].values, lone["snr"].values, atol=1e-3)


def test_atlas_survives_the_disk(atlas: PathAtlas, tmp_path: Path) -> None:
    save_atlas(atlas, tmp_path / "atlas.zarr", Provenance.collect({"a": 1}))
    again = load_atlas(tmp_path / "atlas.zarr")
    for field in dataclasses.fields(PathAtlas):
        if isinstance(getattr(atlas, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(again, field.name), getattr(atlas, field.name))
    assert again.grid == atlas.grid
    assert again.materials.frequency == atlas.materials.frequency


def test_severity_zero_is_the_map(place: TracedPlace, maps: xr.Dataset) -> None:
    world = sample_world(two_site_network(), WorldLaw(severity=0.0), np.random.default_rng(1))
    true = world_radio_maps(place, world)
    for layer in LAYERS:
        np.testing.assert_allclose(
            true[layer.name].values, maps[layer.name].values, atol=2e-3, err_msg=layer.name
        )


def test_a_world_is_wrong_in_level_antennas_and_darkness(place: TracedPlace, maps: xr.Dataset) -> None:
    world = sample_world(two_site_network(), WorldLaw(severity=1.0), np.random.default_rng(3))
    true = world_radio_maps(place, world)
    error = true["rsrp"].values - maps["rsrp"].values
    assert np.nanstd(error) > 6
    assert np.isnan(true["rsrp"].values).sum() <= np.isnan(maps["rsrp"].values).sum()
    beams = true["rsrp_beam"].values - true["rsrp_beam"].values[:, :1]
    nominal = maps["rsrp_beam"].values - maps["rsrp_beam"].values[:, :1]
    assert np.nanmedian(np.abs(beams - nominal)) > 0.5, (
        "antenna errors must change the beams against each other"
    )


def test_same_seed_same_world(place: TracedPlace) -> None:
    first, again = (sample_world(two_site_network(), WorldLaw(), np.random.default_rng(5)) for _ in range(2))
    one, two = world_radio_maps(place, first), world_radio_maps(place, again)
    assert one["rsrp_beam"].values.tobytes() == two["rsrp_beam"].values.tobytes()


def test_residual_is_student_t_and_correlated_over_tens_of_metres() -> None:
    grid, law = Grid(512.0, 8.0), WorldLaw(severity=1.0)
    generator = np.random.default_rng(0)
    worlds = [sample_world(two_site_network(), law, generator) for _ in range(60)]
    fields = np.stack([residual_field(world, two_site_network(), grid) for world in worlds])
    far_apart = fields[:, 0, 32, 32] / law.residual_db
    assert kstest(far_apart, t(law.residual_freedom).cdf).pvalue > 0.01
    _check_correlation(gaussian_fields(200, grid, 40.0, generator), grid)


def _check_correlation(fields: np.ndarray, grid: Grid) -> None:
    for cells in (1, 5, 10):
        product = (fields[:, :, :-cells] * fields[:, :, cells:]).mean()
        assert product == pytest.approx(np.exp(-cells * grid.resolution / 40.0), abs=0.06)


def test_residual_is_shared_as_the_law_says() -> None:
    grid, law = Grid(512.0, 8.0), WorldLaw(severity=1.0, residual_freedom=200.0)
    worlds = [sample_world(two_site_network(), law, np.random.default_rng(seed)) for seed in range(150)]
    fields = np.stack([residual_field(world, two_site_network(), grid)[:, ::12, ::12] for world in worlds])
    flat = np.moveaxis(fields, 1, 0).reshape(6, -1) / law.residual_db
    correlation = np.corrcoef(flat)
    assert correlation[0, 1] == pytest.approx(0.7, abs=0.06)  # same site: 0.2 + 0.5
    assert correlation[0, 4] == pytest.approx(0.2, abs=0.08)  # another site: 0.2


def test_worlds_spread_grows_with_severity() -> None:
    def spread(severity: float) -> float:
        draws = [
            sample_world(two_site_network(), WorldLaw(severity), np.random.default_rng(s)) for s in range(200)
        ]
        return float(np.std([world.level_error_db[0] for world in draws]))

    assert spread(1.0) == pytest.approx(2 * spread(0.5), rel=1e-6)
    assert spread(1.0) == pytest.approx(np.hypot(16, 5), rel=0.15)
    assert isinstance(sample_world(two_site_network(), WorldLaw(), np.random.default_rng(0)), World)


def test_antennas_leak_backwards_as_the_law_says() -> None:
    law = WorldLaw(severity=1.0, turned_share=0.0)
    turned = [
        turned_deployment(
            two_site_network(), sample_world(two_site_network(), law, np.random.default_rng(seed))
        )
        for seed in range(60)
    ]
    patterns = [cell.pattern for deployment in turned for cell in deployment.cells]
    floors = np.array([pattern.back_lobe_floor for pattern in patterns])
    assert 6.0 <= floors.min() < 8.0 and 28.0 < floors.max() <= 30.0
    assert floors.mean() == pytest.approx(18.0, abs=1.5)
    widths = np.log([pattern.beamwidth_azimuth / 65.0 for pattern in patterns])
    assert widths.std() == pytest.approx(law.log_beamwidth, rel=0.15)
    assert widths.mean() == pytest.approx(law.log_widening, abs=4 * law.log_beamwidth / np.sqrt(len(widths)))
    # At severity 2 the law would raise the floor above the main lobe.
    hardest = sample_world(two_site_network(), WorldLaw(severity=2.0), np.random.default_rng(1))
    assert all(
        cell.pattern.back_lobe_floor >= 0 for cell in turned_deployment(two_site_network(), hardest).cells
    )
