"""Any source becomes places that rays, rasters and plain Sionna agree on."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import xarray as xr
from shapely import Polygon, affinity

from map_fixtures import FRAME, OsmText, rectangle, village
from raylocus.errors import InputError, PlaceError
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.scene_validation import validate_place
from raylocus.scenes.area import Area
from raylocus.scenes.build import build_place, build_source
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration, SourceOptions
from raylocus.scenes.export import export_geojson, export_geotiff
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.osm import reader
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.site_files import SiteFile
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.scenes.tagged import REPAIRED
from raylocus.scenes.triangles import read_place_scene

SCENE = SceneConfiguration(resolution=4.0)


@pytest.fixture(scope="module")
def place_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    build_place(str(village(folder / "village.osm")), folder / "village", SCENE)
    return folder / "village"


def test_every_finding_is_sound(place_folder: Path, generator: np.random.Generator) -> None:
    findings = validate_place(open_place(place_folder), generator, points=500)
    assert all(finding.sound for finding in findings), [finding.line for finding in findings]
    assert len(findings) == 7


def test_validation_notices_a_shifted_map(place_folder: Path, generator: np.random.Generator) -> None:
    place = open_place(place_folder)
    maps = place.geometry_maps
    shifted = maps.assign(surface=maps["surface"].copy(data=np.roll(maps["surface"].values, 3, axis=1)))
    place.__dict__["geometry_maps"] = shifted
    wrong = [finding for finding in validate_place(place, generator, points=500) if not finding.sound]
    assert [finding.what.split(" hits")[0] for finding in wrong][0].startswith("a ray shot down at")
    assert all("WRONG" in finding.line and "first at x,y" in finding.line for finding in wrong)


def test_validation_notices_a_mirrored_grid(place_folder: Path, generator: np.random.Generator) -> None:
    place = open_place(place_folder)
    maps: xr.Dataset = place.geometry_maps
    place.__dict__["geometry_maps"] = maps.assign_coords(y=maps["y"].values[::-1])
    assert not validate_place(place, generator, points=10)[0].sound


def test_validation_notices_a_buried_site(place_folder: Path, generator: np.random.Generator) -> None:
    place = open_place(place_folder)
    sites = (Site("buried", (60.0, 60.0, 20.0)), Site("far", (900.0, 0.0, 20.0)))
    cells = tuple(Cell(pci, pci, 0.0, 0.1) for pci in range(2))
    moved = dataclasses.replace(place, deployment=Deployment((Carrier(),), sites, cells))
    wrong = [finding.line for finding in validate_place(moved, generator, points=10) if not finding.sound]
    assert wrong == [
        "WRONG: buried is 1.0 m below a surface (x,y,z = 60.0,60.0,20.0 m; move it or raise its antenna)",
        "WRONG: far is outside the tile (x,y,z = 900.0,0.0,20.0 m; move it or raise its antenna)",
    ]


def test_plain_sionna_loads_the_scene(place_folder: Path) -> None:
    """In a process that never heard of raylocus, but for the library that Dr.Jit is set to use."""
    from raylocus.propagation.runtime.runtime import activate

    activate()
    program = (
        "import sys, sionna.rt as rt\n"
        f"scene = rt.load_scene({str(place_folder / 'scene.xml')!r})\n"
        "assert not any(name.startswith('raylocus') for name in sys.modules)\n"
        "print(sorted(scene.radio_materials))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert "ground" in answer.stdout


def test_building_records_point_at_their_triangles(place_folder: Path) -> None:
    from raylocus.scenes.triangles import mesh_names

    triangles = read_place_scene(place_folder / "scene.xml")
    meshes = {name: triangles.vertices[chosen] for name, chosen in mesh_names(triangles).items()}
    records = {record["height"]: record for record in read_building_records(place_folder)}
    tower = records[21.0]
    assert (tower["height_source"], tower["identifier"].split("/")[0]) == ("levels", "way")
    corners = np.concatenate([meshes[name][first:past] for name, (first, past) in tower["triangles"].items()])
    np.testing.assert_allclose(corners.min(axis=(0, 1))[:2], (50, 50), atol=0.02)
    np.testing.assert_allclose(corners.max(axis=(0, 1)), (70, 70, 21), atol=0.02)


def test_no_ray_leaves_a_closed_building(place_folder: Path, generator: np.random.Generator) -> None:
    from raylocus.propagation.runtime.runtime import activate

    activate()
    import mitsuba as mi
    import sionna.rt as rt

    scene = rt.load_scene(str(place_folder / "scene.xml")).mi_scene
    count = 100_000
    direction = generator.standard_normal((count, 3)).astype(np.float32)
    start = np.column_stack(
        [generator.uniform([52, 52], [68, 68], (count, 2)), generator.uniform(0.5, 20, count)]
    )
    ray = mi.Ray3f(
        mi.Point3f(np.ascontiguousarray(start.T.astype(np.float32))),
        mi.Vector3f(np.ascontiguousarray(direction.T)),
    )
    distance = scene.ray_intersect_preliminary(ray).t.numpy()
    end = start + distance[:, None] * direction
    assert np.isfinite(distance).all()
    # The first hit is the building's own skin, 20 m × 20 m × 21 m and its foundation.
    assert (np.abs(end[:, :2] - 60) < 10.03).all() and (end[:, 2] < 21.03).all() and (end[:, 2] > -0.53).all()


def test_a_place_can_be_built_again_to_the_same_bytes(place_folder: Path, tmp_path: Path) -> None:
    source = str(place_folder.parent / "village.osm")
    build_place(source, tmp_path / "village", SCENE)
    for name in ("scene.xml", "meshes/buildings.json", "meshes/terrain-ground.ply", "place.json"):
        assert (tmp_path / "village" / name).read_bytes() == (place_folder / name).read_bytes()


def area_of(source: str, folder: Path, scene: SceneConfiguration = SCENE) -> tuple[Area, list[Place]]:
    """The area that a map larger than a tile becomes, and its tiles."""
    built: list[Place] = []
    made = build_source(source, folder, (scene, AreaConfiguration(reach=500.0)), heard_cells, built.append)
    assert isinstance(made, Area)
    return made, built


def test_tiles_of_one_map_join(tmp_path: Path) -> None:
    text = OsmText().bounds(512)
    for x in range(-495, 480, 60):
        for y in range(-480, 480, 60):
            text.way(rectangle(x, y, 30, 30), {"building": "yes"})
    source = str(text.write(tmp_path / "grid.osm"))
    area, places = area_of(source, tmp_path / "grid")
    assert [tile.folder for tile in area.tiles] == ["tiles/0-0", "tiles/1-0", "tiles/0-1", "tiles/1-1"]
    west, east = places[0], places[1]
    shift = east.frame.to_local(*west.frame.to_wgs84(np.array([0.0, 0.0])))
    np.testing.assert_allclose(shift, (-512.0, 0.0), atol=1e-6)
    # The building across the seam is as high on either side.
    seam = [place.geometry_maps["height"].values[:, column] for place, column in ((west, -1), (east, 0))]
    assert np.count_nonzero(seam[0]) > 20
    np.testing.assert_allclose(seam[0], seam[1], atol=1e-5)
    # Built alone, from the part of the map around it, the tile is the same but for the ground around it.
    wide = dataclasses.replace(SCENE, centre=(256.0, -256.0), margin=200.0)
    alone = build_place(source, tmp_path / "alone", wide)
    for name in ("scene.xml", "meshes/buildings.json", "meshes/building-concrete.ply"):
        assert (alone.folder / name).read_bytes() == (east.folder / name).read_bytes()
    # Whole tiles are not built again.
    before = (west.folder / "scene.xml").stat().st_mtime_ns
    area_of(source, tmp_path / "grid")
    assert (west.folder / "scene.xml").stat().st_mtime_ns == before


def test_sites_of_a_list_stand_in_every_tile_that_hears_them(tmp_path: Path) -> None:
    text = OsmText().bounds(512)
    for x, y in ((-256, -256), (256, -256), (-256, 256), (256, 256)):
        text.way(rectangle(x, y, 30, 30), {"building": "yes", "height": "20"})
    source = str(text.write(tmp_path / "grid.osm"))

    def build(*cells: tuple[float, float, int]) -> tuple[Area, list[Place]]:
        latitude, longitude = FRAME.to_wgs84(np.array([cell[:2] for cell in cells], float))
        lines = [f"{a:.7f},{b:.7f},{c[2]}\n" for a, b, c in zip(latitude, longitude, cells, strict=True)]
        (tmp_path / "sites.csv").write_text("lat,lon,earfcn\n" + "".join(lines))
        sites = SiteFile(tmp_path / "sites.csv")
        return area_of(source, tmp_path / "grid", SceneConfiguration(resolution=16.0, sites=sites))

    with pytest.raises(PlaceError, match="none of the 1 cells"):
        build((2000, 2000, 1300))
    assert not (tmp_path / "grid").exists()
    area, places = build((270, -250, 1300), (300, 800, 1300))
    # The first stands on a roof of 20 m, the second on a mast beyond the map.
    assert [site.position[2] for site in area.deployment.sites] == [24.0, 25.0]
    assert all(len(place.deployment.sites) >= 1 for place in places)
    assert {site.name for place in places for site in place.deployment.sites} == {"site-0", "site-1"}


def test_a_map_smaller_than_a_tile_is_padded_and_says_so(tmp_path: Path) -> None:
    place = build_place(str(village(tmp_path / "small.osm", half=128.0)), tmp_path / "small", SCENE)
    # The box of latitude and longitude lies a little askew to the grid of UTM.
    assert re.fullmatch("7[45]% of the tile lies outside the map and is open ground", place.notes[-1])
    assert load_place(tmp_path / "small").notes == place.notes


def test_a_tile_without_buildings(tmp_path: Path) -> None:
    source = str(village(tmp_path / "village.osm"))
    with pytest.raises(PlaceError, match="holds no building and none of the map"):
        build_place(source, tmp_path / "empty", SceneConfiguration(resolution=4.0, centre=(5000.0, 0.0)))
    assert not (tmp_path / "empty").exists()


def building_file(path: Path, crs: str | None = "EPSG:32633", **columns: object) -> Path:
    easting, northing = FRAME.origin_projected
    shapes = [affinity.translate(Polygon(rectangle(x, 0, 20, 10)), easting, northing) for x in (0, 50, 100)]
    geopandas.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path)
    return path


def test_building_files_of_any_crs_are_the_same_map(tmp_path: Path) -> None:
    roofs = [10.0, float("nan"), 30.0]
    package = building_file(tmp_path / "b.gpkg", roof=roofs)
    geopandas.read_file(package).to_crs("EPSG:3857").to_file(tmp_path / "b.shp")
    geopandas.read_file(package).to_crs("EPSG:4326").to_file(tmp_path / "b.geojson")
    options = SourceOptions(height_field="roof")
    maps = [
        read_source(str(tmp_path / name), options, 0, 512.0).vector_map
        for name in ("b.gpkg", "b.shp", "b.geojson")
    ]
    for found in maps:
        assert [(each.height, each.height_source) for each in found.buildings][::2] == [
            (10.0, "height"),
            (30.0, "height"),
        ]
        assert found.buildings[1].height_source == "prior"
        bounds = [each.footprint.bounds for each in found.buildings]
        np.testing.assert_allclose(bounds, [each.footprint.bounds for each in maps[0].buildings], atol=0.01)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_building_files_that_will_not_do(tmp_path: Path) -> None:
    path = building_file(tmp_path / "b.gpkg", roof=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="no column 'height' for --height-field; it has roof"):
        read_source(str(path), SourceOptions(height_field="height"), 0, 512.0)
    bare = building_file(tmp_path / "bare.shp", crs=None, roof=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="no coordinate reference system"):
        read_source(str(bare), SourceOptions(), 0, 512.0)
    (tmp_path / "bad.geojson").write_text("{}")
    with pytest.raises(InputError, match="bad.geojson"):
        read_source(str(tmp_path / "bad.geojson"), SourceOptions(), 0, 512.0)


def test_a_geotiff_lies_where_the_place_is(place_folder: Path, tmp_path: Path) -> None:
    place = load_place(place_folder)
    export_geotiff(place, tmp_path / "g.tif")
    latitude, longitude = place.frame.to_wgs84(np.array([60.0, 60.0]))
    with rasterio.open(tmp_path / "g.tif") as file:
        x, y = rasterio.warp.transform("EPSG:4326", file.crs, [float(longitude)], [float(latitude)])
        band = file.descriptions.index("height") + 1
        (value,) = next(file.sample([(x[0], y[0])], indexes=band))
        assert file.crs.to_epsg() == 32633
        assert file.tags()["attribution"].startswith("© OpenStreetMap")
    assert value == pytest.approx(21.0)


def test_a_geojson_lies_where_the_place_is(place_folder: Path, tmp_path: Path) -> None:
    place = load_place(place_folder)
    export_geojson(place, tmp_path / "b.geojson")
    table = geopandas.read_file(tmp_path / "b.geojson").to_crs(32633)
    tower = table[table["height"] == 21.0].geometry.iloc[0]
    np.testing.assert_allclose(
        np.array(tower.centroid.coords[0]) - place.frame.origin_projected, (60, 60), atol=0.02
    )
    assert (table["kind"] == "site").sum() == len(place.deployment.sites)
    assert json.loads((tmp_path / "b.geojson").read_text())["attribution"] == place.attribution


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("179.9,10,-179.9,10.1", "antimeridian"),
        ("10,50,9,51", "empty or crosses"),
        ("0,84,1,89", "too near a pole"),
        ("95,10", "no point between"),
        ("1,2,3", "has 3 numbers"),
        ("0,0,3,3", "too large"),
        ("absent.osm", "there is no file"),
        ("absent.gpkg", "there is no file"),
        ("procedural:castle", "no town style"),
    ],
)
def test_sources_that_will_not_do(source: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        build_place(source, tmp_path / "place", SCENE)
    assert not (tmp_path / "place").exists()


def test_a_generated_town_is_a_place(tmp_path: Path, generator: np.random.Generator) -> None:
    build_place("procedural:hill-town", tmp_path / "hill", SCENE)
    findings = validate_place(open_place(tmp_path / "hill"), generator, points=300)
    assert all(finding.sound for finding in findings), [finding.line for finding in findings]


EXTRACTS = sorted((Path(__file__).parents[2].parent / "shared" / "data" / "osm").glob("*/manifest.json"))


@pytest.mark.skipif(not EXTRACTS, reason="the real OpenStreetMap extracts are not next to this checkout")
@pytest.mark.parametrize("manifest", EXTRACTS, ids=lambda path: path.parent.name)
def test_real_extracts(
    manifest: Path, tmp_path: Path, generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file is read once for all that is asked of it.
    read_osm = functools.cache(reader.read_osm)
    monkeypatch.setattr(reader, "read_osm", read_osm)
    listed, path = json.loads(manifest.read_text()), manifest.parent / f"{manifest.parent.name}.osm.pbf"
    areas = read_osm(path).areas
    outlines = [area for area in areas if area.tags.get("building", "no") != "no"]
    repaired = sum(REPAIRED in area.tags for area in outlines)
    # The manifest counts what osmium assembles; what raylocus repairs beyond that is said in the notes.
    assert len(outlines) - repaired == listed["buildings"]
    notes = read_source(str(path), SourceOptions(), 0, 512.0).vector_map.notes
    said = (
        f"{len(outlines)} buildings, {repaired} of them not whole"
        if repaired
        else f"{len(outlines)} buildings and"
    )
    assert notes[0].startswith(said)
    # Villages and fields: a tile with a village in it.
    centre = (700.0, -2900.0) if listed["buildings"] == 4267 else (0.0, 0.0)
    build_place(
        str(path), tmp_path / "place", SceneConfiguration(tile_size=320.0, resolution=4.0, centre=centre)
    )
    findings = validate_place(open_place(tmp_path / "place"), generator, points=300)
    assert all(finding.sound for finding in findings), [finding.line for finding in findings]
