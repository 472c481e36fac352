"""Names of columns in foreign files: the field that each holds, and its unit."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.scenes.map_sources.building_columns import (
    columns_of,
    in_unit,
    named_column,
    stated_unit,
    text_of,
    unit_column,
)
from raylocus.scenes.site_import.quantities import QUANTITIES, name_and_unit, squashed, unit_of
from raylocus.scenes.tagged import parse_length

FIELDS = sorted(QUANTITIES)
NAMES = [(field, name) for field in FIELDS for name in QUANTITIES[field].names]
UNITS = [(field, unit) for field in FIELDS for unit in QUANTITIES[field].units]


def test_no_name_is_of_two_fields() -> None:
    assert not [name for name, count in Counter(name for _, name in NAMES).items() if count > 1]


@given(st.sampled_from(NAMES), st.sampled_from(["", " ", "_", "-", "."]), st.booleans())
def test_a_name_is_found_in_any_writing(named: tuple[str, str], between: str, upper: bool) -> None:
    field, name = named
    middle = len(name) // 2
    written = name[:middle] + between + name[middle:]
    written = written.upper() if upper else written.title()
    assert squashed(written) == name
    assert unit_of(written, QUANTITIES[field]) == ""
    assert all(unit_of(written, QUANTITIES[other]) is None for other in FIELDS if other != field)


@given(st.sampled_from(UNITS), st.sampled_from(["({})", "[{}]", " ( {} )", "<{}>"]))
def test_a_unit_in_brackets_is_the_columns(stated: tuple[str, str], brackets: str) -> None:
    field, unit = stated
    name = QUANTITIES[field].names[0]
    assert unit_of(name + brackets.format(unit), QUANTITIES[field]) == unit
    assert unit_of(name + brackets.format("parsec"), QUANTITIES[field]) is None


@pytest.mark.parametrize(
    ("column", "plain", "unit"),
    [
        ("Height(m)", "height", "m"),
        ("Power [dBm]", "power", "dbm"),
        ("Tx Power {W}", "txpower", "w"),
        ("Azimuth (°)", "azimuth", "°"),
        ("(m)", "m", None),
        ("Height ()", "height", None),
    ],
)
def test_names_and_their_units(column: str, plain: str, unit: str | None) -> None:
    assert name_and_unit(column) == (plain, unit)


@pytest.mark.parametrize(
    ("field", "unit", "value", "own"),
    [
        ("height", "m", 12.0, 12.0),
        ("height", "ft", 100.0, 30.48),
        ("azimuth", "deg", 120.0, 120.0),
        ("tilt", "rad", math.pi / 18, 10.0),
        ("power", "w", 1.0, 30.0),
        ("power", "w", 20.0, 43.0103),
        ("power", "mw", 1.0, 0.0),
        ("power", "kw", 1.0, 60.0),
        ("power", "dbw", 13.0, 43.0),
        ("frequency", "ghz", 3.5, 3500.0),
        ("frequency", "khz", 3.5e6, 3500.0),
        ("frequency", "hz", 3.5e9, 3500.0),
    ],
)
def test_units_become_raylocuses(field: str, unit: str, value: float, own: float) -> None:
    assert QUANTITIES[field].units[unit](value) == pytest.approx(own, abs=1e-4)


@pytest.mark.parametrize("unit", ["w", "mw", "kw"])
def test_no_power_has_no_level(unit: str) -> None:
    with pytest.raises(ValueError):
        QUANTITIES["power"].units[unit](0.0)


@given(st.floats(0.1, 900).map(lambda metres: round(metres, 2)), st.sampled_from(["m", "ft", "cm"]))
def test_a_length_in_a_unit_is_the_same_length_as_a_tag(metres: float, unit: str) -> None:
    number = metres / {"m": 1.0, "ft": 0.3048, "cm": 0.01}[unit]
    assert parse_length(in_unit(f"{number:.4f}", unit)) == pytest.approx(metres, abs=2e-4)


def test_what_is_no_number_is_left_as_it_is() -> None:
    assert [in_unit("tall", unit) for unit in ("m", "cm")] == ["tall", "tall"]
    assert in_unit("", "ft") == ""


@pytest.mark.parametrize(
    ("given_name", "found"),
    [
        ("rel_h", ("rel_h", "m")),
        ("rel_h[ft]", ("rel_h", "ft")),
        ("rel_h [ Metres ]", ("rel_h", "m")),
        ("odd[cm]", ("odd[cm]", "m")),
    ],
)
def test_a_height_field_with_its_unit(given_name: str, found: tuple[str, str]) -> None:
    assert named_column(given_name, ["rel_h", "odd[cm]"]) == found


def test_a_height_field_in_no_unit_is_refused() -> None:
    with pytest.raises(InputError, match="'yards' is no unit"):
        named_column("rel_h[yards]", ["rel_h"])


@pytest.mark.parametrize(
    ("cells", "unit"), [(["m", "m", ""], "m"), (["urn:adv:uom:m"], "m"), (["ft", "FT".lower()], "ft")]
)
def test_cells_that_state_one_unit(cells: list[str], unit: str) -> None:
    assert stated_unit("measuredHeight_uom", cells) == unit


@pytest.mark.parametrize("cells", [["m", "ft"], ["furlong"], []])
def test_cells_that_state_no_one_unit_are_refused(cells: list[str]) -> None:
    with pytest.raises(InputError, match="states units that are not m, ft or cm alone"):
        stated_unit("measuredHeight_uom", cells)


def test_the_unit_of_a_column_stands_in_one_named_after_it() -> None:
    assert unit_column("measuredheight", ["measuredheightuom", "heightunit"]) == "measuredheightuom"
    assert unit_column("levels", ["measuredheightuom"]) is None


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pandas.NA, ""),
        (pandas.NaT, ""),
        ("NaN", ""),
        ([], ""),
        ({"a": 1}, ""),
        (np.array([1.0]), ""),
        (True, "yes"),
        (np.bool_(False), "no"),
        (12.0, "12"),
        (np.float32(0.5), "0.5"),
        (7, "7"),
        ("  Detached ", "detached"),
    ],
)
def test_cells_as_values_of_tags(cell: object, text: str) -> None:
    assert text_of(cell) == text


def test_a_table_says_what_it_reads_in_which_unit_and_what_it_leaves() -> None:
    table = {
        "HEIGHT_FT": [33.0, 66.0],
        "Num_Floors": [3, 6],
        "is_underground": [False, True],
        "colour": ["red", "blue"],
        "empty": [None, ""],
        "nested": [{"a": 1}, {}],
    }
    columns = columns_of(table, None)
    assert columns.says_height() and not columns.says_building()
    assert columns.unused == ("colour", "nested")
    tags = columns.tags({name: cells[1] for name, cells in table.items()})
    assert tags == {"height": "66 ft", "building:levels": "6", "location": "underground"}


def test_the_height_field_that_is_given_is_the_only_one() -> None:
    columns = columns_of({"height": [3.0], "roofline": [1200.0]}, "roofline[cm]")
    assert columns.tags({"height": 3.0, "roofline": 1200.0}) == {"height": "12"}
