from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError, PlaceError
from raylocus.geo import GeoFrame, Grid, compass_from_azimuth
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.site_files import SiteFile, SiteImport, import_sites, read_site_list
from raylocus.scenes.site_import.assembly import GroundMaps
from raylocus.scenes.site_import.columns import SiteColumns
from raylocus.scenes.site_import.opencellid import ESTIMATED
from raylocus.scenes.sites import ISOTROPIC, ElementPattern

GERMANY = Path(__file__).parents[2].parent / "shared" / "data" / "sites" / "germany-lte.csv"
FRAME = GeoFrame(51.3007954, 6.4894579)
TILE = Grid(512.0, 4.0)


def flat(building: float = 0.0) -> xr.Dataset:
    """Ground at 50 m, with a building over the middle of the tile."""
    height = np.zeros(TILE.shape)
    height[60:68, 60:68] = building
    return geometry_maps(TILE, np.full(TILE.shape, 50.0), 50.0 + height, np.full(TILE.shape, -1))


def at(x: float, y: float) -> str:
    """`lat,lon` of a point in the frame."""
    latitude, longitude = FRAME.to_wgs84(np.array([x, y], float))
    return f"{float(latitude):.7f},{float(longitude):.7f}"


def imported(tmp_path: Path, text: str, maps: xr.Dataset | None = None, **options: object) -> SiteImport:
    path = tmp_path / "sites.csv"
    path.write_text(text)
    generator = np.random.default_rng(0)
    file = SiteFile(path, **options)
    return import_sites(file, FRAME, GroundMaps(flat() if maps is None else maps, TILE), TILE, generator)


def refused(tmp_path: Path, text: str, error: type[Exception] = InputError, **options: object) -> str:
    with pytest.raises(error) as caught:
        imported(tmp_path, text, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


HEADER = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal\n"
FULL = "site,lat,lon,height,azimuth,tilt,pci,arfcn,power,rows,columns,beams\n"


def test_every_column_arrives_in_raylocus_units(tmp_path: Path) -> None:
    line = f"north,{at(100, -40)},25,90,6,321,633334,43,2,4,4\n"
    deployment = imported(tmp_path, FULL + line).deployment
    (site,), (cell,) = deployment.sites, deployment.cells
    assert site.name == "north"
    assert site.position == pytest.approx((100, -40, 75), abs=0.02)
    assert cell.azimuth == pytest.approx(0.0)  # compass 90° is east
    assert cell.downtilt == pytest.approx(np.deg2rad(6))
    assert (cell.pci, cell.power_dbm) == (321, 43.0)
    assert (cell.array.rows, cell.array.columns, cell.array.beams) == (2, 4, 4)
    assert deployment.carrier.frequency == pytest.approx(3500.01e6)
    assert deployment.carrier.numerology == 1


@given(compass=st.floats(-360, 360))
def test_compass_angles_are_converted_once(tmp_path_factory: pytest.TempPathFactory, compass: float) -> None:
    line = f"a,{at(0, 0)},25,{compass!r},6,1,633334,43,2,4,4\n"
    cell = imported(tmp_path_factory.mktemp("sites"), FULL + line).deployment.cells[0]
    turned = (compass_from_azimuth(cell.azimuth) - compass + 180) % 360 - 180
    assert abs(turned) < 1e-6


def test_cells_of_one_name_and_place_are_one_site(tmp_path: Path) -> None:
    rows = [("a", 0, 0, 0), ("a", 0, 120, 1), ("a", 150, 240, 2), ("b", 0, 0, 3)]
    text = "site,lat,lon,azimuth,pci\n" + "".join(f"{n},{at(x, 0)},{az},{pci}\n" for n, x, az, pci in rows)
    found = imported(tmp_path, text)
    assert found.deployment.site_of_cell.tolist() == [0, 0, 1, 2]
    assert found.deployment.pcis.tolist() == [0, 1, 2, 3]
    assert "cells without downtilt, taken as 6°: 4" in found.notes


def test_a_column_map_names_columns_that_are_not_known(tmp_path: Path) -> None:
    text = f"breite,laenge,richtung\n{at(10, 20)},180\n"
    columns = SiteColumns(latitude="breite", longitude="laenge", azimuth="richtung")
    found = imported(tmp_path, text, columns=columns).deployment
    assert found.sites[0].position[:2] == pytest.approx((10, 20), abs=0.02)
    assert found.cells[0].azimuth == pytest.approx(-np.pi / 2)


def test_a_column_map_is_read_from_text() -> None:
    assert SiteColumns.parse("latitude=Breite, azimuth = R 1") == SiteColumns(
        latitude="Breite", azimuth="R 1"
    )
    assert SiteColumns.parse("") == SiteColumns()
    for text in ("width=Breite", "latitude", "latitude="):
        with pytest.raises(InputError, match="the fields are latitude, longitude"):
            SiteColumns.parse(text)


def test_a_place_without_coordinates_takes_no_sites(tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text("lat,lon\n51.3,6.4\n")
    with pytest.raises(InputError, match="not georeferenced"):
        import_sites(SiteFile(path), GeoFrame(), GroundMaps(flat(), TILE), TILE, np.random.default_rng(0))


def test_semicolons_tabs_quotes_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    for separator in (";", "\t"):
        text = "\ufeff" + f'Site Name,Latitude,Longitude\r\n"A 1",{at(0, 0)}\r\n\r\n'.replace(",", separator)
        assert imported(tmp_path, text).deployment.sites[0].name == "A 1"


def test_without_heights_antennas_stand_on_roofs_and_masts(tmp_path: Path) -> None:
    text = f"lat,lon\n{at(2, 2)}\n{at(150, 0)}\n"
    found = imported(tmp_path, text, flat(building=20.0))
    assert [site.position[2] for site in found.deployment.sites] == [74.0, 75.0]
    assert any("without height" in note for note in found.notes)


def test_an_antenna_is_never_inside_a_building(tmp_path: Path) -> None:
    found = imported(tmp_path, f"lat,lon,height\n{at(2, 2)},12\n{at(150, 0)},12\n", flat(building=20.0))
    assert [site.position[2] for site in found.deployment.sites] == [72.0, 62.0]
    assert any("lifted" in note for note in found.notes)


def test_where_no_azimuth_is_known_no_pattern_is(tmp_path: Path) -> None:
    found = imported(tmp_path, f"site,lat,lon,azimuth\na,{at(0, 0)},\na,{at(0, 0)},120\n").deployment
    unknown, known = found.cells
    assert unknown.pattern == ISOTROPIC and known.pattern == ElementPattern()
    assert (unknown.array.rows, unknown.array.columns, unknown.array.beams) == (1, 1, 1)
    assert known.array.beams == 8


def test_missing_azimuths_are_spread_and_missing_pcis_planned(tmp_path: Path) -> None:
    text = "site,lat,lon,pci\n" + f"a,{at(0, 0)},\n" * 2 + f"a,{at(0, 0)},5\n"
    found = imported(tmp_path, text).deployment
    turns = np.diff(sorted(cell.azimuth for cell in found.cells))
    assert turns == pytest.approx([2 * np.pi / 3] * 2)
    assert found.pcis[2] == 5
    assert len(set(found.pcis.tolist())) == 3


def test_cells_outside_the_tile_are_left_out_and_counted(tmp_path: Path) -> None:
    found = imported(tmp_path, f"lat,lon\n{at(0, 0)}\n{at(255, 0)}\n{at(257, 0)}\n")
    assert len(found.deployment.cells) == 2
    assert "cells outside the tile, left out: 1" in found.notes


def test_networks_have_a_carrier_each_and_one_may_be_chosen(tmp_path: Path) -> None:
    text = f"lat,lon,earfcn,pci\n{at(0, 0)},6300,1\n{at(0, 0)},125,1\n{at(9, 9)},125,2\n"
    whole = imported(tmp_path, text).deployment
    assert [carrier.channel for carrier in whole.carriers] == [6300, 125]
    assert [carrier.frequency for carrier in whole.carriers] == pytest.approx([806e6, 2122.5e6])
    assert [(cell.pci, cell.carrier, cell.site) for cell in whole.cells] == [(1, 0, 0), (1, 1, 0), (2, 1, 1)]
    chosen = imported(tmp_path, text, network="EARFCN 125").deployment
    assert chosen.pcis.tolist() == [1, 2]
    assert chosen.carrier.frequency == pytest.approx(2122.5e6)
    assert chosen.carrier.numerology == 0
    assert "'EARFCN 7'" in refused(tmp_path, text, PlaceError, network="EARFCN 7")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("lat,lon\n", ["no line"]),
        ("lat,azimuth\n51.3,0\n", ["longitude", "longitude=COLUMN"]),
        ("lat,lon\n51.3,abc\n", ["line 2", "'abc'", "not a number"]),
        ("lat;lon\n51,3;6,4\n", ["line 2", "'51,3'", "point"]),
        ("lat,lon,height\n51,3,6,4,25\n", ["line 2", "5 values for 3 columns"]),
        ("lat,lon\n51.3,6.4\n151.3,6.4\n", ["line 3", "151.3", "between -90 and 90"]),
        ("lat,lon\n51.3,\n", ["line 2", "no latitude or longitude"]),
        ("lat,lon\nnan,6.4\n", ["line 2", "nan"]),
        ("lat,lon,pci\n51.3,6.4,1008\n", ["line 2", "1008", "1007"]),
        ("lat,lon,pci\n51.3,6.4,1.5\n", ["line 2", "whole number"]),
        ("lat,lon,earfcn\n51.3,6.4,2700\n", ["line 2", "2700", "EARFCN"]),
        ("lat,lon,earfcn,frequency\n51.3,6.4,6300,800\n51.3,6.4,6300,2600\n", ["line 3", "806 MHz", "2600"]),
        ("lat,lon,band\n51.3,6.4,wide\n", ["line 2", "'wide'", "band"]),
        (
            "lat,lon,azimuth\n" + "51.3,6.4,1.57\n51.3,6.4,3.66\n51.3,6.4,5.76\n",
            ["radians", "compass degrees"],
        ),
    ],
)
def test_a_bad_file_is_one_sentence_with_the_line_and_the_fix(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    message = refused(tmp_path, text)
    assert "sites.csv" in message
    assert all(word in message for word in words), message


LINES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))
    | st.sampled_from(["51.3,6.4,1", "lat,lon,pci"])
)


@given(
    header=st.sampled_from(["lat,lon,pci", "lat;lon;azimuth", "radio,mcc,net", HEADER.strip()]), lines=LINES
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, header: str, lines: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    try:
        assert read_site_list(path, SiteColumns()).records
    except InputError as error:
        assert "any.csv" in str(error)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "lat,lon\n51.3,6.4\n", columns=SiteColumns(azimuth="bearing"))
    assert "'bearing'" in message
    assert "lat, lon" in message


def test_no_site_in_the_tile_says_where_the_nearest_is(tmp_path: Path) -> None:
    message = refused(tmp_path, "lat,lon\n51.31,6.49\n51.4,6.49\n", PlaceError)
    assert "1.0 km" in message
    assert "51.31000,6.49000" in message
    assert "radians" in refused(tmp_path, "lat,lon\n0.8954,0.1133\n", PlaceError)


def test_two_cells_of_one_pci_are_named_by_line(tmp_path: Path) -> None:
    lines = f"{at(0, 0)},7,6300\n{at(0, 0)},8,6300\n{at(90, 0)},7,6300\n"
    message = refused(tmp_path, f"lat,lon,pci,earfcn\n{lines}", PlaceError)
    assert "lines 2 and 4" in message
    assert "PCI 7" in message


def test_one_pci_may_stand_twice_where_cells_are_apart_or_known_by_identity(tmp_path: Path) -> None:
    wide = Grid(4096.0, 32.0)
    path = tmp_path / "sites.csv"
    path.write_text(f"lat,lon,pci\n{at(-600, 0)},7\n{at(600, 0)},7\n")
    level = np.full(wide.shape, 50.0)
    found = import_sites(
        SiteFile(path),
        FRAME,
        GroundMaps(geometry_maps(wide, level, level, np.full(wide.shape, -1)), wide),
        wide,
        np.random.default_rng(0),
    )
    assert found.deployment.pcis.tolist() == [7, 7]
    assert "cells whose PCI another cell of their carrier has as well: 2" in found.notes
    text = f"lat,lon,pci,ECellID\n{at(0, 0)},7,257\n{at(0, 0)},7,258\n"
    assert [cell.identity for cell in imported(tmp_path, text).deployment.cells] == [257, 258]


def test_positions_are_surveyed_stated_or_estimated(tmp_path: Path) -> None:
    text = f"lat,lon,pci,accuracy (ft)\n{at(0, 0)},7,\n{at(90, 0)},8,1000\n"
    assert [site.deviation for site in imported(tmp_path, text).deployment.sites] == pytest.approx(
        [0.0, 304.8]
    )
    lines = [cell_line("LTE", 1, 256 * number, number, 60 * number, 0) for number in (1, 2)]
    exact = lines[1].split(",")
    exact[HEADER.split(",").index("changeable")] = "0"
    found = imported(tmp_path, HEADER + lines[0] + ",".join(exact))
    assert [site.deviation for site in found.deployment.sites] == [ESTIMATED, 0.0]
    assert "sites at estimated positions: 1" in found.notes


def test_files_that_are_no_csv_are_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        read_site_list(binary, SiteColumns())
    with pytest.raises(InputError, match="absent"):
        read_site_list(tmp_path / "absent.csv", SiteColumns())
    with pytest.raises(InputError, match="cannot be read"):
        read_site_list(tmp_path, SiteColumns())


def cell_line(radio: str, net: int, cell: int, unit: int, x: float, y: float) -> str:
    latitude, longitude = at(x, y).split(",")
    return f"{radio},262,{net},801,{cell},{unit},{longitude},{latitude},1000,7,1,1459813819,1459813819,0\n"


@pytest.mark.parametrize("header", [HEADER, ""])
def test_opencellid_sectors_look_from_their_middle(tmp_path: Path, header: str) -> None:
    """Three LTE sectors of eNodeB 4711, heard north, southeast and southwest of it; GSM does not count."""
    sectors = [(0.0, 120.0), (104.0, -60.0), (-104.0, -60.0)]
    lines = [cell_line("LTE", 2, 4711 * 256 + n, 30 + n, x, y) for n, (x, y) in enumerate(sectors)]
    deployment = imported(tmp_path, header + cell_line("GSM", 2, 5, 0, 0, 0) + "".join(lines)).deployment
    assert [site.name for site in deployment.sites] == ["4711"]
    assert deployment.sites[0].position[:2] == pytest.approx((0, 0), abs=0.5)
    compass = [compass_from_azimuth(cell.azimuth) for cell in deployment.cells]
    assert np.cos(np.deg2rad(np.array(compass) - [0, 120, 240])) == pytest.approx(1, abs=2e-3)
    assert deployment.pcis.tolist() == [30, 31, 32]


def test_opencellid_operators_have_carriers_of_their_own_or_are_chosen_by_name(tmp_path: Path) -> None:
    text = (
        HEADER
        + cell_line("LTE", 1, 256, 7, 0, 0)
        + cell_line("LTE", 2, 512, -1, 50, 0)
        + cell_line("NR", 2, 1, 0, 0, 9)
    )
    whole = imported(tmp_path, text).deployment
    assert [(each.technology, each.operator) for each in whole.carriers] == [
        ("LTE", "262-1"), ("LTE", "262-2"), ("NR", "262-2"),
    ]  # fmt: skip
    assert [cell.identity for cell in whole.cells] == [256, 512, 1]
    assert "'LTE 262-1' (cells: 1)" in refused(tmp_path, text, PlaceError, network="LTE 262-9")
    assert imported(tmp_path, text, network="LTE 262-1").deployment.pcis.tolist() == [7]
    found = imported(tmp_path, text, network="NR 262-2")
    assert "cells without PCI, which is planned: 1" in found.notes
    assert found.deployment.carrier.numerology == 1
    assert "4G or 5G" in refused(tmp_path, HEADER + cell_line("GSM", 1, 5, 0, 0, 0))


@pytest.mark.skipif(
    not GERMANY.exists(), reason="the real site file ../shared/data/sites/germany-lte.csv is not here"
)
def test_a_real_operators_file_is_read_as_it_is() -> None:
    records = read_site_list(GERMANY, SiteColumns()).records
    assert len(records) == 37
    assert {record.frequency for record in records} == {806e6, 796e6, 2122.5e6, 2137.5e6, 1845e6}
    found = import_sites(
        SiteFile(GERMANY, "EARFCN 6300"), FRAME, GroundMaps(flat(), TILE), TILE, np.random.default_rng(0)
    )
    assert [site.name for site in found.deployment.sites] == ["VF-200179"]
    assert found.deployment.pcis.tolist() == [231, 232, 233]
    assert [round(compass_from_azimuth(cell.azimuth)) for cell in found.deployment.cells] == [50, 110, 270]
