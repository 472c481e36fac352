"""OpenStreetMap's dialects are one map: any order, objects twice, deleted ones, places inside ways, JSON, old style."""

from __future__ import annotations

import bz2
import gzip
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import osmium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from map_fixtures import OsmText, rectangle, village
from raylocus.errors import InputError
from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.map_sources.read_source import read_source
from raylocus.scenes.osm.dialect import is_plain
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.tagged import TaggedMap

XML = ElementTree.Element


def content(tagged: TaggedMap) -> object:
    """Everything in a map, to be compared."""
    features = (
        [(each.identifier, each.tags, each.geometry.wkb) for each in group]
        for group in (tagged.areas, tagged.lines)
    )
    return [*features, tagged.bounds]


def write(root: XML, path: Path) -> Path:
    ElementTree.ElementTree(root).write(path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return village(tmp_path_factory.mktemp("osm") / "village.osm")


@pytest.fixture(scope="module")
def expected(plain: Path) -> object:
    assert is_plain(plain)
    return content(read_osm(plain))


def copied(plain: Path) -> XML:
    return deepcopy(ElementTree.parse(plain).getroot())


def rearranged(root: XML, change: Callable[[list[XML]], list[XML]]) -> XML:
    """A file with the same frame and other objects."""
    objects = [child for child in root if child.tag != "bounds"]
    for child in objects:
        root.remove(child)
    root.extend(change(objects))
    return root


def skeleton(item: XML) -> XML:
    """What `out skel` gives of an object: no tags, no version."""
    bare = deepcopy(item)
    bare.attrib.pop("version", None)
    for tag in bare.findall("tag"):
        bare.remove(tag)
    return bare


def overpass_turbo(objects: list[XML]) -> list[XML]:
    """`out body; >; out skel qt;`: ways and relations with tags, then all they need, unsorted and without tags."""
    tagged = [each for each in objects if each.tag != "node" and each.find("tag") is not None]
    return tagged + [skeleton(each) for each in reversed(objects) if each.tag != "relation"]


ORDERS: dict[str, Callable[[list[XML]], list[XML]]] = {
    "backwards": lambda objects: objects[::-1],
    "ways first": lambda objects: sorted(objects, key=lambda each: (each.tag != "way", each.attrib["id"])),
    "every object twice": lambda objects: [*objects, *deepcopy(objects)],
    "overpass-turbo": overpass_turbo,
    "the copies without tags first": lambda objects: [*map(skeleton, objects), *objects],
}


@pytest.mark.parametrize("order", ORDERS)
def test_order_and_copies_change_nothing(order: str, plain: Path, expected: object, tmp_path: Path) -> None:
    path = write(rearranged(copied(plain), ORDERS[order]), tmp_path / "odd.osm")
    assert not is_plain(path)
    assert content(read_osm(path)) == expected


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_shuffle_with_any_copies_is_the_same_map(
    data: st.DataObject, plain: Path, expected: object, tmp_path: Path
) -> None:
    def change(objects: list[XML]) -> list[XML]:
        again = data.draw(st.lists(st.sampled_from(range(len(objects))), max_size=8))
        bare = data.draw(st.booleans())
        copies = [skeleton(objects[index]) if bare else deepcopy(objects[index]) for index in again]
        order = data.draw(st.permutations(range(len(objects) + len(copies))))
        return [[*objects, *copies][index] for index in order]

    assert content(read_osm(write(rearranged(copied(plain), change), tmp_path / "any.osm"))) == expected


@pytest.mark.parametrize("ways_before", [False, True])
def test_a_binary_file_in_any_order(ways_before: bool, plain: Path, expected: object, tmp_path: Path) -> None:
    """Binary files say nothing of their order beforehand: osmium, or nodes that come too late, show it."""
    objects = [item.id for item in osmium.FileProcessor(str(plain))]
    kinds = [osmium.osm.WAY, osmium.osm.RELATION, osmium.osm.NODE]
    header = osmium.io.Header()
    header.add_box(osmium.io.Reader(str(plain), osmium.osm.NOTHING).header().box())
    with osmium.SimpleWriter(str(tmp_path / "odd.osm.pbf"), header=header) as writer:
        if ways_before:
            for kind in kinds:
                for item in osmium.FileProcessor(str(plain), kind):
                    writer.add(item)
        else:
            last = max(objects)
            for number in (last, *objects):
                for item in osmium.FileProcessor(str(plain)):
                    if item.id == number:
                        writer.add(item)
    assert content(read_osm(tmp_path / "odd.osm.pbf")) == expected


def test_places_stored_in_the_ways_of_a_binary_file(plain: Path, expected: object, tmp_path: Path) -> None:
    """`osmium add-locations-to-ways` drops the nodes."""
    path = tmp_path / "located.osm.pbf"
    header = osmium.io.Header()
    header.add_box(osmium.io.Reader(str(plain), osmium.osm.NOTHING).header().box())
    target = osmium.io.File(str(path), "pbf,locations_on_ways=true")
    with osmium.SimpleWriter(target, header=header) as writer:
        for item in osmium.FileProcessor(str(plain)).with_locations():
            if not item.is_node():
                writer.add(item)
    assert content(read_osm(path)) == expected


def test_a_file_without_a_version(plain: Path, expected: object, tmp_path: Path) -> None:
    root = copied(plain)
    root.attrib.clear()
    assert content(read_osm(write(root, tmp_path / "bare.osm"))) == expected


@pytest.mark.parametrize("name", ["v.osm", "v.xml", "v.osm.pbf", "v.osm.gz", "v.osm.bz2"])
def test_what_a_file_holds_counts_and_not_its_name(
    name: str, plain: Path, expected: object, tmp_path: Path
) -> None:
    for pack in (bytes, gzip.compress, bz2.compress):
        (tmp_path / name).write_bytes(pack(plain.read_bytes()))
        assert content(read_osm(tmp_path / name)) == expected


def test_deleted_objects_are_left_out_and_counted(plain: Path, expected: object, tmp_path: Path) -> None:
    text = OsmText().bounds(256)
    gone = [
        text.way(rectangle(0, 0, 60, 40), {"building": "yes", "height": "40"}),
        text.way(rectangle(-60, 60, 10, 10), {"building": "yes"}),
        text.way([(0, -90), (90, -90)], {"highway": "primary"}, closed=False),
    ]
    text.way(rectangle(100, 0, 20, 20), {"building": "yes", "height": "5"})
    root = ElementTree.parse(text.write(tmp_path / "all.osm")).getroot()
    ways = {int(way.attrib["id"]): way for way in root.iter("way")}
    ways[gone[0]].attrib |= {"action": "delete", "visible": "true"}
    ways[gone[1]].attrib["visible"] = "false"
    ways[gone[2]].attrib["action"] = "delete"
    found = read_osm(write(root, tmp_path / "josm.osm"))
    assert [area.tags["height"] for area in found.areas] == ["5"] and not found.lines
    assert found.tally["object left out: the file says that it is deleted"] == 3


def test_the_newest_version_of_a_history_counts(tmp_path: Path) -> None:
    text = OsmText().bounds(256)
    numbers = [text.way(rectangle(60.0 * i, 0, 20, 20), {"building": "yes", "height": "5"}) for i in range(3)]
    root = ElementTree.parse(text.write(tmp_path / "now.osm")).getroot()
    ways = {int(way.attrib["id"]): way for way in root.iter("way")}
    raised, gone, back = (deepcopy(ways[number]) for number in numbers)
    raised.attrib["version"] = gone.attrib["version"] = back.attrib["version"] = "2"
    raised.findall("tag")[1].attrib["v"] = "25"
    gone.attrib["visible"] = "false"
    ways[numbers[2]].attrib["visible"] = "false"
    for order in ([raised, gone, back], [back, gone, raised]):
        mixed = deepcopy(root)
        mixed[1:1] = deepcopy(order)
        found = {
            area.identifier: area.tags["height"] for area in read_osm(write(mixed, tmp_path / "h.osm")).areas
        }
        assert found == {f"way/{numbers[0]}": "25", f"way/{numbers[2]}": "5"}


def places_of(root: XML) -> dict[str, dict[str, str]]:
    return {
        node.attrib["id"]: {"lat": node.attrib["lat"], "lon": node.attrib["lon"]}
        for node in root.iter("node")
    }


def out_geom(root: XML, whole_members: bool) -> XML:
    """Overpass' `out geom;`: no nodes, places in the ways and in the members of relations."""
    places = places_of(root)
    ways = {way.attrib["id"]: way for way in root.iter("way")}
    for node in root.findall("node"):
        root.remove(node)
    for relation in root.iter("relation"):
        for member in relation.iter("member"):
            for nd in ways[member.attrib["ref"]].findall("nd"):
                ElementTree.SubElement(member, "nd", places[nd.attrib["ref"]])
            if not whole_members:
                root.remove(ways[member.attrib["ref"]])
    for way in ways.values():
        ElementTree.SubElement(way, "bounds", minlat="0", minlon="0", maxlat="1", maxlon="1")
        for nd in way.findall("nd"):
            nd.attrib.update(places[nd.attrib["ref"]])
    return root


@pytest.mark.parametrize("whole_members", [False, True])
def test_overpass_places_inside_ways(
    whole_members: bool, plain: Path, expected: object, tmp_path: Path
) -> None:
    path = write(out_geom(copied(plain), whole_members), tmp_path / "geom.osm")
    assert content(read_osm(path)) == expected


def as_json(root: XML, geometry: bool) -> dict[str, Any]:
    """What Overpass answers to `[out:json]`, with `out geom` or with `out body; >; out skel qt`."""
    places = {
        number: {key: float(value) for key, value in place.items()}
        for number, place in places_of(root).items()
    }
    nodes_of = {way.attrib["id"]: [nd.attrib["ref"] for nd in way.findall("nd")] for way in root.iter("way")}
    elements: list[dict[str, Any]] = []
    for item in sorted(root, key=lambda each: each.tag == "node"):
        if item.tag == "bounds":
            continue
        number = item.attrib["id"]
        element: dict[str, Any] = {"type": item.tag, "id": int(number)}
        if tags := {tag.attrib["k"]: tag.attrib["v"] for tag in item.iter("tag")}:
            element["tags"] = tags
        if item.tag == "way":
            element["nodes"] = [int(ref) for ref in nodes_of[number]]
            element |= {"geometry": [places[ref] for ref in nodes_of[number]]} if geometry else {}
        elif item.tag == "relation":
            element["members"] = [
                {"type": "way", "ref": int(each.attrib["ref"]), "role": each.attrib["role"]}
                | ({"geometry": [places[ref] for ref in nodes_of[each.attrib["ref"]]]} if geometry else {})
                for each in item.iter("member")
            ]
        else:
            element |= places[number]
        if not (geometry and item.tag == "node"):
            elements.append(element)
    return {"version": 0.6, "generator": "Overpass API", "osm3s": {"copyright": "ODbL"}, "elements": elements}


@pytest.mark.parametrize("geometry", [False, True])
@pytest.mark.parametrize("name", ["export.json", "v.osm.json", "v.geojson", "v.osm"])
def test_overpass_json(geometry: bool, name: str, plain: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps(as_json(copied(plain), geometry), indent=2))
    served = read_source(str(tmp_path / name), SourceOptions(), 0, 512.0).vector_map
    whole = read_source(str(plain), SourceOptions(), 0, 512.0).vector_map
    assert [each.height for each in served.buildings] == [each.height for each in whole.buildings]
    assert len(served.roads) == 1 and len(served.water) == 1 and served.attribution == whole.attribution


def test_options_of_building_files_are_called_idle(plain: Path) -> None:
    notes = read_source(str(plain), SourceOptions(height_field="h"), 0, 512.0).vector_map.notes
    assert "--height-field not used: it goes with building files" in notes


def test_places_beyond_the_box_of_a_query_are_missing(plain: Path, tmp_path: Path) -> None:
    """`out geom(S,W,N,E)` leaves out what is beyond the box; the outline is closed by a straight line."""
    answer = as_json(copied(plain), geometry=True)
    house = next(each for each in answer["elements"] if each.get("tags", {}).get("building") == "office")
    house["geometry"][2] = None
    (tmp_path / "box.json").write_text(json.dumps(answer))
    tally = read_osm(tmp_path / "box.json").tally
    assert tally["building outline cut at the edge of the file: closed by straight lines"] == 1


def test_ways_without_their_corners_are_not_called_no_buildings(plain: Path, tmp_path: Path) -> None:
    answer = as_json(copied(plain), geometry=False)
    answer["elements"] = [each for each in answer["elements"] if each["type"] != "node"]
    (tmp_path / "tags.json").write_text(json.dumps(answer))
    with pytest.raises(
        InputError, match=r"names 4 buildings and not the places .* out body; >; out skel qt;"
    ):
        read_osm(tmp_path / "tags.json")


@pytest.mark.parametrize("name", ["late.osm", "late.json"])
def test_an_answer_that_the_server_broke_off(name: str, plain: Path, tmp_path: Path) -> None:
    remark = 'runtime error: Query timed out in "query" at line 3 after 26 seconds.'
    root = copied(plain)
    ElementTree.SubElement(root, "remark").text = remark
    write(root, tmp_path / "late.osm")
    (tmp_path / "late.json").write_text(json.dumps(as_json(copied(plain), False) | {"remark": remark}))
    with pytest.raises(InputError, match="not a whole answer: the server says .*Query timed out"):
        read_osm(tmp_path / name)


def old_style(tags: dict[str, str], split: bool) -> OsmText:
    """A courtyard whose relation says nothing: its outer ring, of one way or two, carries the tags."""
    text = OsmText().bounds(200)
    text.way(rectangle(-90, -90, 20, 20), {"building": "yes", "height": "5"})
    corners = rectangle(0, 0, 40, 40)
    if split:
        # Two ways that meet at the same places, through nodes of their own.
        outer = [
            text.way(corners[:3], tags, closed=False),
            text.way([*corners[2:], corners[0]], tags, closed=False),
        ]
    else:
        outer = [text.way(corners, tags)]
    inner = text.way(rectangle(10, 10, 20, 20), {})
    relation = ElementTree.Element("relation", id="9999", version="1")
    for number, role in [*((each, "outer") for each in outer), (inner, "inner")]:
        ElementTree.SubElement(relation, "member", type="way", ref=str(number), role=role)
    text._tag(relation, {"type": "multipolygon", "source": "survey"})
    text.relations.append(relation)
    return text


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("tags", [{"building": "yes", "height": "9"}, {"natural": "water"}])
def test_old_style_multipolygons(split: bool, tags: dict[str, str], tmp_path: Path) -> None:
    path = old_style(tags, split).write(tmp_path / "old.osm")
    found = read_source(str(path), SourceOptions(), 0, 512.0).vector_map
    areas = {round(each.footprint.area) for each in found.buildings} - {400}
    assert areas == ({1200} if "building" in tags else set())
    assert [round(each.area) for each in found.water] == ([1200] if "natural" in tags else [])
    assert not any("ends open" in note for note in found.notes)


def test_two_courtyards_that_touch_in_an_old_style_multipolygon(tmp_path: Path) -> None:
    text = OsmText().bounds(200)
    outer = text.way(rectangle(0, 0, 60, 40), {"building": "yes", "height": "9"})
    inner = [text.way(rectangle(x, 10, 20, 20), {}) for x in (10, 30)]
    relation = ElementTree.Element("relation", id="9999", version="1")
    for number, role in [(outer, ""), *((each, "inner") for each in inner)]:
        ElementTree.SubElement(relation, "member", type="way", ref=str(number), role=role)
    text._tag(relation, {"type": "multipolygon"})
    text.relations.append(relation)
    found = read_source(str(text.write(tmp_path / "two.osm")), SourceOptions(), 0, 512.0).vector_map
    assert [round(each.footprint.area) for each in found.buildings] == [1600]


def test_a_relation_with_tags_of_its_own_is_not_old_style(tmp_path: Path) -> None:
    text = old_style({"building": "yes"}, split=False)
    text._tag(text.relations[0], {"amenity": "school"})
    assert max(area.geometry.area for area in read_osm(text.write(tmp_path / "new.osm")).areas) > 0
    found = read_source(str(tmp_path / "new.osm"), SourceOptions(), 0, 512.0).vector_map
    assert sorted(round(each.footprint.area) for each in found.buildings) == [400, 1600]


@pytest.mark.parametrize(
    ("name", "bytes_of", "words"),
    [
        ("zip.osm", b"PK\x03\x04....", "is a zip archive; unpack it"),
        ("page.osm", b"<!DOCTYPE html>\n<html><body>429</body></html>", "holds a web page, not a map"),
        ("page.osm.pbf", b"<html><body>429</body></html>", "holds a web page, not a map"),
        ("change.osm", b"<?xml version='1.0'?><osmChange version='0.6'/>", "is a change file, not a map"),
        ("tags.osm", b"<osm><node id='1' lat='1' lon='1'></way></osm>", "mismatched tag"),
        ("number.osm", b"<osm><node id='-x' lat='1' lon='1'/></osm>", "save it again"),
        ("text.osm.pbf", b"name,height\nA,3\n" * 20, "save it again"),
        ("broken.osm.json", b'{"elements": [{"type": "node"}]}', "save it again"),
    ],
)  # fmt: skip
def test_files_that_are_whole_and_no_maps_are_not_to_be_downloaded_again(
    name: str, bytes_of: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(bytes_of)
    with pytest.raises(InputError, match=words) as refused:
        read_osm(tmp_path / name)
    assert "download it again" not in str(refused.value)


@pytest.mark.parametrize("name", ["v.osm", "v.osm.gz", "v.osm.bz2", "v.osm.pbf", "v.osm.json", "odd.osm"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.85])
def test_files_that_end_too_early_are_to_be_downloaded_again(
    name: str, share: float, plain: Path, tmp_path: Path
) -> None:
    whole = plain.read_bytes()
    if name.endswith("gz"):
        whole = gzip.compress(whole)
    elif name.endswith("bz2"):
        whole = bz2.compress(whole)
    elif name.endswith("json"):
        whole = json.dumps(as_json(copied(plain), False)).encode()
    elif name.startswith("odd"):
        whole = write(rearranged(copied(plain), ORDERS["backwards"]), tmp_path / "whole.osm").read_bytes()
    elif name.endswith("pbf"):
        with osmium.SimpleWriter(str(tmp_path / "whole.osm.pbf")) as writer:
            for item in osmium.FileProcessor(str(plain)):
                writer.add(item)
        whole = (tmp_path / "whole.osm.pbf").read_bytes()
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="is not a whole OpenStreetMap file .*; download it again"):
        read_osm(tmp_path / name)


@pytest.mark.parametrize("name", ["map", "interpreter", "town.osh", "town.txt"])
def test_files_are_recognised_by_their_content(name: str, plain: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(plain.read_bytes())
    served = read_source(str(tmp_path / name), SourceOptions(), 0, 512.0).vector_map
    whole = read_source(str(plain), SourceOptions(), 0, 512.0).vector_map
    assert len(served.roads) == len(whole.roads) and served.attribution == whole.attribution


@pytest.mark.parametrize("name", ["day.osc", "day.osm", "day.osc.gz", "day"])
def test_change_files_are_no_maps(name: str, plain: Path, tmp_path: Path) -> None:
    root = ElementTree.Element("osmChange", version="0.6")
    ElementTree.SubElement(root, "delete").extend(copied(plain))
    write(root, tmp_path / "plain")
    data = (tmp_path / "plain").read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    with pytest.raises(InputError, match="is a change file, not a map"):
        read_source(str(tmp_path / name), SourceOptions(), 0, 512.0)


def test_middles_alone_are_no_outlines(plain: Path, tmp_path: Path) -> None:
    root = copied(plain)
    for way in root.iter("way"):
        way.insert(0, ElementTree.Element("center", lat="48.1", lon="11.5"))
    for node in root.findall("node"):
        root.remove(node)
    with pytest.raises(InputError, match=r"not the places of their corners; .* out body; >; out skel qt;"):
        read_osm(write(root, tmp_path / "center.osm"))


def test_a_server_s_message_is_shown(tmp_path: Path) -> None:
    (tmp_path / "map.osm").write_text("You have downloaded too much data. Please try again in 20 seconds.")
    with pytest.raises(InputError, match="begins with 'You have downloaded too much data"):
        read_osm(tmp_path / "map.osm")
