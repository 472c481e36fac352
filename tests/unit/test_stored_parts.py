"""Rows, columns, archives and shares of a build: what is put apart comes together again, and damage is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from raylocus.datasets.build import BuildPart
from raylocus.datasets.columns import ColumnWriter, StoredColumn
from raylocus.datasets.stored_place import group_names
from raylocus.errors import InputError
from raylocus.evaluation.breakdown import weighted_percentile
from raylocus.scenes.site_import.quantities import name_and_unit
from raylocus.scenes.tagged import parse_count
from raylocus.scenes.towns.fill_streets import keep_apart, plan
from raylocus.scenes.towns.frames import Boxes, rotate, shrink
from raylocus.storage import MANIFEST, file_sizes, packed, parse_manifest, unpacked, write_manifest


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 500), max_size=5))
def test_a_column_is_the_same_in_whatever_parts_it_comes(cuts: list[int]) -> None:
    values = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    column = StoredColumn("position", ("report", "axis"), "float32", {"units": "m"}, (3,))
    root = zarr.create_group(zarr.storage.MemoryStore(), zarr_format=3)
    writer = ColumnWriter(root, column, 500)
    for part in np.split(values, sorted(cuts)):
        writer.append(part)
    writer.finish()
    stored = root["position"]
    np.testing.assert_array_equal(stored[:], values)
    assert stored.attrs["units"] == "m" and stored.metadata.dimension_names == ("report", "axis")


DOCUMENT, ARRAYS = (
    {"schema": "x", "names": ["a", "ä"]},
    {"whole": np.arange(5), "real": np.array([[0.5, np.nan]])},
)


def test_an_archive_there_and_back() -> None:
    content = packed(DOCUMENT, ARRAYS)
    document, arrays = unpacked(content, ("real", "whole"))
    assert document == DOCUMENT and content == packed(DOCUMENT, ARRAYS)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype


def test_an_archive_that_was_cut_or_changed_or_lacks_something_is_refused() -> None:
    content = packed(DOCUMENT, ARRAYS)
    for length in range(0, len(content), 61):
        with pytest.raises(ValueError, match=r"."):
            unpacked(content[:length], ("real",))
    middle = bytearray(content)
    middle[content.index(b"real.npy") + 40] ^= 0xFF
    with pytest.raises(ValueError, match="damaged"):
        unpacked(bytes(middle), ("real", "whole"))
    with pytest.raises(ValueError, match="other"):
        unpacked(content, ("other",))


def test_a_manifest_lists_every_file_with_its_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "0").write_bytes(b"abc")
    (tmp_path / "zarr.json").write_text("{}")
    write_manifest(tmp_path)
    listed = parse_manifest((tmp_path / MANIFEST).read_text())
    assert (
        file_sizes(tmp_path)
        == {"c/0": 3, "zarr.json": 2}
        == {name: size for name, (size, _) in listed.items()}
    )
    # SHA-256 of "abc", FIPS 180-2 appendix B.1.
    assert str(listed["c/0"][1]).startswith("ba7816bf8f01cfea414140de5dae2223")
    assert parse_manifest(json.dumps({"old": 7})) == {"old": (7, None)}
    with pytest.raises(ValueError, match="lists files"):
        parse_manifest("[1]")


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 9), total=st.integers(0, 40))
def test_parts_of_a_build_share_the_worlds_without_overlap(count: int, total: int) -> None:
    rows = [row for number in range(1, count + 1) for row in BuildPart(number, count).rows(total)]
    assert rows == list(range(total))


@pytest.mark.parametrize(("number", "count"), [(0, 2), (3, 2), (1, 0), (-1, -1)])
def test_a_part_that_there_is_not_is_refused(number: int, count: int) -> None:
    with pytest.raises(InputError, match="no part"):
        BuildPart(number, count)


def test_places_of_one_name_have_groups_of_their_own() -> None:
    assert group_names([Path("a/x"), Path("b/x"), Path("y")]) == ["places/x.0", "places/x.1", "places/y"]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 3)), min_size=1, max_size=12),
    percent=st.sampled_from([0, 10, 50, 90, 100]),
)
def test_a_weighted_percentile_is_that_of_the_repeated_rows(
    rows: list[tuple[float, int]], percent: int
) -> None:
    error, weight = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], float)
    if not weight.sum():
        weight[0] = 1
    expected = np.percentile(np.repeat(error, weight.astype(int)), percent)
    assert weighted_percentile(error, weight[None], percent)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5.0), (" 2.5 ", 2.5), ("2,5", 2.5), ("-1", -1.0), ("+3", 3.0), ("0", 0.0)]
    + [(text, None) for text in ("", "5m", "1.2.3", "1,234.5", "one", ".5", "5.", "nan", "1e3", "½")],
)
def test_a_count_is_one_plain_number_or_none(text: str, number: float | None) -> None:
    assert parse_count(text) == number


@pytest.mark.parametrize(
    ("name", "plain", "unit"),
    [
        ("Tx Power (dBm)", "txpower", "dbm"),
        ("tx_power", "txpower", None),
        ("Height [m] ", "height", "m"),
        ("Azimuth <°>", "azimuth", "°"),
        ("Tilt {deg}", "tilt", "deg"),
        ("(dBm)", "dbm", None),
        ("Gain ()", "gain", None),
        ("Höhe", "höhe", None),
    ],
)
def test_a_column_name_is_split_into_name_and_unit(name: str, plain: str, unit: str | None) -> None:
    assert name_and_unit(name) == (plain, unit)


@settings(max_examples=25, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(20, 60), st.floats(5, 19))
def test_a_box_of_a_turned_rectangle_is_the_rectangle(angle: float, length: float, width: float) -> None:
    corners = np.array([[-length, -width], [length, -width], [length, width], [-length, width]]) / 2
    shape = Polygon(rotate(corners, angle, np.array([30.0, -7.0])))
    box = Boxes.around([shape])
    assert (box.length[0], box.width[0]) == pytest.approx((length, width), abs=5e-3)
    assert box.centre[0] == pytest.approx([30, -7], abs=5e-3)
    assert abs(np.sin(box.angle[0] - angle)) < 1e-3
    smaller = shrink([shape], 2.0)[0]
    assert smaller.area == pytest.approx((length - 4) * max(width - 4, 0), rel=2e-2, abs=0.1)
    np.testing.assert_array_equal(shapely.get_coordinates(shape), np.round(shapely.get_coordinates(shape), 3))


def test_of_houses_that_stand_too_near_the_first_stays() -> None:
    squares = [shapely.box(x, 0, x + 4, 4) for x in (0, 5, 9, 40)]
    land = shapely.box(-1, -1, 30, 10)
    assert keep_apart(squares, land, 2.0).tolist() == [0, 2]
    assert keep_apart(squares, land, 0.5).tolist() == [0, 1]
    assert keep_apart([], land, 2.0).tolist() == []


@pytest.mark.parametrize(
    ("name", "area"), [("bar", 20 * 10), ("l", 20 * 4 + 4 * 6), ("u", 20 * 4 + 2 * 4 * 6)]
)
def test_plans_have_the_area_of_their_wings(name: str, area: float) -> None:
    shape = Polygon(plan(name, 20.0, 10.0, 4.0))
    assert shape.is_valid and shape.area == pytest.approx(area)
