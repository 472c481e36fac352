"""Files of others through the front door: read, or refused in one sentence that can be followed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from map_fixtures import FRAME, village
from raylocus.cli.locate import fix_record
from raylocus.cli.main import main
from raylocus.geo import Grid
from raylocus.inference.fix import Fix
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.location_network import LocationNetwork
from raylocus.network.reports.report_files import load_reports
from raylocus.provenance import Provenance
from raylocus.scenes.place import load_place

pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="the inputs ../shared/cases are not here")


def said(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command that works prints."""
    assert main([str(word) for word in words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one sentence of a command that does not."""
    assert main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error
    return error


def table(path: Path, pcis: list[int], rsrp: float = -88.0) -> Path:
    """Two phones that report three times, as pandas would write them."""
    rows = [(phone, report, slot) for phone in range(2) for report in range(3) for slot in range(len(pcis))]
    phones, reports, slots = (list(column) for column in zip(*rows, strict=True))
    columns = {"sequence": phones, "report": reports, "time": [1767603600.0 + report for report in reports]}
    columns |= {"pci": [pcis[slot] for slot in slots], "serving": [slot == 0 for slot in slots]}
    parquet.write_table(pyarrow.table(columns | {"rsrp": [rsrp - 5 * slot for slot in slots]}), path)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A traced tile of a generated town."""
    folder = tmp_path_factory.mktemp("places") / "town"
    options = ["--scene.tile_size", "128", "--scene.resolution", "8", "--layout", "micro"]
    assert main(["scene", "build", "procedural:european-core", "--out", str(folder), *options]) == 0
    assert main(["maps", "trace", str(folder), "--trace.depth", "0"]) == 0
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has not been trained: its answers are poor, and answers."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "locator.ckpt"
    network = LocationNetwork(LocationNetworkConfiguration()).eval()
    save_network(TrainedNetwork(network, PosteriorCalibration(), Provenance.collect({})), path)
    return path


def test_the_real_command_imports_a_table_of_pandas(tmp_path: Path) -> None:
    words = ["dataset", "import", table(tmp_path / "t.parquet", [1, 2]), "--out", tmp_path / "r.zarr"]
    command = [sys.executable, "-m", "raylocus", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 sequences, 6 reports" in done.stdout
    assert "note: sequences whose time was counted from their first report: 2" in done.stdout
    assert load_reports(tmp_path / "r.zarr").time.tolist() == [0.0, 1.0, 2.0] * 2


def test_an_index_is_refused_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = table(tmp_path / "t.parquet", [1, 2], rsrp=53.0)
    assert "value - 141" in refused(capsys, "dataset", "import", source, "--out", tmp_path / "r.zarr")
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]


def test_unknown_cells_are_passed_over_by_locate(
    place: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = load_place(place).deployment.pcis[:2].tolist()
    others = [pci for pci in range(1008) if pci not in load_place(place).deployment.pcis]
    words = ("--place", place, "--model", model, "--out", tmp_path / "fixes.json")
    asked = (*words, "--refine", "bilinear", "--explain")
    text = said(capsys, "locate", table(tmp_path / "t.parquet", [*known, others[0]]), *asked)
    assert "rsrp" in text.split("measured and expected")[1]
    assert f"(PCI {others[0]}), passed over: 6" in text
    assert len(json.loads((tmp_path / "fixes.json").read_text())) == 2
    sentence = refused(capsys, "locate", table(tmp_path / "o.parquet", others[:2]), *words)
    assert f"such as PCI {others[0]}" in sentence and "give the place" in sentence
    assert "value - 157" in refused(capsys, "locate", table(tmp_path / "i.parquet", known, 69.0), *words)


def test_a_phone_that_hears_no_cell_of_the_place_is_named_and_not_trusted(
    place: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pcis = load_place(place).deployment.pcis
    other = next(pci for pci in range(1008) if pci not in pcis)
    both = parquet.read_table(table(tmp_path / "t.parquet", [int(pcis[0]), int(pcis[1])]))
    half = [*both.column("pci").to_pylist()[:6], *[other, (other + 1) % 1008] * 3]
    parquet.write_table(both.set_column(3, "pci", pyarrow.array(half)), tmp_path / "half.parquet")
    words = ("--place", place, "--model", model, "--out", tmp_path / "fixes.json")
    text = said(capsys, "locate", tmp_path / "half.parquet", *words)
    assert "sequences that name no cell of the place, fixed by the map alone: 1" in text
    assert json.loads((tmp_path / "fixes.json").read_text())[1]["trusted"] is False


def test_what_is_not_finite_is_null_in_json() -> None:
    grid = Grid(16.0, 8.0)
    nowhere = Fix(np.full(2, np.nan), np.eye(2), np.full((2, 2), np.nan), grid, None)
    record = fix_record(0, nowhere)
    assert record["x_m"] is None and record["radius_m"] is None and record["trusted"] is False
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("command", [("dataset", "import"), ("network", "explain"), ("locate",)])
def test_a_phones_log_is_answered_with_what_is_read(
    command: tuple[str, ...], place: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "deviceTime,latitude,longitude,earfcn,pci,rsrp\n2026-01-05T10:00:00Z,47.5,9.5,1300,20,-88\n"
    )
    further = {"import": ("--out", tmp_path / "r.zarr"), "locate": ("--place", place, "--model", model)}
    sentence = refused(capsys, *command, log, *further.get(command[-1], ()))
    assert "docs/reports.md" in sentence and "Parquet" in sentence


def test_what_a_source_of_reports_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", tmp_path / "r.zarr")
    with zipfile.ZipFile(tmp_path / "o1.zip", "w") as archive:
        archive.writestr("O1_60/params.json", "{}")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "BS1_UE_0-1024.mat").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "above" / "asu").mkdir(parents=True)
    (tmp_path / "above" / "asu" / "params.json").write_text("{}")
    (tmp_path / "parts.parquet").mkdir()
    (tmp_path / "parts.parquet" / "part-0.parquet").write_bytes(b"PAR1")
    for source, words in {
        "o1.zip": ["zip archive of O1_60/params.json", "unpack it and give the folder"],
        "old": ["DeepMIMO 3 scenario", "DeepMIMO 4"],
        "empty": ["nothing that can be imported", "params.json", "docs/reports.md"],
        "old/BS1_UE_0-1024.mat": ["one file of a DeepMIMO scenario", f"give its folder, {tmp_path / 'old'}"],
        "above": ["a folder of DeepMIMO scenarios (1)", f"such as {tmp_path / 'above' / 'asu'}"],
        "parts.parquet": ["a folder of Parquet files (1)", "join them in one file"],
        "absent": ["there is no file or folder", "absent"],
        "deep/er/absent": ["there is no file or folder", f"{tmp_path} is there"],
    }.items():
        sentence = refused(capsys, "dataset", "import", tmp_path / source, *out)
        assert all(word in sentence for word in words), sentence


def test_what_a_source_of_a_place_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "map.zip", "w") as archive:
        archive.writestr("town.osm.pbf", "")
    (tmp_path / "O1_60").mkdir()
    (tmp_path / "O1_60" / "O1_60.params.mat").write_bytes(b"")
    for source, words in {
        "map.zip": ["is a zip archive", "unpack it and give town.osm.pbf"],
        "O1_60": ["DeepMIMO 3 scenario", "no map"],
        "absent": ["there is no file or folder"],
        "absent.zip": ["there is no file or folder"],
    }.items():
        sentence = refused(capsys, "scene", "build", tmp_path / source, "--out", tmp_path / "place")
        assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize("verb", [("maps", "trace"), ("scene", "validate")])
def test_what_a_place_is_not(
    verb: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "place.zip", "w") as archive:
        archive.writestr("place/place.json", "{}")
    assert "is a zip archive of place/place.json; unpack it" in refused(capsys, *verb, tmp_path / "place.zip")
    (tmp_path / "file").write_text("-")
    assert "a place is a folder with place.json in it" in refused(capsys, *verb, tmp_path / "file")


def test_what_a_list_of_cells_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = village(tmp_path / "village.osm")
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        archive.writestr("262.csv", "")
    with zipfile.ZipFile(tmp_path / "cells.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    (tmp_path / "cells.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "cells.zip": ["zip archive, which holds 262.csv", "unpack it"],
        "cells.xlsx": ["Excel workbook", "CSV"],
        "cells.csv.gz": ["gzip", "gunzip"],
        "folder": ["is a folder"],
        "absent.csv": ["there is no file"],
    }.items():
        words_of = ("scene", "build", source, "--out", tmp_path / "place", "--sites", tmp_path / name)
        sentence = refused(capsys, *words_of)
        assert all(word in sentence for word in words), sentence


def test_the_options_that_a_sentence_names_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The remedy of each refusal, followed to the end."""
    source, sites = village(tmp_path / "village.osm"), tmp_path / "cells.csv"
    latitude, longitude = (float(value) for value in FRAME.to_wgs84(np.array([200.0, 200.0])))
    cells = f"A,{latitude:.6f},{longitude:.6f},33,1300\nA,{latitude:.6f},{longitude:.6f},33,6300\n"
    sites.write_text("site,BREITE,LAENGE,Tower Height,EARFCN\n" + cells)
    words = [
        "scene",
        "build",
        source,
        "--out",
        tmp_path / "place",
        "--sites",
        sites,
        "--scene.resolution",
        "8",
    ]
    assert "--site-columns height=Tower Height" in refused(capsys, *words)
    columns = "height=Tower Height[ft]"
    assert "--site-columns latitude=COLUMN" in refused(capsys, *words, "--site-columns", columns)
    columns += ",latitude=BREITE,longitude=LAENGE"
    said(capsys, *words, "--site-columns", columns)
    frequencies = load_place(tmp_path / "place").deployment.frequencies
    assert sorted(frequencies) == pytest.approx([806e6, 1815e6])
    text = said(capsys, *words, "--site-columns", columns, "--network", "EARFCN 1300")
    assert "height from 'Tower Height' [ft]" in text
    assert load_place(tmp_path / "place").deployment.carrier.frequency == pytest.approx(1815e6)


LOG = """# Created by Network Survey
deviceTime,groupNumber,earfcn,pci,rsrp,rsrq,ta,servingCell,deviceSerialNumber
2026-01-05T10:00:00+01:00,0,1300,20,-88.0,-10.0,2,true,a
2026-01-05T10:00:00.2+01:00,0,,23,-97.0,-13.0,,false,a
2026-01-05T10:00:05+01:00,1,1300,20,-89.0,-10.0,2147483647,true,a
2026-01-05T10:00:00+01:00,0,1300,23,-91.0,-9.5,3,true,b
"""


def test_the_documents_way_from_a_phones_log_leads_to_reports(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (repository / "docs" / "reports.md").read_text()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    exec(text.split("```python\n")[1].split("```")[0], {})
    assert main(["dataset", "import", "reports.parquet", "--out", "reports.zarr"]) == 0
    reports = load_reports(tmp_path / "reports.zarr")
    assert (len(reports), reports.time.tolist()) == (2, [0.0, 5.0, 0.0])
    assert reports.features[:, 4] == pytest.approx([2, np.nan, np.nan, 3], nan_ok=True)


#: What `dataset import` answers to the tables of ../shared/cases/drive_log: parts of its sentence or note.
LOGS = {
    "ok": (0, "1 sequences, 5 reports"),
    "plain": (0, "1 sequences, 5 reports"),
    "global": (0, "2 sequences, 10 reports"),
    "restart": (0, "2 sequences, 10 reports"),
    "text_sequence": (0, "1 sequences, 5 reports"),
    "null_beam": (0, "rows without a beam, read as rows of the whole cell: 15"),
    "no_serving": (0, "reports that mark no serving cell: 5"),
    "epoch": (0, "sequences whose time was counted from their first report: 1"),
    "unknown_pci": (0, "1 sequences, 5 reports"),
    "rsrq_positive": (0, "rsrq is above 0 dB in every row"),
    "ta_far": (0, "timing_advance of rows that it is not of, left out: 10"),
    "index_lte": (2, "row 0: rsrp 53 is not between -156 and -31 dBm"),
    "index_nr": (2, "row 0: rsrp 69 is not between -156 and -31 dBm"),
    "positive": (2, "where the sign was lost it is -value"),
    "zero": (2, "row 0: rsrp 0 is not between"),
    "intmax": (2, "Android"),
    "ta_intmax": (2, "Android"),
    "ta_minus": (2, "row 0: timing_advance -1 is not between 0 and 3846"),
    "backwards": (2, "row 3: time 3 s follows 4 s"),
    "ms": (2, "time_s or time_ms"),
    "time_per_token": (2, "row 1: time 1 differs"),
    "null_pci": (2, "row 1: pci is null"),
    "null_serving": (2, "row 1: serving is null"),
    "same_pci_twice": (2, "row 1: pci 20 repeats"),
}


@needs_cases
@pytest.mark.parametrize("name", LOGS)
def test_the_logs_of_the_shared_cases(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, part = LOGS[name]
    words = [
        "dataset",
        "import",
        str(CASES / "drive_log" / f"{name}.parquet"),
        "--out",
        str(tmp_path / "r.zarr"),
    ]
    assert main(words) == code
    captured = capsys.readouterr()
    assert part in (captured.out if code == 0 else captured.err)
    assert (tmp_path / "r.zarr").exists() == (code == 0)
