"""Worlds in which each building has its own εr and σ: who is touched, closed forms, and draws by name."""

from __future__ import annotations

import dataclasses
import zlib
from pathlib import Path

import numpy as np
import pytest
import shapely

from propagation_fixtures import CONCRETE, FREQUENCY, box, materials, scene, tracer
from raylocus.datasets.plan import WorldRecord, redraw_world
from raylocus.errors import InputError
from raylocus.propagation.atlas.atlas import DIFFRACTED, SPECULAR, PathAtlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import RadioMaterials, slab_reflection
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import build_place
from raylocus.scenes.building_records import building_index, read_buildings, read_named_scene
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.scenes.world import BuildingFactors, WorldLaw, sample_world
from raylocus.units import SPEED_OF_LIGHT

WEST, EAST = box((-24, -20), (-14, 20), 12), box((14, -20), (24, 20), 12)
SITE = np.array([1.0, 1.0, 15.0])
NETWORK = Deployment((Carrier(),), (Site("mast", (1.0, 1.0, 15.0)),), (Cell(1, 0, 0.0, 0.1),))


@pytest.fixture(scope="module")
def atlas() -> PathAtlas:
    return tracer(scene(WEST, EAST), TraceConfiguration(depth=2, refraction=1, scattering=0.3)).trace(0, SITE)


def east(atlas: PathAtlas) -> int:
    """Index of the building in the east."""
    wall = np.flatnonzero(
        (atlas.kind == SPECULAR) & (atlas.interactions == 1) & (atlas.departure[:, 0] > 0.2)
    )
    return int(atlas.building[wall, 0].max())


def with_factors(count: int, chosen: int, permittivity: float, conductivity: float = 1.0) -> RadioMaterials:
    """The nominal materials but for one of `count` buildings; −1 chooses the ground."""
    factors = BuildingFactors(np.ones(count + 1), np.ones(count + 1))
    factors.permittivity[chosen], factors.conductivity[chosen] = permittivity, conductivity
    return dataclasses.replace(materials(), scattering=0.3, buildings=factors)


def test_factors_of_one_change_no_bit(atlas: PathAtlas) -> None:
    nominal = dataclasses.replace(materials(), scattering=0.3)
    np.testing.assert_array_equal(
        path_fields(atlas, with_factors(2, 0, 1.0)), path_fields(atlas, nominal), strict=True
    )


@pytest.mark.parametrize("ground", [False, True])
def test_one_buildings_factor_changes_the_paths_that_touch_it_and_no_other(
    atlas: PathAtlas, ground: bool
) -> None:
    chosen = -1 if ground else east(atlas)
    before, after = (path_fields(atlas, with_factors(2, chosen, factor)) for factor in (1.0, 2.0))
    changed = (before != after).any(axis=(1, 2))
    edge = (atlas.kind == DIFFRACTED) & (atlas.wedges.building[atlas.wedge] == chosen)
    touching = ((atlas.building == chosen) & (atlas.material >= 0)).any(axis=1) | edge
    assert not changed[~touching].any()
    assert changed[touching].mean() > 0.99
    assert {*atlas.kind[changed]} >= ({SPECULAR} if ground else {*atlas.kind[atlas.interactions > 0]})


def test_a_reflection_follows_fresnel_with_the_buildings_own_permittivity(atlas: PathAtlas) -> None:
    chosen = east(atlas)
    reflected = (atlas.kind == SPECULAR) & (atlas.interactions == 1) & (atlas.building[:, 0] == chosen)
    path = np.flatnonzero(reflected & (np.abs(atlas.normals[:, 0, 0]) > 0.9))
    assert len(path) > 20
    radio = with_factors(2, chosen, 1.7, 3.0)
    eta = radio.permittivity[CONCRETE] * 1.7 - 1j * 3.0 * radio.conductivity[CONCRETE] / (
        2 * np.pi * FREQUENCY * 8.8541878128e-12
    )
    cosine = np.abs(atlas.departure[path, 0]).astype(float)
    wavelength = SPEED_OF_LIGHT / FREQUENCY
    electric, magnetic = slab_reflection(cosine, np.full(len(path), eta), 0.1, wavelength)
    power = (np.abs(path_fields(atlas, radio)[path]) ** 2).sum(axis=(1, 2))
    free_space = (wavelength / (4 * np.pi * atlas.length[path])) ** 2
    # Both polarisations' power: |r_TE|² + |r_TM|² of what the rough wall does not scatter.
    expected = (1 - 0.3**2) * (np.abs(electric) ** 2 + np.abs(magnetic) ** 2) * free_space
    np.testing.assert_allclose(power, expected, rtol=1e-4)


def test_a_building_draws_the_same_next_to_any_others() -> None:
    world = sample_world(NETWORK, WorldLaw(severity=1.0), np.random.default_rng(5))
    many = world.building_factors(np.array([3, 70, 4_000_000_000]))
    few = world.building_factors(np.array([4_000_000_000, 3]))
    np.testing.assert_array_equal(many.permittivity[[2, 0, 3]], few.permittivity)
    np.testing.assert_array_equal(many.conductivity[[2, 0, 3]], few.conductivity)
    assert len({*many.permittivity, *many.conductivity}) == 8


def test_a_body_keeps_its_name_when_others_come_before_it() -> None:
    alone, both = building_index(scene(EAST)), building_index(scene(WEST, EAST))
    assert len(alone.key) == 1 and len(both.key) == 2
    assert both.key[both.of_triangle[-1]] == alone.key[0]
    assert both.of_triangle[:2].tolist() == [-1, -1]
    assert {len({*part.tolist()}) for part in np.split(both.of_triangle[2:], 2)} == {1}


def test_class_and_building_together_have_the_laws_spread() -> None:
    law, draws = WorldLaw(severity=1.0), []
    for seed in range(1500):
        world = sample_world(NETWORK, law, np.random.default_rng(seed))
        own = world.building_factors(np.array([11]))
        draws.append(
            np.log([world.permittivity_factor[0], world.conductivity_factor[0]])
            + np.log([own.permittivity[0], own.conductivity[0]])
        )
    # Standard error of a deviation over 1,500 draws: 1.8 %.
    spread = np.std(draws, axis=0)
    np.testing.assert_allclose(spread, [law.log_permittivity, law.log_conductivity], rtol=0.08)


def test_severity_zero_leaves_every_building_as_the_map_has_it() -> None:
    factors = sample_world(NETWORK, WorldLaw(severity=0.0), np.random.default_rng(1)).building_factors(
        np.arange(5)
    )
    assert (factors.permittivity == 1).all() and (factors.conductivity == 1).all()


def test_a_recorded_world_is_redrawn_building_by_building() -> None:
    record = WorldRecord(0, 3, None, 10, seed=4, law=WorldLaw(severity=1.0))
    first, again = (redraw_world(NETWORK, record).building_factors(np.arange(9)) for _ in range(2))
    other = redraw_world(NETWORK, dataclasses.replace(record, number=4)).building_factors(np.arange(9))
    assert first.permittivity.tobytes() == again.permittivity.tobytes()
    assert first.conductivity.tobytes() == again.conductivity.tobytes()
    assert (first.permittivity != other.permittivity).all()


@pytest.mark.parametrize(
    ("sentence", "fields"),
    [
        ("building_share is a share", {"building_share": 1.5}),
        ("turned_share is a share", {"turned_share": -0.1}),
        ("share one variance", {"residual_shared_by_all": 0.6, "residual_shared_by_site": 0.5}),
        ("residual_freedom is above 0", {"residual_freedom": 0.0}),
        ("residual_distance is above 0, not nan", {"residual_distance": float("nan")}),
        ("power_error_db is 0 or more", {"power_error_db": -1.0}),
        ("severity lies between", {"severity": 2.5}),
    ],
)
def test_a_law_that_is_none_is_refused(sentence: str, fields: dict[str, float]) -> None:
    with pytest.raises(InputError, match=sentence):
        WorldLaw(**fields)
    assert (
        WorldLaw(residual_shared_by_all=0.5, residual_shared_by_site=0.5, power_error_db=0.0).severity == 0.5
    )


def test_a_places_triangles_carry_the_names_of_its_records(tmp_path: Path) -> None:
    configuration = SceneConfiguration(tile_size=256.0, resolution=8.0)
    town = build_place("procedural:perimeter-blocks", tmp_path / "town", configuration)
    triangles = read_named_scene(town.scene_file)
    assert triangles.building is not None
    assert (triangles.building[triangles.ground] == -1).all()
    assert (triangles.building[~triangles.ground] >= 0).all()
    buildings = {zlib.crc32(each.identifier.encode()): each.footprint for each in read_buildings(town.folder)}
    middle = shapely.points(triangles.vertices.mean(axis=1)[:, :2])
    away = [
        shapely.distance(middle[index], buildings[int(triangles.building[index])])
        for index in np.flatnonzero(~triangles.ground)
    ]
    assert max(away) < 0.1
