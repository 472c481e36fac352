"""Buildings as closed solids: volumes in closed form, whatever the footprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity

from map_fixtures import building, map_of, rectangle
from raylocus.geo import Grid
from raylocus.scenes.building_records import open_edges
from raylocus.scenes.ground.terrain import terrain_height
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.meshing.scene_mesh import FOUNDATION, building_faces, scene_mesh
from raylocus.scenes.triangles import write_mitsuba_scene
from raylocus.scenes.vector_map import Building, Terrain


def volume(vertices: np.ndarray) -> float:
    """Of a closed surface with outward normals (divergence theorem) [m³]."""
    a, b, c = vertices[:, 0], vertices[:, 1], vertices[:, 2]
    return float(np.einsum("ti,ti->", a, np.cross(b, c)) / 6)


def solid(*buildings: Building, **others: object) -> np.ndarray:
    return building_faces(map_of(*buildings, **others)).vertices


COURTYARD = Polygon(rectangle(0, 0, 40, 30), [rectangle(10, 10, 10, 10)])


@pytest.mark.parametrize(
    ("footprint", "area"),
    [
        (Polygon(rectangle(0, 0, 20, 10)), 200.0),
        (COURTYARD, 1100.0),
        (Polygon([(0, 0), (30, 0), (30, 10), (10, 10), (10, 30), (0, 30)]), 500.0),
        # A courtyard that touches the outline in one point.
        (Polygon(rectangle(0, 0, 40, 30), [[(0, 15), (10, 10), (10, 20)]]), 1150.0),
    ],
)
def test_a_flat_building_is_closed_and_of_the_right_volume(footprint: Polygon, area: float) -> None:
    vertices = solid(building(footprint, 12.0))
    assert open_edges(vertices) == 0
    assert volume(vertices) == pytest.approx(area * (12.0 + FOUNDATION), rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "roof_volume"),
    [
        # Of a roof 3 m high over 20 m × 10 m.
        ("gabled", 20 * 10 * 3 / 2),
        ("hipped", 10 * 10 * 3 / 2 + 10 * 10 * 3 / 3),
        ("pyramidal", 20 * 10 * 3 / 3),
        ("skillion", 20 * 10 * 3 / 2),
    ],
)
@pytest.mark.parametrize("angle", [0.0, 33.0, 90.0])
def test_roofs_in_closed_form(shape: str, roof_volume: float, angle: float) -> None:
    footprint = affinity.rotate(Polygon(rectangle(-10, -5, 20, 10)), angle)
    vertices = solid(building(footprint, 9.0, roof_shape=shape, roof_height=3.0))
    assert open_edges(vertices) == 0
    assert volume(vertices) == pytest.approx(200 * (6 + FOUNDATION) + roof_volume, rel=2e-3)
    assert vertices[..., 2].max() == pytest.approx(9.0)


@pytest.mark.parametrize("shape", ["gabled", "hipped", "skillion"])
def test_a_shape_that_does_not_fit_the_footprint_becomes_flat(shape: str) -> None:
    vertices = solid(building(COURTYARD, 9.0, roof_shape=shape, roof_height=3.0))
    assert open_edges(vertices) == 0
    assert volume(vertices) == pytest.approx(1100 * (9 + FOUNDATION), rel=1e-6)


def test_a_part_that_starts_above_ground_floats() -> None:
    vertices = solid(building(Polygon(rectangle(0, 0, 10, 10)), 12.0, min_height=4.0))
    assert volume(vertices) == pytest.approx(100 * 8)
    assert vertices[..., 2].min() == 4.0


@st.composite
def footprints(draw: st.DrawFn) -> Polygon:
    """Star-shaped outlines with hairline edges and near-straight corners among them."""
    count = draw(st.integers(3, 14))
    radius = [draw(st.floats(3, 40)) for _ in range(count)]
    jitter = [draw(st.sampled_from([0.0, 0.0, 1e-3, 0.3])) for _ in range(count)]
    angle = (np.arange(count) + np.array(jitter)) * 2 * np.pi / count
    return Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * np.array(radius)[:, None])


@given(
    footprints(), st.floats(3, 300), st.sampled_from(["flat", "gabled", "hipped", "pyramidal", "skillion"])
)
@settings(max_examples=80)
def test_any_outline_becomes_a_closed_solid(footprint: Polygon, height: float, shape: str) -> None:
    vertices = solid(building(footprint, height, roof_shape=shape, roof_height=min(2.0, height / 2)))
    assert open_edges(vertices) == 0
    low, high = sorted([footprint.area * (height + FOUNDATION) * share for share in (0.98, 1.01)])
    assert low - footprint.area * 2.0 <= volume(vertices) <= high + 1


def slope() -> Terrain:
    """Ground that rises 1 m every 5 m eastwards."""
    grid = Grid(480.0, 16.0)
    return Terrain(grid, np.broadcast_to(grid.x_coordinates / 5, grid.shape).copy(), "terrain model")


def test_no_gap_between_wall_and_slope() -> None:
    house = building(Polygon(rectangle(-10, -10, 20, 20)), 8.0)
    vertices = solid(house, terrain=slope())
    under = terrain_height(slope(), vertices[..., :2].reshape(-1, 2))
    assert vertices[..., 2].min() <= under.min() - FOUNDATION + 1e-9
    # The height counts from the lowest ground under the building, at x = −10.
    assert vertices[..., 2].max() == pytest.approx(-2.0 + 8.0)


def test_a_slope_shows_in_the_maps() -> None:
    tile = Grid(200.0, 2.0)
    vector_map = map_of(building(Polygon(rectangle(-10, -10, 20, 20)), 8.0), terrain=slope())
    _, maps = mesh_and_maps(vector_map, 300.0, tile)
    expected = np.broadcast_to(tile.x_coordinates / 5, tile.shape)
    np.testing.assert_allclose(maps["terrain"].values, expected, atol=1e-4)
    inside = maps["footprint"].values == 1
    assert inside.sum() * 4.0 == pytest.approx(400.0)
    np.testing.assert_allclose(maps["surface"].values[inside], 6.0, atol=1e-5)
    assert np.isnan(maps["height_deviation"].values[~inside]).all()
    assert (maps["height_deviation"].values[inside] == 1.0).all()


def test_no_thin_triangles() -> None:
    """Corners that are nearly in line are left out, so that no triangle is thinner than they were off."""
    wavy = [(x, 0.004 * (-1) ** x) for x in range(30)] + [(29, 20.0), (0, 20.0)]
    vertices = solid(building(Polygon(wavy), 10.0))
    longest = np.linalg.norm(vertices - np.roll(vertices, 1, axis=1), axis=-1).max(axis=1)
    area = (
        np.linalg.norm(np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0]), axis=1) / 2
    )
    assert (2 * area / longest).min() > 0.05
    assert len(vertices) == 12


def test_equal_maps_give_equal_bytes(tmp_path: Path) -> None:
    houses = [
        building(affinity.translate(COURTYARD, 60.0 * i, 0), 8.0 + i, wall_material=("brick", "glass")[i % 2])
        for i in range(5)
    ]
    contents = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        write_mitsuba_scene(scene_mesh(map_of(*houses), 500.0).triangles, folder)
        contents.append(
            {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        )
    assert contents[0] == contents[1]
    assert {"meshes/building-brick.ply", "meshes/building-glass.ply", "meshes/terrain-ground.ply"} < set(
        contents[0]
    )


def test_the_closedness_test_can_fail() -> None:
    vertices = solid(building(Polygon(rectangle(0, 0, 20, 10))))
    assert open_edges(vertices[1:]) == 3
    assert shapely.Polygon(vertices[0, :, :2]).area >= 0
