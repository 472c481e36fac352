"""First-order diffraction: every path and field of PathSolver at a block, and what UTD demands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import (
    CONCRETE,
    METAL,
    TILE,
    box,
    prism,
    rasterized_maps,
    scene,
    side_by_side,
    tracer,
)
from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import PointPaths, point_paths
from raylocus.propagation.geometry.surfaces import Surfaces, find_wedges
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.materials.utd import EdgeGeometry, diffracted_field, spreading, transition
from raylocus.propagation.oracles.reference import (
    ReferenceSettings,
    centre_paths,
    lost_by_path_solver,
    partners,
    reference_paths,
)
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.edges.edge_chains import EdgeChains, diffracted_paths
from raylocus.propagation.search.edges.edge_scene import EdgeScene
from raylocus.propagation.search.specular import PathVerifier
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.triangles import write_mitsuba_scene

#: In no line with a corner of the block and the middles of ground cells: there each engine's rounding chooses a side.
SITE = np.array([-13.0, 1.3, 10.0])


def traced(material: int, depth: int = 1) -> PathAtlas:
    triangles = scene(box((6, -24), (14, 20), 18), material=material)
    maps = rasterized_maps(triangles, TILE)
    configuration = TraceConfiguration(depth=depth, over_rooftop=False, dynamic_range_db=100.0)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    return SiteTracer(triangles, surface, terrain, TILE, itu_materials(3.5e9), configuration).trace(0, SITE)


def reference(material: int, points: np.ndarray, folder: Path, depth: int = 1) -> PointPaths:
    write_mitsuba_scene(scene(box((6, -24), (14, 20), 18), material=material), folder / "scene")
    settings = ReferenceSettings(depth, 500_000, diffraction=True, receivers=8)
    return reference_paths(folder / "scene" / "scene.xml", 3.5e9, SITE, points, settings)


@pytest.mark.parametrize("material", [CONCRETE, METAL])
def test_every_path_of_path_solver_and_no_other(material: int, tmp_path: Path) -> None:
    atlas = traced(material)
    outdoor = np.flatnonzero(
        rasterized_maps(scene(box((6, -24), (14, 20), 18)), TILE)["footprint"].values.ravel() == 0
    )
    cells = np.random.default_rng(0).choice(outdoor, 40, replace=False)
    theirs = reference(material, np.column_stack([TILE.centres[cells], np.full(40, 1.5)]), tmp_path)
    found = side_by_side(atlas, cells, theirs)
    # PathSolver's own sampling now and then misses a path, so a few points may differ.
    assert np.mean(found.count == 0) >= 0.95
    assert np.mean(found.missing) <= 0.02
    assert np.max(np.abs(found.gain_db)) < 0.02
    assert np.sum(found.paths.kind[found.shared] == DIFFRACTED) > 50


def test_edges_seen_in_mirrors_are_path_solver_s(tmp_path: Path) -> None:
    # Ground and walls mirror on either side of an edge: at depth 2 that is every path with an edge. Behind the
    # block they are strong.
    atlas = traced(METAL, depth=2)
    behind = np.setdiff1d(
        atlas.ground_cell[(atlas.kind == DIFFRACTED) & (atlas.interactions == 1)],
        atlas.ground_cell[atlas.line_of_sight],
    )
    cells = np.random.default_rng(2).choice(behind, 24, replace=False)
    theirs = reference(METAL, np.column_stack([TILE.centres[cells], np.full(24, 1.5)]), tmp_path, depth=2)
    found = side_by_side(atlas, cells, theirs, weakest=1e-2)
    paths = reorder(found.paths, found.shared)
    gains = found.gain_db[(paths.kind == DIFFRACTED) & (paths.interactions > 0)]
    assert np.mean(found.missing) < 0.03
    assert len(gains) >= 10
    assert np.max(np.abs(gains)) < 0.02


def test_two_mirrors_before_an_edge_are_path_solver_s(tmp_path: Path) -> None:
    # Between two metal walls that face each other the field comes to the end of either over both.
    triangles = scene(box((-6, -20), (-4, 4), 16), box((4, -20), (6, 8), 16), material=METAL)
    maps, site = rasterized_maps(triangles, TILE), np.array([1.0, -15.0, 14.0])
    write_mitsuba_scene(triangles, tmp_path / "scene")
    atlas = tracer(
        triangles, TraceConfiguration(depth=3, over_rooftop=False), radio=itu_materials(3.5e9)
    ).trace(0, site)
    twice = (atlas.kind == DIFFRACTED) & (atlas.before_edge == 2) & (atlas.interactions == 2)
    cells = np.random.default_rng(3).choice(np.unique(atlas.ground_cell[twice]), 8, replace=False)
    points = np.column_stack([TILE.centres[cells], np.full(8, 1.5)])
    settings = ReferenceSettings(3, 1_000_000, diffraction=True, receivers=4)
    theirs = reference_paths(tmp_path / "scene" / "scene.xml", 3.5e9, site, points, settings)
    assert maps["footprint"].values.ravel()[cells].max() == 0
    found = side_by_side(atlas, cells, theirs)
    paths = reorder(found.paths, found.shared)
    gains = found.gain_db[(paths.kind == DIFFRACTED) & (paths.before_edge == 2) & (paths.interactions == 2)]
    assert len(gains) >= 5
    assert np.max(np.abs(gains)) < 0.02


@pytest.mark.parametrize("corners", [4, 5, 8])
def test_path_solver_loses_rays_over_the_far_face_of_an_obtuse_edge(corners: int, tmp_path: Path) -> None:
    # A prism of metal: at 90° PathSolver lists every path, beyond that none of those that are said to be lost.
    triangles, site = scene(prism(corners, 8.0, 18.0), material=METAL), np.array([-22.0, 1.0, 10.0])
    write_mitsuba_scene(triangles, tmp_path / "scene")
    configuration = TraceConfiguration(depth=1, over_rooftop=False, dynamic_range_db=100.0)
    atlas = tracer(triangles, configuration, radio=itu_materials(3.5e9)).trace(0, site)
    atlas = reorder(atlas, np.flatnonzero(atlas.at_centre & (atlas.kind == DIFFRACTED)))
    cells = np.random.default_rng(0).choice(np.unique(atlas.ground_cell), 30, replace=False)
    points = np.column_stack([TILE.centres[cells], np.full(30, 1.5)])
    settings = ReferenceSettings(1, 500_000, diffraction=True, receivers=10)
    theirs = reference_paths(tmp_path / "scene" / "scene.xml", 3.5e9, site, points, settings)
    found = centre_paths(atlas, cells)
    listed, lost = partners(point_paths(found), theirs) >= 0, lost_by_path_solver(found.paths)
    assert not np.any(listed[lost])
    assert np.mean(listed[~lost]) >= 0.97
    assert lost.any() == (corners > 4)


def test_where_houses_of_a_row_touch_no_edge_diffracts() -> None:
    # One façade of two houses: the corners in it are shared by four walls, and the wall just goes on.
    row = find_wedges(Surfaces(scene(box((0, 0), (8, 10), 9), box((8, 0), (16, 10), 9))), np.full(22, -1))
    upright = np.abs(row.direction[:, 2]) > 0.9
    assert sorted(set(row.origin[upright, 0])) == [0.0, 16.0]


def test_an_edge_s_ray_off_the_ground_comes_from_the_site_s_image() -> None:
    # Closed form: over the eaves and off the ground is the path over the eaves to the UE's image below ground.
    atlas = traced(METAL, depth=2)
    off_ground = np.flatnonzero(
        (atlas.kind == DIFFRACTED) & (atlas.interactions == 1) & (atlas.before_edge == 0)
        & (atlas.normals[:, 0, 2] > 0.99)
    )  # fmt: skip
    assert len(off_ground) > 20
    edge = atlas.wedge[off_ground]
    origin, along = atlas.wedges.origin[edge], atlas.wedges.direction[edge]
    image = np.column_stack([TILE.centres[atlas.ground_cell[off_ground]], np.full(len(edge), -1.5)])
    sampled = origin[:, None] + np.linspace(0, 1, 4001)[None, :, None] * (
        atlas.wedges.length[edge][:, None, None] * along[:, None]
    )
    lengths = np.linalg.norm(sampled - SITE, axis=2) + np.linalg.norm(sampled - image[:, None], axis=2)
    np.testing.assert_allclose(atlas.length[off_ground], lengths.min(axis=1), atol=1e-4)


def test_paths_over_mirrors_and_edges_are_reciprocal() -> None:
    # The same chain walked from the other end has the same length, legs and directions.
    # The mirrors are walls at 72°: mirroring in them one after the other depends on the order.
    triangles = scene(prism(5, 8.0, 18.0), material=METAL)
    surfaces = Surfaces(triangles)
    wedges = find_wedges(surfaces, np.full(len(triangles.material), -1))
    rays = RayScene(surfaces, np.full((32, 32), 1.5), TILE)
    search_scene = EdgeScene(rays, PathVerifier(rays), wedges)
    other_end = np.array([20.0, 3.0, 1.5])
    cell, nothing = np.array([0]), np.zeros((1, 0), int)
    wall, next_wall = 2, 4
    for wedge in range(len(search_scene.wedges)):
        there, back = (
            diffracted_paths(
                search_scene, start, EdgeChains(before, np.array([wedge]), after), cell, end[None]
            )
            for start, end, before, after in (
                (SITE, other_end, nothing, np.array([[wall, next_wall]])),
                (other_end, SITE, np.array([[next_wall, wall]]), nothing),
            )
        )
        np.testing.assert_allclose(there.length, back.length, atol=1e-9)
        np.testing.assert_allclose(there.departure, -back.arrival, atol=1e-9)
        np.testing.assert_allclose(there.arrival, -back.departure, atol=1e-9)
        np.testing.assert_allclose(there.length - there.first_leg, back.first_leg, atol=1e-9)


def test_total_field_is_continuous_over_the_shadow_boundary() -> None:
    # Behind a metal screen's edge, walked across the shadow boundary in steps of a millimetre, the direct ray
    # switches off at once; with the diffracted ray the sum must not jump (K&P §IV).
    wavelength, edge, source = 0.0857, np.array([0.0, 0.0, 0.0]), np.array([-30.0, 0.0, -2.0])
    offsets = np.linspace(-0.01, 0.01, 41)
    totals = [
        _behind_a_corner(source, edge, np.array([40.0, 0.0, 40 * 2 / 30 + each]), wavelength)
        for each in offsets
    ]
    jumps = np.abs(np.diff(totals))
    assert jumps.max() < 0.05 * np.abs(totals).max()


def _behind_a_corner(source: np.ndarray, edge: np.ndarray, target: np.ndarray, wavelength: float) -> complex:
    before, after = edge - source, target - edge
    lengths = np.linalg.norm(before), np.linalg.norm(after)
    height_at_edge = source[2] + (target[2] - source[2]) * (edge[0] - source[0]) / (target[0] - source[0])
    lit = height_at_edge > edge[2]
    west, along, up = (np.array([axis]).T for axis in ([-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]))
    geometry = EdgeGeometry(
        before[:, None] / lengths[0], after[:, None] / lengths[1], np.array([lengths[0]]),
        np.array([lengths[1]]), along, face_0=west, face_n=up, lit=np.array([lit]),
    )  # fmt: skip
    conductor = np.array([1.0 - 1e8j])
    field = diffracted_field(along[None].astype(complex), geometry, conductor, 0.1, wavelength)[0, 1, 0]
    wavenumber = 2 * np.pi / wavelength
    total = (
        field
        * spreading(*map(np.array, ([lengths[0]], [lengths[1]])))[0]
        * np.exp(-1j * wavenumber * sum(lengths))
    )
    straight = np.linalg.norm(target - source)
    return complex(total + lit * np.exp(-1j * wavenumber * straight) / straight)


def test_transition_function_has_its_limits() -> None:
    assert abs(transition(np.array([1e4]))[0] - 1) < 1e-3
    small = np.array([1e-6])
    assert abs(transition(small)[0] - np.sqrt(np.pi * small[0]) * np.exp(0.25j * np.pi)) < 1e-5


def test_a_block_has_eight_wedges_with_outward_normals() -> None:
    block = scene(box((6, -24), (14, 20), 18))
    wedges = find_wedges(Surfaces(block), np.where(block.ground, -1, 0))
    assert wedges.building.tolist() == [0] * 8
    assert len(wedges) == 8  # four corners and four eaves; the foot is not joined to the ground
    middle = wedges.origin + 0.5 * wedges.length[:, None] * wedges.direction
    outward = middle - np.array([10.0, -2.0, 9.0])
    assert np.all(np.einsum("wi,wfi->wf", outward, wedges.normals) > 0)
    np.testing.assert_allclose(
        np.einsum("wi,wi->w", wedges.normals[:, 0], wedges.normals[:, 1]), 0, atol=1e-9
    )
