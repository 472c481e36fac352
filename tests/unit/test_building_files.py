"""Building files as others write them: what is a building, which column means what, and heights above the sea."""

from __future__ import annotations

import json
import lzma
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_bounds
from shapely import LineString, Point, Polygon, affinity

from map_fixtures import FRAME, rectangle
from raylocus.errors import InputError, PlaceError
from raylocus.scenes.buildings.from_features import buildings_of
from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.map_sources.building_columns import columns_of, text_of
from raylocus.scenes.map_sources.building_file import read_building_file
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.map_sources.tables import cells_of
from raylocus.scenes.tagged import Feature, NamedRandom
from raylocus.scenes.vector_map import VectorMap


def square(index: int, side: float = 20.0) -> Polygon:
    easting, northing = FRAME.origin_projected
    return affinity.translate(Polygon(rectangle(50.0 * index, 0, side, side)), easting, northing)


def written(path: Path, rows: Sequence[dict[str, Any]], side: float = 20.0, shapes: Any = None) -> Path:
    """A building file of squares, a row each; `None` where a row lacks a column."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    geometry = shapes or [square(index, side) for index in range(len(rows))]
    table = geopandas.GeoDataFrame(columns, geometry=geometry, crs="EPSG:32633")
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_crs("EPSG:4326").to_file(path)
    return path


def mapped(path: Path, **options: Any) -> VectorMap:
    return read_source(str(path), SourceOptions(**options), 0, 512.0).vector_map


def heights(found: VectorMap) -> list[float]:
    return [round(each.height, 2) for each in found.buildings]


NOT_BUILDINGS = [
    {"building": "no"}, {"building": None}, {"building": False}, {"landuse": "residential"}, {"leisure": "park"},
    {"natural": "scrub"}, {"amenity": "parking"}, {"highway": "pedestrian"},
]  # fmt: skip


@pytest.mark.parametrize("row", NOT_BUILDINGS, ids=str)
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_where_a_column_says_what_a_building_is_only_its_rows_are(
    row: dict[str, Any], suffix: str, tmp_path: Path
) -> None:
    named = ["yes", "house"] if row.get("building") is not False else [True, True]
    path = written(tmp_path / f"b{suffix}", [*({"building": name, "height": 7.0} for name in named), row])
    found = mapped(path)
    assert len(found.buildings) == 2
    assert any(note.startswith("1 × polygon left out, it is no building: ") for note in found.notes)


@pytest.mark.parametrize(
    "row",
    [{"landuse": "residential"}, {"natural": "scrub"}, {"leisure": "park"}, {"amenity": "parking"}, {"class": "grass"},
     {"type": "land_use"}, {"fclass": "park"}],
    ids=str,
)  # fmt: skip
def test_without_such_a_column_what_a_row_is_speaks_against_it(row: dict[str, Any], tmp_path: Path) -> None:
    found = mapped(written(tmp_path / "b.geojson", [{"height": 7.0}, {"height": 8.0}, row]))
    assert heights(found) == [7.0, 8.0]


@pytest.mark.parametrize(
    ("row", "standing"),
    [({"building": True}, True), ({"building": 1}, True), ({"building": 0}, False), ({"building": "TRUE"}, True),
     ({"building:part": "yes"}, True), ({"BUILDING": "House"}, True), ({"BUILDING": "NO"}, False)],
    ids=str,
)  # fmt: skip
def test_ways_to_say_yes_and_no(row: dict[str, Any], standing: bool, tmp_path: Path) -> None:
    rows = [{next(iter(row)): "yes" if isinstance(next(iter(row.values())), str) else 1}, row]
    assert len(mapped(written(tmp_path / "b.geojson", rows)).buildings) == 1 + standing


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "parks.geojson", [{"leisure": "park"}, {"landuse": "forest"}])
    with pytest.raises(InputError, match="holds 2 polygons and says of each that it is no building"):
        mapped(path)


def test_streets_water_woods_and_trees_around_the_buildings_are_used(tmp_path: Path) -> None:
    easting, northing = FRAME.origin_projected
    street = affinity.translate(LineString([(-50, -30), (150, -30)]), easting, northing)
    tree = affinity.translate(Point(10, 60), easting, northing)
    rows = [{"building": "yes"}, {"natural": "water"}, {"landuse": "forest"}, {"highway": "primary"},
            {"natural": "tree"}, {"name": "?"}]  # fmt: skip
    shapes = [square(0), square(1), square(2), street, tree, street]
    found = mapped(written(tmp_path / "all.geojson", rows, shapes=shapes))
    assert (len(found.buildings), len(found.water), len(found.vegetation)) == (1, 1, 2)
    assert [road.road_class for road in found.roads] == ["primary"]
    assert "1 × polygon used as ground, not as a building: natural" in found.notes
    assert any("a LineString is no building" in note for note in found.notes)


def test_a_real_column_beats_its_synonyms(tmp_path: Path) -> None:
    rows = [{"type": "multipolygon", "building": "garages", "building:levels": "1", "levels": 9, "height_m": 50.0},
            {"type": "multipolygon", "building": "apartments", "Height": 70.0, "height": 8.0}]  # fmt: skip
    tagged = read_building_file(written(tmp_path / "b.geojson", rows), SourceOptions())
    assert [each.tags["building"] for each in tagged.areas] == ["garages", "apartments"]
    assert tagged.areas[0].tags["building:levels"] == "1"
    assert [each.tags["height"] for each in tagged.areas] == ["50", "8"]


def test_a_shape_type_is_no_kind_of_building(tmp_path: Path) -> None:
    tagged = read_building_file(
        written(tmp_path / "b.geojson", [{"type": "multipolygon"}, {"type": "Apartments"}]), SourceOptions()
    )
    assert [each.tags["building"] for each in tagged.areas] == ["yes", "apartments"]


@pytest.mark.parametrize(
    ("row", "tags"),
    [
        ({"num_floors": 4, "num_floors_underground": 1, "class": "apartments", "subtype": "residential",
          "roof_shape": "half_hipped", "roof_height": 2.5, "facade_material": "brick", "roof_material": "metal",
          "min_height": 3.0, "min_floor": 1},
         {"building": "apartments", "building:levels": "4", "building:levels:underground": "1", "min_height": "3",
          "roof:shape": "half_hipped", "roof:height": "2.5", "facade:material": "brick", "roof:material": "metal",
          "building:min_level": "1"}),
        ({"height": 60, "minHeight": 45, "minLevel": 3, "roofShape": "pyramid", "roofHeight": 10, "levels": 9,
          "roofLevels": 2, "wallMaterial": "glass"},
         {"height": "60", "min_height": "45", "building:min_level": "3", "roof:shape": "pyramid", "roof:height": "10",
          "building:levels": "9", "roof:levels": "2", "building:facade:material": "glass"}),
        ({"HEIGHT": 12.5}, {"height": "12.5"}),
        ({"Height_ft": 40}, {"height": "40 ft"}),
        ({"measuredHeight": 11.0, "storeysAboveGround": 3}, {"height": "11", "building:levels": "3"}),
        ({"building_l": 5, "building_h": 9.0, "roof_heigh": 2.0}, {"building:levels": "5", "height": "9",
                                                                  "roof:height": "2"}),
        ({"is_underground": True}, {"location": "underground"}),
        ({"is_underground": False}, {}),
        ({"theme": "buildings", "type": "building_part", "class": None}, {"building:part": "yes"}),
        ({"class": "parking", "has_parts": False}, {"building": "parking"}),
    ],
    ids=["overture", "osm buildings", "microsoft", "feet", "citygml", "shapefile", "underground", "above", "part",
         "garage"],
)  # fmt: skip
def test_names_of_other_schemas(row: dict[str, Any], tags: dict[str, str], tmp_path: Path) -> None:
    (area,) = read_building_file(written(tmp_path / "b.parquet", [row]), SourceOptions()).areas
    base = {} if "building:part" in tags else {"building": "yes"}
    assert area.tags == base | tags


def test_overtures_buildings(tmp_path: Path) -> None:
    tall: dict[str, Any] = {"height": 90.0, "num_floors": 4.0, "roof_shape": "pyramidal", "roof_height": 20.0}
    rows: list[dict[str, Any]] = [
        {"num_floors": 4.0, "is_underground": False},
        {"num_floors": 30.0},
        {"is_underground": True},
        tall,
    ]
    rows = [{**row, "sources": [{"dataset": "OpenStreetMap"}], "names": {"primary": "A"}} for row in rows]
    found = mapped(written(tmp_path / "b.parquet", rows))
    assert [(each.height, each.height_source, each.roof_height) for each in found.buildings] == [
        (12.0, "levels", 0.0), (90.0, "levels", 0.0), (90.0, "height", 20.0)
    ]  # fmt: skip
    assert "heights of solids: 1 as stated, 2 from storeys, 0 drawn by type and surroundings" in found.notes
    assert "columns not used: sources, names" in found.notes
    assert "1 × building left out: below ground or of no height" in found.notes


@pytest.mark.parametrize("cell", [["a", "b"], {"a": 1}, np.array([1.0, 2.0]), [[1], [2]]], ids=str)
def test_nested_cells_are_no_tags(cell: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "b.parquet", [{"height": 7.0, "levels": cell}, {"height": 9.0, "levels": cell}])
    found = mapped(path)
    assert heights(found) == [7.0, 9.0] and "columns not used: levels" in found.notes


def test_lists_in_geojson(tmp_path: Path) -> None:
    path = written(tmp_path / "b.geojson", [{"height": 10}, {"height": 10}])
    content = json.loads(path.read_text())
    for feature in content["features"]:
        feature["properties"] |= {"levels": [1, 2], "names": {"primary": "x"}}
    path.write_text(json.dumps(content))
    (tmp_path / "b.geojsonl").write_text("\n".join(json.dumps(each) for each in content["features"]))
    for name in ("b.geojson", "b.geojsonl"):
        assert heights(mapped(tmp_path / name)) == [10.0, 10.0]


def test_tags_that_one_column_holds_together(tmp_path: Path) -> None:
    """osmtogeojson's `tags`, as a table or as text, and GDAL's `other_tags`."""
    path = written(tmp_path / "b.geojson", [{"height": 10}, {"height": None}, {"height": None}])
    content = json.loads(path.read_text())
    tags = ({"building": "yes"}, {"building": "house", "height": "7"}, {"leisure": "park"})
    for feature, each in zip(content["features"], tags, strict=True):
        feature["properties"]["tags"] = each
    path.write_text(json.dumps(content))
    assert heights(mapped(path)) == [10.0, 7.0]
    texts = ['"building:levels"=>"4","name"=>"A \\"B\\""', '"building:levels"=>"2"']
    rows = [{"building": "yes", "other_tags": text} for text in texts]
    assert heights(mapped(written(tmp_path / "b.gpkg", rows))) == [12.0, 6.0]


def test_an_empty_column_says_nothing(tmp_path: Path) -> None:
    rows = [{"building": None, "height": 7.0}, {"building": None, "height": 8.0}]
    assert heights(mapped(written(tmp_path / "b.gpkg", rows))) == [7.0, 8.0]


def test_metres_without_their_reference_system(tmp_path: Path) -> None:
    path = written(tmp_path / "b.gpkg", [{"height": 7.0}])
    table = geopandas.read_file(path).to_crs("EPSG:32633")
    table.set_crs("EPSG:4326", allow_override=True).to_file(tmp_path / "metres.gpkg")
    with pytest.raises(
        InputError, match="which are no degrees; save it with its coordinate reference system"
    ):
        mapped(tmp_path / "metres.gpkg")


def test_columns_that_are_not_used_and_heights_that_are_drawn_are_said(tmp_path: Path) -> None:
    found = mapped(
        written(tmp_path / "b.geojson", [{"h_roof": 9.0, "owner": "x"}, {"h_roof": 8.0, "owner": "y"}])
    )
    assert "heights of solids: 0 as stated, 0 from storeys, 2 drawn by type and surroundings" in found.notes
    assert (
        "columns not used: h_roof, owner; --height-field NAME takes one of them for the height" in found.notes
    )
    named = mapped(tmp_path / "b.geojson", height_field="h_roof")
    assert heights(named) == [9.0, 8.0] and "columns not used: owner" in named.notes


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.none() | st.text(max_size=6) | st.floats() | st.booleans()
                       | st.integers() | st.lists(st.integers(), max_size=2), max_size=6))  # fmt: skip
def test_no_row_stops_a_table(row: dict[str, Any]) -> None:
    columns = columns_of({name: [cell] for name, cell in row.items()}, None)
    tags = columns.tags(row)
    used = {name for names in columns.keys.values() for name in names}
    empty = {name for name, cell in row.items() if not isinstance(cell, list) and not text_of(cell)}
    assert used.isdisjoint(columns.unused) and used | set(columns.unused) == set(row) - empty
    assert all(isinstance(text, str) and text for text in tags.values())


def tops(
    path: Path, name: str, above: Sequence[float], ground: Sequence[float], side: float = 10.0, **more: Any
) -> Path:
    rows = [{name: level + height, **{key: values[i] for key, values in more.items()}}
            for i, (height, level) in enumerate(zip(above, ground, strict=True))]  # fmt: skip
    return written(path, rows, side)


ABOVE = (6.0, 9.0, 12.0, 7.0, 8.0, 10.0)


def elevation(path: Path, level: float) -> Path:
    latitude, longitude = FRAME.to_wgs84(np.array([[-3000.0, -3000.0], [3000.0, 3000.0]]))
    transform = from_bounds(longitude[0], latitude[0], longitude[1], latitude[1], 100, 100)
    profile = {
        "driver": "GTiff",
        "width": 100,
        "height": 100,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
    }
    with rasterio.open(path, "w", transform=transform, **profile) as file:
        file.write(np.full((100, 100), level, np.float32), 1)
    return path


@pytest.mark.parametrize(
    "name", ["zmax", "roof_elev", "absolute", "heightASL", "h_dtm", "Z_MAX_TOIT", "elevation"]
)
def test_names_of_levels_above_the_sea_are_refused(name: str, tmp_path: Path) -> None:
    path = tops(tmp_path / "b.gpkg", name, ABOVE, [4.0] * 6)
    with pytest.raises(
        InputError, match=f"column '{name}' seems to hold tops above sea level .*--terrain FILE"
    ):
        mapped(path, height_field=name)


@pytest.mark.parametrize("ground", [90.0, 480.0, 1600.0])
def test_values_that_are_levels_above_the_sea_are_refused(ground: float, tmp_path: Path) -> None:
    path = tops(tmp_path / "b.gpkg", "height", ABOVE, [ground] * 6)
    with pytest.raises(InputError, match="column 'height' seems to hold tops above sea level"):
        mapped(path)


def test_storeys_that_leave_most_of_a_height_unexplained(tmp_path: Path) -> None:
    path = tops(tmp_path / "b.gpkg", "height", ABOVE, [45.0] * 6, side=40.0, num_floors=[2, 3, 4, 2, 3, 3])
    with pytest.raises(InputError, match="their storeys leave 45 m unexplained"):
        mapped(path)


@pytest.mark.parametrize("column", ["ground_elev", "z_min", "GROUND", "h_maaiveld"])
def test_the_ground_of_a_column_is_taken_off(column: str, tmp_path: Path) -> None:
    ground = [100.0, 110.0, 120.0, 130.0, 140.0, 150.0]
    path = tops(tmp_path / "b.gpkg", "z_max", ABOVE, ground, 10.0, **{column: ground})
    found = mapped(path, height_field="z_max")
    assert heights(found) == list(ABOVE)
    assert any("'z_max': its name says so) less the ground of column" in note for note in found.notes)


def test_the_ground_of_a_terrain_file_is_taken_off(tmp_path: Path) -> None:
    terrain = elevation(tmp_path / "dtm.tif", 480.0)
    path = tops(tmp_path / "b.gpkg", "height", ABOVE, [480.0] * 6)
    found = mapped(path, terrain=terrain)
    np.testing.assert_allclose(heights(found), ABOVE, atol=0.01)
    # A ground that is not theirs is none to take off.
    with pytest.raises(InputError, match="tops above sea level"):
        mapped(path, terrain=elevation(tmp_path / "other.tif", 900.0))


@pytest.mark.parametrize("ground", [0.0, 40.0, 480.0])
def test_heights_above_the_ground_stay_what_they_are(ground: float, tmp_path: Path) -> None:
    terrain = elevation(tmp_path / "dtm.tif", ground)
    houses = tops(tmp_path / "houses.gpkg", "height", ABOVE, [0.0] * 6)
    towers = tops(tmp_path / "towers.gpkg", "height", [60.0, 90.0, 75.0, 120.0], [0.0] * 4, side=30.0)
    assert heights(mapped(houses, terrain=terrain)) == list(ABOVE)
    assert heights(mapped(towers, terrain=terrain)) == [60.0, 90.0, 75.0, 120.0]
    adjacent = tops(tmp_path / "adjacent.gpkg", "height", ABOVE, [0.0] * 6, ground_elev=[ground] * 6)
    assert heights(mapped(adjacent)) == list(ABOVE)


def test_parquet_without_a_description_of_its_shapes(tmp_path: Path) -> None:
    shapes = geopandas.GeoSeries([square(0), square(1)], crs="EPSG:32633").to_crs("EPSG:4326")
    table = pandas.DataFrame({"height": [5.0, 6.0], "geometry": shapes.to_wkb()})
    table.to_parquet(tmp_path / "duck.parquet")
    assert heights(mapped(tmp_path / "duck.parquet")) == [5.0, 6.0]
    table.drop(columns="geometry").to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="a table without shapes"):
        mapped(tmp_path / "bare.parquet")


def packed(path: Path, *files: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return path


def test_zip_archives_are_called_what_they_are(tmp_path: Path) -> None:
    written(tmp_path / "gis_osm_buildings.shp", [{"type": "house"}, {"type": None}])
    shapefile = sorted(tmp_path.glob("gis_osm_buildings.*"))
    assert len(mapped(packed(tmp_path / "one.zip", *shapefile)).buildings) == 2
    # Geofabrik's archives hold a layer of everything: the one of buildings is taken.
    written(tmp_path / "gis_osm_landuse.shp", [{"fclass": "park"}])
    both = [*shapefile, *sorted(tmp_path.glob("gis_osm_landuse.*"))]
    assert len(mapped(packed(tmp_path / "both.zip", *both)).buildings) == 2
    (tmp_path / "town.osm").write_text("<osm/>")
    with pytest.raises(InputError, match=r"osm.zip is a zip archive; unpack it and give town.osm"):
        mapped(packed(tmp_path / "osm.zip", tmp_path / "town.osm"))
    (tmp_path / "readme.txt").write_text("-")
    with pytest.raises(InputError, match=r"is a zip archive without a map that is read \(readme.txt\)"):
        mapped(packed(tmp_path / "text.zip", tmp_path / "readme.txt"))
    (tmp_path / "cut.zip").write_bytes((tmp_path / "one.zip").read_bytes()[:300])
    with pytest.raises(InputError, match="is not a whole zip archive; download it again"):
        mapped(tmp_path / "cut.zip")


def test_files_of_several_layers(tmp_path: Path) -> None:
    path = tmp_path / "layers.gpkg"
    for number, layer in enumerate(("plots", "roofs")):
        geopandas.GeoDataFrame({"height": [5.0]}, geometry=[square(number)], crs="EPSG:32633").to_file(
            path, layer=layer
        )
    with pytest.raises(InputError, match=r"holds 2 layers \(plots, roofs\); save the one with the buildings"):
        mapped(path)
    geopandas.GeoDataFrame({"height": [7.0]}, geometry=[square(2)], crs="EPSG:32633").to_file(
        path, layer="Buildings"
    )
    assert heights(mapped(path)) == [7.0]


def test_folders_that_are_there_and_that_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "town").mkdir()
    with pytest.raises(InputError, match="town is a folder; give the map file in it, or a place's name"):
        mapped(Path("town"))
    with pytest.raises(InputError, match=r"there is no file or folder \S*/absent/town; \S* is there, but"):
        read_source(f"{tmp_path}/absent/town", SourceOptions(), 0, 512.0)


@given(
    st.binary(max_size=200),
    st.sampled_from([".geojson", ".geojsonl", ".parquet", ".zip", ".gpkg", ".fgb", ".json"]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore")
def test_no_bytes_stop_a_reader(tmp_path: Path, content: bytes, suffix: str) -> None:
    (tmp_path / f"any{suffix}").write_bytes(content)
    with pytest.raises(InputError, match="any"):
        mapped(tmp_path / f"any{suffix}")


@pytest.mark.parametrize(
    ("row", "height"),
    [({"HAUTEUR": 9.5, "Z_MAX_TOIT": 130.0}, 9.5), ({"NB_ETAGES": 3}, 9.0), ({"b3_bouwlagen": 3.0}, 9.0),
     ({"height_cm": 850}, 8.5), ({"Height_ft": 30.0}, 9.14),
     ({"measuredHeight": 30.0, "measuredHeight_uom": "ft"}, 9.14),
     ({"measuredHeight": 9.0, "measuredHeight_uom": "urn:adv:uom:m"}, 9.0)],
    ids=str,
)  # fmt: skip
def test_names_and_units_of_national_files(row: dict[str, Any], height: float, tmp_path: Path) -> None:
    found = mapped(written(tmp_path / "b.gpkg", [row, row]))
    assert heights(found) == [height, height]
    assert not any("uom" in note for note in found.notes)


def test_units_of_a_height_field(tmp_path: Path) -> None:
    path = written(tmp_path / "b.gpkg", [{"heightroof": 30.0}])
    assert heights(mapped(path, height_field="heightroof[ft]")) == [9.14]
    assert heights(mapped(path, height_field="heightroof")) == [30.0]
    with pytest.raises(InputError, match="'yd' is no unit of --height-field; there are m, ft and cm"):
        mapped(path, height_field="heightroof[yd]")


@pytest.mark.parametrize("units", [["m", "ft"], ["furlong", "furlong"]])
def test_units_that_are_no_one_unit_are_refused(units: list[str], tmp_path: Path) -> None:
    rows = [{"height": 9.0, "height_uom": unit} for unit in units]
    with pytest.raises(InputError, match="column 'height_uom' states units that are not m, ft or cm alone"):
        mapped(written(tmp_path / "b.gpkg", rows))


def test_shapefiles_in_a_folder_of_an_archive(tmp_path: Path) -> None:
    written(tmp_path / "roofs.shp", [{"height": 7.0}])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in tmp_path.glob("roofs.*"):
            archive.write(file, f"data/{file.name}")
            archive.writestr(f"__MACOSX/data/._{file.name}", "x")
    assert heights(mapped(tmp_path / "a.zip")) == [7.0]
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("more/other.gpkg", "x")
    with pytest.raises(InputError, match=r"a zip archive of data/roofs.shp, more/other.gpkg; unpack it"):
        mapped(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "bare.zip", "w") as archive:
        archive.write(tmp_path / "roofs.shp", "roofs.shp")
    with pytest.raises(InputError, match=r"bare.zip holds roofs.shp without its .shx and .dbf"):
        mapped(tmp_path / "bare.zip")


@pytest.mark.parametrize("name", ["a.gml", "a.xml", "a.json"])
def test_city_models_are_called_what_they_are(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    xml = '<?xml version="1.0"?><core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0"/>'
    path.write_text('{"type": "CityJSON", "version": "1.1"}' if name.endswith("json") else xml)
    with pytest.raises(InputError, match="is a city model of solids; export the buildings' footprints"):
        mapped(path)


def test_geodatabases_and_other_packings_are_called_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "city.gdb").mkdir()
    with pytest.raises(PlaceError, match="is a geodatabase of Esri's; export its buildings as GeoPackage"):
        mapped(tmp_path / "city.gdb")
    (tmp_path / "roofs.geojson.xz").write_bytes(lzma.compress(b"{}"))
    with pytest.raises(InputError, match=r"is compressed \(xz\); unpack it"):
        mapped(tmp_path / "roofs.geojson.xz")


def test_shapes_that_enclose_nothing_stop_no_file(tmp_path: Path) -> None:
    flat = Polygon([(0, 0), (0, 0), (0, 0), (0, 0)])
    shapes = [square(0), square(1), affinity.translate(flat, *FRAME.origin_projected)]
    path = written(tmp_path / "b.parquet", [{"height": 7.0}] * 3, shapes=shapes)
    assert heights(mapped(path)) == [7.0, 7.0]


def test_places_beyond_the_projection_are_left_out(tmp_path: Path) -> None:
    pole = Polygon([(0.0, 1e30), (1.0, 1e30), (1.0, float("inf")), (0.0, 1e30)])
    features = [Feature("a", {"building": "yes"}, pole), Feature("b", {"building": "yes"}, square(0))]
    found = buildings_of(features, "europe", NamedRandom(1), tally := Counter[str]())
    assert len(found) == 1 and tally["building left out: footprint below 1 m²"] == 1


def test_of_two_columns_of_one_name_the_first_counts() -> None:
    table = geopandas.GeoDataFrame(
        [["house", "church", Point(0, 0)]], columns=["building", "building", "geometry"], geometry="geometry"
    )
    assert cells_of(table) == {"building": ["house"]}
