"""Where paths meet walls and edges, against the geometry of a street that is known."""

from __future__ import annotations

import numpy as np
import pytest

from propagation_fixtures import TILE, box, scene, tracer
from raylocus.propagation.atlas.atlas import DIFFRACTED, OVER_ROOFTOP, SPECULAR
from raylocus.propagation.atlas.channel_response import interaction_points
from raylocus.propagation.atlas.ue_paths import UePaths, paths_at
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

SITE = np.array([-6.0, 0.0, 12.0])
#: An L of two walls, so that paths turn at right angles and on the ground, and a low block to diffract over.
BLOCKS = (
    box((10.0, -30.0), (20.0, 30.0), 18.0),
    box((-28.0, 14.0), (8.0, 24.0), 18.0),
    box((-20, -22), (0, -14), 8.0),
)


@pytest.fixture(scope="module")
def found() -> tuple[UePaths, np.ndarray]:
    atlas = tracer(scene(*BLOCKS), TraceConfiguration(depth=2, dynamic_range_db=80.0)).trace(0, SITE)
    points = np.column_stack([TILE.centres, np.full(TILE.count**2, 1.5)])
    free = points[np.unique(atlas.ground_cell)]
    position = free + np.random.default_rng(0).uniform(-0.9, 0.9, free.shape) * [1, 1, 0]
    return paths_at(atlas, 0, position, points), position


def legs(found: tuple[UePaths, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Length through the points, and points, of paths of which all points are known."""
    ue_paths, position = found
    return interaction_points(ue_paths, SITE, position), position[ue_paths.ue]


def test_the_way_through_the_points_is_as_long_as_the_path(found: tuple[UePaths, np.ndarray]) -> None:
    points, end = legs(found)
    paths = found[0].paths
    counts = paths.interactions + (paths.kind == DIFFRACTED)
    checked = 0
    for count in (1, 2, 3):
        solved = (counts == count) & np.isfinite(points[:, :count]).all(axis=(1, 2))
        way = np.concatenate(
            [np.broadcast_to(SITE, (solved.sum(), 1, 3)), points[solved, :count], end[solved, None]], axis=1
        )
        length = np.linalg.norm(np.diff(way, axis=1), axis=2).sum(axis=1)
        np.testing.assert_allclose(length, paths.length[solved], atol=2e-3)
        checked += solved.sum()
    assert checked > 500


def test_reflections_lie_on_the_surfaces_they_reflect_off(found: tuple[UePaths, np.ndarray]) -> None:
    points, _ = legs(found)
    paths = found[0].paths
    reflected = (
        (paths.kind == SPECULAR)[:, None] & (paths.material >= 0) & np.isfinite(points[:, :-1]).all(axis=2)
    )
    # Walls of the blocks are at these coordinates along their normals; the ground is at z = 0, roofs at their height.
    planes = {
        0: [10.0, 20.0, -28.0, 8.0, -20.0, 0.0],
        1: [-30.0, 30.0, 14.0, 24.0, -22.0, -14.0],
        2: [0.0, 18.0, 8.0],
    }
    axis = np.abs(paths.normals).argmax(axis=2)
    for direction, known in planes.items():
        own = points[:, :-1][reflected & (axis == direction)][:, direction]
        assert len(own) > 20
        assert np.abs(own[:, None] - np.array(known)).min(axis=1).max() < 5e-3


def test_diffraction_lies_on_the_edge(found: tuple[UePaths, np.ndarray]) -> None:
    points, _ = legs(found)
    paths = found[0].paths
    bent = np.flatnonzero(paths.kind == DIFFRACTED)
    assert len(bent) > 20
    at_edge = points[bent, paths.before_edge[bent]]
    known = np.isfinite(at_edge).all(axis=1)
    away = np.cross(
        at_edge - paths.wedges.origin[paths.wedge[bent]], paths.wedges.direction[paths.wedge[bent]]
    )
    assert np.linalg.norm(away[known], axis=1).max() < 0.02
    # All that meet nothing but the edge are known, and most of those that are reflected before or after it.
    mirrors = paths.interactions[bent]
    assert known[mirrors == 0].all() and known[mirrors > 0].mean() > 0.6 and (mirrors > 0).sum() > 20


def test_what_the_directions_leave_open_is_missing(found: tuple[UePaths, np.ndarray]) -> None:
    points, _ = legs(found)
    paths = found[0].paths
    assert np.isnan(points[paths.line_of_sight | (paths.kind == OVER_ROOFTOP)]).all()
    two = (paths.kind == SPECULAR) & (paths.interactions == 2)
    parallel = two & (np.abs(np.einsum("pi,pi->p", paths.normals[:, 0], paths.normals[:, 1])) > 0.999)
    assert np.isnan(points[parallel]).all()
    # But for paths in a corner that meet its surfaces in another order at the UE.
    assert np.isfinite(points[two & ~parallel, :2]).all(axis=(1, 2)).mean() > 0.99
