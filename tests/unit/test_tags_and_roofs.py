"""Pure rules of OpenStreetMap's tags: which are read, what they say of roads, lengths and roofs."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon
from shapely.geometry import LineString, Point

from raylocus.geo import GeoFrame
from raylocus.scenes.buildings.heights import REGIONS, building_type, region_of
from raylocus.scenes.buildings.roof_tags import LARGEST_SHARE, ROOF_SHAPES, Roof, roof_of
from raylocus.scenes.ground.from_features import (
    CROWN_RADIUS,
    DEFAULT_WIDTH,
    LANE,
    is_ground_area,
    pavements_of,
    road_class_of,
    roads_of,
    vegetation_of,
    water_of,
)
from raylocus.scenes.osm.tags import BUILDING_KEYS, GROUND_KEYS, LINE_KEYS, area_tags, is_building, line_tags
from raylocus.scenes.tagged import FOOT, INCH, Feature, NamedRandom, in_frame, notes_of, parse_length
from raylocus.scenes.vector_map import ROAD_CLASSES

KEYS = sorted({*BUILDING_KEYS, *GROUND_KEYS, *LINE_KEYS, "name", "addr:street", "ref", "wikidata"})
WORDS = st.sampled_from(["yes", "no", "house", "5", "wood", "residential", "12 m"])
TAGS = st.dictionaries(st.sampled_from(KEYS), WORDS)
#: A house of 8 × 20 m, turned, and an angled one of two wings 6 m wide.
HOUSE = shapely.affinity.rotate(shapely.box(0, 0, 8, 20), 33)
ANGLED = shapely.union(shapely.box(0, 0, 30, 6), shapely.box(0, 0, 6, 30))


@given(TAGS)
def test_only_tags_that_something_asks_for_are_read(tags: dict[str, str]) -> None:
    area, line = area_tags(tags), line_tags(tags)
    for read, keys in ((area, {*BUILDING_KEYS, *GROUND_KEYS}), (line, set(LINE_KEYS))):
        assert read.items() <= tags.items() and set(read) <= keys
    assert set(line) == set(tags) & set(LINE_KEYS)
    # What asks of the tags that were read asks of them all: nothing that decides was left out.
    assert is_building(area) == is_building(tags)
    assert is_ground_area(area) == is_ground_area(tags)
    assert road_class_of(line) == road_class_of(tags)
    if is_building(tags):
        assert building_type(area) == building_type(tags)


@pytest.mark.parametrize(
    ("value", "road_class"),
    [
        ("motorway_link", "motorway"),
        ("trunk", "motorway"),
        ("tertiary", "primary"),
        ("living_street", "residential"),
        ("track", "service"),
        ("steps", "pedestrian"),
        ("construction", None),
        ("platform", None),
        ("", None),
    ],
)
def test_classes_of_roads(value: str, road_class: str | None) -> None:
    assert road_class_of({"highway": value}) == road_class


@pytest.mark.parametrize(
    ("tags", "width"),
    [
        ({}, DEFAULT_WIDTH["residential"]),
        ({"lanes": "2"}, 2 * LANE),
        ({"width": "9"}, 9.0),
        ({"width": "9", "lanes": "2"}, 9.0),
        ({"width": "30 ft"}, 30 * FOOT),
        ({"width": "900"}, DEFAULT_WIDTH["residential"]),
        ({"width": "0.1"}, DEFAULT_WIDTH["residential"]),
        ({"width": "900", "lanes": "3"}, 3 * LANE),
        ({"width": "broad"}, DEFAULT_WIDTH["residential"]),
        ({"lanes": "0"}, DEFAULT_WIDTH["residential"]),
        ({"lanes": "999"}, DEFAULT_WIDTH["residential"]),
    ],
)
def test_widths_of_roads(tags: dict[str, str], width: float) -> None:
    line = LineString([(0, 0), (50, 0)])
    (road,) = roads_of([Feature("way/1", {"highway": "residential", **tags}, line)])
    assert (road.road_class, road.width) == ("residential", pytest.approx(width))


def test_every_class_of_road_has_a_width() -> None:
    assert set(DEFAULT_WIDTH) == set(ROAD_CLASSES)


@pytest.mark.parametrize("tags", [{"tunnel": "yes"}, {"layer": "-1"}, {"area": "yes"}])
def test_roads_that_no_phone_sees_are_left_out(tags: dict[str, str]) -> None:
    line = LineString([(0, 0), (50, 0)])
    assert not roads_of([Feature("way/1", {"highway": "residential", **tags}, line)])
    assert not roads_of([Feature("way/1", {"highway": "residential"}, Point(0, 0))])


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"natural": "water"}, "water"),
        ({"landuse": "basin"}, "water"),
        ({"waterway": "dock"}, "water"),
        ({"natural": "wood"}, "vegetation"),
        ({"landuse": "orchard"}, "vegetation"),
        ({"highway": "pedestrian", "area": "yes"}, "pavement"),
        ({"area:highway": "footway"}, "pavement"),
        ({"highway": "pedestrian"}, None),
        ({"landuse": "residential"}, None),
        ({"natural": "water", "tunnel": "yes"}, None),
    ],
)
def test_what_covers_the_ground(tags: dict[str, str], kind: str | None) -> None:
    feature = [Feature("way/1", tags, shapely.box(0, 0, 10, 10))]
    readers = {"water": water_of, "vegetation": vegetation_of, "pavement": pavements_of}
    assert [name for name, read in readers.items() if read(feature)] == ([kind] if kind else [])


def test_a_tree_is_a_crown_and_a_row_of_trees_a_strip() -> None:
    row = LineString([(0, 0), (40, 0)])
    crown, strip = vegetation_of(
        [
            Feature("node/1", {"natural": "tree"}, Point(5, 5)),
            Feature("way/1", {"natural": "tree_row"}, row),
        ]
    )
    assert crown.bounds == pytest.approx((2, 2, 8, 8), abs=1e-6)
    assert 2 * CROWN_RADIUS * 40 < strip.area < 2 * CROWN_RADIUS * (40 + 2 * CROWN_RADIUS)


@given(st.integers(1, 99), st.integers(0, 11))
def test_feet_and_inches_are_one_length_in_every_writing(feet: int, inches: int) -> None:
    length = feet * FOOT + inches * INCH
    for text in (f"{feet}'{inches}\"", f"{feet} ft {inches} in", f" {feet}feet {inches}inches "):
        assert parse_length(text) == pytest.approx(length)


@given(st.floats(-50, 50).map(lambda value: round(value, 2)))
def test_metres_are_one_length_in_every_writing(metres: float) -> None:
    text = f"{metres:.2f}"
    for writing in (text, f"{text} m", f"{text}M", f"{text} metres", text.replace(".", ",")):
        assert parse_length(writing) == metres


@given(
    st.integers(0, 2**63 - 1), st.lists(st.integers(0, 10**9).map(str), min_size=2, max_size=4, unique=True)
)
def test_a_draw_belongs_to_its_name_and_not_to_the_order_of_asking(key: int, names: list[str]) -> None:
    draws = NamedRandom(key)
    forwards = [draws.uniform(name) for name in names]
    assert forwards == [draws.uniform(name) for name in reversed(names)][::-1]
    assert len(set(forwards)) == len(names) and all(0 < value < 1 for value in forwards)
    assert draws.uniform(names[0]) != NamedRandom((key + 1) % 2**63).uniform(names[0])


def test_named_draws_are_uniform_and_normal() -> None:
    draws, names = NamedRandom(7), [f"way/{number}" for number in range(4000)]
    counts = Counter(int(10 * draws.uniform(name)) for name in names)
    assert all(abs(counts[decile] - 400) < 4 * math.sqrt(360) for decile in range(10))
    normals = [draws.normal(name) for name in names]
    mean = sum(normals) / len(normals)
    assert abs(mean) < 4 / math.sqrt(4000)
    assert sum((each - mean) ** 2 for each in normals) / 4000 == pytest.approx(1, abs=0.1)


def test_features_keep_their_names_and_tags_in_the_frame() -> None:
    frame = GeoFrame(48.0, 11.0)
    features = [
        Feature("node/1", {"natural": "tree"}, Point(11.0, 48.0)),
        Feature("way/2", {"building": "yes"}, shapely.box(11.0, 48.0, 11.001, 48.001)),
    ]
    tree, house = in_frame(features, frame)
    assert (tree.geometry.x, tree.geometry.y) == pytest.approx((0, 0), abs=1e-6)
    assert (house.identifier, house.tags) == ("way/2", {"building": "yes"})
    # A thousandth of a degree is 111 m of latitude, and cos 48° of that of longitude.
    assert house.geometry.area == pytest.approx(111.2 * 111.2 * math.cos(math.radians(48)), rel=0.01)
    assert in_frame([], frame) == []


def test_what_was_counted_is_said_most_frequent_first_and_nothing_of_nothing() -> None:
    tally = Counter({"b twice": 2, "a twice": 2, "often": 9, "never": 0})
    assert notes_of(tally) == ("9 × often", "2 × a twice", "2 × b twice")


@pytest.mark.parametrize(
    ("latitude", "longitude", "region"),
    [
        (48.1, 11.6, "europe"),
        (40.7, -74.0, "north_america"),
        (35.7, 139.7, "east_asia"),
        (-33.9, 151.2, "elsewhere"),
        (28.6, 77.2, "elsewhere"),
    ],
)
def test_regions(latitude: float, longitude: float, region: str) -> None:
    assert region in REGIONS and region_of(GeoFrame(latitude, longitude)) == region


@pytest.mark.parametrize(
    ("shape", "footprint", "rise"),
    [
        ("gabled", HOUSE, 4 * math.tan(math.radians(35))),
        ("hipped", HOUSE, 4 * math.tan(math.radians(35))),
        ("skillion", HOUSE, 8 * math.tan(math.radians(17.5))),
        ("gabled", ANGLED, 3 * math.tan(math.radians(35))),
        ("flat", HOUSE, 0.0),
        ("unheard-of", HOUSE, 0.0),
    ],
)
def test_a_roof_of_untagged_height_rises_by_its_slope(shape: str, footprint: Polygon, rise: float) -> None:
    roof = roof_of({"roof:shape": shape}, footprint)
    assert roof.rise == pytest.approx(rise, rel=0.07 if footprint is ANGLED else 1e-6)
    assert not roof.stated


@pytest.mark.parametrize(
    ("tags", "rise"),
    [
        ({"roof:height": "4"}, 4.0),
        ({"roof:height": "4", "roof:levels": "2"}, 4.0),
        ({"roof:levels": "2"}, 5.0),
        ({"roof:height": "nonsense", "roof:levels": "1"}, 2.5),
        ({"roof:height": "900", "roof:levels": "1"}, 2.5),
    ],
)
def test_a_stated_roof_is_as_high_as_stated(tags: dict[str, str], rise: float) -> None:
    roof = roof_of({"roof:shape": "gabled", **tags}, HOUSE)
    assert roof.rise == rise and roof.stated and roof.deviation > 0


ROOFS = st.builds(
    Roof,
    shape=st.sampled_from(sorted({*ROOF_SHAPES.values(), "flat"})),
    rise=st.floats(0, 50),
    deviation=st.just(0.5),
    stated=st.booleans(),
    shape_tagged=st.booleans(),
)


@given(ROOFS, st.floats(0.5, 200), st.floats(0, 1), st.floats(0, 1))
def test_no_roof_leaves_less_than_its_share_for_the_walls(
    roof: Roof, height: float, eaves: float, bottom: float
) -> None:
    shape, rise = roof.below_top(height)
    assert 0 <= rise <= min(roof.rise, LARGEST_SHARE * height)
    assert (shape == "flat") == (rise == 0) and shape in (roof.shape, "flat")
    low = bottom * eaves * height
    over, above = roof.above_eaves(height, eaves * height, low)
    assert 0 <= above <= height - eaves * height + 1e-9
    assert (over == "flat") == (above == 0)
    assert low == 0 or above <= LARGEST_SHARE * (height - low)


@given(ROOFS, st.floats(0.5, 200))
def test_a_guessed_rise_over_storeys_takes_its_share_at_most(roof: Roof, eaves: float) -> None:
    rise = roof.over_storeys(eaves)
    if roof.stated:
        assert rise == roof.rise
    else:
        assert rise <= roof.rise and rise <= LARGEST_SHARE * (eaves + rise) + 1e-9
