from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.geo import GeoFrame, Grid, azimuth_from_compass, compass_from_azimuth, wrap_angle

MUNICH = GeoFrame(48.1374, 11.5755)


@given(
    latitude=st.floats(-79, 79),
    longitude=st.floats(-179.9, 179.9),
    x=st.floats(-2000, 2000),
    y=st.floats(-2000, 2000),
)
def test_local_coordinates_there_and_back_within_a_centimetre(
    latitude: float, longitude: float, x: float, y: float
) -> None:
    frame = GeoFrame(latitude, longitude)
    local = np.array([x, y])
    back = frame.to_local(*frame.to_wgs84(local))
    assert np.abs(back - local).max() < 0.01


def test_the_origin_is_zero() -> None:
    assert np.abs(MUNICH.to_local(48.1374, 11.5755)).max() < 1e-6


def test_north_is_up_and_east_is_right() -> None:
    latitude, longitude = MUNICH.to_wgs84(np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]))
    assert longitude[1] > longitude[0]
    assert latitude[2] > latitude[0]
    # A degree of latitude is 111.2 km near 48°.
    assert (latitude[2] - latitude[0]) * 111_200 == pytest.approx(100, rel=2e-3)


@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [
        (48.1, 11.6, 32632),
        (-33.9, 151.2, 32756),
        (37.8, -122.4, 32610),
        (0.0, -180.0, 32601),
        (0.0, 179.9, 32660),
    ],
)
def test_utm_zone(latitude: float, longitude: float, code: int) -> None:
    assert GeoFrame(latitude, longitude).crs.to_epsg() == code


def test_a_local_frame_has_no_latitude() -> None:
    assert not GeoFrame().georeferenced
    with pytest.raises(InputError, match="not georeferenced"):
        GeoFrame().to_wgs84(np.zeros(2))


def test_half_an_origin_is_refused() -> None:
    with pytest.raises(InputError, match="both"):
        GeoFrame(48.0, None)


@pytest.mark.parametrize(
    ("compass", "azimuth"),
    [(0, math.pi / 2), (90, 0), (180, -math.pi / 2), (270, math.pi), (45, math.pi / 4), (360, math.pi / 2)],
)
def test_compass_to_azimuth(compass: float, azimuth: float) -> None:
    assert azimuth_from_compass(float(compass)) == pytest.approx(azimuth, abs=1e-12)


@given(st.floats(-1000, 1000))
def test_compass_there_and_back(degrees: float) -> None:
    back = compass_from_azimuth(azimuth_from_compass(degrees))
    assert 0 <= back < 360
    assert math.cos(math.radians(back - degrees)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "azimuth", [math.pi / 2, math.nextafter(math.pi / 2, 4), math.nextafter(math.pi / 2, 0)]
)
def test_north_is_zero_and_not_360(azimuth: float) -> None:
    assert 0 <= compass_from_azimuth(azimuth) < 360


@given(st.floats(-1e4, 1e4))
def test_wrapped_angles_are_the_same_direction(angle: float) -> None:
    wrapped = wrap_angle(angle)
    assert -math.pi < wrapped <= math.pi
    assert math.cos(wrapped - angle) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "angle", [math.pi, -math.pi, 3 * math.pi, math.nextafter(math.pi, 4), math.nextafter(-math.pi, -4)]
)
def test_wrapping_at_the_cut(angle: float) -> None:
    assert -math.pi < wrap_angle(angle) <= math.pi


def test_grid_is_y_ascending_and_cell_centred() -> None:
    grid = Grid(8.0, 2.0)
    np.testing.assert_array_equal(grid.x_coordinates, [-3, -1, 1, 3])
    np.testing.assert_array_equal(grid.centres[:5], [[-3, -3], [-1, -3], [1, -3], [3, -3], [-3, -1]])


@pytest.mark.parametrize("centre", [(0.0, 0.0), (-1717.0, 300.5)])
@pytest.mark.parametrize(("size", "resolution"), [(512.0, 4.0), (512.0, 2.0), (100.0, 0.5), (6.0, 2.0)])
def test_every_centre_lies_in_its_own_cell(
    size: float, resolution: float, centre: tuple[float, float]
) -> None:
    grid = Grid(size, resolution, centre)
    np.testing.assert_array_equal(grid.index(grid.centres), np.arange(grid.count**2))


def test_a_grid_elsewhere_is_the_same_grid_moved() -> None:
    here, there = Grid(8.0, 2.0), Grid(8.0, 2.0, (100.0, -30.0))
    np.testing.assert_array_equal(there.x_coordinates, [97, 99, 101, 103])
    np.testing.assert_array_equal(there.y_coordinates, [-33, -31, -29, -27])
    np.testing.assert_array_equal(there.centres, here.centres + [100.0, -30.0])
    assert there.bounds == (96.0, -34.0, 104.0, -26.0)
    points = np.array([[100.0, -30.0], [96.1, -26.1], [104.1, -30.0], [0.0, 0.0]])
    np.testing.assert_array_equal(there.index(points), here.index(points - [100.0, -30.0]))
    np.testing.assert_array_equal(there.contains(points), [True, True, False, False])
    assert there.coarsen(4.0) == Grid(8.0, 4.0, (100.0, -30.0))


def test_edges_of_the_tile_are_outside() -> None:
    grid = Grid(512.0, 4.0)
    edges = np.array([[256.0, 0], [-256.0, 0], [0, 256.0], [0, -256.0], [np.nan, 0]])
    assert not grid.contains(edges).any()
    np.testing.assert_array_equal(grid.index(edges), -1)


@pytest.mark.parametrize("corner", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_points_just_inside_belong_to_the_corner_cells(corner: tuple[int, int]) -> None:
    grid = Grid(512.0, 4.0)
    just_inside = np.nextafter(256.0, 0)
    index = int(grid.index(just_inside * np.array(corner)))
    row, column = divmod(index, grid.count)
    assert (column, row) == tuple(grid.count - 1 if sign > 0 else 0 for sign in corner)


def test_height_is_ignored() -> None:
    grid = Grid(512.0, 4.0)
    assert grid.index(np.array([1.0, 1.0, 300.0])) == grid.index(np.array([1.0, 1.0]))


def test_borders_between_cells_belong_to_the_upper_cell() -> None:
    grid = Grid(8.0, 2.0)
    assert grid.index(np.array([0.0, -3.0])) == 2
    assert grid.index(np.array([-1e-9, -3.0])) == 1


@pytest.mark.parametrize("size", [512.0, 0.0, np.nan, np.inf, 1e12])
@pytest.mark.parametrize("resolution", [3.0, 0.0, -2.0, np.nan])
def test_a_resolution_that_does_not_divide_is_refused(size: float, resolution: float) -> None:
    with pytest.raises(InputError, match="does not divide"):
        Grid(size, resolution)


def test_coarse_cells_hold_whole_fine_cells() -> None:
    assert Grid(512.0, 2.0).coarsen(8.0) == Grid(512.0, 8.0)
    with pytest.raises(InputError, match="do not hold whole"):
        Grid(512.0, 4.0).coarsen(6.0)
