"""What the viewer's page is made of comes back as it was: values to half a step, regions exactly, buildings whole."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from propagation_fixtures import box, scene
from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.viz.posterior import region_threshold
from raylocus.viz.viewer.packing import STEP, PackedArray, building_meshes, packed, packed_layer
from raylocus.viz.viewer.paths import lattice
from raylocus.viz.viewer.tracks import credible_levels


def unpacked(array: PackedArray) -> np.ndarray:
    """What the page's program makes of an array, written from its description."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(array.text)), np.uint8)
    levels = np.zeros(len(planes) // array.bytes_per_level, np.int64)
    for plane, part in enumerate(planes.reshape(array.bytes_per_level, -1)):
        levels |= part.astype(np.int64) << (8 * plane)
    levels = np.cumsum(levels.reshape(array.shape), axis=-1) % (1 << (8 * array.bytes_per_level))
    values = array.low + array.step * levels
    return values if array.missing is None else np.where(levels == array.missing, np.nan, values)


@given(
    st.lists(st.one_of(st.just(float("nan")), st.floats(-2e4, 2e4)), min_size=1, max_size=60),
    st.sampled_from([0.1, 0.5, 1.0, 100.0]),
)
def test_values_come_back_to_half_a_step(values: list[float], step: float) -> None:
    given_values = np.array(values).reshape(1, -1)
    back = unpacked(packed(given_values, step))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(given_values))
    assert np.nanmax(np.abs(back - given_values), initial=0) <= step / 2 + 1e-9


@pytest.mark.parametrize(("highest", "width"), [(254, 1), (255, 2), (65534, 2), (65535, 4)])
def test_the_last_level_is_kept_for_missing(highest: int, width: int) -> None:
    array = packed(np.array([[0.0, np.nan, highest]]), 1.0)
    assert array.bytes_per_level == width
    np.testing.assert_array_equal(unpacked(array), [[0, np.nan, highest]])


def test_nothing_known_is_all_missing_and_infinity_is_refused() -> None:
    assert np.isnan(unpacked(packed(np.full((2, 3), np.nan), 0.5))).all()
    with pytest.raises(InputError, match="infinite"):
        packed(np.array([0.0, np.inf]), 1.0)


def test_credible_levels_give_the_regions_exactly(generator: np.random.Generator) -> None:
    density = generator.dirichlet(np.full(40 * 40, 0.02)).reshape(40, 40)
    levels = unpacked(credible_levels(density))
    for probability in (0.5, 0.9):
        inside = levels < probability - 1e-6
        np.testing.assert_array_equal(inside, density >= region_threshold(density, probability))
        assert density[inside].sum() >= probability
        assert density[inside].sum() - density[inside].min() < probability


def test_buildings_are_kept_whole_and_those_outside_are_not() -> None:
    # One stands in the tile, one across its border, one outside.
    triangles = scene(box((0, 0), (9, 9), 12.0), box((28, 0), (40, 9), 20.0), box((50, 0), (60, 9), 30.0))
    (mesh,) = building_meshes(triangles, Grid(64.0, 2.0))
    corners, index = unpacked(mesh.corners), unpacked(mesh.index).astype(int)
    assert len(index) == 3 * 2 * 10
    drawn = corners.T[index].reshape(-1, 3, 3)
    standing = triangles.vertices[~triangles.ground][:20]
    np.testing.assert_allclose(drawn, standing, atol=STEP / 2 + 1e-9)
    assert corners[0].max() == pytest.approx(40.0)


def test_a_scene_of_bare_ground_has_no_mesh() -> None:
    triangles = scene(box((0, 0), (1, 1), 1.0))
    assert building_meshes(triangles.select(triangles.ground), Grid(64.0, 2.0)) == []


def layer(name: str, values: np.ndarray, units: str) -> xr.DataArray:
    return xr.DataArray(values, dims=("site", "y", "x"), name=name, attrs={"units": units})


def test_layers_have_the_units_that_people_read() -> None:
    delay = packed_layer(layer("toa", np.array([[[1e-6, np.nan], [2.0004e-6, 0.0]]]), "s"), "R")
    assert delay.units == "ns"
    np.testing.assert_allclose(unpacked(delay.slices[0]), [[1000, np.nan], [2000.4, 0]], atol=0.5)
    # North is 0°, east 90°, clockwise.
    azimuth = packed_layer(layer("aoa_azimuth", np.array([[[np.pi / 2, 0.0]]]), "rad"), "R")
    assert (azimuth.units, azimuth.scale) == ("° from north", "cyclic")
    np.testing.assert_allclose(unpacked(azimuth.slices[0]), [[0, 90]], atol=0.75)


def test_classes_have_names_and_unknown_ones_are_missing() -> None:
    material = packed_layer(layer("material", np.array([[[-1.0, 3.0]]]), "1"), "G")
    assert material.classes[3] == "metal"
    np.testing.assert_array_equal(unpacked(material.slices[0]), [[np.nan, 3]])


def test_the_lattice_has_one_outdoor_cell_in_each_square() -> None:
    outdoor = np.ones((64, 64), bool)
    outdoor[:2, :2] = False
    outdoor[0, 2] = False
    chosen = lattice(Grid(128.0, 2.0), outdoor, 32)
    assert len(chosen) == 32 * 32 - 1 and outdoor.ravel()[chosen].all()
    assert chosen[0] == 3
