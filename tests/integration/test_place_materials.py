"""Materials that a place sets reach place.json, plain Sionna and the tracer."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from map_fixtures import village
from raylocus.cli.main import main
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.materials.materials import itu_materials, slab_reflection
from raylocus.propagation.runtime.runtime import activate
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.geometry_maps import MATERIALS

FAST = TraceConfiguration(depth=1, rays_per_cell=1.0, diffraction=False, over_rooftop=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A village with thick walls of another concrete, and glass of another thickness."""
    folder = tmp_path_factory.mktemp("materials")
    settings = folder / "materials.yaml"
    settings.write_text("scene:\n  resolution: 4.0\n  materials:\n    ground:\n      thickness: 0.35\n")
    options = ["--config", str(settings), "--scene.materials.concrete.permittivity", "7"]
    source = str(village(folder / "village.osm"))
    assert main(["scene", "build", source, "--out", str(folder / "place"), *options]) == 0
    return folder / "place"


def test_place_json_lists_every_class(folder: Path) -> None:
    record = json.loads((folder / "place.json").read_text())["materials"]
    assert list(record) == list(MATERIALS)
    assert record["concrete"]["permittivity"] == 7 and record["concrete"]["set"] == ["permittivity"]
    assert record["ground"]["thickness"] == 0.35 and record["ground"]["set"] == ["thickness"]
    itu = itu_materials(3.5e9)
    assert record["brick"] == {"permittivity": itu.permittivity[1], "conductivity": itu.conductivity[1],
                               "thickness": 0.1, "set": []}  # fmt: skip
    assert open_place(folder).materials.concrete.permittivity == 7


def test_plain_sionna_sees_them(folder: Path) -> None:
    activate()
    import sionna.rt as rt

    scene = rt.load_scene(str(folder / "scene.xml"))
    ground = scene.radio_materials["ground"]
    assert ground.thickness.numpy()[0] == pytest.approx(0.35)
    set_names = [name for name in scene.radio_materials if name.startswith("set_")]
    if any(np.asarray(open_place(folder).geometry_maps["material"].values).ravel() == 0):
        assert set_names == ["set_concrete"]
        assert scene.radio_materials["set_concrete"].relative_permittivity.numpy()[0] == pytest.approx(7)


def test_a_changed_thickness_changes_a_reflection(folder: Path) -> None:
    place = open_place(folder)
    atlas = tracer_of(place, FAST).trace(0, place.deployment.site_positions[0])
    ground = MATERIALS.index("ground")
    off_ground = np.flatnonzero((atlas.interactions == 1) & (atlas.material[:, 0] == ground))
    assert len(off_ground) > 100
    thick = path_fields(atlas, atlas.materials)
    thin = path_fields(atlas, itu_materials(place.deployment.carrier.frequency))
    # Horizontal polarisation off the ground is TE: the ratio is that of the slabs, in closed form.
    cosine = np.abs(atlas.departure[off_ground, 2]).astype(float)
    eta = np.full(len(cosine), atlas.materials.complex_permittivity[ground])
    expected, nominal = (slab_reflection(cosine, eta, t, atlas.materials.wavelength)[0] for t in (0.35, 0.1))
    ratio = np.abs(thick[off_ground, 1, 1]) / np.abs(thin[off_ground, 1, 1])
    np.testing.assert_allclose(ratio, np.abs(expected) / np.abs(nominal), rtol=2e-3)
    assert np.abs(ratio - 1).max() > 0.01
    untouched = np.flatnonzero(atlas.line_of_sight)
    np.testing.assert_array_equal(thick[untouched], thin[untouched])


def test_trees_attenuate_unless_switched_off(folder: Path) -> None:
    place = open_place(folder)
    site = place.deployment.site_positions[0]
    wooded, bare = (
        tracer_of(place, dataclasses.replace(FAST, vegetation=on)).trace(0, site) for on in (True, False)
    )
    under = place.geometry_maps["vegetation"].values.ravel() > 0
    loss = wooded.excess_loss_db[wooded.line_of_sight]
    below = under[wooded.ground_cell[wooded.line_of_sight]]
    # Near the wood's edge a ray leaves below the crowns.
    assert below.any() and (loss[below] > 1).mean() > 0.6 and loss[below].max() > 15
    assert bare.excess_loss_db[bare.line_of_sight].max() == 0
