"""Maps as strangers draw and cut them: each is read, repaired and counted, or refused in a sentence."""

from __future__ import annotations

import bz2
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from map_fixtures import OsmText, rectangle, village
from raylocus.errors import InputError
from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.vector_map import VectorMap

SQUARE = rectangle(0, 0, 20, 20)


def mapped(path: Path) -> VectorMap:
    return read_source(str(path), SourceOptions(), 0, 512.0).vector_map


def drawn(path: Path, draw: Callable[[OsmText], object]) -> tuple[list[int], str]:
    """Footprints [m²] next to one plain house of 900 m², and all notes, of a map that `draw` draws."""
    text = OsmText().bounds(200)
    text.way(rectangle(-100, -100, 30, 30), {"building": "yes", "height": "5"})
    draw(text)
    found = mapped(text.write(path / "odd.osm"))
    areas = sorted(round(each.footprint.area) for each in found.buildings)
    areas.remove(900)
    return areas, "\n".join(found.notes)


def relation(text: OsmText, members: list[tuple[str, int, str]], tags: dict[str, str]) -> None:
    element = ElementTree.Element("relation", id="99999", version="1")
    for kind, number, role in members:
        ElementTree.SubElement(element, "member", type=kind, ref=str(number), role=role)
    text._tag(element, tags)
    text.relations.append(element)


@pytest.mark.parametrize(
    ("tags", "areas", "words"),
    [
        ({"building": "yes", "name": "Кафе «Ü» 東京 <&>\""}, [400], "2 buildings and"),
        ({"building": "no"}, [], "1 buildings and"),
        ({"building": "demolished"}, [], "1 × building left out: gone, or not built yet"),
        ({"demolished:building": "yes"}, [], "1 buildings and"),
        ({"building:part": "no"}, [], "0 building parts"),
        ({"building": "yes", "amenity": "parking", "parking": "underground"}, [], "below ground"),
        ({"building": "yes", "location": "underground"}, [], "below ground"),
        ({"building": "yes", "layer": "-1"}, [], "below ground"),
        ({"building": "yes", "height": "0"}, [], "of no height"),
        ({"building": "yes", "height": "3 storeys"}, [400], "1 × height tag ignored"),
        ({"building": "yes", "height": "-5"}, [400], "1 × height tag ignored"),
        ({"building": "yes", "height": "nan"}, [400], "1 × height tag ignored"),
        ({"building": "yes", "building:levels": "five"}, [400], "1 × building:levels tag ignored"),
        ({"building": "yes", "height": "9", "min_height": "12"}, [400], "1 × min_height ignored"),
    ],
)  # fmt: skip
def test_tags(tags: dict[str, str], areas: list[int], words: str, tmp_path: Path) -> None:
    found, notes = drawn(tmp_path, lambda text: text.way(SQUARE, tags))
    assert found == areas and words in notes


def test_a_roof_without_walls_stands_on_posts(tmp_path: Path) -> None:
    text = OsmText().bounds(200)
    text.way(SQUARE, {"building": "roof", "height": "5"})
    (roof,) = mapped(text.write(tmp_path / "roof.osm")).buildings
    assert (roof.min_height, roof.height) == (pytest.approx(4.6), 5.0)


def test_corners_drawn_twice(tmp_path: Path) -> None:
    corners = [(0.0, 0.0), (0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (20.0, 20.0), (0.0, 20.0)]
    assert drawn(tmp_path, lambda text: text.way(corners, {"building": "yes"}))[0] == [400]


def test_a_line_is_no_building(tmp_path: Path) -> None:
    found, notes = drawn(tmp_path, lambda text: text.way([(0, 0), (20, 0), (10, 0)], {"building": "yes"}))
    assert found == [] and "1 × building way left out: what the file holds of it encloses nothing" in notes


def test_an_open_way_with_a_wide_gap_is_no_building(tmp_path: Path) -> None:
    corners = [(0.0, 0.0), (40.0, 0.0), (40.0, 10.0)]
    found, notes = drawn(tmp_path, lambda text: text.way(corners, {"building": "yes"}, closed=False))
    assert found == [] and "1 × building way left out: it ends open" in notes


def test_a_relation_with_members_that_are_not_there(tmp_path: Path) -> None:
    def draw(text: OsmText) -> None:
        outer = text.way(rectangle(0, 0, 40, 40), {})
        members = [("way", outer, "outer"), ("way", 12345678, "inner"), ("node", 42, "label"),
                   ("relation", 43, "outer")]  # fmt: skip
        relation(text, members, {"type": "multipolygon", "building": "yes"})

    found, notes = drawn(tmp_path, draw)
    assert found == [1600] and "1 × building outline cut at the edge of the file" in notes


def test_a_relation_of_which_one_side_is_missing(tmp_path: Path) -> None:
    """Three sides of a courtyard building in two ways; the fourth is beyond the file's edge."""

    def draw(text: OsmText) -> None:
        one = text.way([(40, 0), (0, 0)], {}, closed=False)
        other = text.way(rectangle(10, 10, 10, 10), {})
        around = text.way([(0.0, 0.0), (0.0, 40.0), (40.0, 40.0)], {}, closed=False)
        members = [("way", one, "outer"), ("way", around, "outer"), ("way", other, "inner"),
                   ("way", 12345678, "outer")]  # fmt: skip
        relation(text, members, {"type": "multipolygon", "building": "yes"})

    assert drawn(tmp_path, draw)[0] == [1500]


def test_a_relation_without_members(tmp_path: Path) -> None:
    found, notes = drawn(
        tmp_path, lambda text: relation(text, [], {"type": "multipolygon", "building": "yes"})
    )
    assert found == [] and "building relation left out" in notes


def test_a_courtyard_that_touches_the_outline_and_one_outside_it(tmp_path: Path) -> None:
    def touching(text: OsmText) -> None:
        text.multipolygon(rectangle(0, 0, 40, 40), rectangle(0, 10, 10, 10), {"building": "yes"})

    def outside(text: OsmText) -> None:
        text.multipolygon(rectangle(0, 0, 40, 40), rectangle(60, 60, 10, 10), {"building": "yes"})

    assert drawn(tmp_path, touching)[0] == [1500]
    assert drawn(tmp_path, outside)[0][-1] == 1600


def test_addresses_are_no_buildings_and_trees_are_crowns(tmp_path: Path) -> None:
    text = OsmText().bounds(200)
    text.way(SQUARE, {"building": "yes", "height": "5"})
    for number, tags in enumerate(({"building": "yes", "addr:street": "Straße"}, {"natural": "tree"})):
        node = ElementTree.SubElement(
            text.root, "node", id=str(500 + number), lat="52.51", lon="13.4", version="1"
        )
        text._tag(node, tags)
    text.way([(50.0, 50.0), (90.0, 50.0)], {"natural": "tree_row"}, closed=False)
    found = mapped(text.write(tmp_path / "nodes.osm"))
    assert len(found.buildings) == 1
    areas = sorted(each.area for each in found.vegetation)
    assert areas == [pytest.approx(28.3, rel=0.12), pytest.approx(40 * 6 + 28.3, rel=0.1)]


@pytest.mark.parametrize("name", ["v.OSM", "v.osm.xml", "v.xml", "v.osm.bz2"])
def test_names_of_files(name: str, tmp_path: Path) -> None:
    content = village(tmp_path / "village.osm").read_bytes()
    (tmp_path / name).write_bytes(bz2.compress(content) if name.endswith("bz2") else content)
    assert len(mapped(tmp_path / name).buildings) == 4


@pytest.mark.parametrize("name", ["v.o5m", "v.geojsonseq", "v.osc", "v.zip", "v.shp", "v.gpkg"])
@pytest.mark.filterwarnings("ignore")
def test_files_of_other_kinds(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('<osmChange version="0.6"></osmChange>')
    with pytest.raises(InputError, match=name):
        mapped(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give the map file in it"):
        mapped(tmp_path)


_KEYS = ("height", "building:levels", "min_height", "building:min_level", "layer", "roof:height", "roof:shape",
         "roof:levels", "building", "building:part", "building:material", "location", "width", "lanes")  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(_KEYS), st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=8)
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_tag_stops_a_map(tmp_path: Path, tags: dict[str, str]) -> None:
    text = OsmText().bounds(200)
    text.way(SQUARE, {"building": "yes", "height": "5"})
    text.way(rectangle(40, 0, 20, 20), {"building": "yes", **tags})
    text.way([(0, 90), (90, 90)], {"highway": "primary", **tags}, closed=False)
    found = mapped(text.write(tmp_path / "any.osm"))
    assert 1 <= len(found.buildings) <= 2
    assert all(0 <= each.min_height < each.height <= 900 for each in found.buildings)
