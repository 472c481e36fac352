"""Lists of sites as spreadsheets write them: any separator and encoding, and values that stand in several columns."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.scenes.site_import.csv_text import SEPARATORS, read_lines
from raylocus.scenes.site_import.records import Row, Table
from raylocus.scenes.site_import.several_columns import find_sexagesimal

#: What a value may hold: letters of several alphabets, what separates values, quotes and line ends.
VALUES = st.text(st.sampled_from('abzåß 019.-,;|\t"\n'), max_size=8)
ROWS = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=5)
)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]


def written(rows: Sequence[Sequence[str]], separator: str, quoting: int = csv.QUOTE_ALL) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=quoting, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists") / "sites.csv"


@pytest.mark.parametrize("separator", SEPARATORS)
@given(rows=ROWS, encoding=st.sampled_from(ENCODINGS))
def test_quoted_values_come_back_from_any_file(
    file: Path, separator: str, rows: list[list[str]], encoding: str
) -> None:
    header = ["name", *(f"column {number}" for number in range(len(rows[0]) - 1))]
    file.write_bytes(written([header, *rows], separator).encode(encoding))
    lines = read_lines(file)
    full = [row for row in rows if any(value.strip() for value in row)]
    assert [values for _, values in lines.lines] == [header, *full]
    said = [note for note in lines.notes if "Latin-1" in note]
    assert bool(said) == (encoding == "cp1252" and any(letter in str(full) for letter in "åß"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_letters_are_known_without_a_mark(file: Path, encoding: str) -> None:
    file.write_bytes("name;latitude;longitude\nA;48.1;11.5\n".encode(encoding))
    assert read_lines(file).lines[1] == (2, ["A", "48.1", "11.5"])


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_first_line_may_name_the_separator(file: Path, separator: str) -> None:
    header = f"a b{separator}{''.join(other * 3 for other in SEPARATORS if other != separator)}{separator}c"
    file.write_text(f"sep={separator}\n{header}\n1{separator}2{separator}3\n")
    lines = read_lines(file).lines
    assert lines[-1] == (3, ["1", "2", "3"]) and len(lines[0][1]) == 3


def test_what_stands_in_quotes_separates_nothing(file: Path) -> None:
    file.write_text('"site, town, region, country";pci\nA;1\n')
    assert read_lines(file).lines == ((1, ["site, town, region, country", "pci"]), (2, ["A", "1"]))


def test_lines_keep_their_numbers_over_comments_and_empty_lines(file: Path) -> None:
    file.write_text("# made by a planner, with commas\n\nname,pci\n\nA,1\n , \nB,2\n")
    assert read_lines(file).lines == ((3, ["name", "pci"]), (5, ["A", "1"]), (7, ["B", "2"]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n,,\n", "is empty"),
        (b"just a line\n", "no comma, semicolon, tab or bar"),
        (b"\x1f\x8b\x08rest", "gunzip"),
        (b"PAR1rest", "Parquet"),
        (b"SQLite format 3\0", "SQLite"),
        (b"%PDF-1.7", "PDF"),
        (b'{"error": 1}', "JSON"),
        (b"<html>", "web page"),
        (b"a,b\n\x81\x00\xff\n", "not a text file"),
    ],
)
def test_what_is_no_list_is_named_in_one_sentence(file: Path, content: bytes, sentence: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=sentence) as refused:
        read_lines(file)
    assert "\n" not in str(refused.value) and str(file) in str(refused.value)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (["xl/workbook.xml"], "Excel"),
        (["a.csv", "b.csv"], "holds a.csv, b.csv; unpack"),
        ([], "zip archive; unpack"),
    ],
)
def test_archives_are_distinguished_by_what_they_hold(file: Path, members: list[str], sentence: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for member in members:
            archive.writestr(member, "content")
    with pytest.raises(InputError, match=sentence):
        read_lines(file)


def test_a_folder_and_nothing_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder"):
        read_lines(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        read_lines(tmp_path / "nothing.csv")


DEGREES = ["LatDeg", "LatMin", "LatSec", "LatDir", "LonDeg", "LonMin", "LonSec", "LonDir"]


def row_of(header: Sequence[str], values: Sequence[str]) -> tuple[Table, Row]:
    path = Path("sites.csv")
    row = Row(path, 2, dict(zip(header, values, strict=True)))
    return Table(path, tuple(header), (row,), ()), row


@given(latitude=st.floats(-89.99, 89.99), longitude=st.floats(-179.99, 179.99))
def test_degrees_minutes_and_seconds_there_and_back(latitude: float, longitude: float) -> None:
    values: list[str] = []
    for value, signs in ((latitude, "NS"), (longitude, "EW")):
        minutes, whole = math.modf(abs(value))
        seconds, minute = math.modf(60 * minutes)
        values += [f"{whole:.0f}", f"{minute:.0f}", f"{60 * seconds:.6f}", signs[value < 0]]
    table, row = row_of(DEGREES, values)
    found = find_sexagesimal(table)
    assert found["latitude"].degrees(row) == pytest.approx(latitude, abs=1e-8)
    assert found["longitude"].degrees(row) == pytest.approx(longitude, abs=1e-8)


def test_minus_zero_degrees_are_south_and_one_sign_is_enough() -> None:
    header = ["lat_degrees", "lat_minutes", "lon_degrees", "lon_minutes"]
    table, row = row_of(header, ["-0", "30", "10", "15"])
    found = find_sexagesimal(table)
    assert [found[axis].degrees(row) for axis in ("latitude", "longitude")] == [-0.5, 10.25]
    table, row = row_of(DEGREES, ["-48", "8", "0", "S", "11", "0", "0", "X"])
    for axis in ("latitude", "longitude"):
        with pytest.raises(InputError, match="no hemisphere"):
            find_sexagesimal(table)[axis].degrees(row)


@pytest.mark.parametrize("header", [["LatDeg", "LonDeg"], ["LatDeg", "LatMin", "Longitude"], ["Lat", "Lon"]])
def test_decimal_degrees_are_no_parts(header: list[str]) -> None:
    assert find_sexagesimal(row_of(header, ["1"] * len(header))[0]) == {}


@pytest.mark.parametrize(
    ("part", "value"), [("LatMin", "61"), ("LatSec", "60.5"), ("LatDeg", "91"), ("LatMin", "x")]
)
def test_parts_beyond_their_range_are_refused_by_line(part: str, value: str) -> None:
    values = dict(zip(DEGREES, ["48", "8", "0", "N", "11", "0", "0", "E"], strict=True)) | {part: value}
    table, row = row_of(DEGREES, list(values.values()))
    with pytest.raises(InputError, match="line 2"):
        find_sexagesimal(table)["latitude"].degrees(row)
