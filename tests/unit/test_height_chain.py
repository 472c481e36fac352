"""Heights as mappers write them, and the chain from tag to prior."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from map_fixtures import rectangle
from raylocus.scenes.buildings.from_features import buildings_of
from raylocus.scenes.buildings.height_prior import HIGHEST, LOWEST, height_prior
from raylocus.scenes.buildings.heights import below_ground, bottom_height, tagged_height
from raylocus.scenes.buildings.materials import roof_material, tagged_material, wall_material
from raylocus.scenes.buildings.types import BUILDING_TYPES, building_type
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.map_sources.region import REGIONS
from raylocus.scenes.tagged.features import Feature
from raylocus.scenes.tagged.lengths import parse_length
from raylocus.scenes.tagged.named_chance import NamedChance


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
    st.sampled_from(BUILDING_TYPES),
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
    found = buildings_of(features, "europe", NamedChance.of(np.random.default_rng(seed)), Counter())
    return {each.identifier: each.height for each in found}


def test_a_drawn_height_belongs_to_its_building() -> None:
    few, many = drawn(["b1"], 5), drawn(["b40", "b1", "b60"], 5)
    assert few["b1"] == many["b1"]
    assert len(set(many.values())) == 3
    assert drawn(["b1"], 6)["b1"] != few["b1"]


@given(
    st.text(max_size=20), st.floats(0.001, 0.999), st.sampled_from(BUILDING_TYPES), st.sampled_from(REGIONS)
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
