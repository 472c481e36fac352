"""The channel at any point: compared with Sionna, along trajectories, and by the laws that need no reference."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propagation_fixtures import FREQUENCY, METAL, TILE, box, scene
from raylocus.errors import InputError
from raylocus.propagation.antennas.panels import Panel, sector_element
from raylocus.propagation.atlas.atlas import DIFFRACTED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import (
    PointPaths,
    frequency_response,
    impulse_response,
    path_taps,
)
from raylocus.propagation.atlas.ue_paths import first_order_error, ground_cell_points, paths_at
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.oracles.reference import ReferenceSettings, reference_paths
from raylocus.propagation.runtime.runtime import activate
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import rasterized_maps
from raylocus.scenes.triangles import write_mitsuba_scene
from raylocus.units import SPEED_OF_LIGHT

SITE = np.array([-3.0, 1.0, 20.0])
WAVELENGTH = SPEED_OF_LIGHT / FREQUENCY
POINTS = ground_cell_points(TILE, np.zeros(TILE.shape))
#: A panel that tests every turn: odd shape, two slants, turned and tilted.
SECTOR = Panel(rows=2, columns=3, polarization="cross", element=sector_element, azimuth=0.7, downtilt=0.3)
HANDSET = Panel(rows=1, columns=2, polarization="VH", azimuth=-0.4, downtilt=0.2)
SUBCARRIERS = np.linspace(-20e6, 20e6, 41)


def courtyard() -> tuple:
    return scene(
        box((-28, -6), (-20, 22), 14), box((6, -24), (14, 20), 18), box((-12, 24), (4, 30), 9), material=METAL
    )


@pytest.fixture(scope="module")
def atlas() -> PathAtlas:
    maps = rasterized_maps(courtyard(), TILE)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    configuration = TraceConfiguration(
        depth=3, rays_per_cell=32.0, over_rooftop=False, dynamic_range_db=200.0
    )
    return SiteTracer(courtyard(), surface, terrain, TILE, itu_materials(FREQUENCY), configuration).trace(
        0, SITE
    )


def whole_cells(atlas: PathAtlas) -> np.ndarray:
    """Ground cells all of whose paths reach all of them, with several specular paths."""
    partial = np.unique(atlas.ground_cell[atlas.visible < 0.999])
    cells, count = np.unique(atlas.ground_cell[atlas.kind == SPECULAR], return_counts=True)
    return np.setdiff1d(cells[count >= 3], partial)


def positions(atlas: PathAtlas, count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    cells = generator.choice(whole_cells(atlas), count, replace=False)
    step = generator.uniform(-0.9, 0.9, (count, 3)) * [1, 1, 0.2]
    return POINTS[cells] + step


@dataclass(frozen=True)
class SionnaChannel:
    """PathSolver's answer: taps [receiver, rx port, tx port, path] and what goes with them."""

    taps: np.ndarray
    delay: np.ndarray
    doppler: np.ndarray
    interactions: np.ndarray
    valid: np.ndarray
    response: np.ndarray


@pytest.fixture(scope="module")
def targets(atlas: PathAtlas) -> np.ndarray:
    return positions(atlas, 20, seed=3)


@pytest.fixture(scope="module")
def velocity() -> np.ndarray:
    return np.random.default_rng(4).normal(0, 10, (20, 3))


@pytest.fixture(scope="module")
def reference(
    targets: np.ndarray, velocity: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SionnaChannel, SionnaChannel]:
    """PathSolver without and with diffraction."""
    activate()
    import sionna.rt as rt

    folder = tmp_path_factory.mktemp("courtyard") / "scene"
    write_mitsuba_scene(courtyard(), folder)
    loaded = rt.load_scene(str(folder / "scene.xml"))
    loaded.frequency = FREQUENCY
    loaded.tx_array = rt.PlanarArray(num_rows=2, num_cols=3, pattern="tr38901", polarization="cross")
    loaded.rx_array = rt.PlanarArray(num_rows=1, num_cols=2, pattern="iso", polarization="VH")
    loaded.add(rt.Transmitter("site", SITE.tolist(), orientation=[SECTOR.azimuth, SECTOR.downtilt, 0.0]))
    turn = [HANDSET.azimuth, HANDSET.downtilt, 0.0]
    for index, target in enumerate(targets):
        speed = velocity[index].tolist()
        loaded.add(rt.Receiver(f"r{index}", target.tolist(), orientation=turn, velocity=speed))
    return _solve(rt, loaded, diffraction=False), _solve(rt, loaded, diffraction=True)


def _solve(rt: ModuleType, loaded: Any, diffraction: bool) -> SionnaChannel:
    settings = {"max_depth": 3, "samples_per_src": 300_000, "refraction": False, "synthetic_array": True}
    paths = rt.PathSolver()(loaded, diffraction=diffraction, **settings)
    taps, delay = paths.cir(normalize_delays=False, out_type="numpy")
    response = paths.cfr(SUBCARRIERS, normalize_delays=False, normalize=False, out_type="numpy")
    return SionnaChannel(
        taps[:, :, 0, :, :, 0], delay[:, 0], paths.doppler.numpy()[:, 0], paths.interactions.numpy()[:, :, 0],
        paths.valid.numpy()[:, 0], response[:, :, 0, :, 0],
    )  # fmt: skip


def test_frequency_response_agrees_with_path_solver(
    atlas: PathAtlas, targets: np.ndarray, reference: tuple[SionnaChannel, SionnaChannel]
) -> None:
    specular = reorder(atlas, np.flatnonzero(atlas.kind == SPECULAR))
    mine = impulse_response(paths_at(specular, 0, targets, POINTS), SECTOR, HANDSET)
    ours = np.moveaxis(frequency_response(mine, SUBCARRIERS), 1, 3).reshape(20, -1)
    theirs = reference[0].response.reshape(20, -1)
    error = np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)
    # Every port, phase included: 0.01 of the field at 3.5 GHz is 0.14 mm of path length.
    assert np.median(error) < 0.01
    # PathSolver's random rays, or ours, miss a path now and then.
    assert np.quantile(error, 0.75) < 0.01


def test_path_solver_comes_as_the_same_type(
    targets: np.ndarray, reference: tuple[SionnaChannel, SionnaChannel], tmp_path: Path
) -> None:
    write_mitsuba_scene(courtyard(), tmp_path / "scene")
    arguments = tmp_path / "scene" / "scene.xml", FREQUENCY, SITE, targets
    asked = ReferenceSettings(3, 300_000, diffraction=True, deterministic=True)
    solved = reference_paths(*arguments, asked)
    ours = np.moveaxis(frequency_response(path_taps(solved, SECTOR, HANDSET), SUBCARRIERS), 1, 3).reshape(
        20, -1
    )
    theirs = reference[1].response.reshape(20, -1)
    error = np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)
    # Our antennas on its paths: a random ray more or less moves a few points, never most of them.
    assert np.median(error) < 1e-3
    again = reference_paths(*arguments, asked)
    for column in dataclasses.fields(PointPaths):
        np.testing.assert_array_equal(getattr(again, column.name), getattr(solved, column.name))


def test_every_tap_agrees_with_path_solver(
    atlas: PathAtlas,
    targets: np.ndarray,
    velocity: np.ndarray,
    reference: tuple[SionnaChannel, SionnaChannel],
) -> None:
    solved = reference[1]
    mine = impulse_response(paths_at(atlas, 0, targets, POINTS), SECTOR, HANDSET, velocity)
    found = paths_at(atlas, 0, targets, POINTS).paths
    kind, order = found.kind, np.where(found.kind == DIFFRACTED, found.before_edge, -1)
    compared = {SPECULAR: 0, DIFFRACTED: 0}
    # PathSolver counts the leg from an edge to a mirror twice where a path has fewer interactions than its
    # max_depth; `test_diffraction` compares such paths at their own depth.
    counted = (found.kind == SPECULAR) | (found.interactions == found.before_edge)
    for path in np.flatnonzero(counted):
        ue = mine.ue[path]
        over_edge = solved.interactions[:, ue] == 8
        place = np.where(over_edge.any(axis=0), over_edge.argmax(axis=0), -1)
        touched = (solved.interactions[:, ue] == 1).sum(axis=0)
        same = solved.valid[ue] & (place == order[path]) & (touched == found.interactions[path])
        nearest = np.argmin(np.where(same, np.abs(solved.delay[ue] - mine.delay[path]), np.inf))
        if abs(solved.delay[ue][nearest] - mine.delay[path]) * SPEED_OF_LIGHT > 1e-4:
            continue
        compared[int(kind[path])] += 1
        theirs = solved.taps[ue, :, :, nearest]
        # Relative to the strongest port: near a null of the pattern single precision shows.
        np.testing.assert_allclose(mine.amplitude[path], theirs, atol=0.02 * np.abs(theirs).max())
        assert mine.doppler[path] == pytest.approx(solved.doppler[ue, nearest], abs=0.1)
    assert compared[SPECULAR] >= 40
    assert compared[DIFFRACTED] >= 40
    assert sum(compared.values()) > 0.9 * counted.sum()


def test_a_path_keeps_its_phase_across_ground_cells(atlas: PathAtlas) -> None:
    # Along a line through several ground cells the direct path's phase is that of the straight line.
    track = np.column_stack([np.linspace(-10, 4, 141), np.full(141, -14.3), np.full(141, 1.5)])
    direct = reorder(atlas, np.flatnonzero(atlas.line_of_sight))
    response = impulse_response(paths_at(direct, 0, track, POINTS), Panel(), Panel())
    assert len(np.unique(atlas.grid.index(track))) >= 7
    distance = np.linalg.norm(track - SITE, axis=1)[response.ue]
    assert len(distance) == 141
    phasor = response.amplitude[:, 0, 0] / np.abs(response.amplitude[:, 0, 0])
    expected = np.exp(-2j * np.pi * distance / WAVELENGTH)
    # The V–V coupling of this geometry is one sign all along, so only a constant is free.
    np.testing.assert_allclose(phasor * np.conj(expected), (phasor * np.conj(expected))[0], atol=0.01)


def test_reflected_and_diffracted_paths_are_the_same_from_either_ground_cell(atlas: PathAtlas) -> None:
    # A point on the border, reached from both sides: lengths of paths that persist agree to 0.1 mm.
    border = np.array([[1.0 - 1e-9, -14.3, 1.5], [1.0 + 1e-9, -14.3, 1.5]]) - [1.0, 0, 0]
    left, right = (paths_at(atlas, 0, border[side : side + 1], POINTS).paths for side in (0, 1))
    for kind in (SPECULAR, DIFFRACTED):
        own, other = (side.length[side.kind == kind] for side in (left, right))
        gap = np.abs(own[:, None] - other).min(axis=1)
        assert len(own) >= 3
        assert np.mean(gap < 1e-4) > 0.6


def test_first_order_ends_where_it_says(atlas: PathAtlas) -> None:
    # One linear step from the centre against the exact length at the new point.
    cell = whole_cells(atlas)[:40]
    step = np.random.default_rng(0).uniform(-1, 1, (len(cell), 3)) * [1, 1, 0.1]
    start, moved = (paths_at(atlas, 0, POINTS[cell] + shift, POINTS) for shift in (np.zeros(3), step))
    specular = start.paths.kind == SPECULAR
    offset, before = step[start.ue], start.paths
    linear = before.length + np.einsum("pi,pi->p", before.arrival, offset)
    left_out = (moved.paths.length - linear)[specular]
    bound = first_order_error(before.length, before.arrival.astype(float), offset)[specular]
    assert np.all(bound < 0.05)
    np.testing.assert_allclose(left_out, bound, rtol=0.1, atol=2e-6)
    assert left_out.max() > 0.25 * WAVELENGTH / 10, (
        "in a 2 m cell the first order is off by more than a phase error"
    )


def test_parseval_between_impulse_and_frequency_response(atlas: PathAtlas, targets: np.ndarray) -> None:
    # Over one period of a comb, the mean of |H|² is the sum of |h|² of taps on the comb's delays.
    spacing, count = 240e3, 512
    taps = impulse_response(paths_at(atlas, 0, targets[:4], POINTS), SECTOR, HANDSET)
    resolution = 1 / (spacing * count)
    ticks = np.round(taps.delay / resolution).astype(int)
    snapped = dataclasses.replace(taps, delay=ticks * resolution)
    response = frequency_response(snapped, np.arange(count) * spacing)
    binned = np.zeros((4, count, *taps.amplitude.shape[1:]), complex)
    np.add.at(binned, (taps.ue, ticks % count), taps.amplitude)
    np.testing.assert_allclose(
        (np.abs(response) ** 2).mean(axis=1), (np.abs(binned) ** 2).sum(axis=1), rtol=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(heading=st.floats(-np.pi, np.pi), speed=st.floats(0.1, 40.0))
def test_doppler_is_the_slope_of_the_phase(atlas: PathAtlas, heading: float, speed: float) -> None:
    velocity = speed * np.array([[np.cos(heading), np.sin(heading), 0.0]])
    start = POINTS[whole_cells(atlas)[5]][None]
    still = impulse_response(paths_at(atlas, 0, start, POINTS), Panel(), HANDSET, velocity)
    seconds = 1e-3 / speed
    later = impulse_response(paths_at(atlas, 0, start + seconds * velocity, POINTS), Panel(), HANDSET)
    turned = np.angle((later.amplitude * still.amplitude.conj()).sum(axis=(1, 2)))
    strong = np.abs(still.amplitude).max(axis=(1, 2)) > 1e-6
    # 1 mm is 4° of phase; what the field itself turns by is far less.
    np.testing.assert_allclose(turned[strong], (2 * np.pi * still.doppler * seconds)[strong], atol=2e-3)
    moved = frequency_response(still, np.zeros(1), time=seconds)
    arrived = frequency_response(later, np.zeros(1))
    np.testing.assert_allclose(moved, arrived, atol=5e-3 * np.abs(arrived).max())


def test_reciprocity(atlas: PathAtlas, targets: np.ndarray) -> None:
    # Swapping the roles of the antennas, with the path read backwards, gives the transposed channel.
    paths = paths_at(atlas, 0, targets, POINTS)
    forth = impulse_response(paths, SECTOR, HANDSET)
    backwards = _reversed(paths.paths)
    back = impulse_response(dataclasses.replace(paths, paths=backwards), HANDSET, SECTOR)
    direct = paths.paths.kind == SPECULAR
    ours, theirs = forth.amplitude[direct], np.swapaxes(back.amplitude[direct], 1, 2)
    np.testing.assert_allclose(ours, theirs, atol=1e-3 * np.abs(ours).max())


def _reversed(paths: PathAtlas) -> PathAtlas:
    """The specular paths from the UE to the site."""
    normals, material = np.zeros_like(paths.normals), np.full_like(paths.material, -1)
    for row, count in enumerate(paths.interactions):
        normals[row, :count] = paths.normals[row, :count][::-1]
        material[row, :count] = paths.material[row, :count][::-1]
    turned = {
        "departure": -paths.arrival,
        "arrival": -paths.departure,
        "normals": normals,
        "material": material,
    }
    return dataclasses.replace(paths, **turned)


def test_a_dark_ue_has_a_silent_channel(atlas: PathAtlas) -> None:
    dark = np.setdiff1d(np.arange(TILE.count**2), atlas.ground_cell)[:1]
    response = impulse_response(paths_at(atlas, 0, POINTS[dark], POINTS), SECTOR, HANDSET)
    assert len(response.ue) == 0
    assert not frequency_response(response, SUBCARRIERS).any()


def test_a_path_that_reaches_less_than_half_of_a_ground_cell_is_left_out(atlas: PathAtlas) -> None:
    cell = np.unique(atlas.ground_cell[atlas.visible < 0.5])[:50]
    found = paths_at(atlas, 0, POINTS[cell], POINTS)
    assert np.all(found.paths.visible >= 0.5)
    assert len(found.ue) == np.sum(np.isin(atlas.ground_cell, cell) & (atlas.visible >= 0.5))


def test_a_ue_outside_the_tile_is_named(atlas: PathAtlas) -> None:
    with pytest.raises(InputError, match=r"\(400, 0\) m is outside the 64 m tile"):
        paths_at(atlas, 0, np.array([[400.0, 0.0, 1.5]]), POINTS)
