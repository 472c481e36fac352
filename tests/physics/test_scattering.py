"""Diffuse scattering: energy in closed form at a plate, and PathSolver at a rough wall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import FREQUENCY, TILE, materials, quad, scene, tracer
from raylocus.propagation.atlas.atlas import SCATTERED, SPECULAR, PathAtlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.atlas.ue_paths import paths_at
from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.search.scattering import scattering_pattern, wall_patches
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.triangles import Triangles, write_mitsuba_scene

SITE = np.array([-20.0, 6.0, 18.0])
#: A wall at x = 10 from y = −15 to 15, 20 m high.
WALL = quad(np.array([[10, -15, 0], [10, 15, 0], [10, 15, 20], [10, -15, 20]], float))


def rough(coefficient: float, exponent: int = 0, triangles: Triangles | None = None) -> PathAtlas:
    settings = TraceConfiguration(
        depth=1, over_rooftop=False, diffraction=False, scattering=coefficient,
        scattering_exponent=exponent, dynamic_range_db=300.0,
    )  # fmt: skip
    return tracer(triangles or scene(WALL), settings).trace(0, SITE)


def hemisphere(count: int = 400) -> tuple[np.ndarray, float]:
    """Directions on the side of +z at equal steps of cos θ and azimuth, and the solid angle of each."""
    cosine = (np.arange(count) + 0.5) / count
    azimuth = 2 * np.pi * (np.arange(2 * count) + 0.5) / (2 * count)
    z, phi = (each.ravel() for each in np.meshgrid(cosine, azimuth))
    sine = np.sqrt(1 - z**2)
    return np.column_stack([sine * np.cos(phi), sine * np.sin(phi), z]), np.pi / count**2


@pytest.mark.parametrize("exponent", [0, 1, 4, 9])
@pytest.mark.parametrize("degrees", [0.0, 40.0, 75.0])
def test_the_pattern_sends_all_power_into_the_half_space(exponent: int, degrees: float) -> None:
    scattered, solid_angle = hemisphere()
    angle = np.deg2rad(degrees)
    incident = np.broadcast_to([np.sin(angle), 0.0, -np.cos(angle)], scattered.shape)
    normal = np.broadcast_to([0.0, 0.0, 1.0], scattered.shape)
    total = scattering_pattern(incident, scattered, normal, exponent).sum() * solid_angle
    assert total == pytest.approx(1.0, abs=2e-3)


def test_patches_catch_the_power_that_meets_the_plate() -> None:
    patches = wall_patches(Surfaces(scene(WALL)))
    assert patches.area.sum() == pytest.approx(600.0)
    span = patches.position - SITE
    distance = np.linalg.norm(span, axis=1)
    caught = (np.abs(np.einsum("pi,pi->p", span, patches.normal)) * patches.area / distance**3).sum()

    def corner(y: float, z: float) -> float:
        """Solid angle of the rectangle between the foot of the site's plumb on the wall and (y, z)."""
        away = 10.0 - SITE[0]
        return float(np.arctan(y * z / (away * np.sqrt(away**2 + y**2 + z**2))))

    low, high, bottom, top = -15 - SITE[1], 15 - SITE[1], -SITE[2], 20 - SITE[2]
    exact = corner(high, top) - corner(low, top) - corner(high, bottom) + corner(low, bottom)
    assert caught == pytest.approx(exact, rel=0.01)


def test_the_specular_path_keeps_what_is_not_scattered() -> None:
    smooth, half = rough(0.0), rough(0.5)
    wall = [
        np.flatnonzero(
            (atlas.kind == SPECULAR) & (atlas.interactions == 1) & (np.abs(atlas.normals[:, 0, 0]) > 0.9)
        )
        for atlas in (smooth, half)
    ]
    before, after = (
        (np.abs(path_fields(atlas, atlas.materials)[own]) ** 2).sum()
        for atlas, own in zip((smooth, half), wall, strict=True)
    )
    assert after / before == pytest.approx(1 - 0.5**2, rel=1e-4)
    assert (smooth.kind != SCATTERED).all()


@pytest.mark.parametrize("exponent", [0, 4])
def test_path_solver_scatters_as_much(exponent: int, tmp_path: Path) -> None:
    from raylocus.propagation.runtime.runtime import activate

    activate()
    import sionna.rt as rt

    write_mitsuba_scene(scene(WALL), tmp_path / "wall")
    solved = rt.load_scene(str(tmp_path / "wall" / "scene.xml"), merge_shapes=False)
    solved.frequency = FREQUENCY
    material = rt.RadioMaterial("rough", relative_permittivity=5.24, conductivity=float(materials().conductivity[0]),
                                thickness=0.1, scattering_coefficient=0.4)  # fmt: skip
    if exponent:
        material.scattering_pattern = rt.DirectivePattern(alpha_r=exponent)
    solved.get("building-concrete").radio_material = material
    solved.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    solved.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    solved.add(rt.Transmitter("site", SITE.tolist()))
    cells = TILE.index(
        np.array(
            [[3.0, 1.0], [-7.0, -11.0], [-25.0, 9.0], [1.0, 21.0], [7.0, 3.0], [-15.0, -5.0], [5.0, 15.0]]
        )
    )
    for index, cell in enumerate(cells):
        solved.add(rt.Receiver(f"ue-{index}", [*TILE.centres[cell].tolist(), 1.5]))
    paths = rt.PathSolver()(
        solved, max_depth=1, samples_per_src=200_000, max_num_paths_per_src=2_000_000, los=False,
        specular_reflection=False, diffuse_reflection=True, refraction=False,
    )  # fmt: skip
    real, imaginary = (part.numpy()[:, :, 0, 0] for part in paths.a)
    theirs = (real**2 + imaginary**2).sum(axis=(1, 2))
    atlas = rough(0.4, exponent)
    power = (np.abs(path_fields(atlas, atlas.materials)[:, :, 0]) ** 2).sum(axis=1)
    ours = [power[(atlas.kind == SCATTERED) & (atlas.ground_cell == cell)].sum() for cell in cells]
    # PathSolver's own sampling is good to 0.3 dB here.
    np.testing.assert_allclose(10 * np.log10(ours / theirs), 0.0, atol=0.8)
    assert 10 * np.log10(np.sum(ours) / theirs.sum()) == pytest.approx(0.0, abs=0.3)


def test_nothing_is_scattered_through_a_wall_or_into_its_shadow() -> None:
    atlas = rough(0.4)
    behind = TILE.centres[atlas.ground_cell[atlas.kind == SCATTERED], 0] > 10.0
    assert not behind.any()
    # A screen 8 m high that the site looks over: from behind it the wall's lit part is hidden.
    low = quad(np.array([[6, -30, 0], [6, 30, 0], [6, 30, 8], [6, -30, 8]], float))
    screened = rough(0.4, triangles=scene(WALL, low))
    scattered = np.flatnonzero(screened.kind == SCATTERED)
    off = SITE[0] + screened.first_leg[scattered] * screened.departure[scattered, 0]
    x = TILE.centres[screened.ground_cell[scattered], 0]
    np.testing.assert_allclose(off[x == 5.0], 6.0, atol=1e-3)
    np.testing.assert_allclose(off[x == 9.0], 10.0, atol=1e-3)
    assert {6.0, 10.0} == set(off[x < -10].round(2))


def test_at_any_point_the_path_comes_from_its_patch() -> None:
    atlas = rough(0.4)
    position = np.array([[-6.6, -11.3, 1.5]])
    points = np.column_stack([TILE.centres, np.full(TILE.count**2, 1.5)])
    moved = paths_at(atlas, 0, position, points).paths
    chosen = np.flatnonzero(moved.kind == SCATTERED)
    patch = SITE + moved.first_leg[chosen[0]] * moved.departure[chosen[0]]
    assert patch[0] == pytest.approx(10.0, abs=1e-3)
    second_leg = moved.length[chosen[0]] - moved.first_leg[chosen[0]]
    assert second_leg == pytest.approx(np.linalg.norm(position[0] - patch), abs=1e-3)


def test_same_seed_same_bytes() -> None:
    first, again = rough(0.4), rough(0.4)
    assert first.length.tobytes() == again.length.tobytes()
    assert first.excess_loss_db.tobytes() == again.excess_loss_db.tobytes()
