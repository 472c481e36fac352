"""Tables of reports from anyone: read by their columns, checked by row and column, repaired with a count."""

from __future__ import annotations

import dataclasses
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import network_fixtures
from network_fixtures import same_reports
from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.features import FEATURES, SCHEMA
from raylocus.network.reports.parquet import load_parquet, save_parquet
from raylocus.network.reports.report_checks import check_reports, repaired_reports
from raylocus.network.reports.report_files import load_reports
from raylocus.network.reports.report_table import read_report_table
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site

pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")

Columns = dict[str, Any]


def tokens(phones: int = 1, reports: int = 3) -> Columns:
    """Reports of three cells a second, as a phone's log has them, each phone's numbered from 0."""
    rows = [
        (phone, report, slot) for phone in range(phones) for report in range(reports) for slot in range(3)
    ]
    return {
        "sequence": [phone for phone, _, _ in rows],
        "report": [report for _, report, _ in rows],
        "time": [float(report) for _, report, _ in rows],
        "pci": [(20, 23, 28)[slot] for _, _, slot in rows],
        "serving": [slot == 0 for _, _, slot in rows],
        "rsrp": [(-88.0, -97.0, -103.0)[slot] for _, _, slot in rows],
        "rsrq": [-10.0] * len(rows),
        "timing_advance": [(2.0, None, None)[slot] for _, _, slot in rows],
    }


def written(path: Path, columns: Columns, **types: Any) -> Path:
    arrays = {name: pyarrow.array(values, type=types.get(name)) for name, values in columns.items()}
    parquet.write_table(pyarrow.table(arrays), path)
    return path


def refused(tmp_path: Path, changes: Columns, **types: Any) -> str:
    path = written(tmp_path / "table.parquet", tokens() | changes, **types)
    with pytest.raises(InputError) as caught:
        load_parquet(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def changed(name: str, row: int, value: Any) -> Columns:
    values = list(tokens()[name])
    values[row] = value
    return {name: values}


# --- what is read ---------------------------------------------------------------------------------------------


def test_a_table_is_read_by_its_columns_alone(tmp_path: Path) -> None:
    reports = load_parquet(written(tmp_path / "plain.parquet", tokens()))
    assert (len(reports), len(reports.time), len(reports.pci)) == (1, 3, 9)
    assert reports.time.tolist() == [0.0, 1.0, 2.0]
    assert np.isnan(reports.position).all() and (reports.beam == -1).all() and (reports.censored == 0).all()
    assert np.isnan(reports.features[:, 2]).all()  # SINR, which the table has not


def test_two_phones_whose_numbers_restart_are_two_sequences(tmp_path: Path) -> None:
    reports = load_parquet(written(tmp_path / "two.parquet", tokens(phones=2)))
    assert (len(reports), len(reports.time)) == (2, 6)
    assert reports.report_offsets.tolist() == [0, 3, 6]


@pytest.mark.parametrize("kind", ["text", "category"])
def test_sequences_may_have_names(tmp_path: Path, kind: str) -> None:
    columns = tokens(phones=2)
    names = pyarrow.array([f"phone-{'ba'[number]}" for number in columns["sequence"]])
    columns["sequence"] = names if kind == "text" else names.dictionary_encode()
    path = tmp_path / "named.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    assert len(load_parquet(path)) == 2


def test_a_null_beam_is_the_whole_cell_and_counted(tmp_path: Path) -> None:
    table = read_report_table(written(tmp_path / "b.parquet", tokens() | {"beam": [None, 3.0] + [None] * 7}))
    assert table.reports.beam.tolist() == [-1, 3] + [-1] * 7
    assert "rows without a beam, read as rows of the whole cell: 8" in table.notes


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    table = read_report_table(
        written(tmp_path / "c.parquet", tokens() | {"mcc": [901] * 9, "note": ["x"] * 9})
    )
    assert "columns not used: mcc, note" in table.notes


def test_whole_numbers_and_truths_in_other_types(tmp_path: Path) -> None:
    columns = tokens()
    columns["pci"] = [float(value) for value in columns["pci"]]
    columns["serving"] = [int(value) for value in columns["serving"]]
    assert load_parquet(written(tmp_path / "t.parquet", columns)).serving.sum() == 3


EPOCH = 1767603600


@pytest.mark.parametrize(
    ("column", "times", "kind"),
    [
        ("time", [EPOCH, EPOCH + 1, EPOCH + 2], None),
        ("time", [1000 * EPOCH, 1000 * EPOCH + 1000, 1000 * EPOCH + 2000], None),
        ("time", [10**6 * EPOCH, 10**6 * (EPOCH + 1), 10**6 * (EPOCH + 2)], None),
        ("time_ms", [0, 1000, 2000], None),
        ("time_s", [500, 501, 502], None),
        ("time", [1000 * EPOCH, 1000 * (EPOCH + 1), 1000 * (EPOCH + 2)], "timestamp"),
    ],
)
def test_times_become_seconds_from_the_first_report(
    tmp_path: Path, column: str, times: list[int], kind: str | None
) -> None:
    columns = {name: values for name, values in tokens().items() if name != "time"}
    columns[column] = np.repeat(times, 3).tolist()
    types = {column: pyarrow.timestamp("ms", "UTC")} if kind else {}
    reports = load_parquet(written(tmp_path / "times.parquet", columns, **types))
    repaired = repaired_reports(reports)
    assert repaired.reports.time == pytest.approx([0, 1, 2], abs=1e-3)


def test_decimals_are_numbers(tmp_path: Path) -> None:
    plain = load_parquet(written(tmp_path / "a.parquet", tokens()))
    kind = pyarrow.decimal128(5, 1)
    exact = {"rsrp": [decimal.Decimal(str(value)) for value in tokens()["rsrp"]]}
    found = load_parquet(written(tmp_path / "b.parquet", tokens() | exact, rsrp=kind))
    np.testing.assert_array_equal(found.features, plain.features)


def test_spans_of_time_are_times(tmp_path: Path) -> None:
    columns = tokens() | {"time": [int(1000 * value) for value in tokens()["time"]]}
    path = written(tmp_path / "a.parquet", columns, time=pyarrow.duration("ms"))
    assert read_report_table(path).notes == (
        "time holds spans of time, counted in seconds from the earliest",
    )
    np.testing.assert_array_equal(load_parquet(path).time, [0.0, 1.0, 2.0])


def test_days_are_no_seconds(tmp_path: Path) -> None:
    days = [45000 + value / 86400 for value in tokens()["time"]]
    assert "row 3: time 45000.0" in refused(tmp_path, {"time": days})


@pytest.mark.parametrize("time", [0.0, 1.7e9, 9.2e18])
def test_one_time_for_all_reports_of_a_phone_is_none(tmp_path: Path, time: float) -> None:
    assert "that of all reports of its sequence" in refused(tmp_path, {"time": [time] * 9})


def test_half_a_truth_is_none(tmp_path: Path) -> None:
    assert "row 0: one of x and y is missing" in refused(tmp_path, {"x": [1.0] * 9})
    assert "row 0: line_of_sight 2 is not between 0 and 1" in refused(tmp_path, {"line_of_sight": [2.0] * 9})


def test_a_table_without_a_column_names_those_that_it_has(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {name.upper(): values for name, values in tokens().items()})
    with pytest.raises(InputError, match=r"has no column 'sequence'; .* \(it has SEQUENCE, REPORT, TIME"):
        load_parquet(path)


def test_a_time_that_may_be_milliseconds_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, {"time": np.repeat([0.0, 1000.0, 2000.0], 3).tolist()})
    assert "row 3" in message and "time_s or time_ms" in message


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [53.0, 88.0, 0.0, 127.0])
def test_an_index_given_for_a_level_is_named_with_its_formula(tmp_path: Path, value: float) -> None:
    """TS 36.133 Table 9.1.4-1: index i is i - 141 dBm and more; TS 38.133 Table 10.1.6.1-1: i - 157 dBm and more."""
    message = refused(tmp_path, {"rsrp": [value] * 9})
    assert f"row 0: rsrp {value:.0f} is not between -156 and -31 dBm (9 rows)" in message
    assert "an index of TS 36.133 is value - 141, of TS 38.133 value - 157" in message
    assert ("-value" in message) == (value >= 31)


@pytest.mark.parametrize("name", ["rsrp", "rsrq", "timing_advance"])
@pytest.mark.parametrize("value", [2147483647.0, 9.223372036854775807e18])
def test_androids_unavailable_is_named(tmp_path: Path, name: str, value: float) -> None:
    message = refused(tmp_path, changed(name, 3, value))
    assert f"row 3: {name} {int(value)}" in message
    assert "Android" in message and "leave it null" in message


@pytest.mark.parametrize("feature", SCHEMA, ids=lambda feature: feature.name)
def test_every_feature_has_its_range(tmp_path: Path, feature: Any) -> None:
    margin = {"l1_rsrp": 30.0, "l1_sinr": 15.0}.get(feature.name, 0.0)
    span = feature.high - feature.low
    for value, row in ((feature.low - margin - 0.01 * span, 4), (feature.high + 0.01 * span, 8)):
        values = [None] * 9
        values[row] = value
        columns = {feature.name: values} if feature.name != "rsrp" else changed("rsrp", row, value)
        assert f"row {row}: {feature.name} " in refused(tmp_path, columns)
    for value in (feature.low, feature.high):
        columns = tokens() | {feature.name: [value] * 9}
        load_parquet(written(tmp_path / "in.parquet", columns))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (changed("pci", 1, None), ["row 1", "pci", "null"]),
        (changed("serving", 1, None), ["row 1", "serving", "null"]),
        (changed("sequence", 2, None), ["row 2", "sequence", "null"]),
        (changed("report", 2, None), ["row 2", "report", "null"]),
        (changed("time", 2, None), ["row 2", "time", "null"]),
        (changed("pci", 4, 1008), ["row 4", "pci 1008", "1007"]),
        (changed("pci", 4, -1), ["row 4", "pci -1"]),
        ({"pci": [20.5] + tokens()["pci"][1:]}, ["row 0", "pci 20.5", "whole"]),
        ({"beam": [-1, 64] + [-1] * 7}, ["row 1", "beam 64", "63"]),
        ({"pci": ["20"] * 9}, ["column pci", "string", "numbers"]),
        ({"rsrp": ["-88"] * 9}, ["column rsrp", "string", "docs/reports.md"]),
        ({"serving": ["true"] * 9}, ["column serving", "string"]),
        ({"serving": [2] + [0] * 8}, ["row 0", "serving 2"]),
        ({"rsrp": [float("inf")] + [-88.0] * 8}, ["row 0", "rsrp", "finite"]),
        ({"time": [0.0, 0.5, 0.0] + [1.0] * 3 + [2.0] * 3}, ["row 1", "time 0.5", "one time"]),
        ({"time": [2.0] * 3 + [1.0] * 3 + [0.0] * 3}, ["row 3", "time 1 s follows 2 s", "sort"]),
        ({"pci": [20, 20, 28] * 3}, ["row 1", "pci 20", "already"]),
        ({"serving": [True, True, False] * 3}, ["row 1", "serving", "PCI 23"]),
        ({"report": [0] * 3 + [1] * 3 + [0] * 3}, ["row 6", "report 0", "two sequence numbers"]),
        ({"sequence": [0] * 3 + [1] * 3 + [0] * 3}, ["row 6", "sequence 0", "sort by sequence"]),
        ({"rsrp_censored": [3] + [0] * 8}, ["row 0", "_censored 3"]),
    ],
)
def test_what_cannot_be_is_refused_by_row_and_column(
    tmp_path: Path, changes: Columns, words: list[str]
) -> None:
    message = refused(tmp_path, changes)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", ["sequence", "report", "time", "pci", "serving", "rsrp"])
def test_a_column_that_every_table_needs_is_named(tmp_path: Path, name: str) -> None:
    columns = {each: values for each, values in tokens().items() if each != name}
    path = written(tmp_path / "cut.parquet", columns)
    with pytest.raises(InputError, match=f"no column '{name}'.*docs/reports.md"):
        load_parquet(path)


def test_a_table_of_another_schema_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table(tokens()).replace_schema_metadata({"raylocus": '{"schema": "other"}'})
    parquet.write_table(table, tmp_path / "other.parquet")
    with pytest.raises(InputError, match="schema 'other'"):
        load_parquet(tmp_path / "other.parquet")


# --- what is repaired ------------------------------------------------------------------------------------------


def test_a_timing_advance_is_the_serving_cells(tmp_path: Path) -> None:
    reports = load_parquet(written(tmp_path / "ta.parquet", tokens() | {"timing_advance": [200.0] * 9}))
    repaired = repaired_reports(reports)
    assert np.isfinite(repaired.reports.features[:, 4]).tolist() == [True, False, False] * 3
    assert "timing_advance of rows that it is not of, left out: 6" in repaired.notes


def test_what_is_rare_is_said(tmp_path: Path) -> None:
    columns = tokens() | {"serving": [False] * 9, "rsrq": [10.0] * 9}
    notes = repaired_reports(load_parquet(written(tmp_path / "rare.parquet", columns))).notes
    assert "reports that mark no serving cell: 3" in notes
    assert any("rsrq is above 0 dB in every row" in note for note in notes)


def test_nothing_of_a_usual_table_is_repaired(tmp_path: Path) -> None:
    reports = load_parquet(written(tmp_path / "ok.parquet", tokens()))
    repaired = repaired_reports(reports)
    assert repaired.notes == () and same_reports(repaired.reports, reports)


# --- unknown cells ---------------------------------------------------------------------------------------------


def deployment(*pcis: int) -> Deployment:
    cells = tuple(Cell(pci=pci, site=0, azimuth=0.0, downtilt=0.1) for pci in pcis)
    return Deployment((Carrier(),), (Site("a", (0.0, 0.0, 25.0)),), cells)


def test_cells_that_a_place_does_not_have_are_passed_over_and_counted(tmp_path: Path) -> None:
    reports = load_parquet(
        written(tmp_path / "u.parquet", tokens(phones=2) | {"pci": [20, 23, 28] * 5 + [998, 999, 997]})
    )
    known = known_reports(reports, deployment(20, 28))
    assert known.reports.pci.tolist() == [20, 28] * 5
    assert known.reports.token_offsets.tolist() == [0, 2, 4, 6, 8, 10, 10]
    assert known.hears.tolist() == [True, True]
    assert known.notes == (
        "rows of cells that the place does not have (PCI 23, PCI 997, PCI 998, PCI 999), passed over: 8",
    )
    assert known_reports(reports.select(np.array([0])), deployment(20, 23, 28)).notes == ()


def test_a_sequence_without_a_known_cell_hears_nothing(tmp_path: Path) -> None:
    reports = load_parquet(
        written(tmp_path / "d.parquet", tokens(phones=2) | {"pci": [20, 23, 28] * 3 + [1, 2, 3] * 3})
    )
    assert known_reports(reports, deployment(20, 23)).hears.tolist() == [True, False]
    with pytest.raises(PlaceError, match="none of the cells of the reports, such as PCI 20"):
        known_reports(reports, deployment(500))


def test_beams_that_a_place_does_not_have_are_passed_over(tmp_path: Path) -> None:
    reports = load_parquet(
        written(tmp_path / "beam.parquet", tokens() | {"beam": [-1, -1, 7] + [-1, -1, 8] * 2})
    )
    known = known_reports(reports, deployment(20, 23, 28))
    assert known.notes == ("rows of beams that the place does not have, passed over: 2",)


# --- round trips -----------------------------------------------------------------------------------------------


def joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts])


@st.composite
def valid_reports(draw: st.DrawFn) -> Reports:
    """Reports that a network can have made: each report of some cells, the first of them serving, and its beams."""
    counts = draw(
        st.lists(
            st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=3), max_size=3
        )
    )
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reports = [pair for sequence in counts for pair in sequence]
    lengths = [cells + beams for cells, beams in reports]
    slots = [np.arange(cells + beams) for cells, beams in reports]
    whole = joined([slot < cells for slot, (cells, _) in zip(slots, reports, strict=True)], bool)
    serving = joined(
        [(slot == 0) | (slot >= cells) for slot, (cells, _) in zip(slots, reports, strict=True)], bool
    )
    beam = [np.maximum(slot - cells, -1) for slot, (cells, _) in zip(slots, reports, strict=True)]
    chosen = [generator.choice(1008, cells, replace=False) for cells, _ in reports]
    pci = [
        np.append(each, np.repeat(each[0], beams)) for each, (_, beams) in zip(chosen, reports, strict=True)
    ]
    features = np.full((len(whole), len(FEATURES)), np.nan)
    for index, feature in enumerate(FEATURES):
        places = {"cell": whole, "serving": whole & serving, "beam": ~whole}[feature.token]
        there = places & (generator.random(len(whole)) < 0.8)
        features[there, index] = generator.uniform(feature.low, feature.high, there.sum())
    times = [np.concatenate([[0.0], np.cumsum(generator.random(len(sequence) - 1))]) for sequence in counts]
    return Reports(
        report_offsets=np.cumsum([0, *map(len, counts)]),
        token_offsets=np.cumsum([0, *lengths]),
        time=np.concatenate([np.zeros(0), *times]),
        position=generator.normal(size=(len(reports), 3)),
        line_of_sight=generator.integers(0, 2, len(reports)).astype(float),
        pci=joined(pci, int),
        technology=np.zeros(len(whole), np.int8),
        channel=np.full(len(whole), -1),
        identity=np.full(len(whole), -1),
        serving=serving,
        beam=joined(beam, int),
        features=features,
        censored=np.where(np.isnan(features), 0, generator.integers(-1, 2, features.shape)).astype(np.int8),
    )


@given(reports=valid_reports(), foreign=st.booleans())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, reports: Reports, foreign: bool
) -> None:
    """With raylocus's document, and as pandas would write the same columns."""
    path = tmp_path_factory.getbasetemp() / "round.parquet"
    save_parquet(reports, path)
    if foreign:
        table = parquet.read_table(path)
        bare = pyarrow.schema([pyarrow.field(field.name, field.type) for field in table.schema])
        parquet.write_table(table.cast(bare).replace_schema_metadata(None), path)
    read = load_parquet(path)
    assert same_reports(read, reports)
    check_reports(read, path)
    repaired = repaired_reports(read)
    assert same_reports(repaired.reports, reports) and not [
        note for note in repaired.notes if "left out" in note
    ]


@pytest.mark.parametrize("severity", [0.0, 0.5, 2.0])
def test_what_raylocus_observes_passes_its_own_checks(severity: float) -> None:
    """Levels far beyond the ranges and phones that change cells are reported as a network would report them."""
    place = network_fixtures.deployment()
    walked = sample_trajectories(
        network_fixtures.ground(), 30, MobilityConfiguration(), np.random.default_rng(3)
    )
    channel = channel_at(network_fixtures.free_space_maps(place), walked.position)
    for shift in (-60.0, 0.0, 80.0):
        shifted = dataclasses.replace(channel, rsrp_beam=channel.rsrp_beam + shift)
        law = NetworkConfiguration().at_severity(severity)
        reports = observe(KnownChannel(shifted, place), walked, law, seed=0)
        check_reports(reports, Path("observed"))
        repaired = repaired_reports(reports)
        assert repaired.notes == () and same_reports(repaired.reports, reports)
        assert known_reports(reports, place).notes == ()


def test_the_public_reader_takes_what_the_commands_take(tmp_path: Path) -> None:
    columns = tokens(phones=2)
    table = written(tmp_path / "log.parquet", columns)
    assert load_reports(str(table)).pci.tolist() == columns["pci"]
    later = written(tmp_path / "later.parquet", columns | {"time": [each + 5.0 for each in columns["time"]]})
    assert load_reports(later).time.tolist() == [0.0, 1.0, 2.0] * 2
    written(table, columns | {"rsrp": [40.0] * len(columns["pci"])})
    with pytest.raises(InputError, match="rsrp 40 is not between"):
        load_reports(table)
    (tmp_path / "log.csv").write_text("time,pci,rsrp\n0,20,-88\n")
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "place.json").write_text("{}")
    for name, what in (("log.csv", "is no file"), ("town", "is a place and no file")):
        with pytest.raises(StoreError, match=f"{what} of reports.*raylocus reports import makes one"):
            load_reports(tmp_path / name)
