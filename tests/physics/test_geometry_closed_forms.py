"""Mirrors, edges, arrays, taut strings and meshes against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from shapely import Polygon

from raylocus.propagation.antennas.antennas import array_factors, phase_progression
from raylocus.propagation.geometry.images import fermat_points, source_images
from raylocus.propagation.maps.path_loss import (
    uma_los_path_loss,
    uma_nlos_path_loss,
    umi_los_path_loss,
    umi_nlos_path_loss,
)
from raylocus.propagation.search.over_roofs.roof_profile import upper_hull
from raylocus.scenes.meshing.prisms import (
    FLOOR,
    ROOF,
    caps,
    join_faces,
    meshable,
    pitched_roof,
    plan_triangles,
    walls,
)

SEEDS = st.integers(0, 2**32 - 1)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_an_image_is_as_far_behind_its_mirror_as_the_source_is_before_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    source, corner, normal = (
        random.normal(size=3),
        random.normal(size=(2, 3)),
        unit(random.normal(size=(2, 3))),
    )
    images = source_images(source, np.array([[0, 0, -1], [1, -1, -1]]), corner, normal)
    for row, mirror in ((0, 0), (1, 1)):
        middle = (images[row, 0] + images[row, 1]) / 2
        assert (middle - corner[mirror]) @ normal[mirror] == pytest.approx(0, abs=1e-9)
        across = images[row, 1] - images[row, 0]
        assert np.linalg.norm(across - (across @ normal[mirror]) * normal[mirror]) == pytest.approx(
            0, abs=1e-9
        )
    np.testing.assert_allclose(images[0, 2], source, atol=1e-9)  # reflected twice by one mirror
    np.testing.assert_array_equal(images[1, 1:], np.broadcast_to(images[1, 1], (3, 3)))


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_no_other_point_of_an_edge_gives_a_shorter_path_and_both_angles_are_kellers(seed: int) -> None:
    random = np.random.default_rng(seed)
    source, target, origin = random.normal(size=(3, 1, 3)) * 10
    direction = unit(random.normal(size=(1, 3)))
    point = fermat_points(source, target, origin, direction)

    def length(at: np.ndarray) -> float:
        return float(np.linalg.norm(at - source) + np.linalg.norm(at - target))

    shortest = length(point)
    assert all(length(point + step * direction) >= shortest - 1e-9 for step in (-1, -1e-2, 1e-2, 1))
    arriving, leaving = unit(point - source), unit(target - point)
    assert (arriving * direction).sum() == pytest.approx((leaving * direction).sum(), abs=1e-6)


@pytest.mark.parametrize("elements", [1, 2, 4, 8])
def test_an_array_factor_is_a_dirichlet_kernel(elements: int) -> None:
    cosine, steered = np.linspace(-0.97, 0.99, 41), np.array([0.0, 0.3])
    half = np.pi * (cosine[:, None] - steered) / 2
    expected = (np.sin(elements * half) / np.sin(half)) ** 2 / elements
    np.testing.assert_allclose(array_factors(cosine, steered, elements), expected, atol=2e-5 * elements)


def test_phases_along_a_row_of_elements() -> None:
    cosine, position = np.linspace(-1, 1, 7), 0.3 + 0.5 * np.arange(5)
    expected = np.exp(2j * np.pi * position[:, None] * cosine)
    np.testing.assert_allclose(phase_progression(cosine, position), expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_a_taut_string_is_the_upper_hull_of_what_it_hangs_over(seed: int) -> None:
    random = np.random.default_rng(seed)
    along, height = np.arange(1.0, 9.0) * 10, random.uniform(0, 20, 8)
    start, end, distance = random.uniform(0, 30), 1.5, 90.0
    bends = upper_hull(along[None], height[None], start, np.array([distance]), np.array([end]))[0]
    points = np.column_stack([[0.0, *along, distance], [start, *height, end]])
    far_below = np.array([[0.0, -1e3], [distance, -1e3]])
    corners = ConvexHull(np.concatenate([points, far_below])).vertices
    expected = sorted(int(corner) - 1 for corner in corners if 0 < corner < len(points) - 1)
    assert bends[bends >= 0].tolist() == expected[: len(bends)]


# TR 38.901 Table 7.4.1-1 by hand, at 100 m and 3.5 GHz, the UE at 1.5 m.
FORMULAS = [
    (umi_los_path_loss, 85.281),
    (umi_nlos_path_loss, 104.588),
    (uma_los_path_loss, 82.881),
    (uma_nlos_path_loss, 102.581),
]


@pytest.mark.parametrize(("formula", "loss"), FORMULAS)
def test_path_loss_is_the_tables(formula, loss: float) -> None:
    assert formula(np.array([100.0]), 3.5e9)[0] == pytest.approx(loss, abs=2e-3)


@pytest.mark.parametrize(
    ("sight", "shadow"), [(umi_los_path_loss, umi_nlos_path_loss), (uma_los_path_loss, uma_nlos_path_loss)]
)
def test_a_shadow_never_gains_and_height_never_costs(sight, shadow) -> None:
    distance = np.geomspace(1, 5000, 50)
    for frequency in (0.7e9, 3.5e9, 28e9):
        assert np.all(shadow(distance, frequency) >= sight(distance, frequency))
        assert np.all(np.diff(shadow(distance, frequency)) >= 0)
        assert np.all(shadow(distance, frequency, 10.0) <= shadow(distance, frequency))


def volume(vertices: np.ndarray, floor: float = 0.0) -> float:
    """Of what triangles enclose, with the plane at `floor` where they are open there (divergence theorem)."""
    a, b, c = np.moveaxis(vertices - [0, 0, floor], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


RECTANGLE = Polygon([(3, 1), (13, 1), (13, 7), (3, 7)])


@pytest.mark.parametrize(
    "plan",
    [
        RECTANGLE,
        Polygon([(0, 0), (20, 0), (20, 5), (5, 5), (5, 15), (0, 15)]),
        RECTANGLE.difference(shapely.box(6, 3, 9, 5)),
    ],
)
def test_walls_roof_and_floor_close_and_hold_the_volume(plan: Polygon) -> None:
    pieces, _ = meshable([plan])
    bottom, top = np.array([2.0]), np.array([14.0])
    flat, piece = plan_triangles(pieces)
    solid = join_faces(
        [walls(pieces, bottom, top), caps(flat, piece, top, ROOF), caps(flat, piece, bottom, FLOOR)]
    )
    assert volume(solid.vertices) == pytest.approx(12 * plan.area)
    corners, index = np.unique(np.round(solid.vertices.reshape(-1, 3), 6), axis=0, return_inverse=True)
    triangles = index.reshape(-1, 3)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, back = (set(map(tuple, each.tolist())) for each in (edges, edges[:, ::-1]))
    assert there == back and len(there) == len(edges), f"an edge of {len(corners)} corners is open"


@pytest.mark.parametrize(("shape", "share"), [("gabled", 1 / 2), ("skillion", 1 / 2), ("pyramidal", 1 / 3)])
def test_roofs_hold_their_share_of_the_box(shape: str, share: float) -> None:
    plan = shapely.orient_polygons(RECTANGLE, exterior_cw=False)
    roof = pitched_roof(0, plan, shape, 10.0, 14.0)
    assert roof is not None
    assert volume(roof.vertices, 10.0) == pytest.approx(share * 4 * plan.area)
    assert roof.vertices[..., 2].min() == 10.0 and roof.vertices[..., 2].max() == 14.0


def test_a_roof_that_does_not_fit_is_left_flat() -> None:
    bent = Polygon([(0, 0), (20, 0), (20, 5), (5, 5), (5, 15), (0, 15)])
    court = RECTANGLE.difference(shapely.box(6, 3, 9, 5))
    assert (
        pitched_roof(0, bent, "gabled", 1.0, 2.0) is None
        and pitched_roof(0, bent, "pyramidal", 1.0, 2.0) is None
    )
    assert pitched_roof(0, court, "pyramidal", 1.0, 2.0) is None
