"""Heights as mappers write them, and the chain from tag to prior."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from map_fixtures import rectangle
from raylocus.scenes.buildings.from_features import (
    buildings_of,
    roof_material,
    tagged_material,
    wall_material,
)
from raylocus.scenes.buildings.heights import (
    HIGHEST,
    LOG_DEVIATION,
    LOWEST,
    REGIONS,
    below_ground,
    bottom_height,
    building_type,
    height_prior,
    tagged_height,
)
from raylocus.scenes.buildings.roof_tags import roof_of
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.tagged import Feature, NamedRandom, parse_length

EXTRACTS = Path(__file__).parents[2].parent / "shared" / "data" / "osm"


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("12", 12.0),
        ("12.5", 12.5),
        ("12,5", 12.5),
        (" 12 m", 12.0),
        ("12m", 12.0),
        ("12 metres", 12.0),
        ("40 ft", 12.192),
        ("40'", 12.192),
        ("12'6\"", 3.81),
        ("12 ft 6 in", 3.81),
        ("-5", -5.0),
        ("3 storeys", None),
        ("ca. 12", None),
        ("12;15", None),
        ("", None),
        ("m", None),
    ],
)
def test_lengths(text: str, metres: float | None) -> None:
    assert parse_length(text) == (None if metres is None else pytest.approx(metres))


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    value = parse_length(text)
    assert value is None or np.isfinite(value)


@pytest.mark.parametrize(
    ("tags", "height", "source"),
    [
        ({"height": "20", "building:height": "10", "building:levels": "2"}, 20.0, "height"),
        ({"building:height": "10", "building:levels": "2"}, 10.0, "building:height"),
        ({"building:levels": "4"}, 12.0, "levels"),
        ({"height": "3 storeys", "building:levels": "4"}, 12.0, "levels"),
        ({"height": "-5", "building:levels": "4"}, 12.0, "levels"),
        ({"height": "5000", "building:levels": "4"}, 12.0, "levels"),
    ],
)
def test_the_chain_takes_the_best_usable_tag(tags: dict[str, str], height: float, source: str) -> None:
    tally: Counter[str] = Counter()
    estimate = tagged_height(tags, tally)
    assert estimate is not None
    assert (estimate.height, estimate.source) == (height, source)
    unusable = tags.get("height") in ("3 storeys", "-5", "5000")
    assert sum(tally.values()) == unusable


def test_a_tag_is_surer_than_levels_and_levels_than_the_prior() -> None:
    tag, levels = (tagged_height(tags, Counter()) for tags in ({"height": "21"}, {"building:levels": "7"}))
    prior = height_prior("apartments", 400.0, 0.4, "europe")
    assert tag is not None and levels is not None
    assert tag.deviation < levels.deviation < prior.error_deviation


#: 12 m × 8 m; a slope of 35° over half of its width rises by 2.80 m.
HOUSE = Polygon(rectangle(0, 0, 12, 8))
SLOPE_RISE = 4 * math.tan(math.radians(35))


@pytest.mark.parametrize(
    ("tags", "eaves", "top", "shape"),
    [
        ({"building:levels": "2"}, 6.0, 6.0, "flat"),
        ({"building:levels": "2", "roof:shape": "flat"}, 6.0, 6.0, "flat"),
        ({"building:levels": "2", "roof:shape": "gabled", "roof:levels": "1"}, 6.0, 8.5, "gabled"),
        ({"building:levels": "1", "roof:shape": "gabled", "roof:levels": "1"}, 3.0, 5.5, "gabled"),
        ({"building:levels": "2", "roof:shape": "gabled", "roof:height": "3"}, 6.0, 9.0, "gabled"),
        ({"building:levels": "2", "roof:shape": "gabled", "roof:height": "3", "roof:levels": "2"}, 6.0, 9.0, "gabled"),
        ({"building:levels": "2", "roof:shape": "hipped"}, 6.0, 6.0 + SLOPE_RISE, "hipped"),
        ({"building:levels": "2", "roof:shape": "gabled", "roof:levels": "0"}, 6.0, 6.0 + SLOPE_RISE, "gabled"),
        ({"building:levels": "2", "roof:levels": "2"}, 6.0, 11.0, "gabled"),
        ({"building:levels": "2", "roof:height": "4"}, 6.0, 10.0, "gabled"),
        ({"building:levels": "2", "roof:shape": "flat", "roof:levels": "1"}, 8.5, 8.5, "flat"),
        ({"building:levels": "2", "roof:shape": "round", "roof:height": "3"}, 9.0, 9.0, "flat"),
        ({"building:levels": "1", "roof:shape": "gabled", "roof:height": "12"}, 3.0, 15.0, "gabled"),
        ({"building:levels": "0", "roof:shape": "gabled", "roof:levels": "2"}, 0.0, 5.0, "gabled"),
        ({"building:levels": "4", "building:min_level": "2", "roof:shape": "gabled", "roof:levels": "1"}, 12.0, 14.5,
         "gabled"),
        ({"height": "9", "building:levels": "2", "roof:shape": "gabled", "roof:levels": "1"}, 6.5, 9.0, "gabled"),
        ({"height": "9", "building:levels": "2", "roof:levels": "1"}, 9.0, 9.0, "flat"),
    ],
)  # fmt: skip
def test_storeys_end_at_the_eaves_and_the_roof_comes_on_top(
    tags: dict[str, str], eaves: float, top: float, shape: str
) -> None:
    random = NamedRandom.of(np.random.default_rng(0))
    (found,) = buildings_of([Feature("b", {"building": "house", **tags}, HOUSE)], "europe", random, Counter())
    assert found.height == pytest.approx(top)
    assert found.height - found.roof_height == pytest.approx(eaves)
    assert found.roof_shape == shape


def test_the_roof_of_a_wide_hall_is_no_higher_than_a_roof_can_be() -> None:
    hall = Polygon(rectangle(0, 0, 100, 60))
    estimate = tagged_height({"building:levels": "1"}, Counter(), roof_of({"roof:shape": "gabled"}, hall))
    assert estimate is not None and estimate.height == pytest.approx(7.5)


def test_the_roof_of_an_angled_house_is_as_high_as_one_of_its_wings() -> None:
    wing = roof_of({"roof:shape": "gabled"}, Polygon(rectangle(0, 0, 40, 8)))
    angled = Polygon([(0, 0), (40, 0), (40, 8), (8, 8), (8, 40), (0, 40)])
    assert wing.rise == pytest.approx(SLOPE_RISE)
    assert roof_of({"roof:shape": "gabled"}, angled).rise == pytest.approx(SLOPE_RISE, rel=0.1)


def test_a_guessed_roof_makes_a_height_less_sure() -> None:
    tags = {"building:levels": "2"}
    bare, stated, guessed = (
        tagged_height(tags, Counter(), roof_of(roof, HOUSE))
        for roof in ({}, {"roof:shape": "gabled", "roof:height": "4"}, {"roof:shape": "gabled"})
    )
    assert bare is not None and stated is not None and guessed is not None
    assert bare.deviation < stated.deviation < guessed.deviation


@pytest.mark.skipif(
    not EXTRACTS.exists(), reason="the real OpenStreetMap extracts are not next to this checkout"
)
@pytest.mark.parametrize("name", ["tokyo-higashimurayama", "helsinki-core", "monaco"])
def test_the_stated_deviation_covers_the_heights_that_mappers_measured(name: str) -> None:
    """Buildings with both tags: two in three within one deviation of the height from storeys, nine in ten in two."""
    found = []
    for area in read_osm(EXTRACTS / name / f"{name}.osm.pbf").areas:
        height = parse_length(area.tags.get("height", ""))
        estimate = tagged_height({k: v for k, v in area.tags.items() if k == "building:levels"}, Counter())
        if height is not None and estimate is not None:
            found.append((height - estimate.height) / estimate.deviation)
    assert np.mean(np.abs(found) < 1) > 0.6 and np.mean(np.abs(found) < 2) > 0.9


@pytest.mark.parametrize(
    ("tags", "hidden"),
    [
        ({"building": "yes", "layer": "-1"}, True),
        ({"building": "yes", "layer": "1"}, False),
        ({"building": "train_station", "location": "underground"}, True),
        ({"building": "yes", "height": "0"}, True),
        ({"building": "yes", "building:levels": "0", "building:levels:underground": "2"}, True),
        ({"building": "yes", "building:levels": "0"}, False),
        ({"building": "yes"}, False),
    ],
)
def test_what_is_below_ground(tags: dict[str, str], hidden: bool) -> None:
    assert below_ground(tags) is hidden


def test_the_bottom_of_a_part() -> None:
    assert bottom_height({"min_height": "6"}) == 6.0
    assert bottom_height({"building:min_level": "2"}) == 6.0
    assert bottom_height({}) == 0.0


@given(
    st.sampled_from(sorted(LOG_DEVIATION)),
    st.floats(1, 1e5),
    st.floats(0, 1.2),
    st.sampled_from(REGIONS),
    st.floats(-6, 6),
)
def test_prior_heights_are_plausible(
    kind: str, area: float, share: float, region: str, normal: float
) -> None:
    prior = height_prior(kind, area, share, region)
    assert LOWEST <= prior.draw(normal) <= HIGHEST
    assert prior.error_deviation > 0


def test_a_denser_quarter_is_higher() -> None:
    loose, dense = (height_prior("unknown", 400.0, share, "europe").median for share in (0.05, 0.5))
    assert dense > 1.2 * loose


def drawn(names: list[str], seed: int) -> dict[str, float]:
    features = [
        Feature(name, {"building": "yes"}, Polygon(rectangle(30.0 * int(name[1:]), 0, 20, 20)))
        for name in names
    ]
    found = buildings_of(features, "europe", NamedRandom.of(np.random.default_rng(seed)), Counter())
    return {each.identifier: each.height for each in found}


def test_a_drawn_height_belongs_to_its_building() -> None:
    few, many = drawn(["b1"], 5), drawn(["b40", "b1", "b60"], 5)
    assert few["b1"] == many["b1"]
    assert len(set(many.values())) == 3
    assert drawn(["b1"], 6)["b1"] != few["b1"]


@given(
    st.text(max_size=20),
    st.floats(0.001, 0.999),
    st.sampled_from(sorted(LOG_DEVIATION)),
    st.sampled_from(REGIONS),
)
def test_materials_are_always_known(value: str, uniform: float, kind: str, region: str) -> None:
    tags = {"building:material": value, "roof:material": value}
    assert wall_material(tags, kind, 12.0, region, uniform) in MATERIALS
    assert roof_material(tags, True, kind) in MATERIALS


def test_material_tags_come_first() -> None:
    tags = {"building:material": "unheard_of", "building:facade:material": "Glass;concrete"}
    assert tagged_material(tags, "building:facade:material", "building:material") == "glass"
    assert wall_material({"building:material": "timber"}, "apartments", 90.0, "europe", 0.5) == "wood"
    assert building_type({"building": "garage"}) == "outbuilding"
