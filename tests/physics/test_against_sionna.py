"""The atlas and R compared with Sionna's own solvers, on a small scene and on a place cut from Munich."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import METAL, TILE, box, rasterized_maps, scene
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.oracles.reference import ReferenceSettings, reference_path_gain, reference_paths
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import SceneConfiguration, build_place
from raylocus.scenes.triangles import write_mitsuba_scene

FREQUENCY = 3.5e9


def power(atlas: PathAtlas) -> np.ndarray:
    return (np.abs(path_fields(atlas, atlas.materials)[:, :, 0]) ** 2).sum(axis=1)


def courtyard() -> tuple:
    return scene(
        box((-28, -6), (-20, 22), 14), box((6, -24), (14, 20), 18), box((-12, 24), (4, 30), 9), material=METAL
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PathAtlas, np.ndarray]:
    triangles, folder = courtyard(), tmp_path_factory.mktemp("courtyard")
    write_mitsuba_scene(triangles, folder / "scene")
    maps = rasterized_maps(triangles, TILE)
    configuration = TraceConfiguration(depth=3, rays_per_cell=32.0, over_rooftop=False, diffraction=False)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    site = np.array([-3.0, 1.0, 20.0])
    tracer = SiteTracer(triangles, surface, terrain, TILE, itu_materials(FREQUENCY), configuration)
    return folder / "scene" / "scene.xml", tracer.trace(0, site), site


def compare(atlas: PathAtlas, reference: PointPaths, cells: np.ndarray) -> dict[str, np.ndarray]:
    gains, ours = power(atlas) * atlas.visible, []
    for number, cell in enumerate(cells):
        mine, theirs = atlas.ground_cell == cell, reference.point == number
        if not mine.any() or not theirs.any():
            continue
        strongest = np.argmax(np.where(mine, gains, 0)), np.argmax(np.where(theirs, reference.gain, 0))
        turn = np.arccos(np.clip(atlas.arrival[strongest[0]] @ reference.arrival[strongest[1]], -1, 1))
        ours.append(
            (
                10 * np.log10(gains[mine].sum() / reference.gain[theirs].sum()),
                atlas.length[mine].min() - reference.length[theirs].min(),
                np.rad2deg(turn),
                (atlas.visible[mine & atlas.line_of_sight].sum() > 0.5)
                == reference.line_of_sight[theirs].any(),
            )
        )
    columns = np.array(ours).T
    return dict(zip(("gain", "length", "turn", "sight"), columns, strict=True))


def outdoor_cells(footprint: np.ndarray, count: int) -> np.ndarray:
    return np.random.default_rng(8).choice(np.flatnonzero(footprint.ravel() == 0), count, replace=False)


def test_small_scene_agrees_with_path_solver(small: tuple[Path, PathAtlas, np.ndarray]) -> None:
    scene_file, atlas, site = small
    footprint = rasterized_maps(courtyard(), TILE)["footprint"].values
    cells = outdoor_cells(footprint, 40)
    points = np.column_stack([TILE.centres[cells], np.full(40, 1.5)])
    reference = reference_paths(scene_file, FREQUENCY, site, points, ReferenceSettings(3, 500_000))
    difference = compare(atlas, reference, cells)
    assert len(difference["gain"]) >= 20
    assert np.median(np.abs(difference["gain"])) < 0.1
    assert np.quantile(np.abs(difference["gain"]), 0.9) < 3.0
    assert np.median(np.abs(difference["length"])) < 0.01
    assert np.median(difference["turn"]) < 0.1
    assert difference["sight"].mean() >= 0.95


def test_small_scene_agrees_with_radio_map_solver(small: tuple[Path, PathAtlas, np.ndarray]) -> None:
    scene_file, atlas, site = small
    theirs = reference_path_gain(scene_file, FREQUENCY, site, TILE, 1.5, ReferenceSettings(3, 4_000_000))
    mine = np.zeros(TILE.count**2)
    np.add.at(mine, atlas.ground_cell, power(atlas) * atlas.visible)
    footprint = rasterized_maps(courtyard(), TILE)["footprint"].values.ravel()
    both = (footprint == 0) & (mine > 1e-12) & (theirs.ravel() > 1e-12)
    difference = 10 * np.log10(mine[both] / theirs.ravel()[both])
    assert both.sum() > 500
    assert np.median(np.abs(difference)) < 0.5


@pytest.fixture(scope="module")
def munich(tmp_path_factory: pytest.TempPathFactory) -> tuple[TracedPlace, PathAtlas]:
    folder = tmp_path_factory.mktemp("places") / "munich"
    build_place(
        "munich", folder, SceneConfiguration(tile_size=256.0, resolution=4.0, centre=(0.0, 0.0), seed=2)
    )
    place = open_place(folder)
    configuration = TraceConfiguration(depth=3, over_rooftop=False, diffraction=False)
    return place, tracer_of(place, configuration).trace(0, place.deployment.site_positions[0])


def test_munich_agrees_with_path_solver(munich: tuple[TracedPlace, PathAtlas]) -> None:
    place, atlas = munich
    cells = outdoor_cells(place.geometry_maps["footprint"].values, 40)
    points = np.column_stack([place.tile.centres[cells], np.full(40, 1.5)])
    site = place.deployment.site_positions[0]
    reference = reference_paths(place.scene_file, FREQUENCY, site, points, ReferenceSettings(3, 500_000))
    difference = compare(atlas, reference, cells)
    assert len(difference["gain"]) >= 12
    assert np.median(np.abs(difference["gain"])) < 0.5
    assert np.median(np.abs(difference["length"])) < 0.05
    assert difference["sight"].mean() >= 0.9


def test_munich_agrees_with_radio_map_solver(munich: tuple[TracedPlace, PathAtlas]) -> None:
    place, atlas = munich
    maps = radio_maps(atlas, dataclasses.replace(place.deployment, cells=place.deployment.cells[:1]))
    site = place.deployment.site_positions[0]
    theirs = reference_path_gain(
        place.scene_file, FREQUENCY, site, place.tile, 1.5, ReferenceSettings(3, 4_000_000)
    )
    outdoor = place.geometry_maps["footprint"].values == 0
    mine = maps["path_gain"].values[0]
    both = outdoor & (mine > -120) & (theirs > 1e-12)
    difference = mine[both] - 10 * np.log10(theirs[both])
    assert both.sum() > 300
    assert np.median(np.abs(difference)) < 0.5
