"""A drawn network that goes on beyond its tile: same sites inside, far ones heard, in worlds and true places too."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from area_fixtures import NETWORK, SCENE, TOWN, TRACE
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place
from raylocus.scenes.place import load_place
from raylocus.scenes.world import WorldLaw, sample_world

REACH = 350.0
LAYERS = RadioMapConfiguration(layers=())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> TracedPlace:
    wide = dataclasses.replace(SCENE, deployment=dataclasses.replace(NETWORK, reach=REACH))
    folder = tmp_path_factory.mktemp("places") / "wide"
    build_place(TOWN, folder, wide, heard_cells)
    return trace_place(folder, TRACE, maps=LAYERS)


def test_the_tile_keeps_its_sites_and_others_stand_around_its_scene(
    place: TracedPlace, tmp_path: Path
) -> None:
    island = build_place(TOWN, tmp_path / "island", SCENE).deployment.site_positions
    position = place.deployment.site_positions
    inside = place.tile.contains(position)
    np.testing.assert_array_equal(position[inside], island)
    away = np.abs(position[~inside, :2]).max(axis=1)
    assert len(away) > 3
    assert away.min() > SCENE.side / 2 and away.max() < SCENE.tile_size / 2 + REACH + 16
    assert any("mirrored at its edges" in note for note in place.notes)


def test_far_sites_are_in_r_and_in_worlds(place: TracedPlace) -> None:
    inside = place.tile.contains(place.deployment.site_positions)
    kinds = np.array(place.radio_maps.attrs["site_treatment"])
    np.testing.assert_array_equal(kinds == "traced", inside)
    far = ~inside[place.deployment.site_of_cell]
    level = place.radio_maps["rsrp"].values
    assert np.isfinite(level[far]).any(axis=(1, 2)).all()
    # They interfere: some noise rises where the tile's own cells are alone otherwise.
    snr, sinr = (place.radio_maps[name].values for name in ("snr", "sinr"))
    best = np.nanargmax(np.where(np.isnan(level), -np.inf, level), axis=0)
    drop = np.take_along_axis(snr - sinr, best[None], axis=0)[0]
    assert np.nanmedian(drop) > 10
    world = sample_world(place.deployment, WorldLaw(severity=0.5), np.random.default_rng(0))
    assert np.isfinite(world_radio_maps(place, world)["rsrp"].values[far]).mean() > 0.5


def test_the_true_place_has_the_same_network_around_it(place: TracedPlace, tmp_path: Path) -> None:
    perturb_place(load_place(place.folder), tmp_path / "true", MapErrorLaw(severity=1.0), 1)
    true = trace_place(tmp_path / "true", TRACE, maps=LAYERS)
    inside = place.tile.contains(place.deployment.site_positions)
    moved = np.abs(true.deployment.site_positions - place.deployment.site_positions).max(axis=1)
    assert (moved[~inside] == 0).all() and (moved[inside] > 0).all()
    assert true.radio_maps.attrs["site_treatment"] == place.radio_maps.attrs["site_treatment"]
