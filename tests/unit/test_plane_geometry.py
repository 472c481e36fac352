"""Plane and solid geometry of scenes and towns: turns, boxes, shrunken outlines, welded and cropped triangles."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon

from raylocus.errors import PlaceError
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.radio_properties import (
    MaterialProperties,
    SceneMaterials,
    materials_of_record,
    materials_record,
)
from raylocus.scenes.towns.frames import (
    PRECISION,
    Boxes,
    fit_to_build,
    on_grid,
    polygons_of,
    rotate,
    shrink,
    square,
)
from raylocus.scenes.triangles import (
    VERTEX_TOLERANCE,
    Triangles,
    mesh_names,
    read_place_scene,
    welded,
    write_mitsuba_scene,
)

ANGLES = st.floats(-math.pi, math.pi)
SEEDS = st.integers(0, 10**6)


def outline(seed: int) -> Polygon:
    """A random convex outline of some ten to hundred metres."""
    points = np.random.default_rng(seed).uniform(-60, 60, (9, 2))
    return shapely.MultiPoint(points).convex_hull


@given(SEEDS, ANGLES)
def test_a_turn_keeps_lengths_and_the_turn_back_restores(seed: int, angle: float) -> None:
    points = np.random.default_rng(seed).uniform(-500, 500, (5, 2))
    turned = rotate(points, angle)
    assert np.allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(points, axis=1), atol=2 * PRECISION)
    assert np.allclose(rotate(turned, -angle), points, atol=3 * PRECISION)
    assert np.allclose(rotate(points, angle, np.array([10.0, -4.0])) - turned, [10, -4], atol=2 * PRECISION)


def test_a_quarter_turn_is_counter_clockwise() -> None:
    assert rotate(np.array([[1.0, 0.0]]), math.pi / 2).tolist() == [[0.0, 1.0]]


@given(SEEDS)
def test_a_box_holds_its_polygon_and_is_the_smallest_of_all_directions(seed: int) -> None:
    shape = outline(seed)
    box = Boxes.around([shape])
    long, wide = box.length / 2, box.width / 2
    corners = np.stack([[-long, -wide], [long, -wide], [long, wide], [-long, wide]]).transpose(2, 0, 1)
    whole = shapely.polygons(box.to_map(corners))[0]
    assert whole.buffer(0.01).contains(shape)
    assert box.length[0] >= box.width[0] > 0
    assert whole.area == pytest.approx(box.length[0] * box.width[0], rel=1e-3)
    turned = [shapely.affinity.rotate(shape, angle, origin=(0, 0)) for angle in range(0, 90, 5)]
    assert whole.area <= min(each.envelope.area for each in turned) + 0.5


@given(SEEDS, st.floats(0.5, 30))
def test_a_shrunken_outline_keeps_its_distance(seed: int, distance: float) -> None:
    shape = outline(seed)
    (kept,) = shrink([shape], distance)
    if not kept.is_empty:
        assert shape.contains(kept) and kept.distance(shape.exterior) >= distance - 2 * PRECISION
    # The largest circle in it would fit otherwise.
    assert kept.is_empty == (shapely.maximum_inscribed_circle(shape).length <= distance) or kept.area < 1


def test_of_an_outline_in_two_parts_the_larger_is_kept() -> None:
    dumbbell = shapely.union_all(
        [shapely.box(0, 0, 30, 30), shapely.box(30, 14, 60, 16), shapely.box(60, 5, 80, 25)]
    )
    (kept,) = shrink([dumbbell], 2.0)
    assert kept.bounds == pytest.approx((2, 2, 28, 28))


def test_what_is_too_narrow_carries_no_building() -> None:
    lots = [square(10.0), shapely.box(0, 0, 40, 3), square(5.0), Polygon([(0, 0), (60, 0), (60, 1.0)])]
    assert fit_to_build(lots, 6.0) == [lots[0]]
    assert fit_to_build([square(5.0)], 6.0) == []


def test_polygons_of_any_geometry() -> None:
    two = MultiPolygon([square(1.0), shapely.box(5, 5, 6, 6)])
    mixed = shapely.GeometryCollection([Point(0, 0), two.geoms[1], shapely.LineString([(0, 0), (1, 1)])])
    assert polygons_of(two) == list(two.geoms)
    assert polygons_of(np.array([mixed, Polygon()], object)) == [two.geoms[1]]


@given(SEEDS)
def test_shapes_on_the_grid_have_corners_of_whole_millimetres(seed: int) -> None:
    placed = on_grid(outline(seed))
    corners = shapely.get_coordinates(placed)
    assert np.allclose(corners, np.round(corners, 3), atol=1e-9)
    assert placed.area == pytest.approx(outline(seed).area, abs=1.0)


@given(SEEDS)
def test_corners_that_touch_are_one_and_others_are_not(seed: int) -> None:
    generator = np.random.default_rng(seed)
    vertices = generator.integers(-3, 3, (6, 3, 3)).astype(float)
    number = welded(vertices + generator.uniform(-0.2, 0.2, vertices.shape) * VERTEX_TOLERANCE)
    points = vertices.reshape(-1, 3)
    same = np.all(points[:, None] == points[None], axis=2)
    assert ((number.reshape(-1, 1) == number.reshape(1, -1)) == same).all()


def scene(seed: int, count: int = 12) -> Triangles:
    generator = np.random.default_rng(seed)
    ground = np.arange(count) % 3 == 0
    material = np.where(ground, MATERIALS.index("ground"), generator.integers(0, 3, count))
    return Triangles(generator.uniform(-50, 50, (count, 3, 3)).round(2), material, ground)


@given(SEEDS, st.floats(-20, 20), st.floats(-20, 20), st.floats(5, 60))
def test_a_crop_keeps_what_touches_the_square_and_moves_it(
    seed: int, x: float, y: float, size: float
) -> None:
    whole = scene(seed)
    kept = whole.crop((x, y), size)
    window = shapely.box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    outlines = [shapely.MultiPoint(each[:, :2]).envelope for each in whole.vertices]
    touching = [index for index, each in enumerate(outlines) if each.intersects(window)]
    assert np.allclose(kept.vertices, whole.vertices[touching] - [x, y, 0])
    assert kept.material.tolist() == whole.material[touching].tolist()


QUADRILATERAL = """ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
element face 1
property list uchar int vertex_indices
end_header
0 0 0
1 0 0
1 2 0
0 2 0
4 0 1 2 3
"""


def test_a_quadrilateral_is_two_triangles_and_a_damaged_mesh_is_refused(tmp_path: Path) -> None:
    """Scenes of other tools have such faces; a file that a copy cut short is no traceback."""
    write_mitsuba_scene(scene(1), tmp_path / "scene")
    meshes = sorted((tmp_path / "scene" / "meshes").glob("*.ply"))
    for mesh in meshes:
        mesh.write_text(QUADRILATERAL)
    read = read_place_scene(tmp_path / "scene" / "scene.xml").vertices
    edges = read[:, 1:] - read[:, :1]
    areas = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
    assert areas.tolist() == [1.0, 1.0] * len(meshes)
    for damaged in (QUADRILATERAL[:120], QUADRILATERAL[:-20], "no mesh", ""):
        meshes[0].write_text(damaged)
        with pytest.raises(PlaceError, match=meshes[0].name):
            read_place_scene(tmp_path / "scene" / "scene.xml")


def test_a_scene_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = scene(1)
    glass = SceneMaterials(brick=MaterialProperties(permittivity=6.0, conductivity=0.01))
    write_mitsuba_scene(written, tmp_path / "scene", glass, 3.5e9)
    read = read_place_scene(tmp_path / "scene" / "scene.xml")
    names = mesh_names(written)
    order = np.concatenate([np.flatnonzero(chosen) for chosen in names.values()])
    assert set(names) <= {f"{kind}-{name}" for kind in ("terrain", "building") for name in MATERIALS}
    assert np.allclose(read.vertices, written.vertices[order], atol=1e-4)
    assert read.material.tolist() == written.material[order].tolist()
    assert read.ground.tolist() == written.ground[order].tolist()
    write_mitsuba_scene(written, tmp_path / "again", glass, 3.5e9)
    files = sorted(file.relative_to(tmp_path / "scene") for file in (tmp_path / "scene").rglob("*.*"))
    assert all(
        (tmp_path / "scene" / file).read_bytes() == (tmp_path / "again" / file).read_bytes() for file in files
    )


PROPERTIES = st.builds(
    MaterialProperties,
    permittivity=st.none() | st.floats(1, 30),
    conductivity=st.none() | st.floats(1e-4, 10),
    thickness=st.none() | st.floats(0.01, 1),
)


@given(
    st.builds(SceneMaterials, **dict.fromkeys(MATERIALS, PROPERTIES)), st.sampled_from([0.7e9, 3.5e9, 28e9])
)
def test_materials_that_were_set_are_read_back(materials: SceneMaterials, frequency: float) -> None:
    record = materials_record(materials, frequency)
    assert materials_of_record(record) == materials
    assert all(entry["permittivity"] >= 1 and entry["thickness"] > 0 for entry in record.values())
