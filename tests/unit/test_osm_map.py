"""OpenStreetMap files to buildings: what is kept, replaced, merged and left out."""

from __future__ import annotations

import dataclasses
import gzip
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely import Polygon

from map_fixtures import FRAME, OsmText, building, rectangle, village
from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.scenes.buildings.from_features import buildings_of
from raylocus.scenes.buildings.parts import replace_outlines_by_parts, without_overlaps
from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.ground.from_features import sea_of
from raylocus.scenes.ground.layers import ground_layers, road_distance
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.tagged import Feature, NamedRandom
from raylocus.scenes.vector_map import VectorMap


def mapped(path: Path) -> VectorMap:
    return read_source(str(path), SourceOptions(), 0, 512.0).vector_map


def notes(vector_map: VectorMap) -> str:
    return "\n".join(vector_map.notes)


def test_a_file_becomes_a_map(tmp_path: Path) -> None:
    found = mapped(village(tmp_path / "village.osm"))
    heights = sorted((round(each.height, 6), each.height_source) for each in found.buildings)[1:]
    assert heights == [(9.0, "height"), (18.0, "height"), (21.0, "levels")]
    assert sum(each.footprint.area for each in found.buildings) == pytest.approx(
        800 + 400 + 108 + 3200, rel=1e-3
    )
    assert [road.road_class for road in found.roads] == ["residential"]
    assert found.water[0].area == pytest.approx(2500, rel=1e-3)
    assert found.vegetation[0].area == pytest.approx(6400, rel=1e-3)
    assert "OpenStreetMap" in found.attribution
    assert found.notes[0] == "4 buildings and 0 building parts read, 4 solids kept"
    latitude, longitude = found.frame.origin_latitude, found.frame.origin_longitude
    assert (latitude, longitude) == (
        pytest.approx(FRAME.origin_latitude),
        pytest.approx(FRAME.origin_longitude),
    )


def test_compressed_files_are_the_same_map(tmp_path: Path) -> None:
    plain = village(tmp_path / "village.osm")
    packed = tmp_path / "village.osm.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert mapped(packed) == mapped(plain)


def test_north_is_up_and_shapes_are_where_they_lie(tmp_path: Path) -> None:
    text = OsmText().bounds(200)
    text.way(rectangle(50, 80, 20, 10), {"building": "yes", "height": "5"})
    found = mapped(text.write(tmp_path / "one.osm"))
    np.testing.assert_allclose(found.buildings[0].footprint.bounds, (50, 80, 70, 90), atol=0.02)


def test_crossing_and_clipped_and_open_ways_are_counted(tmp_path: Path) -> None:
    text = OsmText().bounds(200)
    text.way(rectangle(0, 0, 20, 20), {"building": "yes", "height": "5"})
    text.way([(40, 0), (60, 20), (60, 0), (40, 20)], {"building": "yes", "height": "5"})
    text.way(rectangle(80, 0, 20, 20), {"building": "yes", "height": "5"}, missing=1)
    text.way(rectangle(120, 0, 20, 20), {"building": "yes"}, closed=False)
    text.way(rectangle(0, 40, 20, 20), {"building": "yes", "layer": "-1"})
    text.way(rectangle(0, 80, 0.5, 0.5), {"building": "yes", "height": "5"})
    found = mapped(text.write(tmp_path / "broken.osm"))
    # A bow tie is two triangles; three sides of a square are closed by the fourth.
    assert sorted(round(each.footprint.area) for each in found.buildings) == [100, 100, 400, 400, 400]
    assert found.notes[0].startswith(
        "6 buildings, 3 of them not whole in the source and repaired, and 0 building"
    )
    for words in ("polygon repaired", "cut at the edge", "ends open", "below ground", "footprint below"):
        assert f"1 × {[line for line in found.notes if words in line][0].split(' × ')[1]}" in found.notes


def feature(name: str, polygon: Polygon, **tags: str) -> Feature:
    return Feature(name, {key.replace("_", ":"): value for key, value in tags.items()}, polygon)


def test_parts_replace_their_outline() -> None:
    outline = feature("o", Polygon(rectangle(0, 0, 40, 40)), building="yes", height="60")
    tower = feature("t", Polygon(rectangle(0, 0, 20, 40)), building_part="yes", height="60")
    podium = feature("p", Polygon(rectangle(20, 0, 20, 40)), building_part="yes", height="10")
    tally: Counter[str] = Counter()
    left = replace_outlines_by_parts([outline, tower, podium], tally)
    assert [each.identifier for each in left] == ["t", "p"]
    assert [(each.tags["height"], each.tags["building"]) for each in left] == [("60", "yes"), ("10", "yes")]
    assert tally["building outline replaced by its parts"] == 1


def test_parts_of_one_building_have_one_wall() -> None:
    outline = feature("o", Polygon(rectangle(0, 0, 40, 40)), building="office")
    parts = [feature(f"p{i}", Polygon(rectangle(10.0 * i, 0, 10, 40)), building_part="yes") for i in range(4)]
    for seed in range(5):
        random = NamedRandom.of(np.random.default_rng(seed))
        found = buildings_of([outline, *parts], "europe", random, Counter())
        assert len(found) == 4 and len({each.wall_material for each in found}) == 1


def test_the_rest_of_an_outline_stays_but_not_at_its_towers_height() -> None:
    outline = feature("o", Polygon(rectangle(0, 0, 40, 40)), building="yes", height="60")
    tower = feature("t", Polygon(rectangle(0, 0, 10, 40)), building_part="yes", height="60")
    rest, part = replace_outlines_by_parts([outline, tower], Counter())
    assert part.geometry == tower.geometry
    assert rest.geometry.area == pytest.approx(1200)
    assert "height" not in rest.tags


def test_a_part_without_an_outline_stays() -> None:
    part = feature("t", Polygon(rectangle(0, 0, 10, 40)), building_part="yes")
    other = feature("o", Polygon(rectangle(100, 0, 10, 40)), building="yes")
    assert set(map(id, replace_outlines_by_parts([part, other], Counter()))) == {id(part), id(other)}


def test_overlaps_go_to_the_higher_building() -> None:
    low = building(Polygon(rectangle(0, 0, 20, 20)), 5.0, identifier="low")
    high = building(Polygon(rectangle(10, 0, 20, 20)), 9.0, identifier="high")
    found = {each.identifier: each for each in without_overlaps([low, high], Counter())}
    assert found["high"].footprint.area == 400
    assert found["low"].footprint.area == pytest.approx(200)
    assert found["low"].footprint.intersection(found["high"].footprint).area == pytest.approx(0)


def test_a_building_drawn_twice_keeps_the_surer_height() -> None:
    sure = building(Polygon(rectangle(0, 0, 20, 20)), 5.0, identifier="sure")
    guess = building(Polygon(rectangle(0.5, 0, 20, 20)), 9.0, identifier="guess", height_source="prior")
    assert [each.identifier for each in without_overlaps([guess, sure], Counter())] == ["sure"]


def test_stacked_parts_keep_their_ground() -> None:
    base = building(Polygon(rectangle(0, 0, 20, 20)), 10.0, identifier="base")
    tower = building(Polygon(rectangle(5, 5, 10, 10)), 50.0, identifier="tower", min_height=10.0)
    assert without_overlaps([base, tower], Counter()) == (base, tower)
    whole = building(Polygon(rectangle(0, 0, 20, 20)), 50.0, identifier="whole", min_height=10.0)
    assert without_overlaps([base, whole], Counter()) == (base, whole)


def test_sea_is_to_the_right_of_the_coast() -> None:
    north = Feature("c", {"natural": "coastline"}, shapely.LineString([(500, 0), (-500, 0)]))
    (sea,) = sea_of([north], 400.0, 200.0)
    assert sea.bounds == (-200, 0, 200, 100)
    # Land to the left of a line that ends inside: nobody knows where it goes on.
    assert (
        sea_of([Feature("c", {"natural": "coastline"}, shapely.LineString([(500, 0), (0, 0)]))], 400.0, 200.0)
        == ()
    )


def test_roads_become_layers(tmp_path: Path) -> None:
    text = OsmText().bounds(256)
    text.way(rectangle(100, 100, 20, 20), {"building": "yes", "height": "5"})
    text.way([(-300, 3.0), (300, 3.0)], {"highway": "primary", "width": "10"}, closed=False)
    text.way([(3.0, -300), (3.0, 300)], {"highway": "footway"}, closed=False)
    text.way([(-300, 100), (300, 100)], {"highway": "primary", "tunnel": "yes", "layer": "-1"}, closed=False)
    found = mapped(text.write(tmp_path / "roads.osm"))
    tile = Grid(400.0, 4.0)
    layers = ground_layers(found, tile)
    y = np.abs(tile.y_coordinates - 3.0)[:, None] * np.ones(tile.count)
    on_primary = y < 5.0
    assert (layers["road_class"][on_primary] == 1).all(), "the higher class wins at the crossing"
    footway = ~on_primary & (np.abs(tile.x_coordinates - 3.0) < 2.0)[None, :]
    assert (layers["road_class"][footway] == 4).all()
    away = (~on_primary) & (tile.x_coordinates < -100)[None, :]
    assert np.isnan(layers["road_class"][away]).all()
    rows = np.flatnonzero(on_primary[:, 0])
    distance = np.abs(np.arange(tile.count)[:, None] - rows).min(axis=1) * 4.0
    near = (distance < 60)[:, None] & (tile.x_coordinates < -100)[None, :]
    np.testing.assert_allclose(
        road_distance(layers["road"], tile)[near], np.broadcast_to(distance[:, None], tile.shape)[near]
    )


@pytest.mark.parametrize(
    "content", [b"hello", b"<html></html>", b"<osm", b"", b"\x00\x00\x00\x0d\x0a\x09OSMHeader"]
)
@pytest.mark.parametrize("suffix", [".osm", ".osm.pbf", ".osm.gz"])
def test_files_that_are_no_maps(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="broken"):
        read_osm(path)


def test_a_file_cut_short(tmp_path: Path) -> None:
    whole = gzip.compress(village(tmp_path / "village.osm").read_bytes())
    (tmp_path / "cut.osm.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a whole OpenStreetMap file"):
        read_osm(tmp_path / "cut.osm.gz")


def test_no_buildings(tmp_path: Path) -> None:
    text = OsmText()
    text.way(rectangle(0, 0, 20, 20), {"building": "no"})
    with pytest.raises(InputError, match="holds no buildings"):
        read_osm(text.write(tmp_path / "field.osm"))


def test_equal_seeds_give_equal_maps(tmp_path: Path) -> None:
    path = village(tmp_path / "village.osm")
    first, second = (read_source(str(path), SourceOptions(), 3, 512.0).vector_map for _ in range(2))
    assert dataclasses.asdict(first) == dataclasses.asdict(second)
    other = read_source(str(path), SourceOptions(), 4, 512.0).vector_map
    assert [each.height for each in other.buildings] != [each.height for each in first.buildings]


def test_a_file_that_was_never_uploaded(tmp_path: Path) -> None:
    """JOSM numbers new objects downwards from −1."""
    text = OsmText().bounds(200)
    for x in (0, 40):
        text.way(rectangle(x, 0, 20, 20), {"building": "yes", "height": "5"})
    path = text.write(tmp_path / "new.osm")
    path.write_text(re.sub(r'\b(id|ref)="(\d+)"', r'\1="-\2"', path.read_text()))
    found = mapped(path)
    assert [round(each.footprint.area) for each in found.buildings] == [400, 400]
    assert "repaired" not in notes(found)


def test_objects_in_any_order(tmp_path: Path) -> None:
    tree = ElementTree.parse(village(tmp_path / "village.osm"))
    root = tree.getroot()
    children = sorted(root, key=lambda child: child.tag, reverse=True)
    for child in list(root):
        root.remove(child)
    root.extend(children)
    tree.write(tmp_path / "mixed.osm")
    assert len(mapped(tmp_path / "mixed.osm").buildings) == 4
