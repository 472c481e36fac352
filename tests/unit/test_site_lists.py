"""Lists of cells as they circulate: every header, unit and spelling is read as its owner meant it, or refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError, PlaceError
from raylocus.geo import GeoFrame, Grid, compass_from_azimuth
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.site_files import SiteFile, SiteImport, import_sites, read_site_list
from raylocus.scenes.site_import.assembly import GroundMaps
from raylocus.scenes.site_import.columns import SiteColumns
from raylocus.scenes.site_import.records import SiteList, SiteRecord

FRAME, TILE = GeoFrame(47.5, 9.5), Grid(512.0, 8.0)

Writer = Callable[[str | bytes], Path]


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "cells.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def listed(path: Path, columns: str = "") -> SiteList:
    return read_site_list(path, SiteColumns.parse(columns))


def one(path: Path, columns: str = "") -> SiteRecord:
    (record,) = listed(path, columns).records
    return record


def refused(path: Path, columns: str = "") -> str:
    with pytest.raises(InputError) as caught:
        listed(path, columns)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def imported(path: Path, network: str | None = None) -> SiteImport:
    maps = geometry_maps(TILE, np.zeros(TILE.shape), np.zeros(TILE.shape), np.full(TILE.shape, -1))
    return import_sites(
        SiteFile(path, network), FRAME, GroundMaps(maps, TILE), TILE, np.random.default_rng(0)
    )


# --- the OpenCelliD family ----------------------------------------------------------------------------------

#: Sectors of two eNodeBs, heard north, south-east and south-west of 47.5, 9.4986 and 47.5009, 9.5016.
HEARD = [(47.50018, 9.498669), (47.49910, 9.499591), (47.49910, 9.497747)]
HEARD += [(47.50144, 9.501597), (47.50036, 9.502520), (47.50036, 9.500675)]
CELLS = [1280001, 1280002, 1280003, 1280257, 1280258, 1280259]
NEW = ("radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples", "changeable")
NEW += ("created", "updated", "averageSignal")
MOZILLA = ("radio", "mcc", "mnc", "lac", "cid", "psc", "lon", "lat", "range", "samples", "changeable")
MOZILLA += ("created", "updated", "averageSignal")
OLD = ("lat", "lon", "mcc", "mnc", "lac", "cellid", "averageSignalStrength", "range", "samples", "changeable")
OLD += ("radio", "rnc", "cid", "psc", "tac", "pci", "sid", "nid", "bid")
WITHOUT_UNIT = tuple(name for name in NEW if name != "unit")
#: The names of one thing in the headers above.
MEANING = {"net": "mnc", "area": "lac", "cell": "cellid", "unit": "psc"}


def family_lines(header: tuple[str, ...], separator: str = ",") -> list[str]:
    """Six LTE cells, one of GSM, one of UMTS and one of CDMA in the columns of a header."""
    cells = [("LTE", cell, 10 + n, *HEARD[n]) for n, cell in enumerate(CELLS)]
    cells += [
        ("GSM", 4711, -1, 47.5, 9.5),
        ("UMTS", 81234567, 400, 47.5, 9.5005),
        ("CDMA", 5, 0, 47.5, 9.501),
    ]
    lines = []
    for radio, cell, pci, latitude, longitude in cells:
        values = {"radio": radio, "mcc": 901, "mnc": 99, "lac": 77, "cellid": cell, "psc": pci}
        values |= {"lat": f"{latitude:.6f}", "lon": f"{longitude:.6f}", "range": 900, "samples": 40}
        if "pci" in header:  # the older form, whose psc is UMTS's and whose cid is the short one
            values |= {"pci": pci if radio == "LTE" else "", "psc": ""}
        elif "cid" in header:
            values["cid"] = cell
        lines.append(separator.join(str(values.get(MEANING.get(name, name), "")) for name in header))
    return lines


FORMS = {
    "new": (NEW, ","),
    "capitals": (tuple(name.upper() for name in NEW), ","),
    "mozilla": (MOZILLA, ","),
    "old": (OLD, ","),
    "semicolons": (NEW, ";"),
    "tabs": (MOZILLA, "\t"),
    "bars": (OLD, "|"),
    "city": ((*NEW, "city"), ","),
    "shuffled": (tuple(reversed(NEW)), ","),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("index", [False, True])
def test_every_header_of_the_family_is_one_network(written: Writer, form: str, index: bool) -> None:
    header, separator = FORMS[form]
    lines = family_lines(tuple(name.lower() if form == "capitals" else name for name in header), separator)
    lines = [separator.join(header), *lines]
    if index:  # as pandas writes a table
        lines = [f"{'' if number == 0 else number - 1}{separator}{line}" for number, line in enumerate(lines)]
    _is_the_network(imported(written("\n".join(lines) + "\n")))


@pytest.mark.parametrize("count", [13, 14])
@pytest.mark.parametrize("index", [False, True])
def test_files_without_a_header_are_the_same(written: Writer, count: int, index: bool) -> None:
    lines = [",".join(line.split(",")[:count]) for line in family_lines(NEW)]
    lines = [f"{number},{line}" if index else line for number, line in enumerate(lines)]
    _is_the_network(imported(written("\n".join(lines))))


def test_a_file_without_header_and_unit_is_read_by_where_its_coordinates_are(written: Writer) -> None:
    deployment = imported(written("\n".join(family_lines(WITHOUT_UNIT)))).deployment
    assert (len(deployment.sites), len(deployment.cells)) == (2, 6)


def _is_the_network(found: SiteImport) -> None:
    deployment = found.deployment
    assert (len(deployment.sites), len(deployment.cells)) == (2, 6)
    assert sorted(deployment.pcis.tolist()) == list(range(10, 16))
    compass = np.array([compass_from_azimuth(cell.azimuth) for cell in deployment.cells])
    assert np.cos(np.deg2rad(compass - np.tile([0, 120, 240], 2))) == pytest.approx(1, abs=2e-3)
    assert deployment.carrier.numerology == 0
    for radio in ("GSM", "UMTS", "CDMA"):
        assert f"cells.csv: cells of {radio}, left out: 1" in found.notes
    assert any("columns not used" in note and "samples" in note.lower() for note in found.notes)
    assert "cells of any channel, for want of one taken at 3500 MHz: 6" in found.notes


def test_cells_whose_radio_is_not_stated_are_never_5g(written: Writer) -> None:
    header = "mcc,mnc,lac,cellid,lat,lon\n"
    assert "column radio" in refused(written(header + "901,99,77,1280001,47.5,9.5\n"))
    empty = "radio,mcc,net,area,cell,unit,lon,lat\n,901,99,77,5,0,9.5,47.5\n"
    assert "no stated radio" in refused(written(empty))
    only_gsm = "radio,mcc,net,area,cell,unit,lon,lat\nGSM,901,99,77,5,0,9.5,47.5\n"
    assert "holds no LTE or NR cell" in refused(written(only_gsm))
    assert "line 2" in refused(written(only_gsm.replace("GSM", "LTE/UMTS")))


def test_a_cell_that_is_listed_twice_is_one_cell(written: Writer) -> None:
    text = "\n".join([",".join(NEW), *family_lines(NEW), *family_lines(NEW)])
    found = listed(written(text))
    assert len(found.records) == 6
    assert "cells listed more than once, the later lines left out: 6" in found.notes


def test_a_log_of_measurements_is_no_list_of_cells(written: Writer) -> None:
    text = "mcc,mnc,lac,cell_id,lat,lon,measured_at,net_type\n901,99,77,5,47.5,9.5,2026-01-05T10:00:00Z,LTE\n"
    assert "log of measurements" in refused(written(text))


def test_pcis_of_the_family(written: Writer) -> None:
    """0 and -1 are unknown in unit and psc; LTE has none above 503."""
    text = (
        ",".join(NEW[:8])
        + "\n"
        + "".join(
            f"LTE,901,99,77,{256 * n},{unit},9.5,47.5\n" for n, unit in enumerate((-1, 0, 1, 503, 504, 1007))
        )
    )
    assert [record.pci for record in listed(written(text)).records] == [None, None, 1, 503, None, None]


def test_channel_numbers_of_the_family_are_read(written: Writer) -> None:
    text = "radio,mcc,net,area,cell,unit,lon,lat,earfcn\nLTE,901,99,77,256,7,9.5,47.5,1300\n"
    record = one(written(text))
    assert (record.frequency, record.network) == (pytest.approx(1815e6), "LTE 901-99 EARFCN 1300")


# --- planners' columns --------------------------------------------------------------------------------------

PLACE = "site,lat,lon,"


def cell(written: Writer, header: str, values: str, columns: str = "") -> SiteRecord:
    return one(written(f"{PLACE}{header}\nA,47.5,9.5,{values}\n"), columns)


@pytest.mark.parametrize(
    ("header", "value", "metres"),
    [
        ("height", 32, 32.0),
        ("Height(m)", 32, 32.0),
        ("Height [m]", 32, 32.0),
        ("Antenna Height (ft)", 100, 30.48),
    ]
    + [
        ("height_ft", 100, 30.48),
        ("HEIGHT_M", 32, 32.0),
        ("AGL {feet}", 100, 30.48),
        ("Antenna_Height-m", 5, 5.0),
    ],
)
def test_heights_in_their_units(written: Writer, header: str, value: float, metres: float) -> None:
    assert cell(written, header, str(value)).height == pytest.approx(metres)


@pytest.mark.parametrize(
    ("header", "value", "dbm"),
    [
        ("power", 43, 43.0),
        ("Tx Power(W)", 40, 46.0206),
        ("Tx Power (dBm)", 43, 43.0),
        ("power_mw", 20, 13.0103),
    ]
    + [
        ("TxPower[dBW]", 16, 46.0),
        ("Power (mW)", 1000, 30.0),
        ("POWER_W", 20, 43.0103),
        ("Power(kW)", 1, 60.0),
    ],
)
def test_powers_in_their_units(written: Writer, header: str, value: float, dbm: float) -> None:
    assert cell(written, header, str(value)).power_dbm == pytest.approx(dbm, abs=1e-3)


@pytest.mark.parametrize(
    "header", ["Azimuth(°)", "Azimuth", "AZIMUTH_DEG", "Azimuth (deg)", "Bearing [degrees]"]
)
def test_azimuths_in_their_units(written: Writer, header: str) -> None:
    azimuth = cell(written, header, "120").azimuth
    assert azimuth is not None and compass_from_azimuth(azimuth) == pytest.approx(120)


def test_azimuths_in_radians_are_read_where_the_header_says_so(written: Writer) -> None:
    azimuth = cell(written, "Azimuth (rad)", str(math.radians(120))).azimuth
    assert azimuth is not None and compass_from_azimuth(azimuth) == pytest.approx(120)


@pytest.mark.parametrize(
    ("header", "values", "degrees"),
    [
        ("tilt", "6", 6.0),
        ("M-Tilt,E-Tilt", "2,4", 6.0),
        ("Mechanical Tilt (°),Electrical Tilt (°)", "-1,4", 3.0),
        ("tilt,etilt", "0,8", 8.0),
        ("tilt,etilt", "2,4", 6.0),
        ("Total Tilt,MTilt,ETilt", "6,2,4", 6.0),
        ("etilt", "8", 8.0),
        ("mechanical_tilt,electrical_tilt", "2,", 2.0),
    ],
)
def test_tilts_are_added_once(written: Writer, header: str, values: str, degrees: float) -> None:
    downtilt = cell(written, header, values).downtilt
    assert downtilt is not None and math.degrees(downtilt) == pytest.approx(degrees)


def test_a_tilt_that_may_be_the_whole_or_a_part_is_asked_for(written: Writer) -> None:
    path = written(f"{PLACE}tilt,etilt\nA,47.5,9.5,8,6\n")
    assert "--site-columns tilt=tilt,electrical_tilt=none" in refused(path)
    whole, added = one(path, "tilt=tilt,electrical_tilt=none"), one(path, "tilt=none,mechanical_tilt=tilt")
    assert math.degrees(whole.downtilt or 0) == pytest.approx(8)
    assert math.degrees(added.downtilt or 0) == pytest.approx(14)
    contradiction = written(f"{PLACE}tilt,mtilt,etilt\nA,47.5,9.5,8,6,6\n")
    assert "line 2" in refused(contradiction) and "--site-columns" in refused(contradiction)


def test_tilts_that_count_upwards_are_refused(written: Writer) -> None:
    text = f"{PLACE}tilt\n" + "A,47.5,9.5,-6\n" * 3
    assert "turn its sign" in refused(written(text))


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Tower Height", "height"),
        ("Hauteur support (m)", "height"),
        ("Rad Center", "height"),
        ("Height(yd)", "height"),
        ("Azimuth (mag)", "azimuth"),
        ("Richtung", "azimuth"),
        ("Tilt_value_1", "tilt"),
        ("EIRP (dBm)", "power"),
        ("RS Power", "power"),
        ("PCI/PSC", "pci"),
        ("UARFCN", "arfcn"),
        ("GSCN", "arfcn"),
        ("ERP (W)", "power"),
        ("CRS Reference Power", "power"),
        ("N_ID_2", "pci"),
        ("Freq code", "frequency"),
    ],
)
def test_nothing_is_invented_where_a_column_looks_like_it(written: Writer, header: str, field: str) -> None:
    path = written(f"{PLACE}{header}\nA,47.5,9.5,33\n")
    message = refused(path)
    assert repr(header) in message
    assert f"--site-columns {field}={header}" in message and f"--site-columns {field}=none" in message
    assert f"columns not used: {header}" in listed(path, f"{field}=none").notes


@pytest.mark.parametrize(
    ("name", "values", "kept"),
    [
        ("system", ["GSM 900", "LTE 1800 MHz", "5G NR 3500"], 2),
        ("generation", ["2G", "4G", "3G"], 1),
        ("Transtype", ["LTE", "", "UMTS"], 2),
    ],
)
def test_a_column_of_radios_is_known_by_its_values(
    written: Writer, name: str, values: list[str], kept: int
) -> None:
    path = written(f"{PLACE}{name}\n" + "".join(f"A,47.5,9.5,{value}\n" for value in values))
    found = listed(path)
    assert len(found.records) == kept
    assert any(f"technology from {name!r}" in note for note in found.notes)
    assert len(listed(path, "technology=none").records) == 3


def test_a_column_that_names_older_radios_in_some_lines_is_asked_for(written: Writer) -> None:
    path = written(f"{PLACE}remark\nA,47.5,9.5,UMTS\nA,47.5,9.5,to be built\n")
    assert "--site-columns technology=remark, or that it does not with technology=none" in refused(path)
    # Where all that is named is LTE or NR, nothing is at stake.
    assert len(listed(written(f"{PLACE}remark\nA,47.5,9.5,LTE\nA,47.5,9.5,to be built\n")).records) == 2


@pytest.mark.parametrize("name", ["BCCH", "BSIC", "PSC", "Primary Scrambling Code"])
def test_cells_with_numbers_of_older_radios_are_no_5g_cells(written: Writer, name: str) -> None:
    path = written(f"{PLACE}{name}\nA,47.5,9.5,62\n")
    assert f"column {name!r}, which cells of GSM or UMTS have" in refused(path)
    assert len(listed(path, "technology=none").records) == 1
    assert one(written(f"{PLACE}{name},EARFCN\nA,47.5,9.5,62,1300\n")).lte


@pytest.mark.parametrize(("unit", "dbm"), [("W", 46.02), ("dBm", 40.0), ("mW", 16.02)])
def test_a_unit_may_stand_in_a_column_of_its_own(written: Writer, unit: str, dbm: float) -> None:
    found = listed(written(f"{PLACE}POWER,POWER_UNIT\nA,47.5,9.5,40,{unit}\nA,47.5,9.5,40,{unit}\n"))
    assert [record.power_dbm for record in found.records] == pytest.approx([dbm] * 2, abs=0.01)
    assert not any("not used" in note or "states no unit" in note for note in found.notes)


@pytest.mark.parametrize("units", [("W", "dBm"), ("hp", "hp")])
def test_units_that_are_no_one_unit_are_refused(written: Writer, units: tuple[str, str]) -> None:
    lines = "".join(f"A,47.5,9.5,40,{unit}\n" for unit in units)
    assert "--site-columns power=POWER[UNIT]" in refused(written(f"{PLACE}POWER,POWER_UNIT\n{lines}"))


@pytest.mark.parametrize(
    ("header", "value", "remedy"),
    [
        ("frequency", "3.6", "where it is in ghz, say so with --site-columns frequency=frequency[ghz]"),
        ("frequency", "3600000000", "--site-columns frequency=frequency[hz]"),
        ("power", "40000", "--site-columns power=power[w"),
    ],
)
def test_a_number_in_another_unit_names_the_unit(
    written: Writer, header: str, value: str, remedy: str
) -> None:
    assert remedy in refused(written(f"{PLACE}{header}\nA,47.5,9.5,{value}\n"))


def test_coordinates_of_a_projection_are_called_so(written: Writer) -> None:
    assert "have to be converted to degrees" in refused(written("site,X,Y\nA,691000,5336000\n"))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('{"error":"RATE_LIMITED","code":7}', "holds JSON"),
        ('[{"lat": 1, "lon": 2}]', "holds JSON"),
        ("<!DOCTYPE html><p>, ;", "holds a web page"),
        ("Export of 2024\nsite,lat,lon\nA,47.5,9.5\n", "remove what stands above the header"),
    ],
)
def test_what_is_no_list_is_called_what_it_is(written: Writer, content: str, word: str) -> None:
    assert word in refused(written(content))


def test_names_in_another_alphabet_are_not_to_be_typed(written: Writer) -> None:
    assert "save the file in UTF-8" in refused(written("сайт;широта;долгота\nA;47.5;9.5\n".encode("cp1251")))


def test_zeros_are_no_radians(written: Writer) -> None:
    path = written(f"{PLACE}pci\nA,0,0,1\n")
    with pytest.raises(PlaceError, match="none of the 1 cells"):
        imported(path)


def test_the_remedy_of_a_lookalike_can_be_followed(written: Writer) -> None:
    path = written(f"{PLACE}Tower Height\nA,47.5,9.5,33\n")
    assert one(path, "height=Tower Height").height == 33.0
    assert one(path, "height=Tower Height[ft]").height == pytest.approx(10.058, abs=1e-3)
    with pytest.raises(InputError, match="no unit of the height"):
        listed(path, "height=Tower Height[W]")


def test_an_altitude_is_named_and_not_used(written: Writer) -> None:
    path = written(f"{PLACE}Altitude\nA,47.5,9.5,100\n")
    found = listed(path)
    assert found.records[0].height is None
    assert "columns not used: Altitude" in found.notes
    assert any("height=Altitude[m], or [ft]" in note for note in found.notes)
    assert one(path, "height=Altitude[ft]").height == pytest.approx(30.48)


def test_what_was_read_from_where_is_said(written: Writer) -> None:
    found = listed(written("Site,Lat,Lon,Height(m),Sector,Vendor\nA,47.5,9.5,32,1,X\n"))
    assert (
        found.notes[0]
        == "read latitude from 'Lat', longitude from 'Lon', site from 'Site', height from 'Height(m)' [m]"
    )
    assert "columns not used: Sector, Vendor" in found.notes


def test_a_power_without_a_unit_is_read_as_dbm_and_said(written: Writer) -> None:
    notes = listed(written(f"{PLACE}power\nA,47.5,9.5,40\n")).notes
    assert any("read as dBm" in note and "--site-columns power=power[W]" in note for note in notes)
    assert not any(
        "read as dBm" in note for note in listed(written(f"{PLACE}power(W)\nA,47.5,9.5,40\n")).notes
    )


def test_two_columns_of_one_field_must_agree(written: Writer) -> None:
    agreeing = written(f"{PLACE}Height(m),Height(ft)\nA,47.5,9.5,30.48,100\n")
    assert one(agreeing).height == pytest.approx(30.48)
    message = refused(written(f"{PLACE}Height(m),Height(ft)\nA,47.5,9.5,32,100\n"))
    assert "line 2" in message and "--site-columns height=COLUMN" in message


# --- technologies and channels ------------------------------------------------------------------------------


def test_older_radios_of_a_planners_list_are_left_out(written: Writer) -> None:
    lines = ["A,47.5,9.5,LTE,1300", "A,47.5,9.5,UMTS,10700", "A,47.5,9.5,2G,62", "A,47.5,9.5,4G,1300"]
    found = listed(written(f"{PLACE}TECH,EARFCN\n" + "\n".join(lines)))
    assert [record.network for record in found.records] == ["EARFCN 1300", "EARFCN 1300"]
    assert "cells of UMTS, left out: 1" in found.notes and "cells of 2G, left out: 1" in found.notes


def test_older_bands_of_a_planners_list_are_left_out(written: Writer) -> None:
    lines = ["A,47.5,9.5,L1800", "A,47.5,9.5,U2100", "A,47.5,9.5,G900"]
    found = listed(written(f"{PLACE}band\n" + "\n".join(lines)))
    assert [(record.network, record.lte) for record in found.records] == [("band 3", True)]
    assert "cells of band U2100, left out: 1" in found.notes


def test_a_channel_number_is_of_the_technology_that_the_line_states(written: Writer) -> None:
    lte = cell(written, "technology,ARFCN", "LTE,1300")
    assert (lte.lte, lte.frequency, lte.network) == (True, pytest.approx(1815e6), "EARFCN 1300")
    nr = cell(written, "technology,ARFCN", "5G,636666")
    assert (nr.lte, nr.network) == (False, "ARFCN 636666")
    message = refused(written(f"{PLACE}ARFCN\nA,47.5,9.5,1300\n"))
    assert "line 2" in message and "--site-columns earfcn=COLUMN" in message


@pytest.mark.parametrize(
    ("header", "value"),
    [("frequency", 1815), ("Freq(MHz)", 1815), ("frequency_ghz", 1.815), ("DL Frequency [kHz]", 1815000)],
)
def test_frequencies_in_their_units(written: Writer, header: str, value: float) -> None:
    assert cell(written, header, str(value)).frequency == pytest.approx(1815e6)


@pytest.mark.parametrize("value", ["1.815", "1815000000"])
def test_a_frequency_of_another_unit_is_refused(written: Writer, value: str) -> None:
    assert "line 2" in refused(written(f"{PLACE}frequency\nA,47.5,9.5,{value}\n"))


def test_the_carrier_of_a_network_says_what_was_assumed(written: Writer) -> None:
    found = imported(written(f"{PLACE}band,azimuth\nA,47.5,9.5,n257,30\n"))
    assert (found.deployment.carrier.frequency, found.deployment.carrier.numerology) == (28e9, 3)
    assert "cells at the middle of their band, 28000 MHz: 1" in found.notes
    assert "cells of a carrier taken as 66 resource blocks of 1440 kHz: 1" in found.notes
    assert "cells without antenna array, taken as 4 × 8 with 8 beams: 1" in found.notes


def test_an_lte_cell_has_no_pci_above_503(written: Writer) -> None:
    assert "503" in refused(written(f"{PLACE}earfcn,pci\nA,47.5,9.5,1300,504\n"))
    assert cell(written, "arfcn,pci", "636666,504").pci == 504


# --- sites and coordinates ----------------------------------------------------------------------------------


def test_names_of_single_cells_are_no_sites(written: Writer) -> None:
    text = "CellName,lat,lon,azimuth\n" + "".join(f"A_{n},47.5,9.5,{120 * n}\n" for n in range(3))
    assert len(imported(written(text)).deployment.sites) == 1


DMS = "SUP_ID;COR_NB_DG_LAT;COR_NB_MN_LAT;COR_NB_SC_LAT;COR_CD_NS_LAT;"
DMS += "COR_NB_DG_LON;COR_NB_MN_LON;COR_NB_SC_LON;COR_CD_EW_LON"


def test_degrees_minutes_and_seconds_in_columns(written: Writer) -> None:
    record = one(written(f"{DMS}\n0;47;29;58;N;9;29;55;W\n"))
    assert record.latitude == pytest.approx(47 + 29 / 60 + 58 / 3600)
    assert record.longitude == pytest.approx(-(9 + 29 / 60 + 55 / 3600))
    american = one(
        written("lat_deg,lat_min,lat_sec,lat_dir,long_deg,long_min,long_sec,long_dir\n47,30,0,N,9,30,0,E\n")
    )
    assert (american.latitude, american.longitude) == (47.5, 9.5)
    signed = one(written("LatDeg,LatMin,LonDeg,LonMin\n-47,30,-0,30\n"))
    assert (signed.latitude, signed.longitude) == (-47.5, -0.5)


def test_degrees_alone_are_decimal(written: Writer) -> None:
    assert one(written("lat_deg,lon_deg\n47.5,9.5\n")).latitude == 47.5


@pytest.mark.parametrize(
    ("line", "word"), [("0;47;61;58;N;9;29;55;E", "COR_NB_MN_LAT"), ("0;47;29;58;Q;9;29;55;E", "'Q'")]
)
def test_parts_of_degrees_that_cannot_be_are_named(written: Writer, line: str, word: str) -> None:
    message = refused(written(f"{DMS}\n{line}\n"))
    assert "line 2" in message and word in message


def test_exchanged_coordinates_are_recognised(written: Writer) -> None:
    with pytest.raises(PlaceError, match="exchanged.*--site-columns latitude=COLUMN"):
        imported(written("lat,lon\n9.5,47.5\n"))


def test_networks_come_together_or_one_is_chosen(written: Writer) -> None:
    path = written(f"{PLACE}earfcn,pci\nA,47.5,9.5,1300,1\nA,47.5,9.5,6300,1\nA,47.5,9.5,6300,2\n")
    assert [carrier.channel for carrier in imported(path).deployment.carriers] == [1300, 6300]
    with pytest.raises(PlaceError, match=r"--network from what it has: 'EARFCN 6300' \(cells: 2\)"):
        imported(path, "EARFCN 9")
    notes = imported(path, "EARFCN 1300").notes
    assert "cells of other networks, left out: 2" in notes


# --- the text ------------------------------------------------------------------------------------------------

TEXT = "site;lat;lon;azimuth;pci\nMünchen;47.5;9.5;120;7\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("latin-1"),
        ("sep=;\n" + TEXT).encode(),
        ("\ufeffsep=;\r\n" + TEXT.replace("\n", "\r\n")).encode(),
        ("# sites of 2026\n\n" + TEXT).encode(),
        TEXT.replace(";", "\t").encode(),
        ("sep=\t\n" + TEXT.replace(";", "\t")).encode(),
        TEXT.replace(";", "|").encode(),
        TEXT.replace(";", ",").replace("\n", ",\n").encode(),
        TEXT.replace("7\n", "7;;\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("München", '"Mün\n""chen"""').encode(),
    ],
    ids=lambda content: content[:12].hex(),
)
def test_one_file_in_every_dress(written: Writer, content: bytes) -> None:
    record = one(written(content))
    assert (record.latitude, record.longitude, record.pci) == (47.5, 9.5, 7)
    assert record.azimuth is not None and compass_from_azimuth(record.azimuth) == pytest.approx(120)
    assert (record.site or "").startswith("M")


def test_an_encoding_that_was_a_choice_is_said(written: Writer) -> None:
    assert any("Latin-1" in note for note in listed(written(TEXT.encode("latin-1"))).notes)
    assert one(written(TEXT.encode("latin-1"))).site == "München"


def test_two_columns_of_one_name_are_refused(written: Writer) -> None:
    assert "two columns 'pci'" in refused(written("lat,lon,pci,pci\n47.5,9.5,1,2\n"))
    assert "two columns 'pci'" in refused(written("lat,lon,pci,PCI\n47.5,9.5,1,2\n"))


def test_lines_keep_their_numbers(written: Writer) -> None:
    assert "line 5" in refused(
        written("# a\nsep=;\n\nlat;lon\nx;9.5\n".replace("# a\nsep=;\n\n", "sep=;\n\n\n"))
    )
    assert "line 3" in refused(written("# a\nlat;lon\nx;9.5\n"))


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("32,5", "decimals with a point"),
        ("NULL", "leave it empty"),
        ("OMNI", "leave it empty"),
        ("0x1F", "decimal number"),
    ]
    + [
        ("32 m", "the unit in the column's name".replace("the unit", "its unit")),
        ("47°29'", "decimal number"),
    ],
)
def test_what_is_no_number_has_its_own_remedy(written: Writer, value: str, remedy: str) -> None:
    message = refused(written(f"site;lat;lon;height\nA;47.5;9.5;{value}\n"))
    assert "line 2" in message and remedy in message


# --- the shared cases ----------------------------------------------------------------------------------------

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
#: What the lists of ../shared/cases are: carrier [MHz], height [m], downtilt [°] and power [dBm] of the first cell.
LISTS = {
    "site_units/brackets": (3549.99, 32.0, 6.0, 46.0206),
    "site_units/two_tilts": (3549.99, 32.0, 8.0, None),
    "site_units/height_ft": (2115.0, 30.48, None, None),
    "site_units/feet_aws": (2115.0, None, None, None),
    "site_units/cbrs": (3591.0, None, None, None),
    "site_units/n48": (3625.0, None, None, None),
    "site_units/bandname": (1842.5, None, None, None),
    "site_units/rftools": (1842.5, None, None, None),
    "site_units/watts": (3549.99, 32.0, None, 40.0),
    "site_values/sep": (3549.99, 30.0, 6.0, None),
    "site_values/trailing": (1815.0, None, None, None),
    "site_values/pipe": (None, None, None, None),
    "site_values/utf16": (3549.99, 30.0, 6.0, None),
    "site_values/floatint": (3549.99, 30.0, 6.0, None),
}
REFUSED = {
    "site_units/anfr": "--site-columns height=SUP_NM_HAUT",
    "site_units/anfr_utf8": "--site-columns height=none",
    "site_values/dup_header": "two columns 'pci'",
    "site_values/hexpci": "line 2",
    "site_values/nan": "line 3",
    "site_values/null": "leave it empty",
    "site_values/omni": "line 7",
    "site_values/semi_comma": "decimals with a point",
    "site_values/swapped": "exchanged",
    "site_values/samepci": "--network",
}
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="the inputs ../shared/cases are not here")


@needs_cases
@pytest.mark.parametrize("name", LISTS)
def test_the_lists_of_the_shared_cases(name: str) -> None:
    path = CASES / f"{name}.csv"
    megahertz, height, tilt, power = LISTS[name]
    record, found = listed(path).records[0], imported(path)
    assert (len(found.deployment.sites), len(found.deployment.cells)) == (2, 6)
    assert record.frequency == (None if megahertz is None else pytest.approx(megahertz * 1e6))
    assert record.height == (None if height is None else pytest.approx(height))
    assert record.power_dbm == (None if power is None else pytest.approx(power, abs=1e-3))
    assert record.downtilt == (None if tilt is None else pytest.approx(math.radians(tilt)))
    compass = sorted(round(compass_from_azimuth(cell.azimuth)) for cell in found.deployment.cells)
    assert compass == [0, 60, 120, 180, 240, 300]


@needs_cases
@pytest.mark.parametrize("name", sorted(path.stem for path in (CASES / "site_headers").glob("*.csv")))
def test_the_headers_of_the_shared_cases(name: str) -> None:
    found = imported(CASES / "site_headers" / f"{name}.csv")
    assert (len(found.deployment.sites), len(found.deployment.cells)) == (2, 6)
    assert found.deployment.pcis.tolist() == list(range(10, 16))
    assert f"{name}.csv: cells of GSM, left out: 1" in found.notes


@needs_cases
@pytest.mark.parametrize("name", REFUSED)
def test_the_refusals_of_the_shared_cases(name: str) -> None:
    with pytest.raises(InputError) as caught:
        imported(CASES / f"{name}.csv")
    assert REFUSED[name] in str(caught.value)


@needs_cases
def test_a_register_in_degrees_and_parts_is_read_as_its_refusal_says() -> None:
    found = listed(CASES / "site_units" / "anfr.csv", "height=none")
    assert found.records[0].latitude == pytest.approx(47 + 29 / 60 + 58 / 3600)
    assert any("Latin-1" in note for note in found.notes)


FIELDS = {"height": ("m", "ft"), "azimuth": ("deg", "°"), "tilt": ("deg", "°"), "power": ("dBm", "W", "mW")}
FACTORS = {"m": 1.0, "ft": 0.3048, "deg": 1.0, "°": 1.0}


@dataclass(frozen=True)
class Dress:
    """How a list is written."""

    units: dict[str, str]
    separator: str
    encoding: str
    order: list[int]


DRESSES = st.builds(
    Dress,
    st.fixed_dictionaries({field: st.sampled_from(units) for field, units in FIELDS.items()}),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.permutations(range(7)),
)
VALUES = st.tuples(st.floats(2, 200), st.floats(0, 359), st.floats(0, 20), st.floats(10, 60))


@given(values=VALUES, dress=DRESSES)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: tuple[float, float, float, float], dress: Dress
) -> None:
    height, azimuth, tilt, power = values
    units = dress.units
    watts = 10 ** (power / 10) * {"W": 1e-3, "mW": 1.0}.get(units["power"], 1.0)
    cells = {"site": "A", "lat": "47.5", "lon": "9.5", f"Azimuth ({units['azimuth']})": azimuth}
    cells |= {f"Height({units['height']})": height / FACTORS[units["height"]], f"Tilt[{units['tilt']}]": tilt}
    cells[f"Tx Power ({units['power']})"] = power if units["power"] == "dBm" else watts
    columns = [list(cells.items())[index] for index in dress.order]
    lines = [dress.separator.join(str(column[part]) for column in columns) for part in (0, 1)]
    path = tmp_path_factory.getbasetemp() / "round.csv"
    path.write_bytes("\n".join(lines).encode(dress.encoding))
    record = one(path)
    assert record.height == pytest.approx(height)
    assert record.power_dbm == pytest.approx(power)
    assert math.degrees(record.downtilt or 0) == pytest.approx(tilt)
    assert math.cos(math.radians(compass_from_azimuth(record.azimuth or 0) - azimuth)) == pytest.approx(1)
