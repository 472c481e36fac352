"""Paths of the atlas against closed forms: Friis, two rays, a street canyon, a moved wall, reciprocity."""

from __future__ import annotations

import numpy as np
import pytest

from propagation_fixtures import CONCRETE, FREQUENCY, METAL, TILE, box, materials, scene, tracer
from raylocus.errors import PlaceError
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.geometry.images import image_paths
from raylocus.propagation.geometry.surfaces import Surfaces, find_wedges
from raylocus.propagation.materials.materials import slab_reflection
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.units import SPEED_OF_LIGHT

SITE = np.array([3.0, -5.0, 20.0])
WAVELENGTH = SPEED_OF_LIGHT / FREQUENCY


def specular(depth: int, **changes: float) -> TraceConfiguration:
    return TraceConfiguration(
        depth=depth, over_rooftop=False, diffraction=False, dynamic_range_db=300.0, **changes
    )


def ue_points() -> np.ndarray:
    return np.column_stack([TILE.centres, np.full(TILE.count**2, 1.5)])


def paths_at(atlas: PathAtlas, x: float, y: float) -> np.ndarray:
    return np.flatnonzero(atlas.ground_cell == TILE.index(np.array([x, y])))


def test_open_ground_is_friis() -> None:
    atlas = tracer(scene(), specular(0)).trace(0, SITE)
    distance = np.linalg.norm(ue_points()[atlas.ground_cell] - SITE, axis=1)
    gain = (np.abs(path_fields(atlas, materials())[:, :, 0]) ** 2).sum(axis=1)
    assert len(atlas.site) == TILE.count**2
    np.testing.assert_allclose(atlas.length, distance, rtol=1e-12)
    np.testing.assert_allclose(gain, (WAVELENGTH / (4 * np.pi * distance)) ** 2, rtol=1e-5)
    assert atlas.line_of_sight.all()


def test_a_visible_ground_cell_is_counted_whole() -> None:
    atlas = tracer(scene(), specular(0)).trace(0, SITE)
    assert atlas.visible.min() == 1.0


def test_ground_reflection_is_two_rays() -> None:
    atlas = tracer(scene(), specular(1)).trace(0, SITE)
    matrix = path_fields(atlas, materials())
    phase = np.exp(-2j * np.pi * atlas.length / WAVELENGTH)
    for x, y in [(21.0, 9.0), (-15.0, 3.0), (11.0, -27.0)]:
        index = paths_at(atlas, x, y)
        assert sorted(atlas.interactions[index]) == [0, 1]
        horizontal = np.hypot(x - SITE[0], y - SITE[1])
        direct, reflected = np.hypot(horizontal, 18.5), np.hypot(horizontal, 21.5)
        eta = materials().complex_permittivity[[CONCRETE]]
        _, magnetic = slab_reflection(np.array([21.5 / reflected]), eta, 0.1, WAVELENGTH)
        # θ̂ at the UE looks back along the ray, so the direct ray turns +θ̂ into +θ̂ and the bounced one
        # keeps the sign of r_TM: over a perfect conductor (r_TM = +1) vertical fields add on the ground.
        expected = np.exp(-2j * np.pi * direct / WAVELENGTH) / direct
        bounced = np.exp(-2j * np.pi * reflected / WAVELENGTH) / reflected * magnetic[0]
        total = (matrix[index, 0, 0] * phase[index]).sum() * 4 * np.pi / WAVELENGTH
        assert abs(total) == pytest.approx(abs(expected + bounced), rel=1e-4)


def test_street_canyon_has_the_image_lengths() -> None:
    canyon = scene(box((-60, 10), (60, 14), 40), box((-60, -14), (60, -10), 40), material=METAL)
    site = np.array([-25.0, 2.0, 10.0])
    atlas = tracer(canyon, specular(3, reach=2.0)).trace(0, site)
    x, y = 21.0, -5.0
    index = paths_at(atlas, x, y)
    # Elsewhere in the cell a ray may meet wall and ground in the other order; at its centre it does not.
    lengths = np.sort(atlas.length[index[atlas.visible[index] > 0.5]])
    # Wall images in a canyon of half-width w: y' = 2nw + (−1)^n y; the ground mirrors z.
    walls = [(abs(n), 2 * n * 10.0 + (-1) ** n * y) for n in range(-3, 4)]
    expected = sorted(
        np.sqrt((x - site[0]) ** 2 + (image - site[1]) ** 2 + (site[2] - z) ** 2)
        for bounces, image in walls
        for extra, z in ((0, 1.5), (1, -1.5))
        if bounces + extra <= 3
    )
    np.testing.assert_allclose(lengths, expected, atol=1e-6)


def test_a_moved_wall_moves_the_reflected_delay() -> None:
    site, shift = np.array([-11.0, 1.0, 15.0]), 1.25
    lengths = []
    for wall in (20.0, 20.0 + shift):
        atlas = tracer(scene(box((wall, -50), (wall + 4, 50), 30), material=METAL), specular(1)).trace(
            0, site
        )
        index = paths_at(atlas, 5.0, 7.0)
        wall_path = index[atlas.material[index, 0] == METAL]
        assert len(wall_path) == 1
        lengths.append(atlas.length[wall_path[0]])
        assert lengths[-1] == pytest.approx(
            np.sqrt((2 * wall - 5.0 + 11.0) ** 2 + 6.0**2 + 13.5**2), abs=1e-9
        )
    assert lengths[1] > lengths[0]


def test_first_order_step_inside_a_cell_is_exact_to_the_second_order() -> None:
    atlas = tracer(scene(box((20, -50), (24, 50), 30)), specular(2)).trace(0, SITE)
    index = np.flatnonzero(atlas.interactions == 2)[:50]
    step = np.array([0.7, -0.5, 0.0])
    moved = ue_points()[atlas.ground_cell[index]] + step
    origin = moved - step - atlas.arrival[index] * atlas.length[index, None]
    exact = np.linalg.norm(moved - origin, axis=1)
    first_order = atlas.length[index] + atlas.arrival[index] @ step
    bound = (step @ step) / (2 * atlas.length[index])
    assert np.all(np.abs(exact - first_order) <= bound + 1e-4)


def test_reciprocity_of_the_field() -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(-30, 30, (3, 3))
    normal = rng.standard_normal((3, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    a, b = np.array([1.0, 2.0, 9.0]), np.array([14.0, -7.0, 1.5])
    sequence = np.array([[0, 1, 2]])
    there = _matrix(image_paths(a, b[None], sequence, corner, normal))
    back = _matrix(image_paths(b, a[None], sequence[:, ::-1].copy(), corner, normal))
    np.testing.assert_allclose(there[0], back[0].T, rtol=1e-4, atol=1e-9)


def _matrix(paths: object) -> np.ndarray:
    count = len(paths.length)
    atlas = PathAtlas(
        TILE, materials(), np.zeros(count, int), np.zeros(count, int), np.zeros(count, int),
        paths.length, paths.departure, paths.arrival, np.ones(count), np.ones(count, bool), np.zeros(count),
        paths.normals, *(np.full(paths.normals.shape[:2], each) for each in (CONCRETE, -1)),
        np.full(count, -1), np.zeros(count, int), np.zeros(count),
        find_wedges(Surfaces(scene()), np.full(2, -1)), np.zeros(0, int), 1.5,
    )  # fmt: skip
    return path_fields(atlas, materials())


def test_same_seed_same_bytes_and_another_seed_finds_the_same_paths() -> None:
    canyon = scene(box((-60, 10), (60, 14), 40), box((-60, -14), (60, -10), 40))
    site = np.array([-25.0, 2.0, 10.0])
    first, again = (tracer(canyon, specular(2)).trace(0, site) for _ in range(2))
    other = tracer(canyon, specular(2, seed=7)).trace(0, site)
    assert first.length.tobytes() == again.length.tobytes()
    assert first.visible.tobytes() == again.visible.tobytes()
    shared = np.isin(np.round(first.length, 6), np.round(other.length, 6))
    assert shared.mean() > 0.98


def test_one_wall_of_many_triangles_is_one_path() -> None:
    edges = np.linspace(-50, 50, 23)
    strips = [box((20, low), (24, high), 30) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    facade = [strip[2:4] for strip in strips]  # the faces at x = 24, shared edges joined
    split = scene(*facade, material=METAL)
    whole = scene(box((20, -50), (24, 50), 30)[2:4], material=METAL)
    position = np.array([30.0, 0.0, 15.0])
    counts = [len(tracer(each, specular(1)).trace(0, position).site) for each in (split, whole)]
    assert counts[0] == pytest.approx(counts[1], rel=0.01)


def test_a_site_that_cannot_be_traced_from_is_named() -> None:
    blocked = tracer(scene(box((-10, -10), (10, 10), 30)), specular(1))
    with pytest.raises(PlaceError, match="site 4 is inside a building"):
        blocked.trace(4, np.array([0.0, 0.0, 5.0]))
    with pytest.raises(PlaceError, match="site 2 lies outside the tile"):
        blocked.trace(2, np.array([500.0, 0.0, 5.0]))
