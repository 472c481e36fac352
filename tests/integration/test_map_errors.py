"""Places that are not as mapped: what is drawn, recorded and written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from map_fixtures import building, rectangle, village
from raylocus.cli.main import main
from raylocus.datasets.configuration import DatasetConfiguration, SplitSize
from raylocus.datasets.plan import plan_worlds, redraw_world
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError, PlaceError
from raylocus.geo import Grid
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.maps.world_maps import turned_deployment
from raylocus.propagation.scene_validation import validate_place
from raylocus.scenes.build import build_place
from raylocus.scenes.building_records import read_buildings
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.ground.terrain import FLAT, SURFACE_MODEL, TERRAIN_MODEL
from raylocus.scenes.map_errors.buildings import draw_buildings, stacked_groups
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place
from raylocus.scenes.map_errors.surroundings import draw_terrain, terrain_of_mesh
from raylocus.scenes.meshing.scene_mesh import terrain_triangles
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import Terrain
from raylocus.scenes.world import WorldLaw

GRID = Grid(1000.0, 4.0)
FREE = np.ones(GRID.shape, bool)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("map_errors")
    return build_place("procedural:perimeter-blocks", folder / "town", SceneConfiguration(resolution=4.0))


def test_severity_0_is_the_map_itself(town: Place, tmp_path: Path) -> None:
    perturbed = perturb_place(town, tmp_path / "same", MapErrorLaw(severity=0.0), 1)
    for name in (
        "surface",
        "terrain",
        "height",
        "material",
        "footprint",
        "road_class",
        "vegetation",
        "water",
    ):
        ours, theirs = (place.geometry_maps[name].values for place in (load_place(perturbed.folder), town))
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert perturbed.deployment == town.deployment
    assert not perturbed.map_error["cars"] and not perturbed.map_error["trees"]


def test_every_draw_is_in_place_json(town: Place, tmp_path: Path) -> None:
    law = MapErrorLaw(severity=1.0)
    perturb_place(town, tmp_path / "true", law, 5)
    perturbed = load_place(tmp_path / "true")
    drawn, mapped = perturbed.map_error, {each.identifier: each for each in read_buildings(town.folder)}
    stand = {each.identifier: each for each in read_buildings(perturbed.folder)}
    assert drawn["seed"] == 5 and drawn["of"]["digest"] == town.provenance.digest
    assert set(mapped) - set(stand) == set(drawn["buildings"]["missing"])
    cars = {name for name in stand if name.startswith("car/")}
    assert set(stand) - set(mapped) - cars == set(drawn["buildings"]["added"])
    for name, error in drawn["buildings"]["height"].items():
        assert stand[name].height - mapped[name].height == pytest.approx(error, abs=2e-3)
    listed, true = town.deployment, perturbed.deployment
    np.testing.assert_allclose(
        true.site_positions - listed.site_positions, drawn["sites"]["position"], atol=1e-3
    )
    assert len(drawn["cars"]) == len(cars) > 20 and len(drawn["trees"]) > 5
    error = perturbed.geometry_maps["terrain"].values - town.geometry_maps["terrain"].values
    assert error.std() == pytest.approx(drawn["terrain"]["rms_error"], rel=0.5)


def test_a_severely_perturbed_place_is_sound(
    town: Place, tmp_path: Path, generator: np.random.Generator
) -> None:
    perturb_place(town, tmp_path / "true", MapErrorLaw(severity=2.0, terrain_model_error=2.0), 2)
    findings = validate_place(open_place(tmp_path / "true"), generator, points=300)
    assert all(finding.sound for finding in findings), [finding.line for finding in findings]
    perturbed = load_place(tmp_path / "true")
    maps = perturbed.geometry_maps
    # Cars show in the surface, yet nobody in the street is indoors because of them.
    cars = [shapely.centroid(shape) for shape in shapely.from_wkt(perturbed.map_error["cars"])]
    cell = town.tile.index(shapely.get_coordinates(cars))
    assert (maps["footprint"].values.ravel()[cell] == 0).mean() > 0.95
    assert (maps["height"].values.ravel()[cell] > 0.4).mean() > 0.9


def test_map_error_leaves_antennas_levels_and_materials_to_the_radio_world(
    town: Place, tmp_path: Path
) -> None:
    perturb_place(town, tmp_path / "true", MapErrorLaw(severity=2.0), 5)
    perturbed = load_place(tmp_path / "true")
    assert perturbed.deployment.cells == town.deployment.cells
    assert perturbed.materials == town.materials
    mapped = {each.identifier: each.wall_material for each in read_buildings(town.folder)}
    stand = {each.identifier: each.wall_material for each in read_buildings(perturbed.folder)}
    both = mapped.keys() & stand.keys()
    assert len(both) > 20 and {name: mapped[name] for name in both} == {name: stand[name] for name in both}


def test_over_an_outdated_map_antennas_levels_and_materials_err_once(town: Place, tmp_path: Path) -> None:
    """In a dataset of many worlds their squared errors from the map are the law's variances, not twice those."""
    perturb_place(town, tmp_path / "town.true", MapErrorLaw(severity=1.0), 5)
    choice = PlaceChoice(tmp_path / "town", "test", map_error=1.0)
    law = WorldLaw(severity=1.0, turned_share=0.0)
    configuration = DatasetConfiguration((choice,), seed=3, test=SplitSize(1500, 1), world_law=law)
    true = load_place(choice.true_folder)
    frequency = town.deployment.carrier.frequency
    azimuth, level, permittivity = [], [], []
    for record in plan_worlds(configuration):
        world = redraw_world(true.deployment, record)
        turned = turned_deployment(true.deployment, world)
        for cell, listed, error in zip(
            turned.cells, town.deployment.cells, world.level_error_db, strict=True
        ):
            azimuth.append(cell.azimuth - listed.azimuth)
            level.append(cell.power_dbm + error - listed.power_dbm)
        own = world.building_factors(np.arange(1)).permittivity[0]
        for stated, drawn, factor in zip(town.materials.at(frequency), true.materials.at(frequency),
                                         world.permittivity_factor, strict=True):  # fmt: skip
            permittivity.append(np.log(drawn.permittivity * factor * own / stated.permittivity))
    # Levels share an offset and materials their building's factor: 1,500 draws of each, 4 standard errors.
    enough = 4 * np.sqrt(2 / 1500)
    assert np.mean(np.square(azimuth)) == pytest.approx(law.azimuth_error**2, rel=enough)
    assert np.mean(np.square(level)) == pytest.approx(
        law.level_offset_db**2 + law.power_error_db**2, rel=enough
    )
    assert np.mean(np.square(permittivity)) == pytest.approx(law.log_permittivity**2, rel=enough)


def test_equal_seeds_give_equal_places(town: Place, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        perturb_place(town, tmp_path / name, MapErrorLaw(), seed)
    one, same, other = (json.loads((tmp_path / name / "place.json").read_text())["map_error"]
                        for name in ("one", "same", "other"))  # fmt: skip
    assert one == same and one != other
    scenes = [
        (tmp_path / name / "meshes" / "buildings.json").read_bytes() for name in ("one", "same", "other")
    ]
    assert scenes[0] == scenes[1] != scenes[2]


@pytest.mark.parametrize("severity", [0.5, 1.0, 2.0])
def test_heights_err_by_their_stated_deviation(severity: float, generator: np.random.Generator) -> None:
    houses = [
        building(shapely.Polygon(rectangle(20.0 * (i % 40) - 400, 20.0 * (i // 40) - 400, 9, 9)), 60.0,
                 identifier=f"b{i}", height_deviation=2.0)
        for i in range(1600)
    ]  # fmt: skip
    _, errors = draw_buildings(houses, frozenset(), FREE, GRID, MapErrorLaw(severity=severity), generator)
    drawn = np.array(list(errors.height.values()))
    # Standard errors of a deviation, a mean and a share over some 1,500 buildings.
    assert drawn.std() == pytest.approx(2.0 * severity, rel=4 / np.sqrt(2 * 1500))
    assert abs(drawn.mean()) < 4 * 2.0 * severity / np.sqrt(1500)
    share = 0.03 * severity
    assert len(errors.missing) == pytest.approx(1600 * share, abs=4 * np.sqrt(1600 * share))


def test_stacked_parts_err_and_go_together(generator: np.random.Generator) -> None:
    base = building(shapely.Polygon(rectangle(0, 0, 20, 20)), 10.0, identifier="base", height_deviation=2.0)
    tower = building(
        shapely.Polygon(rectangle(5, 5, 10, 10)),
        50.0,
        identifier="tower",
        min_height=10.0,
        height_deviation=2.0,
    )
    apart = building(shapely.Polygon(rectangle(60, 0, 20, 20)), 10.0, identifier="apart")
    assert stacked_groups([base, tower, apart]).tolist() == [0, 0, 1]
    for _ in range(50):
        stand, _ = draw_buildings([base, tower, apart], frozenset(), FREE, GRID, MapErrorLaw(), generator)
        own = {each.identifier: each for each in stand}
        assert ("base" in own) == ("tower" in own)
        if "base" in own:
            assert own["tower"].min_height == pytest.approx(own["base"].height, abs=1e-6)


def test_new_buildings_stand_on_free_ground(generator: np.random.Generator) -> None:
    houses = [
        building(shapely.Polygon(rectangle(60.0 * i - 400, 0, 15, 15)), identifier=f"b{i}") for i in range(12)
    ]
    free = FREE.copy()
    free[GRID.x_coordinates > 100] = False
    law = MapErrorLaw(severity=2.0, missing_share=0.0, added_share=1.0)
    stand, errors = draw_buildings(houses, frozenset(), free, GRID, law, generator)
    assert len(errors.added) > 5
    shapes = [each.footprint for each in stand]
    assert shapely.union_all(shapes).area == pytest.approx(sum(shape.area for shape in shapes))
    assert max(shapely.from_wkt(text).bounds[3] for text in errors.added.values()) < 100


def test_a_terrain_is_read_back_from_its_triangles() -> None:
    grid = Grid(480.0, 16.0)
    bumpy = Terrain(grid, np.random.default_rng(0).normal(size=grid.shape), "terrain model")
    vertices = terrain_triangles(bumpy, 400.0)
    triangles = Triangles(vertices, np.zeros(len(vertices), int), np.ones(len(vertices), bool))
    found = terrain_of_mesh(triangles, "terrain model")
    np.testing.assert_allclose(terrain_triangles(found, 400.0), vertices, atol=1e-9)


def test_the_ground_errs_as_far_as_its_source_is_trusted(generator: np.random.Generator) -> None:
    grid = Grid(3200.0, 16.0)
    for source, spread in ((FLAT, 2.0), (SURFACE_MODEL, 2.0), (TERRAIN_MODEL, 0.3)):
        flat = Terrain(grid, np.zeros(grid.shape), source)
        drawn = draw_terrain(flat, MapErrorLaw(severity=2.0), generator)
        assert drawn.height.std() == pytest.approx(2 * spread, rel=0.25)


def test_what_cannot_be_perturbed(town: Place, tmp_path: Path) -> None:
    perturb_place(town, tmp_path / "true", MapErrorLaw(), 0)
    with pytest.raises(PlaceError, match="is a perturbed place already"):
        perturb_place(load_place(tmp_path / "true"), tmp_path / "twice", MapErrorLaw(), 0)
    city = build_place("etoile", tmp_path / "etoile", SceneConfiguration(resolution=4.0, tile_size=256.0))
    with pytest.raises(PlaceError, match="not separate"):
        perturb_place(city, tmp_path / "none", MapErrorLaw(), 0)
    with pytest.raises(InputError, match="between 0 and 2"):
        MapErrorLaw(severity=2.5)
    assert not (tmp_path / "twice").exists() and not (tmp_path / "none").exists()


def test_one_kind_of_error_leaves_all_else_as_mapped(town: Place, tmp_path: Path) -> None:
    """A dataset's law of map errors, at the severity of its place."""
    errors = {each.name for each in dataclasses.fields(MapErrorLaw)} - {"severity", "terrain_distance"}
    choice = PlaceChoice(town.folder, "test", map_error=2.0)
    law = MapErrorLaw(**{**dict.fromkeys(errors, 0.0), "missing_share": 0.2})
    asked = DatasetConfiguration((choice,), seed=1, map_error_law=law).map_errors_of(choice)
    record = perturb_place(town, tmp_path / "true", asked, 1).map_error
    buildings = record["buildings"]
    mapped = len(read_buildings(town.folder))
    # Two in five by the law, in groups that go together.
    assert 0.15 < len(buildings["missing"]) / mapped < 0.65
    assert not buildings["added"] and not record["cars"] and not record["trees"]
    assert not np.any(list(buildings["height"].values())) and not np.any(record["sites"]["position"])


def test_a_village_without_streets_has_no_cars(tmp_path: Path) -> None:
    place = build_place(str(village(tmp_path / "v.osm")), tmp_path / "v", SceneConfiguration(resolution=4.0))
    perturbed = perturb_place(place, tmp_path / "w", MapErrorLaw(cars_per_road_area=0.0), 0)
    assert perturbed.map_error["cars"] == []


def test_from_the_command_line(town: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    true, picture = tmp_path / "true", tmp_path / "places.png"
    words = ["scene", "perturb", str(town.folder), "--out", str(true), "--severity", "0.5", "--seed", "3"]
    assert main([*words, "--law.missing_share", "0"]) == 0
    record = load_place(true).map_error
    assert (record["seed"], record["law"]["severity"], record["buildings"]["missing"]) == (3, 0.5, [])
    assert main(["scene", "show", str(town.folder), "--perturbed", f"[{true}]", "--out", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    assert main(["scene", "show", str(true), "--perturbed", f"[{town.folder}]", "--out", str(picture)]) == 2
    assert "was not drawn from" in capsys.readouterr().err
