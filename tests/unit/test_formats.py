"""Logs of every format: each column in its field and unit, broken rows counted, cells found, rows accounted for."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from log_fixtures import GROUND, LTE, NR, flat_place
from raylocus.errors import InputError, PlaceError
from raylocus.network.formats.cell_resolution import Known, resolve_cells
from raylocus.network.formats.column_map import MappedTable, load_column_map
from raylocus.network.formats.import_log import FORMATS, ImportedLog, checked_rows, format_of, import_log
from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.log_values import seconds_of_texts
from raylocus.network.formats.measurements import (
    Measurements,
    ReadLog,
    enb_identity,
    level_of_signal,
    technologies_of,
)
from raylocus.network.formats.sequences import sequence_rows
from raylocus.network.reports.features import CRITICAL
from raylocus.network.reports.token_cells import token_cells
from raylocus.scenes.place import Place
from raylocus.scenes.sites import UE_HEIGHT, Cell, Deployment
from raylocus.units import timing_advance_step
from raylocus.viz.reports import gaps_of, levels_over_distance, truth_figure

#: 2026-03-31 14:43:00 UTC.
MOMENT = 1774968180.0
#: Columns of G-NetTrack Pro's text export by their place.
GNETTRACK = {
    0: "2026.03.31_14.43.00", 1: "10.74", 2: "59.92", 3: "30", 4: "Operator", 5: "244/91", 6: "244-91-1-87761409",
    7: "Cell", 8: "342818", 9: "1", 10: "40122", 11: "4G", 12: "LTE", 13: "-97", 14: "-11", 15: "6.5", 16: "9",
    17: "-70", 18: "6300", 53: "phone",
}  # fmt: skip
UCC = (
    "Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,RSRQ,SNR,CQI,RSSI,DL_bitrate,UL_bitrate,"
    "State,PINGAVG,PINGMIN,PINGMAX,PINGSTDEV,PINGLOSS,CELLHEX,NODEHEX,LACHEX,RAWCELLID,NRxRSRP,NRxRSRQ"
)
TOWER = (
    "mcc,mnc,lac,cell_id,short_cell_id,rnc,psc,asu,dbm,ta,lat,lon,accuracy,speed,bearing,altitude,measured_at,net_type,"
    "neighboring,discovered_at,device,rsrp,rsrq,rssi,rssnr,cqi,rscp,csi_rsrp,csi_rsrq,csi_sinr,ss_rsrp,ss_rsrq,ss_sinr,"
    "cdma_dbm,cdma_ecio,evdo_dbm,evdo_ecio,evdo_snr,ec_no,arfcn"
)
OPENCELLID = (
    "lat,lon,mcc,mnc,sid,lac,tac,nid,cellid,bid,psc,pci,signal,ta,measured_at,rating,speed,direction,act,devn"
)
AMBATO = "mcc,mnc,lac,cellid,lat,lon,signal,measured_at,rating,speed,direction,act,ta,psc,tac,pci,sid,nid,bid"
CELLMAPPER = "latitude,longitude,altitude,MCC,MNC,LAC,CID,signal,type,subtype,ARFCN,PSC"
SURVEY = "deviceSerialNumber,deviceTime,latitude,longitude,altitude,speed,accuracy,missionId,recordNumber,groupNumber,"
SURVEY_LTE = SURVEY + (
    "mcc,mnc,tac,eci,earfcn,pci,rsrp,rsrq,ta,servingCell,lteBandwidth,provider,signalStrength,cqi,slot,snr"
)
SURVEY_NR = SURVEY + (
    "mcc,mnc,tac,nci,narfcn,pci,ssRsrp,ssRsrq,ssSinr,csiRsrp,csiRsrq,csiSinr,ta,servingCell,provider,slot"
)
ECI = 341794 * 256 + 1


def line(header: str, **values: object) -> str:
    """A line of a CSV file with some values."""
    assert set(values) <= set(header.split(","))
    return ",".join(str(values.get(name, "")) for name in header.split(","))


def written(path: Path, *lines: str, ending: str = "\n") -> LogFile:
    path.write_bytes((ending.join(lines) + ending).encode())
    return LogFile(path)


def read(file: LogFile, name: str) -> ReadLog:
    """Reads a file that its own format, and no other, knows."""
    assert [each.name for each in FORMATS if each.recognises(file)] == [name]
    return format_of(file).read(file)


def values(measured: Measurements, row: int = 0) -> dict[str, object]:
    """What a row says."""
    row_values = {name: getattr(measured, name)[row].item() for name in measured.__dataclass_fields__}
    return {name: value for name, value in row_values.items() if value == value and value not in ("", False)}


WHERE = {"latitude": 59.92, "longitude": 10.74}
SERVED = {"technology": "LTE", "time": MOMENT, "rsrp": -97.0, "rsrq": -11.0, "serving": True, **WHERE}
IDENTITY = {"operator": "244-91", "site_identity": 341794.0, "cell_identity": float(ECI)}


def gnettrack_line(**others: str) -> str:
    places = GNETTRACK | {int(key[1:]): value for key, value in others.items()}
    return "\t".join(places.get(place, "-") for place in range(56))


@pytest.mark.parametrize("header", [True, False])
def test_gnettrack_text(tmp_path: Path, header: bool) -> None:
    names = "Timestamp Longitude Latitude Speed Operatorname MCC/MNC CGI Cellname Node CellID LAC NetworkTech"
    names += " NetworkMode Level Qual SNR CQI LTERSSI ARFCN"
    columns = [*names.split(), *(f"c{place}" for place in range(19, 53)), "Device", "Band", "Bandwidth"]
    lines = ["\t".join(columns)] * header + [gnettrack_line(), gnettrack_line(p13="-", p6="-"), "cut\tshort"]
    log = read(written(tmp_path / "log.txt", *lines), "gnettrack")
    assert values(log.measurements) == SERVED | {
        "device": "phone", "operator": "244-91", "channel": 6300.0, "site_identity": 342818.0,
        "cell_identity": 87761409.0, "sinr": 6.5, "rssi": -70.0,
    }  # fmt: skip
    (tmp_path / "log.txt").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "log.txt").read_bytes())
    assert format_of(LogFile(tmp_path / "log.txt")).name == "gnettrack"
    second = values(log.measurements, 1)
    # Without a CGI the identity is put together of the node and the cell's number in it.
    assert second["site_identity"] == 342818 and "rsrp" not in second
    assert second["cell_identity"] == 342818 * 256 + 1
    assert log.rows == 3 and +Counter(log.refused) == {"another number of values than the header": 1}


def test_gnettrack_csv(tmp_path: Path) -> None:
    cell = {"RSRP": -97, "RSRQ": -11, "SNR": "2.0", "RSSI": -60, "NODEHEX": "53B22", "RAWCELLID": 0x53B2201}
    row = {
        "Timestamp": "2026.03.31_14.43.00",
        "Longitude": 10.74,
        "Latitude": 59.92,
        "NetworkMode": "LTE",
    } | cell
    lines = [line(UCC, **row), line(UCC, **row | {"RAWCELLID": "-", "NetworkMode": "5G", "RSRP": "x"})]
    log = read(written(tmp_path / "log.csv", UCC, *lines), "gnettrack")
    identity = {"site_identity": float(0x53B22), "cell_identity": float(0x53B2201)}
    assert values(log.measurements) == SERVED | identity | {"sinr": 2.0, "rssi": -60.0}
    second = values(log.measurements, 1)
    assert (
        second["technology"] == "NR" and second["site_identity"] == 0x53B22 and "cell_identity" not in second
    )
    assert +Counter(log.notes) == {"values of RSRP that are no number, left out": 1}


def test_network_survey_lte(tmp_path: Path) -> None:
    row = {
        "deviceSerialNumber": "s1",
        "deviceTime": "2026-03-31T14:43:00.000Z",
        "missionId": "m",
        "groupNumber": 7,
    }
    row |= WHERE | {
        "mcc": 244,
        "mnc": 91,
        "eci": ECI,
        "earfcn": 6300,
        "pci": 17,
        "rsrp": -97,
        "rsrq": -11,
        "ta": 5,
    }
    row |= {"servingCell": "true", "signalStrength": -71, "snr": 4, "recordNumber": 1}
    neighbour = row | {"servingCell": "false", "eci": 2147483647, "ta": 2147483647, "snr": "", "pci": 18}
    log = read(written(tmp_path / "log.csv", SURVEY_LTE, line(SURVEY_LTE, **row), line(SURVEY_LTE, **neighbour)),
               "network-survey")  # fmt: skip
    said = {"device": "s1", "scan": "m-7", "channel": 6300.0, "pci": 17.0, "sinr": 4.0, "rssi": -71.0}
    assert values(log.measurements) == SERVED | IDENTITY | said | {
        "timing_advance": 5 * timing_advance_step(0)
    }
    second = values(log.measurements, 1)
    assert second["scan"] == "m-7" and not {"serving", "cell_identity", "timing_advance"} & set(second)
    assert +Counter(log.notes) == {
        "values of eci that stand for none, such as 2147483647, left out": 1,
        "values of ta that stand for none, such as 2147483647, left out": 1,
    }


def test_network_survey_nr(tmp_path: Path) -> None:
    row = {
        "deviceSerialNumber": "s1",
        "deviceTime": "2026-03-31T14:43:00Z",
        "groupNumber": 7,
        "servingCell": "true",
    }
    row |= WHERE | {"mcc": 244, "mnc": 91, "nci": 2**35, "narfcn": 633334, "pci": 999, "ta": 3}
    both = {"ssRsrp": -97, "ssRsrq": -11, "ssSinr": 8, "csiRsrp": -90, "csiRsrq": -9, "csiSinr": 9}
    other = {"csiRsrp": -90, "csiRsrq": -9, "csiSinr": 9}
    lines = [line(SURVEY_NR, **row, **both), line(SURVEY_NR, **row, **other)]
    measured = read(written(tmp_path / "log.csv", SURVEY_NR, *lines), "network-survey").measurements
    said = {
        "technology": "NR",
        "device": "s1",
        "scan": "-7",
        "operator": "244-91",
        "cell_identity": float(2**35),
    }
    said |= {"channel": 633334.0, "pci": 999.0, "sinr": 8.0, "timing_advance": 3e-6}
    assert values(measured) == pytest.approx(SERVED | said)
    assert [values(measured, 1)[name] for name in ("rsrp", "rsrq", "sinr")] == [-90.0, -9.0, 9.0]


def test_network_survey_geopackage(tmp_path: Path) -> None:
    point = geopandas.points_from_xy([10.74], [59.92], crs=4326)
    shared = {"Time": [int(MOMENT * 1e3)], "RecordNumber": [1], "GroupNumber": [7], "Serving Cell": [1]}
    lte = {"MCC": [244], "MNC": [91], "TAC": [1], "ECI": [ECI], "DL_EARFCN": [6300], "Phys_Cell_ID": [17]}
    lte |= {"RSRP": [-97.0], "RSRQ": [-11.0], "TA": [5]}
    nr = {"NRARFCN": [633334], "Phys_cell_ID": [999], "TAC": [1], "NCI": [2**35], "SS_RSRP": [-97.0]}
    nr |= {"SS_RSRQ": [-11.0], "SS_SINR": [8.0], "CSI_RSRP": [None], "CSI_RSRQ": [None], "CSI_SINR": [None]}
    path = tmp_path / "survey.gpkg"
    for layer, own in (("LTE_MESSAGE", lte), ("NR_MESSAGE", nr), ("GSM_MESSAGE", {"Signal_Strength": [-80]})):
        frame = geopandas.GeoDataFrame(pandas.DataFrame(shared | own), geometry=point)
        frame.to_file(path, layer=layer, driver="GPKG")
    log = read(LogFile(path), "network-survey-gpkg")
    advance = {"timing_advance": 5 * timing_advance_step(0)}
    own = {"scan": "-7", "channel": 6300.0, "pci": 17.0}
    assert values(log.measurements) == SERVED | IDENTITY | advance | own
    own = {"technology": "NR", "scan": "-7", "channel": 633334.0, "pci": 999.0, "cell_identity": float(2**35)}
    assert values(log.measurements, 1) == SERVED | own | {"sinr": 8.0}
    assert log.rows == 3 and values(log.measurements, 2)["technology"] == "GSM"


def test_tower_collector(tmp_path: Path) -> None:
    row = {"mcc": 244, "mnc": 91, "cell_id": ECI, "psc": 17, "dbm": -60, "ta": 5, "lat": 59.92, "lon": 10.74}
    row |= {
        "measured_at": "2026-03-31T14:43:00Z",
        "net_type": "LTE",
        "neighboring": "false",
        "device": "phone",
    }
    full = row | {"rsrp": -97, "rsrq": -11, "rssi": -70, "rssnr": 4, "arfcn": 6300}
    nr = {"net_type": "NR", "ss_rsrp": -98, "ss_rsrq": -12, "ss_sinr": 3, "cell_id": 2**35}
    plain = row | {"neighboring": "true", "ta": -1}
    lines = [line(TOWER, **each) for each in (full, row | nr, plain)]
    log = read(written(tmp_path / "log.csv", TOWER, *lines, "1,2,3", ending="\r\n"), "tower-collector")
    said = {"device": "phone", "pci": 17.0, "channel": 6300.0, "sinr": 4.0, "rssi": -70.0}
    assert values(log.measurements) == SERVED | IDENTITY | said | {
        "timing_advance": 5 * timing_advance_step(0)
    }
    second, third = values(log.measurements, 1), values(log.measurements, 2)
    assert [second[name] for name in ("technology", "rsrp", "rsrq", "sinr")] == ["NR", -98.0, -12.0, 3.0]
    assert not {"timing_advance", "site_identity"} & set(second)
    assert third["rsrp"] == -60 and not {"serving", "timing_advance"} & set(third)
    assert log.rows == 4 and +Counter(log.refused) == {"another number of values than the header": 1}


@pytest.mark.parametrize(("header", "moment"), [(OPENCELLID, "2026-03-31 14:43:00"), (AMBATO, MOMENT * 1e3)])
def test_opencellid(tmp_path: Path, header: str, moment: object) -> None:
    row = {"mcc": 244, "mnc": 91, "cellid": ECI, "pci": 17, "signal": 43, "ta": 5, "lat": 59.92, "lon": 10.74}
    row |= {"measured_at": moment, "act": "LTE"} | ({"devn": "phone"} if header == OPENCELLID else {})
    lines = [line(header, **row), line(header, **row | {"signal": -97}), line(header, **row | {"signal": 99})]
    log = read(written(tmp_path / "log.csv", header, *lines), "opencellid")
    said = IDENTITY | WHERE | {"technology": "LTE", "time": MOMENT, "pci": 17.0, "rsrp": -97.0}
    said |= {"timing_advance": 5 * timing_advance_step(0)} | (
        {"device": "phone"} if header == OPENCELLID else {}
    )
    assert values(log.measurements) == said == values(log.measurements, 1)
    assert "rsrp" not in values(log.measurements, 2)


def test_cellmapper_has_no_time_so_that_positions_make_scans(tmp_path: Path) -> None:
    row = WHERE | {"MCC": 244, "MNC": 91, "CID": ECI, "signal": -97, "type": "LTE", "subtype": "B20"}
    row |= {"ARFCN": 6300, "PSC": 17}
    lines = [line(CELLMAPPER, **row | other) for other in ({}, {"PSC": 18}, {"latitude": 59.93})]
    measured = read(written(tmp_path / "log.csv", CELLMAPPER, *lines), "cellmapper").measurements
    said = {"device": "point-1", "scan": "point-1", "technology": "LTE", "time": 0.0, "channel": 6300.0}
    assert values(measured) | {"time": 0.0} == IDENTITY | WHERE | said | {"pci": 17.0, "rsrp": -97.0}
    assert measured.scan.tolist() == ["point-1", "point-1", "point-2"]


def test_geosubmit(tmp_path: Path) -> None:
    lte = {"radioType": "lte", "mobileCountryCode": 244, "mobileNetworkCode": 91, "cellId": ECI, "serving": 1}
    lte |= {"primaryScramblingCode": 17, "signalStrength": -97, "timingAdvance": 5, "arfcn": 6300}
    nr = {"radioType": "nr", "newRadioCellId": 2**35, "asu": "43", "primaryScramblingCode": 999, "serving": 0}
    item = {"timestamp": int(MOMENT * 1e3), "position": WHERE | {"source": "gps"}, "cellTowers": [lte, nr, 5]}
    body = {"items": [item, "x", item | {"cellTowers": 3}, {"timestamp": 1, "wifiAccessPoints": []}]}
    log = read(written(tmp_path / "body.json", json.dumps(body)), "geosubmit")
    said = {"scan": "0", "channel": 6300.0, "pci": 17.0, "timing_advance": 5 * timing_advance_step(0)}
    served = {name: value for name, value in SERVED.items() if name != "rsrq"}
    assert values(log.measurements) == served | IDENTITY | said
    second = values(log.measurements, 1)
    assert (second["technology"], second["cell_identity"], second["rsrp"]) == ("NR", 2.0**35, -97.0)
    assert "serving" not in second
    assert log.rows == 5 and sum(log.refused.values()) == 3
    with pytest.raises(InputError, match="no list"):
        format_of(LogFile(tmp_path / "body.json")).read(written(tmp_path / "no.json", '{"items": 3}'))


def oslo(path: Path) -> LogFile:
    cells = np.array(
        [[17.0, 341794, -60, 6.5, -97, -11, 250, 1, 3], [18, 341795, -70, 1, -99, -12, 251, 2, 3]]
    )
    rows = [[59.92, 10.74, cells], [59.93, 10.74, cells[:1]], [59.93, 10.74, np.zeros((1, 2))]]
    table = np.empty((3, 12), object)
    for number, row in enumerate(rows):
        table[number] = [*row, *[0] * 9]
    scipy.io.savemat(path, {"dataSet": table})
    return LogFile(path)


def test_oslo(tmp_path: Path) -> None:
    log = read(oslo(tmp_path / "log.mat"), "oslo")
    said = {
        "device": "campaign-3 point-0",
        "scan": "point-0",
        "technology": "NB-IoT",
        "operator": "operator-1",
        "time": 0.0,
    }
    said |= WHERE | {
        "pci": 17.0,
        "site_identity": 341794.0,
        "cell_identity": 341794.0 * 256,
        "rsrp": -97.0,
        "rsrq": -11.0,
        "sinr": 6.5,
        "rssi": -60.0,
    }
    assert values(log.measurements) | {"time": 0.0} == said | {"time_of_arrival": 250e-6}
    assert log.measurements.scan.tolist() == ["point-0", "point-0", "point-1"]
    assert log.rows == 4 and sum(log.refused.values()) == 1


MAP = """
time: Time
device: {value: phone}
technology: RAT
operator: {value: 244-91}
channel: EARFCN
pci: Serving PCI
cell_identity: ECI
rsrp: "RSRP [dBm]"
rsrq: RSRQ
sinr: SINR
rssi: RSSI
timing_advance: TA
serving: {value: true}
latitude: Lat
longitude: Lon
neighbours:
  - {pci: N1 PCI, rsrp: N1 RSRP}
  - {pci: N2 PCI, rsrp: N2 RSRP, technology: {value: NR}}
"""


@pytest.mark.parametrize("parquet", [False, True])
def test_any_table_by_a_column_map(tmp_path: Path, parquet: bool) -> None:
    (tmp_path / "map.yaml").write_text(MAP)
    cell = {
        "RAT": "LTE",
        "EARFCN": 6300,
        "Serving PCI": 17,
        "ECI": ECI,
        "RSRP [dBm]": -97,
        "RSRQ": -11,
        "SINR": 4,
    }
    cell |= {"RSSI": -70, "TA": 5, "Lat": 59.92, "Lon": 10.74, "Time": "2026-03-31T14:43:00"}
    cell |= {"N1 PCI": 18, "N1 RSRP": -99.0, "N2 PCI": 19}
    frame = pandas.DataFrame(
        [cell | {"N2 RSRP": -101.0}, cell | {"N2 RSRP": None, "Time": "2026-03-31T14:43:09"}]
    )
    path = tmp_path / "log"
    if parquet:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep=";")
    form = MappedTable(load_column_map(tmp_path / "map.yaml"))
    assert form.recognises(LogFile(path))
    log = form.read(LogFile(path))
    said = {"device": "phone", "scan": "row-0", "channel": 6300.0, "pci": 17.0, "sinr": 4.0, "rssi": -70.0}
    assert values(log.measurements) == SERVED | IDENTITY | said | {
        "timing_advance": 5 * timing_advance_step(0)
    }
    assert log.rows == 5 == len(log.measurements)
    assert log.measurements.pci.tolist() == [17, 17, 18, 18, 19]
    assert log.measurements.scan.tolist() == ["row-0", "row-1", "row-0", "row-1", "row-0"]
    assert log.measurements.technology.tolist() == ["LTE"] * 4 + ["NR"]
    assert log.measurements.serving.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time: T\nrsrp: R\n", "'pci'"),
        ("time: T\npci: P\n", "'rsrp'"),
        ("time: []\npci: P\nrsrp: R\n", "the field 'time'"),
        ("time: T\npci: [P, Q]\nrsrp: R\n", "the field 'pci'"),
        ("time: T\npci: P\nrsrp: R\nlevel: L\n", "unknown field 'level'"),
        ("time: T\npci: P\nrsrp: R\nneighbours: [3]\n", "a neighbour"),
        ("time: T\npci: {value: x}\nrsrp: R\n", "the field 'pci'"),
        ("time: T\npci: {column: x}\nrsrp: R\n", "the field 'pci'"),
        ("time: T\npci: null\nrsrp: R\n", "the field 'pci'"),
        ("- a\n", "no mapping"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_column_map_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_column_map(tmp_path / "map.yaml")


def test_a_column_of_the_map_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("time: T\npci: P\nrsrp: R\n")
    with pytest.raises(InputError, match="no column 'R'"):
        MappedTable(load_column_map(tmp_path / "map.yaml")).read(written(tmp_path / "l.csv", "T,P", "1,2"))


def test_unknown_files_and_names_are_refused_with_the_formats(tmp_path: Path) -> None:
    for name, content in (("t.csv", b"a,b\n1,2\n"), ("b.bin", bytes(range(256))), ("e.csv", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="no known format.*gnettrack.*--columns"):
            format_of(LogFile(tmp_path / name))
    with pytest.raises(InputError, match="no format 'tems'"):
        format_of(LogFile(tmp_path / "t.csv"), "tems")
    with pytest.raises(InputError, match="no file or folder"):
        format_of(LogFile(tmp_path / "absent.csv"))


def test_times_of_several_zones_are_refused_and_of_one_are_utc() -> None:
    texts = np.array(["2026-03-31T16:43:00+02:00", "2026-03-31 16:43:00.5 +0200", ""])
    with pytest.raises(InputError, match="several time zones"):
        seconds_of_texts(np.array(["2026-03-31T14:43:00Z", "2026-03-31T16:43:00+02:00"]), Path("log"))
    with pytest.raises(InputError, match="UTC and none|none and UTC"):
        seconds_of_texts(np.array(["2026-03-31T14:43:00Z", "2026-03-31T14:43:00"]), Path("log"))
    np.testing.assert_array_equal(seconds_of_texts(texts, Path("log")), [MOMENT, MOMENT + 0.5, np.nan])
    numbers = np.array([str(int(MOMENT * factor)) for factor in (1, 1e3, 1e6)])
    np.testing.assert_allclose(seconds_of_texts(numbers, Path("log")), MOMENT)


@pytest.mark.parametrize(
    ("text", "name"),
    [("LTE_CA", "LTE"), ("4G", "LTE"), ("lte", "LTE"), ("5G SA", "NR"), ("NR", "NR"), ("NB-IoT", "NB-IoT"),
     ("HSPA+", "UMTS"), ("WCDMA", "UMTS"), ("EDGE", "GSM"), ("CDMA", "CDMA"), ("IDEN", "IDEN"), ("", "")],
)  # fmt: skip
def test_technologies(text: str, name: str) -> None:
    assert technologies_of(np.array([text])).tolist() == [name]


@given(enb=st.integers(0, 2**20 - 1), cell=st.integers(0, 255))
def test_an_ecgi_is_an_enb_and_a_cell(enb: int, cell: int) -> None:
    assert enb_identity(np.array([enb * 256.0 + cell]), np.array(["LTE"])).tolist() == [enb]
    assert np.isnan(enb_identity(np.array([enb * 256.0 + cell]), np.array(["NR"]))).all()


@given(dbm=st.integers(-140, -44))
def test_asu_and_dbm_are_one_level(dbm: int) -> None:
    np.testing.assert_array_equal(
        level_of_signal(np.array([dbm, dbm + 140.0, 99, np.nan])), [dbm, dbm, np.nan, np.nan]
    )


def rows(**columns: object) -> Measurements:
    """LTE rows of PCI 17 at one time, but for what is given."""
    count = max(np.size(value) for value in columns.values()) if columns else 1
    usual = {"technology": "LTE", "pci": 17.0, "rsrp": -90.0, "time": MOMENT}
    return Measurements.of(count, **usual | columns)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    cells = [("eNB 341794", 0.0, 0.0, 17), ("eNB 341794", 0.0, 0.0, 18), ("341795", 200.0, 0.0, 19)]
    return flat_place(tmp_path_factory.mktemp("place") / "flat", cells)


def test_values_that_cannot_be_are_left_out_and_counted() -> None:
    nan = float("nan")
    measured = rows(
        rsrp=[-90.0, 0.0, -1.0, 53.0, -90.0, -90.0], rsrq=[-11.0, 0.0, nan, nan, 50.0, -11.0],
        sinr=[-1.0, 0.0, nan, nan, 99.0, nan], time=[1.0, 1.0, 1.0, 1.0, 1.0, nan],
        latitude=[0.0, 1.0, 1.0, 1.0, 91.0, 1.0], longitude=[0.0, 1.0, 1.0, 1.0, 1.0, nan],
    )  # fmt: skip
    checked = checked_rows(measured)
    assert +checked.refused == {
        "level of 0 dBm, a placeholder": 1,
        "no level in the range of report": 2,
        "no time that can be read": 1,
    }
    np.testing.assert_array_equal(checked.measurements.rsrq, [-11.0, nan])
    np.testing.assert_array_equal(checked.measurements.sinr, [-1.0, nan])
    assert np.isnan(checked.measurements.latitude).all()
    assert checked.notes["positions at (0, 0) or off the Earth, left out"] == 2
    assert checked.notes["rsrp outside the range that its technology reports, left out"] == 2


def test_cells_are_found_by_identity_by_channel_and_by_pci_alone(place: Place) -> None:
    nan = float("nan")
    measured = rows(
        pci=[17, 18, 17, 300, nan, nan, 19, -1, 504],
        channel=[nan, 6300, nan, nan, nan, nan, nan, nan, nan],
        site_identity=[341794, nan, nan, 341794, 341795, 5, 341794, nan, nan],
    )
    found = resolve_cells(measured, place.deployment)
    assert found.known.tolist() == [Known.IDENTITY, Known.CHANNEL, Known.PCI, Known.UNKNOWN, Known.IDENTITY]
    assert found.measurements.pci.tolist() == [17, 18, 17, 300, 19]
    assert +found.refused == {
        "no PCI, and no identity that the place knows": 1,
        "cells of another site under a PCI of the place": 1,
        "PCI out of range": 2,
    }


def test_names_that_are_no_identities_do_not_refuse_rows(place: Place) -> None:
    found = resolve_cells(rows(site_identity=[5.0, 6.0]), place.deployment)
    assert found.known.tolist() == [Known.PCI, Known.PCI]


def test_other_technologies_are_left_out_and_other_channels_unknown(place: Place, tmp_path: Path) -> None:
    measured = rows(
        technology=["GSM", "LTE", "LTE", "NB-IoT", "", ""], channel=[62, 1300, 6310, 6300, 1300, np.nan]
    )
    found = resolve_cells(measured, place.deployment)
    assert +found.refused == {"technologies other than LTE and NR": 1}
    assert found.known.tolist() == [Known.UNKNOWN, Known.CHANNEL, Known.CHANNEL, Known.UNKNOWN, Known.PCI]
    wide = flat_place(tmp_path / "nr", [("a", 0.0, 0.0, 17)], NR)
    found = resolve_cells(
        rows(technology=["LTE", "NR", "NR"], channel=[6300, 633334, 620000]), wide.deployment
    )
    assert found.known.tolist() == [Known.UNKNOWN, Known.CHANNEL, Known.UNKNOWN]


def test_rows_find_their_carrier_and_identity_in_a_network_of_several(place: Place) -> None:
    """PCI 17 stands on both carriers; an ECI without a PCI is enough; a timing advance is in the carrier's steps."""
    cells = (
        Cell(17, 0, 0.0, 0.1),
        Cell(18, 0, 0.0, 0.1, identity=341794 * 256 + 3),
        Cell(17, 1, 0.0, 0.1, carrier=1),
    )
    network = Deployment((LTE, NR), place.deployment.sites, cells)
    measured = rows(
        technology=["LTE", "NR", "LTE"], channel=[6300, 633334, np.nan], pci=[17.0, 17.0, np.nan],
        cell_identity=[np.nan, np.nan, 341794 * 256 + 3], time=[0.0, 1.0, 2.0], serving=True,
        timing_advance=10 * timing_advance_step(0),
    )  # fmt: skip
    found = resolve_cells(measured, network)
    assert found.known.tolist() == [Known.CHANNEL, Known.CHANNEL, Known.IDENTITY]
    reports = sequence_rows(found.measurements, dataclasses.replace(place, deployment=network)).reports
    assert token_cells(reports, network).tolist() == [0, 2, 1]
    assert reports.features[:, CRITICAL.index("timing_advance")].tolist() == [10.0, 20.0, 10.0]
    assert reports.identity.tolist() == [-1, -1, 341794 * 256 + 3]
    assert (reports.technology.tolist(), reports.channel.tolist()) == ([2, 1, 2], [6300, 633334, -1])


def test_sequences_by_device_and_gap_and_reports_by_scan_or_time(place: Place) -> None:
    measured = rows(
        device=["b", "a", "a", "a", "a", "a"], time=[0.0, 100.0, 0.5, 0.0, 40.0, 40.0],
        scan=["", "", "s", "s", "", ""], pci=[17, 17, 18, 17, 17, 18],
    )  # fmt: skip
    made = sequence_rows(measured, place, gap=50.0)
    reports = made.reports
    assert reports.report_offsets.tolist() == [0, 2, 3, 4]
    assert reports.token_offsets.tolist() == [0, 2, 4, 5, 6]
    assert reports.time.tolist() == [0.0, 40.0, 0.0, 0.0]
    assert made.rows.tolist() == [3, 2, 4, 5, 1, 0]
    assert len(sequence_rows(measured, place, gap=60.0).reports) == 2


def test_a_report_has_a_cell_once_and_one_serving_cell(place: Place) -> None:
    step = timing_advance_step(0)
    measured = rows(
        pci=[17, 17, 18, 19], rsrp=[-80.0, -90.0, -85.0, -95.0], serving=[False, True, True, False],
        timing_advance=[9 * step, 7 * step, 8 * step, 4 * step],
    )  # fmt: skip
    made = sequence_rows(measured, place)
    assert made.reports.pci.tolist() == [17, 18, 19]
    assert made.reports.features[:, 0].tolist() == [-90.0, -85.0, -95.0]
    assert made.reports.serving.tolist() == [True, False, False]
    np.testing.assert_array_equal(made.reports.features[:, 4], [7.0, np.nan, np.nan])
    assert made.refused == {"cells that the report has already": 1}
    assert made.notes["further serving cells of one report, taken as heard"] == 1


def test_truth_lies_in_the_places_frame_and_is_missing_where_unknown(place: Place, tmp_path: Path) -> None:
    latitude, longitude = place.frame.to_wgs84(np.array([[30.0, -40.0], [3000.0, 0.0]]))
    measured = rows(time=[0.0, 1.0, 2.0], latitude=[*latitude, np.nan], longitude=[*longitude, np.nan])
    made = sequence_rows(measured, place)
    np.testing.assert_allclose(made.reports.position[0], [30.0, -40.0, GROUND + UE_HEIGHT], atol=1e-2)
    assert np.isnan(made.reports.position[1, 2]) and np.isnan(made.reports.position[2]).all()
    assert made.notes["reports without a true position"] == 1
    local = flat_place(tmp_path / "local", [("a", 0.0, 0.0, 17)], frame=type(place.frame)())
    made = sequence_rows(measured, local)
    assert np.isnan(made.reports.position).all()
    assert made.notes["true positions left out, since the place has no latitude and longitude"] == 2


def survey(path: Path, pcis: tuple[int, ...], **others: object) -> LogFile:
    """Three scans of Network Survey ten seconds apart, of some cells."""
    usual = {"deviceSerialNumber": "s1", "mcc": 244, "mnc": 91, "earfcn": 6300} | WHERE
    lines = [
        line(SURVEY_LTE, **usual | {"deviceTime": f"2026-03-31T14:43:{10 * scan:02d}Z", "groupNumber": scan + 1,
             "pci": pci, "rsrp": -90 - pci % 50, "servingCell": pci == pcis[0]} | others)
        for scan in range(3) for pci in pcis
    ]  # fmt: skip
    return written(path, SURVEY_LTE, *lines)


def imported(file: LogFile, place: Place) -> ImportedLog:
    return import_log(file, format_of(file), place)


def test_every_row_is_accounted_for(place: Place, tmp_path: Path) -> None:
    file = survey(tmp_path / "log.csv", (17, 18, 30))
    lines = file.path.read_text().splitlines()
    broken = ["1,2", lines[1].replace("-107", "0"), lines[1].replace("6300", "1300"), lines[1]]
    log = imported(written(file.path, *lines, *broken), place)
    assert log.rows == 13 == log.used + log.refused.total()
    assert log.used == 10 == log.known.total() == len(log.reports.pci)
    assert (log.known[Known.CHANNEL], log.known[Known.UNKNOWN], log.cells) == (6, 4, 2)
    assert (len(log.reports), len(log.reports.time)) == (1, 3)
    assert (log.first, log.last) == (MOMENT, MOMENT + 20)


def test_a_log_without_position_has_no_truth(place: Place, tmp_path: Path) -> None:
    log = imported(survey(tmp_path / "log.csv", (17,), latitude="", longitude=""), place)
    assert np.isnan(log.reports.position).all() and len(log.reports.time) == 3


def test_a_log_of_elsewhere_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=r"no cell of the place.*PCI 300"):
        imported(survey(tmp_path / "log.csv", (300, 301)), place)
    with pytest.raises(PlaceError, match=r"no cell of the place.*PCI 17 of LTE channel 1300"):
        imported(survey(tmp_path / "log.csv", (17,), earfcn=1300), place)


def samples(folder: Path) -> list[Path]:
    """A whole file of four formats, all of which name a cell of the place."""
    ucc = line(
        UCC, Timestamp="2026.03.31_14.43.00", NetworkMode="LTE", RSRP=-97, RAWCELLID=341795 * 256, NODEHEX="1"
    )
    tower = {
        "radioType": "lte",
        "primaryScramblingCode": 17,
        "signalStrength": -97,
        "cellId": ECI,
        "serving": 1,
    }
    item = {"timestamp": int(MOMENT * 1e3), "position": WHERE, "cellTowers": [tower, tower]}
    row = {"mcc": 1, "mnc": 1, "cellid": 1, "pci": 17, "signal": 43, "lat": 59.92, "lon": 10.74, "act": "LTE"}
    opencellid = [line(OPENCELLID, **row, measured_at=int(MOMENT) + second) for second in range(4)]
    return [
        survey(folder / "survey", (17, 18)).path,
        written(folder / "ucc", UCC, *[ucc] * 3).path,
        written(folder / "body", json.dumps({"items": [item] * 3})).path,
        written(folder / "opencellid", OPENCELLID, *opencellid).path,
    ]


@pytest.mark.parametrize("number", range(4))
def test_damaged_files_are_accounted_for_or_refused(
    place: Place, tmp_path: Path, number: int, generator: np.random.Generator
) -> None:
    whole = samples(tmp_path)[number].read_bytes()
    assert imported(LogFile(samples(tmp_path)[number]), place).used
    bytes_in_use = np.frombuffer(b'0123456789.,-"{}[]:Ttz \n\r\t\xff\x00', np.uint8)
    for _ in range(24):
        data = np.frombuffer(whole, np.uint8).copy()
        data[generator.integers(0, len(data), 3)] = generator.choice(bytes_in_use, 3)
        (tmp_path / "damaged").write_bytes(data.tobytes()[: int(generator.integers(1, 2 * len(data)))])
        try:
            log = imported(LogFile(tmp_path / "damaged"), place)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            assert log.rows == log.used + log.refused.total()


def test_figures_show_levels_at_their_distance(place: Place) -> None:
    latitude, longitude = place.frame.to_wgs84(np.array([200.0, 100.0]))
    measured = rows(
        pci=[17, 19, 300], time=[0.0, 9.0, 9.0], latitude=float(latitude), longitude=float(longitude)
    )
    reports = sequence_rows(measured, place).reports
    distance, level, serving = levels_over_distance(reports, place.deployment)
    np.testing.assert_allclose(distance, [np.hypot(200, 100), 100.0], atol=0.1)
    assert level.tolist() == [-90.0, -90.0] and not serving.any()
    assert gaps_of(reports).tolist() == [9.0]
    assert isinstance(truth_figure(reports, place), Figure)
