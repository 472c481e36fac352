"""Materials from 700 MHz to 28 GHz: inside ITU's ranges its formula, outside a substitute that says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import TILE, box, rasterized_maps, scene, tracer
from raylocus.errors import InputError
from raylocus.propagation.atlas.atlas import OVER_ROOFTOP, SPECULAR, PathAtlas
from raylocus.propagation.atlas.atlas_store import load_atlas, save_atlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import MATERIALS

GROUND, GLASS, CONCRETE = (MATERIALS.index(name) for name in ("ground", "glass", "concrete"))


@pytest.mark.parametrize("frequency", [0.7e9, 1e9, 2.1e9, 3.5e9, 10e9, 10.1e9, 28e9])
def test_every_band_has_sane_materials(frequency: float) -> None:
    materials = itu_materials(frequency)
    assert np.all(materials.permittivity >= 1)
    assert np.all(materials.conductivity > 0)
    assert materials.frequency == frequency


@pytest.mark.parametrize(
    ("frequency", "named"),
    [
        (0.7e9, {"concrete", "brick", "marble", "metal", "ground"}),
        (1e9, set()),
        (10e9, set()),
        (28e9, {"ground"}),
    ],
)
def test_substitutes_are_named_and_only_they(frequency: float, named: set[str]) -> None:
    said = {sentence.split(":")[0] for sentence in itu_materials(frequency).substitutions}
    assert said == named


def test_a_substitute_has_the_properties_of_the_ranges_end() -> None:
    # ITU-R P.2040-4 Table 3, medium dry ground, 1–10 GHz: εr = 15 f^−0.1, σ = 0.035 f^1.63.
    high = itu_materials(28e9)
    assert high.permittivity[GROUND] == pytest.approx(15 * 10**-0.1)
    assert high.conductivity[GROUND] == pytest.approx(0.035 * 10**1.63)
    assert "at 10 GHz for 28 GHz" in high.substitutions[0]
    # Concrete reaches 28 GHz by its own formula: σ = 0.0462 f^0.7822.
    assert high.conductivity[CONCRETE] == pytest.approx(0.0462 * 28**0.7822)
    # Glass begins at 0.1 GHz, concrete at 1 GHz.
    low = itu_materials(0.7e9)
    assert low.conductivity[GLASS] == pytest.approx(0.0036 * 0.7**1.3394)
    assert low.conductivity[CONCRETE] == pytest.approx(0.0462)


@pytest.mark.parametrize("frequency", [1e6, 300e9])
def test_a_band_without_materials_is_refused(frequency: float) -> None:
    with pytest.raises(InputError, match="no material is known at"):
        itu_materials(frequency)


def test_the_atlas_keeps_what_was_substituted(tmp_path: Path) -> None:
    traced = tracer(scene(box((-4, -20), (8, 20), 12)), TraceConfiguration(depth=1)).trace(
        0, np.array([-20.0, 0, 20])
    )
    save_atlas(
        dataclasses.replace(traced, materials=itu_materials(28e9)),
        tmp_path / "a.zarr",
        Provenance.collect({}),
    )
    assert load_atlas(tmp_path / "a.zarr").materials.substitutions == itu_materials(28e9).substitutions
    assert traced.grid == TILE


def traced_at(frequency: float) -> PathAtlas:
    triangles = scene(box((-4, -20), (8, 20), 12))
    maps = rasterized_maps(triangles, TILE)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    settings = TraceConfiguration(depth=2, dynamic_range_db=300.0, refraction=2, scattering=0.3)
    tracing = SiteTracer(triangles, surface, terrain, TILE, itu_materials(frequency), settings)
    return tracing.trace(0, np.array([-20.0, 0.0, 20.0]))


def test_one_scene_is_traced_at_every_band() -> None:
    atlases = {frequency: traced_at(frequency) for frequency in (0.7e9, 3.5e9, 10e9, 28e9)}
    rooftop_losses = []
    for frequency, atlas in atlases.items():
        power = (np.abs(path_fields(atlas, atlas.materials)) ** 2).sum(axis=1)
        assert np.all(np.isfinite(power))
        assert bool(atlas.materials.substitutions) == (frequency in (0.7e9, 28e9))
        # In line of sight Friis holds, whatever the band.
        free = (atlas.materials.wavelength / (4 * np.pi * atlas.length)) ** 2
        np.testing.assert_allclose(power[atlas.line_of_sight, 0], free[atlas.line_of_sight], rtol=1e-4)
        rooftop_losses.append(atlas.excess_loss_db[atlas.kind == OVER_ROOFTOP].mean())
    # Geometry is the same at every band; the loss over a roof grows with it.
    lengths = [atlas.length[atlas.kind == SPECULAR] for atlas in atlases.values()]
    for other in lengths[1:]:
        np.testing.assert_array_equal(lengths[0], other)
    assert rooftop_losses == sorted(rooftop_losses)
    assert rooftop_losses[-1] - rooftop_losses[0] > 6.0
