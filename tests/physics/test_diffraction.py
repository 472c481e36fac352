"""First-order diffraction: every path and field of PathSolver at a block, and what UTD demands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import CONCRETE, METAL, TILE, box, rasterized_maps, scene
from raylocus.propagation.atlas import DIFFRACTED, PathAtlas
from raylocus.propagation.fields import path_fields
from raylocus.propagation.materials import itu_materials
from raylocus.propagation.point_paths import PointPaths
from raylocus.propagation.reference import ReferenceSettings, reference_paths
from raylocus.propagation.trace import SiteTracer, TraceConfiguration
from raylocus.propagation.utd import EdgeGeometry, diffracted_field, spreading, transition
from raylocus.propagation.wedges import find_wedges
from raylocus.scenes.triangles import write_mitsuba_scene

SITE = np.array([-13.0, 1.0, 10.0])


def traced(material: int) -> PathAtlas:
    triangles = scene(box((6, -24), (14, 20), 18), material=material)
    maps = rasterized_maps(triangles, TILE)
    configuration = TraceConfiguration(depth=1, over_rooftop=False, dynamic_range_db=100.0)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    return SiteTracer(triangles, surface, terrain, TILE, itu_materials(3.5e9), configuration).trace(0, SITE)


def reference(material: int, points: np.ndarray, folder: Path) -> PointPaths:
    write_mitsuba_scene(scene(box((6, -24), (14, 20), 18), material=material), folder / "scene")
    settings = ReferenceSettings(1, 500_000, diffraction=True)
    return reference_paths(folder / "scene" / "scene.xml", 3.5e9, SITE, points, settings)


@pytest.mark.parametrize("material", [CONCRETE, METAL])
def test_every_path_of_path_solver_and_no_other(material: int, tmp_path: Path) -> None:
    atlas = traced(material)
    outdoor = np.flatnonzero(
        rasterized_maps(scene(box((6, -24), (14, 20), 18)), TILE)["footprint"].values.ravel() == 0
    )
    cells = np.random.default_rng(0).choice(outdoor, 40, replace=False)
    theirs = reference(material, np.column_stack([TILE.centres[cells], np.full(40, 1.5)]), tmp_path)
    power = (np.abs(path_fields(atlas, atlas.materials)[:, :, 0]) ** 2).sum(axis=1)
    counts, differences = [], []
    for number, cell in enumerate(cells):
        # A specular path that only reaches other parts of the cell is not there at its centre.
        ours = np.flatnonzero((atlas.ground_cell == cell) & (atlas.visible > 0.2))
        other = np.flatnonzero(theirs.point == number)
        counts.append(len(ours) - len(other))
        for path in other:
            turn = np.linalg.norm(atlas.arrival[ours] - theirs.arrival[path], axis=1)
            apart = np.abs(atlas.length[ours] - theirs.length[path]) + turn
            gains = 10 * np.log10(power[ours] / theirs.gain[path])
            # On a shadow boundary the diffracted path and the one it replaces have the same geometry.
            best = np.argmin(apart + 1e-3 * np.abs(gains))
            differences.append((apart[best], gains[best], atlas.kind[ours[best]] == DIFFRACTED))
    apart, gain, diffracted = np.array(differences).T
    # PathSolver's own sampling now and then misses a path, so a few points may differ.
    assert np.mean(np.array(counts) == 0) >= 0.95
    assert np.mean(apart < 2e-3) >= 0.98
    assert np.max(np.abs(gain[apart < 2e-3])) < 0.02
    assert diffracted.sum() > 50


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
    normal = np.array([[-1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0]])
    geometry = EdgeGeometry(
        before[None] / lengths[0], after[None] / lengths[1], np.array([lengths[0]]), np.array([lengths[1]]),
        np.array([[0.0, 1.0, 0.0]]), normal[0], normal[1],
    )  # fmt: skip
    along = np.array([[[0.0, 1.0, 0.0]]], complex)
    conductor = np.array([1.0 - 1e8j])
    field = diffracted_field(along, geometry, conductor, 0.1, wavelength)[0, 0] @ np.array([0.0, 1.0, 0.0])
    wavenumber = 2 * np.pi / wavelength
    total = (
        field
        * spreading(*map(np.array, ([lengths[0]], [lengths[1]])))[0]
        * np.exp(-1j * wavenumber * sum(lengths))
    )
    straight = np.linalg.norm(target - source)
    height_at_edge = source[2] + (target[2] - source[2]) * (edge[0] - source[0]) / (target[0] - source[0])
    lit = height_at_edge > edge[2]
    return complex(total + lit * np.exp(-1j * wavenumber * straight) / straight)


def test_transition_function_has_its_limits() -> None:
    assert abs(transition(np.array([1e4]))[0] - 1) < 1e-3
    small = np.array([1e-6])
    assert abs(transition(small)[0] - np.sqrt(np.pi * small[0]) * np.exp(0.25j * np.pi)) < 1e-5


def test_a_block_has_eight_wedges_with_outward_normals() -> None:
    wedges = find_wedges(scene(box((6, -24), (14, 20), 18)))
    assert len(wedges) == 8  # four corners and four eaves; the foot is not joined to the ground
    middle = wedges.origin + 0.5 * wedges.length[:, None] * wedges.direction
    outward = middle - np.array([10.0, -2.0, 9.0])
    assert np.all(np.einsum("wi,wfi->wf", outward, wedges.normals) > 0)
    np.testing.assert_allclose(
        np.einsum("wi,wi->w", wedges.normals[:, 0], wedges.normals[:, 1]), 0, atol=1e-9
    )
