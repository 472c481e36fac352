"""Rasters of the ground around a tile: cut, mirrored, taken for maps that sites are drawn on; there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.errors import StoreError
from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import (
    GROUND_RESOLUTION,
    LAYERS,
    coarse_ground,
    cut_ground,
    flat_ground,
    geometry_maps,
    grid_of,
    load_coarse_ground,
    mirrored_ground,
    save_coarse_ground,
    siting_maps,
)

WIDE = Grid(320.0, 16.0)


def ground(seed: int = 1) -> xr.Dataset:
    random = np.random.default_rng(seed)
    terrain = random.random(WIDE.shape)
    built = np.where(random.random(WIDE.shape) < 0.3, random.random(WIDE.shape), 0)
    surface = np.where(built > 0, terrain + 12, terrain)
    return coarse_ground(WIDE, terrain=terrain, surface=surface, built=built, water=0 * terrain)


WHOLE = ground()


def test_rasters_are_of_their_grid_and_say_their_units(tmp_path: Path) -> None:
    written = ground()
    assert grid_of(written) == WIDE
    assert {name: layer.attrs["units"] for name, layer in written.data_vars.items()} == {
        name: unit for name, (unit, _) in LAYERS.items()
    }
    save_coarse_ground(written, tmp_path / "ground.zarr")
    read = load_coarse_ground(tmp_path / "ground.zarr")
    assert read is not None and read.drop_attrs().equals(written.drop_attrs())
    assert load_coarse_ground(tmp_path / "none.zarr") is None
    (tmp_path / "ground.zarr" / "zarr.json").unlink()
    with pytest.raises(StoreError, match="truncated or was changed"):
        load_coarse_ground(tmp_path / "ground.zarr")


def test_open_ground_is_flat_and_dry() -> None:
    flat = flat_ground(WIDE)
    assert all(not flat[name].values.any() for name in LAYERS)


@settings(max_examples=30)
@given(st.integers(-8, 8), st.integers(-8, 8), st.integers(2, 8))
def test_a_window_on_the_rasters_cells_is_those_cells(column: int, row: int, cells: int) -> None:
    window = Grid(16.0 * cells, 16.0, (16.0 * (column + cells / 2), 16.0 * (row + cells / 2)))
    whole = WHOLE
    cut = cut_ground(whole, window)
    assert grid_of(cut) == Grid(window.size, 16.0)
    rows, columns = (np.clip(10 + first + np.arange(cells), 0, 19) for first in (row, column))
    for name in LAYERS:
        assert np.array_equal(cut[name].values, whole[name].values[np.ix_(rows, columns)])


def test_a_finer_window_repeats_the_cells() -> None:
    cut = cut_ground(ground(), Grid(64.0, 4.0))
    assert cut["surface"].shape == (16, 16)
    blocks = cut["surface"].values.reshape(4, 4, 4, 4)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_sites_are_drawn_on_what_the_rasters_say() -> None:
    whole = ground()
    maps = siting_maps(whole)
    assert np.array_equal(maps["footprint"].values > 0, whole["built"].values > 0)
    assert np.allclose(maps["height"].values, whole["surface"].values - whole["terrain"].values)


@pytest.mark.parametrize("resolution", [2.0, 4.0, 8.0])
def test_ground_that_is_mirrored_goes_on_as_it_is(resolution: float) -> None:
    tile = Grid(128.0, resolution)
    random = np.random.default_rng(3)
    terrain, footprint = random.random(tile.shape), (random.random(tile.shape) < 0.2).astype(float)
    maps = geometry_maps(
        tile, terrain, terrain + 9 * footprint, np.zeros(tile.shape, np.int64), {"footprint": footprint}
    )
    found = mirrored_ground(maps.assign(water=maps["footprint"] * 0), tile, 100.0)
    grid = grid_of(found)
    assert grid.resolution == GROUND_RESOLUTION and grid.size == 128 + 2 * 7 * 16
    middle = slice(7, 15)
    step = round(16 / resolution)
    blocks = maps["surface"].values.reshape(8, step, 8, step)
    inner = found["surface"].values[middle, middle]
    assert np.allclose(inner, blocks.max(axis=(1, 3)))
    # The first cell beyond an edge is the last before it, and so on.
    for name in LAYERS:
        whole = found[name].values
        assert np.array_equal(whole[:7], whole[7:14][::-1]) and np.array_equal(
            whole[:, 15:], whole[:, 8:15][:, ::-1]
        )
