"""Logs through the front door: imported, inspected and drawn, or refused in one sentence with nothing left."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from log_fixtures import flat_place
from raylocus.cli.main import main
from raylocus.geo import GeoFrame
from raylocus.network.formats.import_log import format_of, import_log
from raylocus.network.formats.log_format import LogFile
from raylocus.network.reports.report_files import load_reports
from raylocus.scenes.place import Place

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "real"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="the measurements ../shared/data/real are not here")
HEADER = "deviceSerialNumber,deviceTime,latitude,longitude,groupNumber,servingCell,mcc,mnc,eci,earfcn,pci,rsrp,rsrq,ta"


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one sentence of a command that refuses."""
    assert main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error
    return error


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flat_place(
        tmp_path_factory.mktemp("place") / "flat", [("a", 0.0, 0.0, 17), ("b", 99.0, 0.0, 18)]
    ).folder


def log(path: Path, pcis: tuple[int, ...] = (17, 18, 300), zones: tuple[str, str] = ("Z", "Z")) -> Path:
    """Two scans of one phone."""
    lines = [
        f"s1,2026-03-31T14:43:0{scan}{zone},59.9201,10.7402,{scan},{pci == pcis[0]},244,91,,6300,{pci},-9{scan},-11,5"
        for scan, zone in enumerate(zones)
        for pci in pcis
    ]
    path.write_text("\n".join([HEADER, *lines, "broken"]) + "\n")
    return path


def test_the_real_command_imports_and_inspects_a_log(place: Path, tmp_path: Path) -> None:
    def command(*words: object) -> str:
        line = [sys.executable, "-m", "raylocus", *map(str, words)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = tmp_path / "reports.zarr"
    text = command("reports", "import", log(tmp_path / "log.csv"), "--place", place, "--out", out)
    assert "Android Network Survey, CSV\nrows read: 7\nrows used: 6\n" in text
    assert "rows not used, another number of values than the header: 1\n" in text
    assert "by identity 0, by channel and PCI 4, by PCI alone 0, unknown to the place, kept 2\n" in text
    assert "1 sequences, 2 reports, from 2026-03-31 14:43:00 to 2026-03-31 14:43:01" in text
    reports = load_reports(out)
    assert reports.pci.tolist() == [17, 18, 300] * 2 and reports.time.tolist() == [0.0, 1.0]
    text = command("reports", "inspect", out, "--place", place, "--out", tmp_path / "look")
    assert (
        "rows of cells of the place: 4, of others: 2\n" in text
        and "reports with a true position: 2\n" in text
    )
    assert "rsrp: 6 values, 10 % -91, median -90.5, 90 % -90\n" in text
    pictures = {"truth.png", "distance.png", "heard.png", "gaps.png"}
    assert {file.name for file in (tmp_path / "look").iterdir()} == pictures
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in (tmp_path / "look").iterdir())


def test_a_table_by_a_column_map(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "map.yaml").write_text("time: T\npci: P\nrsrp: R\n")
    (tmp_path / "t.csv").write_text("T,P,R\n0,17,-90\n100,18,-91\n")
    words = ["reports", "import", tmp_path / "t.csv", "--place", place, "--columns", tmp_path / "map.yaml"]
    for gap, sequences in (("60", 2), ("100", 1)):
        assert main([str(word) for word in [*words, "--out", tmp_path / "r.zarr", "--gap", gap]]) == 0
        assert f"{sequences} sequences, 2 reports" in capsys.readouterr().out
    assert "give one of them" in refused(capsys, *words, "--out", tmp_path / "x", "--format", "oslo")
    assert "--gap takes seconds" in refused(capsys, *words, "--out", tmp_path / "x", "--gap", "-1")


def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "log.csv"
    words = ("reports", "import", source, "--place", place, "--out", tmp_path / "r.zarr")
    assert "no file or folder" in refused(capsys, *words)
    log(source, (300, 301))
    assert "names no cell of the place" in refused(capsys, *words)
    log(source, zones=("Z", "+02:00"))
    assert "several time zones" in refused(capsys, *words)
    source.write_text("a,b\n1,2\n")
    assert "no known format" in refused(capsys, *words)
    assert "there is no format 'tems'" in refused(capsys, *words, "--format", "tems")
    source.write_text(HEADER + "\n")
    assert "it has no rows" in refused(capsys, *words)
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]


def oslo_place(folder: Path, source: Path) -> Place:
    """Operator 1's cells by their most frequent eNB at the file's own estimates of site positions."""
    found = scipy.io.loadmat(str(source))
    links = np.concatenate(list(found["dataSet"][:, 2]))
    where = {
        int(enb): (latitude, longitude) for enb, latitude, longitude in found["eNodeB_best_pos_estimates"]
    }
    heard = Counter((int(pci), int(enb)) for pci, enb in links[links[:, 7] == 1][:, :2])
    owner: dict[int, int] = {}
    for (pci, enb), _ in heard.most_common():
        if enb in where:
            owner.setdefault(pci, enb)
    frame = GeoFrame(59.919, 10.7415)
    local = {enb: frame.to_local(*where[enb]) for enb in owner.values()}
    cells = [(str(enb), float(local[enb][0]), float(local[enb][1]), pci) for pci, enb in owner.items()]
    return flat_place(folder, cells, frame=frame, size=2560.0)


@needs_real
def test_oslo_as_measured(tmp_path: Path) -> None:
    source = REAL / "oslo-nbiot" / "Oslo_NBIoT_data.mat"
    place = oslo_place(tmp_path / "oslo", source)
    file = LogFile(source)
    made = import_log(file, format_of(file), place)
    assert made.rows == 59740 == made.used + made.refused.total()
    assert len(made.reports) == len(made.reports.time) >= 5200
    assert made.cells == len(place.deployment.cells)
    assert (
        np.isfinite(made.reports.position[:, :2]).all() and place.tile.contains(made.reports.position).all()
    )
    # 59.910 to 59.928 N and 10.723 to 10.760 E are 2.1 km by 2.0 km.
    np.testing.assert_allclose(np.ptp(made.reports.position[:, :2], axis=0), [2050, 2000], rtol=0.1)
    rsrp = made.reports.features[:, 0]
    assert -100 < np.quantile(rsrp, 0.01) and np.quantile(rsrp, 0.95) < -45


@needs_real
def test_cork_as_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = REAL / "ucc-5g" / "driving.csv"
    cells = [(f"eNB {0x53BEA}", 0.0, 0.0, 5), (f"eNB {0x432AE}", 100.0, 0.0, 6)]
    place = flat_place(tmp_path / "cork", cells, frame=GeoFrame(51.895, -8.49))
    made = import_log(LogFile(source), format_of(LogFile(source)), place)
    assert made.rows == 1646 == made.used + made.refused.total()
    # The two eNBs serve in 292 and 268 of the rows.
    assert made.used + made.refused["cells that the report has already"] == 292 + 268
    assert made.reports.serving.all() and set(made.reports.pci.tolist()) == {5, 6}
    other = flat_place(tmp_path / "other", [("a", 0.0, 0.0, 5)])
    words = ("reports", "import", source, "--place", other.folder, "--out", tmp_path / "r.zarr")
    assert "no identity that the place knows (1646)" in refused(capsys, *words)
