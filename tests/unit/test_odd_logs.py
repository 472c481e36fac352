"""Logs as other countries, tools and phones write them: read for what they are, or refused in one sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
import pytest

from log_fixtures import flat_place
from raylocus.cli.main import main
from raylocus.errors import InputError, PlaceError
from raylocus.network.formats.cell_resolution import Known
from raylocus.network.formats.column_map import MappedTable, load_column_map
from raylocus.network.formats.import_log import ANCHORS, ImportedLog, import_log
from raylocus.network.formats.log_checks import unit_of_levels
from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.log_values import identities_of_texts, numbers_of_texts, seconds_of_texts
from raylocus.network.formats.measurements import whole_identity
from raylocus.network.reports.token_cells import nearest_candidates
from raylocus.scenes.area import Area, open_area
from raylocus.scenes.place import Place
from raylocus.service.known_cells import found_cells
from raylocus.service.questions import AskedReports

#: 2026-03-31 14:43:00 UTC.
MOMENT = 1774968180.0
ECI = 341794 * 256 + 1
MAP = "latitude: Lat\nlongitude: Lon\npci: P\nrsrp: R\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    cells = [("eNB 341794", 0.0, 0.0, 17), ("b", 99.0, 0.0, 18)]
    return flat_place(tmp_path_factory.mktemp("place") / "flat", cells)


def listed(folder: Path, *lines: str) -> Area:
    """An area without a map, of a list of sites."""
    (folder / "sites.csv").write_text("\n".join(lines) + "\n")
    words = ["scene", "build", "sites", "--sites", str(folder / "sites.csv"), "--out", str(folder / "area")]
    assert main(words) == 0
    return open_area(folder / "area")


def imported(
    folder: Path, place: Place | Area, columns: str, header: str, rows: Sequence[str], separator: str = ","
) -> ImportedLog:
    """A table read by a column map; `header` and rows are separated by spaces."""
    (folder / "map.yaml").write_text(columns)
    lines = [separator.join(line.split(" ")) for line in (header, *rows)]
    (folder / "log.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
    return import_log(LogFile(folder / "log.csv"), MappedTable(load_column_map(folder / "map.yaml")), place)


@pytest.mark.parametrize(
    ("texts", "numbers", "commas"),
    [
        (["-97,5", "-101", ""], [-97.5, -101, np.nan], 1),
        (["-97,5", "-101.5"], [np.nan, -101.5], 0),
        (["1,300", "6,300"], [np.nan, np.nan], 0),
        (["-97.5 dBm", "-97dB", "x dBm"], [-97.5, -97, np.nan], 0),
        (["59.92N", "33.5° S", "10,74E"], [59.92, -33.5, np.nan], 0),
        (["59,92N", "33,5S"], [59.92, -33.5], 2),
    ],
)
def test_numbers_with_commas_units_and_hemispheres(
    texts: list[str], numbers: list[float], commas: int
) -> None:
    found, counted = numbers_of_texts(pandas.Series(texts))
    np.testing.assert_array_equal(found, numbers)
    assert counted == commas


@pytest.mark.parametrize(
    "text",
    ["31.03.2026 14:43", "31/03/2026 14:43:00", "3/31/2026 2:43:00 PM", "31-03-2026, 16:43:00 +02:00",
     "2026/03/31 14:43:00", "31.3.2026 14:43:00,0"],
)  # fmt: skip
def test_dates_of_several_countries(text: str) -> None:
    np.testing.assert_array_equal(seconds_of_texts(np.array([text, ""]), Path("log")), [MOMENT, np.nan])


def test_a_date_that_could_be_either_is_refused() -> None:
    with pytest.raises(InputError, match="day and month could be either"):
        seconds_of_texts(np.array(["03/04/2026 14:43", "03/05/2026 14:43"]), Path("log"))
    # Another row decides; between points the day stands first.
    assert (
        np.diff(seconds_of_texts(np.array(["03/04/2026 14:43", "13/04/2026 14:43"]), Path("log"))) == 864000
    )
    assert (
        np.diff(seconds_of_texts(np.array(["03.04.2026 14:43", "03.05.2026 14:43"]), Path("log")))
        == 30 * 86400
    )
    # Midnight and noon of the twelve hours.
    hours = seconds_of_texts(np.array(["3/31/2026 12:00:00 AM", "3/31/2026 12:00:00 PM"]), Path("log"))
    assert np.diff(hours) == 12 * 3600


@pytest.mark.parametrize(
    ("text", "identity"),
    [(str(ECI), ECI), (f"{ECI}.0", ECI), (f"LTE:{ECI}", ECI), ("341794-1", ECI), (f"0x{ECI:X}", ECI),
     (f"262-01-5121-{ECI}", ECI), ("262-01-341794-1", ECI), ("262-01-1234", np.nan), ("unknown", np.nan), ("", np.nan)],
)  # fmt: skip
def test_cell_identities_as_tools_write_them(text: str, identity: float) -> None:
    np.testing.assert_array_equal(identities_of_texts(np.array([text])), [identity])


def test_hexadecimal_identities_are_known_by_their_column() -> None:
    np.testing.assert_array_equal(
        identities_of_texts(np.array(["5372201", "53722AB", ""])), [0x5372201, 0x53722AB, np.nan]
    )
    np.testing.assert_array_equal(identities_of_texts(np.array(["5372201"])), [5372201])


def test_a_cells_number_in_its_enb_needs_the_enb() -> None:
    found = whole_identity(
        np.array([1.0, 1.0, ECI, 1.0]),
        np.array([341794.0, np.nan, 341794.0, 5.0]),
        np.array(["LTE"] * 3 + ["NR"]),
    )
    np.testing.assert_array_equal(found, [ECI, 1, ECI, 1])


def test_a_table_with_commas_and_dates_in_two_columns(place: Place, tmp_path: Path) -> None:
    columns = MAP + "time: [Day, Clock]\n"
    rows = [f"31.03.2026 14:43:0{second} 59,9201 10,7402 17 -9{second},5" for second in range(3)]
    log = imported(tmp_path, place, columns, "Day Clock Lat Lon P R", rows, ";")
    assert log.used == 3 and log.first == MOMENT and log.last == MOMENT + 2
    np.testing.assert_array_equal(log.reports.features[:, 0], [-90.5, -91.5, -92.5])
    assert np.isfinite(log.reports.position).all()
    assert log.notes["values of R with a decimal comma"] == 3


def test_a_table_without_times_has_a_report_for_each_position(place: Place, tmp_path: Path) -> None:
    rows = ["59.92 10.74 17 -90", "59.92 10.74 18 -95", "59.921 10.74 17 -91"]
    log = imported(tmp_path, place, MAP, "Lat Lon P R", rows)
    assert log.reports.heard_cells.tolist() == [2, 1] and len(log.reports) == 2
    columns = MAP + "neighbours:\n  - {pci: Q, rsrp: S}\n"
    log = imported(tmp_path, place, columns, "Lat Lon P R Q S", ["59.92 10.74 17 -90 18 -95"] * 2)
    assert log.reports.heard_cells.tolist() == [2, 2] and len(log.reports) == 2
    assert (log.reports.time == 0).all()


def test_a_row_of_5g_with_an_earfcn_is_of_its_lte_anchor(place: Place, tmp_path: Path) -> None:
    columns = MAP + "time: T\nchannel: C\ntechnology: RAT\n"
    rows = [
        "0 59.92 10.74 17 6300 5G-NSA -90",
        "1 59.92 10.74 17 633334 5G-NSA -90",
        "2 59.92 10.74 18 6300 EN-DC -91",
    ]
    log = imported(tmp_path, place, columns, "T Lat Lon P C RAT R", rows)
    assert log.known[Known.CHANNEL] == 2 and log.known[Known.UNKNOWN] == 1 and log.notes[ANCHORS] == 2


def test_enb_and_cell_number_find_a_cell(place: Place, tmp_path: Path) -> None:
    columns = "time: T\nsite_identity: ENB\ncell_identity: CI\npci: P\nrsrp: R\ntechnology: {value: LTE}\n"
    log = imported(tmp_path, place, columns, "T ENB CI P R", ["0 341794 1 17 -90"])
    assert log.reports.identity.tolist() == [ECI] and log.known[Known.IDENTITY] == 1


@pytest.mark.parametrize(
    ("level", "words"),
    [("40", "an index of TS 36.133 is value - 141"), ("97", "its sign was lost"), ("-975", "in tenths of a dB"),
     ("5000", "correct it")],
)  # fmt: skip
def test_levels_of_another_unit_are_named(place: Place, tmp_path: Path, level: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        imported(tmp_path, place, MAP + "time: T\n", "T Lat Lon P R", [f"0 59.92 10.74 17 {level}"] * 3)
    assert str(refused.value).count("no level in the range of report (3)") == 1


def test_rsrq_in_tenths_is_named_and_left_out(place: Place, tmp_path: Path) -> None:
    rows = [f"{row} 59.92 10.74 17 -90 -11{row}" for row in range(3)]
    log = imported(tmp_path, place, MAP + "time: T\nrsrq: Q\n", "T Lat Lon P R Q", rows)
    assert any("rsrq lies about -111: it is in tenths of a dB" in note for note in log.notes)
    assert (
        np.isnan(log.reports.features[:, 1]).all() and unit_of_levels(np.array([-11.0, -9.5]), "rsrq") == ""
    )


def test_positions_the_other_way_round_or_elsewhere_are_refused(place: Place, tmp_path: Path) -> None:
    def at(latitude: float, longitude: float) -> ImportedLog:
        row = f"0 {latitude} {longitude} 17 -90"
        return imported(tmp_path, place, MAP + "time: T\n", "T Lat Lon P R", [row])

    with pytest.raises(InputError, match="latitude and longitude exchanged"):
        at(10.74, 59.92)
    with pytest.raises(InputError, match=r"was made elsewhere: .* lies 5\d\d km from the middle of flat"):
        at(54.92, 10.74)
    # A drive that leaves the place is one nevertheless.
    assert at(59.93, 10.74).notes["reports whose true position lies outside the place"] == 1


def test_a_log_of_another_carrier_names_those_of_the_place(place: Place, tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="LTE channel 1444, where the place has LTE at 806 MHz"):
        imported(
            tmp_path, place, MAP + "time: T\nchannel: C\ntechnology: {value: LTE}\n", "T Lat Lon P C R",
            ["0 59.92 10.74 17 1444 -90"],
        )  # fmt: skip


def test_a_list_without_channels_knows_cells_of_any(tmp_path: Path) -> None:
    place = listed(tmp_path, "site,lat,lon,pci", "a,59.92,10.74,17", "b,59.925,10.74,18", "b,59.925,10.74,18")
    assert len(place.deployment.cells) == 2 and any("further lines of a cell" in note for note in place.notes)
    columns = MAP + "time: T\nchannel: C\ntechnology: RAT\n"
    rows = ["0 59.92 10.74 17 6300 LTE -90", "1 59.92 10.74 18 633334 NR -90"]
    log = imported(tmp_path, place, columns, "T Lat Lon P C RAT R", rows)
    assert log.known[Known.CHANNEL] == 2 and log.cells == 2
    # A list that states the technology keeps to it, one that states the channel to that as well.
    place = listed(tmp_path, "site,lat,lon,pci,radio", "a,59.92,10.74,17,LTE", "b,59.925,10.74,18,LTE")
    assert imported(tmp_path, place, columns, "T Lat Lon P C RAT R", rows).known[Known.CHANNEL] == 1
    place = listed(tmp_path, "site,lat,lon,pci,earfcn", "a,59.92,10.74,17,6300", "b,59.925,10.74,18,1300")
    assert imported(tmp_path, place, columns, "T Lat Lon P C RAT R", rows).known[Known.CHANNEL] == 1


def test_bands_of_a_list_without_channels_may_share_a_pci(tmp_path: Path) -> None:
    place = listed(tmp_path, "site,lat,lon,pci", "a,59.92,10.74,17", "b,59.921,10.74,17", "c,59.922,10.74,18")
    assert place.deployment.pcis.tolist() == [17, 17, 18]


def test_planned_pcis_name_no_cell_and_the_logs_own_do(tmp_path: Path) -> None:
    header = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal"
    cells = [f"LTE,244,1,5,{ECI + 256 * k},,{10.74 + 0.01 * k},59.92,900,9,1,0,0,0" for k in range(3)]
    place = listed(tmp_path, header, *cells)
    planned = place.deployment.pcis.tolist()
    assert all(cell.assumed == "pci, frequency" for cell in place.deployment.cells)
    columns = MAP + "time: T\ncell_identity: I\nchannel: C\ntechnology: {value: LTE}\nserving: S\n"
    rows = [
        f"0 59.92 10.74 401 {ECI} 6300 1 -90",
        "0 59.92 10.74 402 - 6300 0 -95",  # serves a second later
        f"0 59.92 10.74 {planned[2]} - 6300 0 -97",  # a PCI that was only planned
        f"1 59.92 10.75 402 {ECI + 256} 6300 1 -90",
        "1 59.92 10.75 402 - 1300 0 -95",  # another channel: nobody knows
    ]
    log = imported(tmp_path, place, columns, "T Lat Lon P I C S R", rows)
    assert log.known == {Known.IDENTITY: 3, Known.UNKNOWN: 1, Known.CHANNEL: 0, Known.PCI: 0}
    assert log.refused["cells named by a PCI, where the list of sites has none"] == 1
    asked = AskedReports(log.reports, np.full(len(log.reports.pci), np.nan))
    # A phone's question that names cells by planned PCIs names none.
    nameless = dataclasses.replace(
        log.reports, identity=np.full(len(log.reports.pci), -1), pci=np.resize(planned, 4)
    )
    for reports, known in ((log.reports, 3), (nameless, 0)):
        found = found_cells(dataclasses.replace(asked, reports=reports), place.deployment)
        assert np.count_nonzero(found.cell >= 0) == known
    nearest = nearest_candidates(place.deployment.candidates(log.reports), log.reports, place.deployment)
    assert sorted(nearest.tolist()) == [-1, 0, 1, 1]


def test_rows_of_another_operator_are_left_out(tmp_path: Path) -> None:
    header = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal"
    place = listed(tmp_path, header, f"LTE,244,1,5,{ECI},401,10.74,59.92,900,9,1,0,0,0")
    columns = MAP + "time: T\noperator: O\ntechnology: {value: LTE}\n"
    rows = [
        f"{row} 59.92 10.74 401 {operator} -90"
        for row, operator in enumerate(("244-01", "244-91", "Telenor", "-"))
    ]
    log = imported(tmp_path, place, columns, "T Lat Lon P O R", rows)
    assert log.used == 3 and log.refused["cells of another operator under a PCI of the place"] == 1


def test_an_index_of_a_data_frame_is_a_column(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"T": [0, 1], "Lat": 59.92, "Lon": 10.74, "P": 17, "R": [-90.0, -91.0]})
    frame.set_index("T").to_parquet(tmp_path / "log")
    (tmp_path / "map.yaml").write_text(MAP + "time: T\n")
    form = MappedTable(load_column_map(tmp_path / "map.yaml"))
    assert import_log(LogFile(tmp_path / "log"), form, place).used == 2


def test_numbers_too_large_for_any_cell_are_none(
    place: Place, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    row = "59.0 7.0 99999999999999999999999 -90"
    with pytest.raises(InputError, match="PCI out of range"):
        imported(tmp_path, place, MAP, "Lat Lon P R", [row])
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]
