"""Diffraction where the ground is not level: a block on a slope, against PathSolver, and the UE surface with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import METAL, TILE, box, quad, rasterized_maps, side_by_side
from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.oracles.reference import ReferenceSettings, reference_paths
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.triangles import Triangles, write_mitsuba_scene

#: Rise of the ground for each metre eastward.
SLOPE = 0.25
SITE = np.array([-13.0, 1.0, 10.0])


@pytest.fixture(scope="module")
def hillside() -> Triangles:
    block = box((6, -24), (14, 20), 18)
    block[block[..., 2] == 0] -= [0, 0, 10]  # founded below the slope
    corners = np.array([[-100, -100], [100, -100], [100, 100], [-100, 100]], float)
    vertices = np.concatenate([quad(np.column_stack([corners, SLOPE * corners[:, 0]])), block])
    is_ground = np.arange(len(vertices)) < 2
    return Triangles(vertices, np.full(len(vertices), METAL), is_ground)


@pytest.fixture(scope="module")
def atlas(hillside: Triangles) -> PathAtlas:
    maps = rasterized_maps(hillside, TILE)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    configuration = TraceConfiguration(depth=2, over_rooftop=False, dynamic_range_db=100.0)
    return SiteTracer(hillside, surface, terrain, TILE, itu_materials(3.5e9), configuration).trace(0, SITE)


def ends(cells: np.ndarray) -> np.ndarray:
    centres = TILE.centres[cells]
    return np.column_stack([centres, SLOPE * centres[:, 0] + 1.5])


def test_paths_over_edges_end_on_the_slope(atlas: PathAtlas) -> None:
    # Fermat: over the edge to the UE's height above the sloping ground, as short as it can be.
    path = np.flatnonzero((atlas.kind == DIFFRACTED) & (atlas.interactions == 0))
    edge, end = atlas.wedge[path], ends(atlas.ground_cell[path])
    share = np.linspace(0, 1, 2001)[None, :, None]
    points = atlas.wedges.origin[edge][:, None] + share * (
        atlas.wedges.length[edge][:, None] * atlas.wedges.direction[edge]
    )[:, None]  # fmt: skip
    lengths = np.linalg.norm(points - SITE, axis=2) + np.linalg.norm(points - end[:, None], axis=2)
    assert len(path) > 50
    np.testing.assert_allclose(atlas.length[path], lengths.min(axis=1), atol=1e-4)


def test_path_solver_finds_the_same_paths(atlas: PathAtlas, hillside: Triangles, tmp_path: Path) -> None:
    behind = np.setdiff1d(
        atlas.ground_cell[(atlas.kind == DIFFRACTED)], atlas.ground_cell[atlas.line_of_sight]
    )
    cells = np.random.default_rng(1).choice(behind, 24, replace=False)
    write_mitsuba_scene(hillside, tmp_path / "scene")
    settings = ReferenceSettings(2, 500_000, diffraction=True, receivers=8)
    theirs = reference_paths(tmp_path / "scene" / "scene.xml", 3.5e9, SITE, ends(cells), settings)
    found = side_by_side(atlas, cells, theirs, weakest=1e-2)
    gains = found.gain_db[found.paths.kind[found.shared] == DIFFRACTED]
    assert np.mean(found.missing) < 0.05
    assert len(gains) >= 20
    assert np.max(np.abs(gains)) < 0.02
