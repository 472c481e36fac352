"""Paths through walls: the slab's energy and phase, and PathSolver at a box with a UE inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import CONCRETE, FREQUENCY, TILE, box, materials, scene, tracer
from raylocus.propagation.atlas.atlas import REFRACTED, PathAtlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.atlas.ue_paths import paths_at
from raylocus.propagation.materials.materials import slab_reflection, slab_transmission
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.triangles import Triangles, write_mitsuba_scene

SITE = np.array([-25.3, 3.1, 22.0])


def house() -> Triangles:
    """A closed box of concrete with a roof at 12 m."""
    return scene(box((-6, -10), (14, 12), 12))


def traced(crossings: int) -> PathAtlas:
    settings = TraceConfiguration(
        depth=1, over_rooftop=False, diffraction=False, refraction=crossings, dynamic_range_db=300.0
    )
    return tracer(house(), settings).trace(0, SITE)


def points() -> np.ndarray:
    return np.column_stack([TILE.centres, np.full(TILE.count**2, 1.5)])


@pytest.mark.parametrize("degrees", [0.0, 30.0, 60.0, 80.0])
def test_a_slab_without_loss_keeps_the_energy(degrees: float) -> None:
    cosine, eta = np.array([np.cos(np.deg2rad(degrees))]), np.array([5.24 + 0j])
    for reflected, passed in zip(
        slab_reflection(cosine, eta, 0.1, 0.0857), slab_transmission(cosine, eta, 0.1, 0.0857), strict=True
    ):
        assert np.abs(reflected[0]) ** 2 + np.abs(passed[0]) ** 2 == pytest.approx(1.0, abs=1e-12)


def test_a_slab_of_vacuum_is_not_there_but_for_the_phase_inside() -> None:
    passed, _ = slab_transmission(np.array([1.0]), np.array([1.0 + 0j]), 0.1, 0.0857)
    assert passed[0] == pytest.approx(np.exp(-2j * np.pi * 0.1 / 0.0857))


def test_every_cell_inside_gets_the_straight_path_through_one_surface() -> None:
    atlas = traced(1)
    chosen = np.flatnonzero(atlas.kind == REFRACTED)
    inside = np.flatnonzero((np.abs(TILE.centres - [4, 1]) < [10, 11]).all(axis=1))
    np.testing.assert_array_equal(np.sort(atlas.ground_cell[chosen]), inside)
    span = points()[atlas.ground_cell[chosen]] - SITE
    np.testing.assert_allclose(atlas.length[chosen], np.linalg.norm(span, axis=1))
    assert (atlas.interactions[chosen] == 1).all()
    assert not atlas.line_of_sight[chosen].any()


def test_gain_is_that_of_the_slab_and_friis() -> None:
    atlas = traced(1)
    chosen = np.flatnonzero(atlas.kind == REFRACTED)
    gain = (np.abs(path_fields(atlas, materials())[chosen]) ** 2).sum(axis=(1, 2))
    cosine = np.abs(np.einsum("pi,pi->p", atlas.departure[chosen], atlas.normals[chosen, 0])).astype(float)
    eta = np.repeat(materials().complex_permittivity[CONCRETE], len(chosen))
    through = slab_transmission(cosine, eta, 0.1, materials().wavelength)
    expected = (
        sum(np.abs(each) ** 2 for each in through)
        * (materials().wavelength / (4 * np.pi * atlas.length[chosen])) ** 2
    )
    np.testing.assert_allclose(gain, expected, rtol=1e-4)


def test_more_crossings_reach_behind_the_house() -> None:
    reached = [set(atlas.ground_cell[atlas.kind == REFRACTED]) for atlas in map(traced, (1, 2))]
    assert reached[0] < reached[1]


def test_path_solver_finds_the_same_paths_and_gains(tmp_path: Path) -> None:
    from raylocus.propagation.runtime.runtime import activate

    activate()
    import sionna.rt as rt

    write_mitsuba_scene(house(), tmp_path / "house")
    solved = rt.load_scene(str(tmp_path / "house" / "scene.xml"))
    solved.frequency = FREQUENCY
    solved.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    solved.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    solved.add(rt.Transmitter("site", SITE.tolist()))
    atlas = traced(2)
    chosen = np.flatnonzero(atlas.kind == REFRACTED)[::15]
    for index, cell in enumerate(atlas.ground_cell[chosen]):
        solved.add(rt.Receiver(f"ue-{index}", points()[cell].tolist()))
    paths = rt.PathSolver()(
        solved, max_depth=2, samples_per_src=200_000, specular_reflection=False, refraction=True, seed=1
    )
    real, imaginary = (part.numpy()[:, :, 0, 0] for part in paths.a)
    gain = (real**2 + imaginary**2).sum(axis=(1, 2))
    ours = (np.abs(path_fields(atlas, materials())[chosen, :, 0]) ** 2).sum(axis=1)
    assert len(chosen) > 10
    found = gain > 0
    assert found.mean() > 0.9  # PathSolver's sampling may miss one
    np.testing.assert_allclose(10 * np.log10(ours[found] / gain[found]), 0.0, atol=0.01)


def test_at_any_point_the_path_is_straight_from_the_site() -> None:
    atlas, position = traced(1), np.array([[4.7, 1.4, 1.5]])
    moved = paths_at(atlas, 0, position, points()).paths
    chosen = moved.kind == REFRACTED
    assert moved.length[chosen][0] == pytest.approx(np.linalg.norm(position[0] - SITE), abs=1e-5)
