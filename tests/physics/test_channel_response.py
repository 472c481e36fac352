"""The channel at any point: beside Sionna, along trajectories, and by the laws that need no reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from propagation_fixtures import FREQUENCY, METAL, TILE, box, scene

from raylocus.errors import InputError
from raylocus.propagation.atlas import DIFFRACTED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.channel_response import ImpulseResponse, frequency_response, impulse_response
from raylocus.propagation.fields import path_fields
from raylocus.propagation.materials import itu_materials
from raylocus.propagation.panels import Panel, sector_element
from raylocus.propagation.runtime import activate
from raylocus.propagation.trace import SiteTracer, TraceConfiguration
from raylocus.propagation.ue_paths import first_order_error, ground_cell_points, paths_at
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
    return scene(box((-28, -6), (-20, 22), 14), box((6, -24), (14, 20), 18), box((-12, 24), (4, 30), 9), material=METAL)


@pytest.fixture(scope="module")
def atlas() -> PathAtlas:
    maps = rasterized_maps(courtyard(), TILE)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    configuration = TraceConfiguration(depth=3, rays_per_cell=32.0, over_rooftop=False, dynamic_range_db=200.0)
    return SiteTracer(courtyard(), surface, terrain, TILE, itu_materials(FREQUENCY), configuration).trace(0, SITE)


def whole_cells(atlas: PathAtlas) -> np.ndarray:
    """Ground cells all of whose paths reach all of them, with several paths."""
    partial = np.unique(atlas.ground_cell[atlas.visible < 0.999])
    cells, count = np.unique(atlas.ground_cell, return_counts=True)
    return np.setdiff1d(cells[count >= 3], partial)


def positions(atlas: PathAtlas, count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    cells = generator.choice(whole_cells(atlas), count, replace=False)
    step = generator.uniform(-0.9, 0.9, (count, 3)) * [1, 1, 0.2]
    return POINTS[cells] + step


def sionna_frequency_response(folder: Path, targets: np.ndarray, velocity: np.ndarray) -> tuple[np.ndarray, ...]:
    activate()
    import sionna.rt as rt

    write_mitsuba_scene(courtyard(), folder)
    loaded = rt.load_scene(str(folder / "scene.xml"))
    loaded.frequency = FREQUENCY
    loaded.tx_array = rt.PlanarArray(num_rows=2, num_cols=3, pattern="tr38901", polarization="cross")
    loaded.rx_array = rt.PlanarArray(num_rows=1, num_cols=2, pattern="iso", polarization="VH")
    loaded.add(rt.Transmitter("site", SITE.tolist(), orientation=[SECTOR.azimuth, SECTOR.downtilt, 0.0]))
    for index, target in enumerate(targets):
        turn = [HANDSET.azimuth, HANDSET.downtilt, 0.0]
        receiver = rt.Receiver(f"r{index}", target.tolist(), orientation=turn, velocity=velocity[index].tolist())
        loaded.add(receiver)
    paths = rt.PathSolver()(
        loaded, max_depth=3, samples_per_src=500_000, refraction=False, diffraction=True, synthetic_array=True
    )
    # [receiver, rx port, transmitter, tx port, path, time]: total power of the impulse response.
    taps, _ = paths.cir(normalize_delays=False, out_type="numpy")
    response = paths.cfr(SUBCARRIERS, normalize_delays=False, normalize=False, out_type="numpy")
    valid, doppler = paths.valid.numpy()[:, 0], paths.doppler.numpy()[:, 0]
    spread = [np.sort(doppler[row][valid[row]]) for row in range(len(targets))]
    return response[:, :, 0, :, 0], (np.abs(taps[:, :, 0, :, :, 0]) ** 2).sum(axis=(1, 2, 3)), spread


def test_impulse_and_frequency_response_agree_with_path_solver(atlas: PathAtlas, tmp_path: Path) -> None:
    targets = positions(atlas, 20, seed=3)
    velocity = np.random.default_rng(4).normal(0, 10, (20, 3))
    theirs, power, doppler = sionna_frequency_response(tmp_path / "scene", targets, velocity)
    mine = impulse_response(paths_at(atlas, 0, targets, POINTS), SECTOR, HANDSET, velocity)
    ours = np.moveaxis(frequency_response(mine, SUBCARRIERS), 1, 3)
    error = np.linalg.norm((ours - theirs).reshape(20, -1), axis=1) / np.linalg.norm(theirs.reshape(20, -1), axis=1)
    # Phase included: 0.1 rad at 3.5 GHz is 1.4 mm. PathSolver itself misses a path now and then.
    assert np.median(error) < 0.02
    assert np.quantile(error, 0.8) < 0.1
    total = np.bincount(mine.ue, (np.abs(mine.amplitude) ** 2).sum(axis=(1, 2)), 20)
    np.testing.assert_allclose(np.median(np.abs(10 * np.log10(total / power))), 0, atol=0.02)
    same = [ue for ue in range(20) if (mine.ue == ue).sum() == len(doppler[ue])]
    assert len(same) >= 12
    for ue in same:
        np.testing.assert_allclose(np.sort(mine.doppler[mine.ue == ue]), doppler[ue], atol=0.5)
